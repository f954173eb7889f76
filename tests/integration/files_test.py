#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files and descriptors that are not as they should be: what is lacking for a moment, what others may write to, what is
no file, and two servers that want one folder."""

import contextlib
import os
import resource
import signal
import subprocess
import time

from support.client import Client, Error
from support.runner import Skip, equal, run
from support.server import LOG_PROGRAM, MODULES, SANITIZED, Folder, Server, run_refused, wait_until

KEYS_TO_FORGET = 600000

MB = 1024 * 1024
WORDS = "the log cannot be written for the moment"


def held(client):
    answer = client.call("SET", "probe", "x")
    return isinstance(answer, Error) and str(answer).startswith("MISCONF the log cannot be written for the moment")


def limit(server, what, soft):
    before = resource.prlimit(server.pid, what)
    resource.prlimit(server.pid, what, (soft, before[1]))
    return before


def goes_on_after(server, client, what, soft, reason):
    """The answers of the writes that met it come when it is over, and nothing that was acknowledged is lost."""
    before = limit(server, what, soft)
    waiting = [server.client() for _ in range(4)]
    for i, one in enumerate(waiting):
        one.send("SET", f"w{i}", b"v" * 300000)
    # Who writes before that waits for it, too.
    wait_until(lambda: WORDS in server.text(), "the log meets the limit")
    equal(held(client), True, "writes are refused meanwhile")
    equal(client.call("GET", "k"), b"v", "reads go on")
    equal(client.info("persistence")["aof_last_write_status"], "err")
    assert WORDS in server.text() and reason in server.text(), server.tail()
    resource.prlimit(server.pid, what, before)
    told = answers(waiting)
    wait_until(lambda: client.call("SET", "k", "v") == b"OK", "writes are taken again")
    assert "the log can be written again" in server.text(), server.tail()
    equal(client.info("persistence")["aof_last_write_status"], "ok")
    server.restart()
    expect_kept(server, told)


def answers(waiting):
    """What came of each write: at least one met the limit and was held; who came later may have been refused."""
    told = [one.receive() for one in waiting]
    for one in waiting:
        one.close()
    assert b"OK" in told and all(answer == b"OK" or "MISCONF" in str(answer) for answer in told), told
    return told


def expect_kept(server, told):
    with server.client() as client:
        equal([client.call("STRLEN", f"w{i}") for i in range(len(told))],
              [300000 if answer == b"OK" else 0 for answer in told])


def open_files(server):
    """The descriptors of the server, and what they are."""
    found = {}
    for descriptor in os.listdir(f"/proc/{server.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found[descriptor] = os.readlink(f"/proc/{server.pid}/fd/{descriptor}")
    return found


def has_reserve(server, folder):
    """It is made in the first moments, and its descriptor is free again."""
    return os.path.exists(os.path.join(folder, "data", "reserve.fill")) and not any(
        "reserve.fill" in name for name in open_files(server).values())


def test_no_descriptor_is_free():
    with Folder() as folder, Server(folder, wal_segment_size="64kb") as server, server.client() as client:
        equal(client.call("SET", "k", "v"), b"OK")
        wait_until(lambda: has_reserve(server, folder), "the reserve is there")
        crowd = [server.client() for _ in range(4)]  # they are there before the limit comes down
        equal([one.call("PING") for one in crowd], [b"PONG"] * 4)
        before = limit(server, resource.RLIMIT_NOFILE, len(open_files(server)))
        for i, one in enumerate(crowd):
            one.send("SET", f"w{i}", b"v" * 300000)
        wait_until(lambda: WORDS in server.text(), "a segment cannot be begun")
        equal(held(client), True)
        equal(client.call("GET", "k"), b"v")
        assert WORDS in server.text() and "ulimit -n" in server.text(), server.tail()
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
        told = answers(crowd)
        wait_until(lambda: not held(client), "writes are taken again")
        server.restart()
        expect_kept(server, told)


def test_files_may_not_become_so_large():
    with Folder() as folder, Server(folder, snapshot_interval_s=0) as server, server.client() as client:
        equal(client.call("SET", "k", "v"), b"OK")
        goes_on_after(server, client, resource.RLIMIT_FSIZE, 256 * 1024, "ulimit -f")


def test_connections_that_never_show_the_password_leave_room():
    allowed = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    with Folder() as folder, Server(folder, password="x", before=allowed, wal_segment_size="64kb") as server:
        silent = []
        with server.client() as client:
            for _ in range(220):
                silent.append(Client(server.port))
            equal(client.call("SET", "big", b"x" * 300000), b"OK")
            equal(int(client.info("clients")["connected_clients"]) < 60, True)
            refused = int(client.info("stats")["rejected_unauthenticated"])
            assert refused > 100, refused
        # A place becomes free for who shows it, though all the silent ones are still there.
        wait_until(lambda: admitted(server), "who has waited for long gives way")
        for one in silent:
            one.close()


def admitted(server):
    try:
        with server.client() as client:
            return client.call("PING") == b"PONG"
    except (OSError, AssertionError):
        return False


def start_refused(folder, *more):
    return run_refused(f"--data-folder={folder}/data", "--port=0", f"--unix-socket={folder}/s", *more)


def expect_refusal(folder, *parts, more=()):
    code, text = start_refused(folder, *more)
    assert code in (1, 2) and all(part in text for part in parts), (code, text)


def test_the_lock_is_taken_away():
    with Folder() as folder, Server(folder) as server, server.client() as client:
        equal(client.call("SET", "k", "v"), b"OK")
        os.remove(os.path.join(folder, "data", "lock"))
        expect_refusal(folder, "in use by another server")
        os.rename(os.path.join(folder, "data"), os.path.join(folder, "away"))
        equal(client.call("SET", "k", "w"), b"OK", "its folder is the one that it has opened")
        os.rename(os.path.join(folder, "away"), os.path.join(folder, "data"))
        server.kill()
        server.start()
        with server.client() as again:
            equal(again.call("GET", "k"), b"w")


def test_a_start_at_once_waits_for_the_end():
    with Folder() as folder, Server(folder) as first:
        with first.client() as client:
            for i in range(0, 200000, 20000):
                client.call("MSET", *[word for k in range(i, i + 20000) for word in (f"k{k}", "v" * 100)])
        os.kill(first.pid, signal.SIGTERM)
        wait_until(lambda: " ending" in lock_text(folder) or not first.alive(), "it says that it is ending")
        with Server(folder) as second, second.client() as client:
            equal(client.call("DBSIZE"), 200000)
        first.process.wait()


def lock_text(folder):
    with open(os.path.join(folder, "data", "lock"), encoding="ascii") as lock:
        return lock.read()


def cpu_s(pid):
    """What a process has used so far, which its end does not take away before it has been waited for."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_process_is_gone_soon_after_bye():
    if SANITIZED or "GEOMYS_MUTANT" in os.environ:
        raise Skip("a build that looks for leaks gives all back")
    with Folder() as folder, Server(folder, persistence="none") as server:
        with server.client() as client:
            for i in range(0, KEYS_TO_FORGET, 50000):
                client.call("MSET", *[word for k in range(i, i + 50000) for word in (f"k{k}", "v" * 100)])
        os.kill(server.pid, signal.SIGTERM)
        wait_until(lambda: "bye" in server.text(), "bye")
        at_bye = cpu_s(server.pid)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        used = cpu_s(server.pid) - at_bye  # not its time: others may be at work here
        assert used < 0.1, f"{used} s: the data is not given back value by value"
        equal(server.process.wait(), 0)


