#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A module that crashes: the server names it, dies by the same signal, and what was acknowledged is there again.

The module is tests/integration/modules/crash.c. A crash when the log is read comes from the environment, so that the
same data can be read without it."""

import os
import shutil
import signal

from support.client import Error
from support.runner import Skip, equal, run
from support.server import BUILD, MODULES, Folder, Server

# A sanitizer would take these faults for bugs of the server's, and report them.
FAULTS = ("segv", "sigbus", "sigfpe", "sigill", "abort")
os.environ["ASAN_OPTIONS"] = ":".join([os.environ.get("ASAN_OPTIONS", ""), *(f"handle_{name}=0" for name in FAULTS)])

MODULE = os.path.join(BUILD, "tests", "modules", "crash.so")


def modules(folder):
    """A folder with all modules, and the one that crashes."""
    if not os.path.exists(MODULE):
        raise Skip(f"{MODULE} is not built: cmake --build {BUILD} --target tests")
    path = os.path.join(folder, "modules")
    shutil.copytree(MODULES, path)
    shutil.copy(MODULE, path)
    return path


def crash(server, *call):
    """The server's last words, and the signal that it died of."""
    with server.client() as client:
        client.send(*call)
        try:
            answer = client.receive()
            raise AssertionError(f"{call} was answered: {answer}")
        except ConnectionError:
            pass
    code = server.process.wait(30)
    words = [line for line in server.text().splitlines() if line.startswith("geomys-server: SIG")]
    equal(len(words), 1, f"last words after {call}:\n{server.tail()}")
    return words[0].split(": ", 2)[2], -code


def expect_words(found, wanted, number, what):
    words, died_of = found
    equal(words, wanted, what)
    equal(died_of, number, f"{what}: the signal")


def test_in_plan():
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server:
            kept = 0
            for how, number in [("segv", signal.SIGSEGV), ("bus", signal.SIGBUS), ("fpe", signal.SIGFPE),
                                ("ill", signal.SIGILL), ("abort", signal.SIGABRT), ("stack", signal.SIGSEGV)]:
                with server.client() as client:
                    equal(client.pipeline([("INCR", "kept"), ("SET", how, "x")]), [kept + 1, b"OK"])
                    kept += 1
                words = "the module test.crash crashed in 'crash.plan'"
                expect_words(crash(server, "CRASH.PLAN", how), words, number, how)
                server.restart()
                with server.client() as client:
                    equal(client.call("GET", "kept"), str(kept).encode(), f"after {how}")
                    equal(client.call("EXISTS", how), 1)


def test_in_a_transaction():
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server:
            with server.client() as client:
                equal(client.call("SET", "before", "1"), b"OK")
                client.pipeline([("MULTI",), ("SET", "never", "1"), ("CRASH.PLAN", "segv")])
                client.send("EXEC")
                try:
                    raise AssertionError(client.receive())
                except ConnectionError:
                    pass
            server.process.wait(30)
            assert "the module test.crash crashed in 'crash.plan'" in server.text(), server.tail()
            server.restart()
            with server.client() as client:
                equal(client.call("EXISTS", "before", "never"), 1, "a transaction that nobody was answered")


def test_in_apply():
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server:
            with server.client() as client:
                equal(client.call("CRASH.SET", "good", "x"), b"OK")
            key = b'k"\\\n\xff' + b"x" * 40
            words = ("the type test.crash/1 crashed while applying a record to the value of key "
                     '"k\\"\\\\\\x0a\\xff' + "x" * 27 + '"...; the command under way was \'crash.set\' of the module '
                     "test.crash")
            expect_words(crash(server, "CRASH.SET", key, "apply"), words, signal.SIGSEGV, "apply")
            server.restart()
            with server.client() as client:
                equal(client.call("CRASH.GET", "good"), b"x")
                equal(client.call("CRASH.GET", key), None, "what crashed was not acknowledged")