def test_nothing_but_files_is_read():
    for name in ("wal.mark", "wal-00000000000000000001.log", "snapshot-00000000000000000007.snap"):
        with Folder() as folder:
            with Server(folder) as server, server.client() as client:
                client.call("SET", "k", "v")
            path = os.path.join(folder, "data", name)
            if os.path.exists(path):
                os.remove(path)
            os.mkfifo(path)
            code, text = start_refused(folder)
            if name.startswith("snapshot"):
                continue
            assert code == 1 and name in text and "regular file" in text, (name, code, text)
            command = [LOG_PROGRAM, "verify", os.path.join(folder, "data")]
            done = subprocess.run(command, capture_output=True, timeout=20)
            assert done.returncode != 0, done
    with Folder() as folder:
        for setting in ("config", "password_file"):
            path = os.path.join(folder, setting)
            os.mkfifo(path, 0o600)
            expect_refusal(folder, path, "regular file", more=(f"--{setting}={path}",))


def test_what_others_may_write_to_is_refused():
    with Folder() as folder:
        os.mkdir(os.path.join(folder, "data"))
        modules = os.path.join(folder, "modules")
        os.mkdir(modules)
        so = os.path.join(modules, "kv.so")
        with open(os.path.join(MODULES, "kv.so"), "rb") as source, open(so, "wb") as target:
            target.write(source.read())
        files = {}
        for name, text in (("config", "{}"), ("password_file", "secret\n")):
            files[name] = os.path.join(folder, name)
            with open(files[name], "w", encoding="ascii") as file:
                file.write(text)
            os.chmod(files[name], 0o600)
        more = [f"--{name}={path}" for name, path in files.items()] + [f"--module-folder={modules}"]
        for path, mode, command in ((os.path.join(folder, "data"), 0o777, "o-w"), (modules, 0o777, "o-w"),
                                    (so, 0o666, "o-w"), (files["config"], 0o666, "o-w"),
                                    (files["password_file"], 0o660, "g-w"), (files["password_file"], 0o666, "go-w")):
            right = os.stat(path).st_mode & 0o777
            os.chmod(path, mode)
            expect_refusal(folder, f"chmod {command} {path}", more=more)
            os.chmod(path, right)
        for path in (modules, so, os.path.join(folder, "data"), files["config"]):  # a umask of 002
            os.chmod(path, os.stat(path).st_mode | 0o020)
        with Server(folder, modules=modules, config=files["config"]) as server, server.client() as client:
            equal(client.call("SET", "k", "v"), b"OK")


def test_the_end_of_an_idle_log_is_cut_off():
    with Folder() as folder, Server(folder, snapshot_interval_s=0) as server:
        with server.client() as client:
            for i in range(1000):
                equal(client.call("SET", f"k{i}", "v" * 60), b"OK")
            wait_until(lambda: durable(folder) >= 1000, "the mark file says so")
        server.kill()
        segment = os.path.join(folder, "data", "wal-00000000000000000001.log")
        os.truncate(segment, 5000)
        code, text = start_refused(folder, f"--module-folder={MODULES}")
        assert code == 1 and "geomys-log" in text, (code, text)


def durable(folder):
    with open(os.path.join(folder, "data", "wal.mark"), "rb") as mark:
        data = mark.read()
    return max(int.from_bytes(data[at + 24:at + 32], "little") for at in (0, 512))


if __name__ == "__main__":
    run(globals())