def test_in_dump_and_free():
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server:
            with server.client() as client:
                equal(client.call("CRASH.SET", "good", "x"), b"OK")
                equal(client.call("CRASH.SET", "bad", "dump"), b"OK")
            words = "the type test.crash/1 crashed while dumping the value of key \"bad\"; the command under way was '"
            expect_words(crash(server, "DEBUG", "DIGEST"), words + "debug|digest' of the module geomys.admin",
                         signal.SIGSEGV, "digest")
            server.restart()
            expect_words(crash(server, "COPY", "bad", "other"), words + "copy' of the module geomys.keys",
                         signal.SIGSEGV, "copy")
            server.restart()
            with server.client() as client:
                equal(client.call("CRASH.GET", "bad"), b"dump")
                equal(client.call("DEL", "bad"), 1)
                equal(client.call("CRASH.SET", "bad", "free"), b"OK")
            words = "the type test.crash/1 crashed while freeing the value of key \"bad\"; the command under way was '"
            expect_words(crash(server, "DEL", "bad"), words + "del' of the module geomys.keys", signal.SIGSEGV, "del")
            server.restart()
            with server.client() as client:
                equal(client.call("CRASH.GET", "good"), b"x")
                equal(client.call("CRASH.GET", "bad"), b"free", "the deletion was not acknowledged")
            server.kill()  # it would crash once more, when it puts the value away


def snapshots(server):
    return sorted(name for name in os.listdir(server.settings["data_folder"]) if name.startswith("snapshot"))


def test_in_a_snapshot():
    """The value is named, the snapshot before stays, and all that was acknowledged is there."""
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server:
            with server.client() as client:
                client.pipeline([("SET", b"key:%d" % i, "v") for i in range(2000)])
                equal(client.call("SAVE"), b"OK")
                before = snapshots(server)
                equal(client.call("CRASH.SET", "bad", "dump"), b"OK")
            words, died_of = crash(server, "SAVE")
            assert words.startswith("the type test.crash/1 crashed while dumping the value of key \"bad\""), words
            equal(died_of, signal.SIGSEGV)
            equal([name for name in snapshots(server) if name.endswith(".snap")], before, "the snapshot before")
            server.restart()
            with server.client() as client:
                equal(client.call("DBSIZE"), 2001)
                equal(client.call("CRASH.GET", "bad"), b"dump")
                equal(client.call("DEL", "bad"), 1)
                equal(client.call("SAVE"), b"OK", "without the value")


def test_a_value_that_its_type_does_not_dump():
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server, server.client() as client:
            client.pipeline([("SET", b"key:%d" % i, "v") for i in range(2000)])
            equal(client.call("SAVE"), b"OK")
            before = snapshots(server)
            equal(client.call("CRASH.SET", "bad", "refuse"), b"OK")
            answer = client.call("SAVE")
            assert isinstance(answer, Error) and "the previous one stays" in answer, answer
            equal(snapshots(server), before, "the files")
            said = "the type test.crash/1 of the module test.crash does not dump the value of key \"bad\": it refuses"
            assert said in server.text(), server.tail()
            equal(client.info("persistence")["rdb_last_bgsave_status"], "err")
            answer = client.call("COPY", "bad", "other")
            assert isinstance(answer, Error) and "does not dump" in answer, answer
            equal(client.call("EXISTS", "other"), 0)
            equal(client.call("RENAME", "bad", "other"), b"OK", "nobody asks its type")
            equal(client.call("CRASH.GET", "other"), b"refuse", "the value is as it was")
            equal(client.call("DEL", "other"), 1)
            equal(client.call("SAVE"), b"OK", "without the value")
            equal(client.info("persistence")["rdb_last_bgsave_status"], "ok")


def test_while_the_log_is_read():
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server:
            with server.client() as client:
                equal(client.call("SET", "a", "1"), b"OK")
                equal(client.call("CRASH.SET", "bad", "load"), b"OK")
            equal(server.stop(), 0)
            os.environ["GEOMYS_TEST_CRASH"] = "1"
            try:
                server.restart(wait=None)
                code = server.process.wait(30)
            finally:
                del os.environ["GEOMYS_TEST_CRASH"]
            words = ("the type test.crash/1 crashed while applying a record to the value of key \"bad\", from record 3 "
                     "of the log")
            assert words in server.text(), server.tail()
            assert code == -signal.SIGSEGV, code
            every = server.settings["module_folder"]
            server.restart(module_folder=MODULES)
            with server.client() as client:
                equal(client.call("EXISTS", "bad", "a"), 2, "without the module its values are frozen")
            server.restart(module_folder=every)
            with server.client() as client:
                equal(client.call("CRASH.GET", "bad"), b"load")
                equal(client.call("GET", "a"), b"1")


def test_a_signal_that_somebody_sends():
    """kill -ABRT, as a supervisor does it to have a core."""
    with Folder() as folder:
        with Server(folder) as server:
            server.process.send_signal(signal.SIGABRT)
            code = server.process.wait(30)
            assert "geomys-server: SIGABRT: the server itself crashed, no command was under way" in server.text()
            assert code == -signal.SIGABRT, code


if __name__ == "__main__":
    run(globals())
