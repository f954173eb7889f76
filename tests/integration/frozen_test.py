#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A module's .so is taken away and brought back: its values are kept, counted, expired, moved, deleted, and come alive.

Idea    The same data is opened with all modules, without one, and with all again; what was not touched must have the
        same digest, what was touched by the host's commands must be what those commands mean.
"""

import os
import shutil
import time

from support.client import Error
from support.runner import equal, run
from support.server import MODULES, Folder, Server, wait_until

NAMES = ["counter", "deque", "kv"]
OF_DEQUE = [("LPUSH", "list:0", "x"), ("LRANGE", "list:0", 0, -1), ("LPOP", "list:0"), ("LLEN", "list:0"),
            ("BLPOP", "list:0", 1), ("PUSH", "other", "x")]


def modules_in(folder, *names):
    """A folder with these modules alone."""
    path = os.path.join(folder, "modules-" + "-".join(names))
    if not os.path.exists(path):  # never write over a file that a server has mapped
        os.makedirs(path)
        for name in names:
            shutil.copy(os.path.join(MODULES, name + ".so"), path)
    return path


def write_some(client):
    calls = []
    for i in range(40):
        calls.append(("RPUSH", f"list:{i}", *[f"{i}/{k}" for k in range(1 + i * 7)], "x" * (i * 100)))
        calls.append(("SET", f"text:{i}", "t" * i * 50))
        calls.append(("INCRBY", f"count:{i}", i * 1000003))
    calls.append(("RPUSH", "big", *["e" * 50 for _ in range(3000)]))
    calls.append(("INCRBYFLOAT", "fraction", "2.5"))
    calls.append(("LPOP", "list:39", 5))
    calls.append(("LSET", "list:39", 0, "changed"))
    for call, answer in zip(calls, client.pipeline(calls)):
        assert not isinstance(answer, Error), (call, answer)


def expect_code(answer, code, what):
    assert isinstance(answer, Error) and answer.code == code, (what, answer)


def expect_unknown(answer, what):
    assert isinstance(answer, Error) and "unknown command" in answer, (what, answer)


def test_untouched_values_come_back_equal():
    """Each module in turn, several restarts, and in the middle also without any."""
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        with server.client() as client:
            write_some(client)
            digest, size = client.call("DEBUG", "DIGEST"), client.call("DBSIZE")
        for absent in NAMES:
            server.restart(module_folder=modules_in(folder, *[name for name in NAMES if name != absent]))
            with server.client() as client:
                equal(client.call("DBSIZE"), size, f"DBSIZE without {absent}")
                assert int(client.info("keyspace")["frozen_keys"]) > 0
            assert "are frozen" in server.text(), server.tail()
        server.restart(module_folder=None)
        with server.client() as client:
            equal(client.call("DBSIZE"), size, "DBSIZE without any module")
            equal(int(client.info("keyspace")["frozen_keys"]), size)
        server.restart(module_folder=MODULES)
        with server.client() as client:
            equal(client.call("DEBUG", "DIGEST"), digest, "the digest with all again")
            assert "frozen_keys" not in client.info("keyspace")
            equal(client.call("LRANGE", "big", 0, -1), [b"e" * 50] * 3000)
            equal(client.call("GET", "fraction"), b"2.5")
            equal(client.call("INCR", "count:3"), 3000010)
            equal(client.call("LRANGE", "list:1", 0, -1), [b"1/%d" % k for k in range(8)] + [b"x" * 100])


def test_what_can_be_done_with_a_frozen_value():
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
        with server.client() as client:
            write_some(client)
            lists = {i: client.call("LRANGE", f"list:{i}", 0, -1) for i in range(40)}
        server.restart(module_folder=modules_in(folder, "counter", "kv"))
        with server.client() as client:
            for call in OF_DEQUE:
                expect_unknown(client.call(*call), call)
            for call in [("GET", "list:0"), ("INCR", "list:0"), ("APPEND", "list:0", "x"), ("STRLEN", "list:0"),
                         ("GETDEL", "list:0"), ("SETRANGE", "list:0", 0, "x"), ("SET", "list:0", "x"),
                         ("MSET", "free", "x", "list:0", "x")]:
                expect_code(client.call(*call), "MODMISSING", call)
            kind = client.call("TYPE", "list:0")
            assert isinstance(kind, bytes) and kind not in (b"none", b"string"), kind
            equal(client.call("EXISTS", "list:0", "list:1", "absent"), 2)
            equal(client.call("TTL", "list:0"), -1)
            assert b"list:5" in client.call("KEYS", "list:*")
            encoding = client.call("OBJECT", "ENCODING", "list:0")
            assert isinstance(encoding, (bytes, Error)), encoding
            size = client.call("DBSIZE")
            equal(client.call("DEL", "list:1"), 1)
            equal(client.call("UNLINK", "list:2"), 1)
            equal(client.call("EXPIRE", "list:3", 1000), 1)
            equal(client.call("PEXPIRE", "list:4", 150), 1)
            equal(client.call("RENAME", "list:5", "renamed:5"), b"OK")
            equal(client.call("RENAMENX", "list:6", "list:7"), 0)
            equal(client.call("COPY", "list:8", "copied:8"), 1)
            equal(client.call("COPY", "list:9", "list:8"), 0)
            equal(client.call("COPY", "list:9", "list:8", "REPLACE"), 1)
            equal(client.call("RENAME", "text:5", "list:10"), b"OK", "a live value over a frozen one")
            equal(client.call("RENAME", "list:11", "text:6"), b"OK", "a frozen value over a live one")
            equal(client.call("COPY", "list:12", "copied:12"), 1)
            equal(client.call("EXPIRE", "copied:12", 500), 1)
            wait_until(lambda: client.call("EXISTS", "list:4") == 0, "a frozen key's time shall come")
            # list:1, 2, 4, 5->renamed, text:5 and list:11 gone; renamed:5, copied:8, copied:12 new
            equal(client.call("DBSIZE"), size - 6 + 3)
            digest = client.call("DEBUG", "DIGEST")  # of a frozen value: of its records
        server.restart(module_folder=modules_in(folder, "counter", "kv"))
        with server.client() as client:
            equal(client.call("DEBUG", "DIGEST"), digest, "frozen, changed, and started again")
            assert 400 < client.call("TTL", "copied:12") <= 500
        server.restart(module_folder=MODULES)
        with server.client() as client:
            alive = client.call("DEBUG", "DIGEST")
            for i in (1, 2, 4, 5):
                equal(client.call("EXISTS", f"list:{i}"), 0, f"list:{i}")
            for key, i in [("renamed:5", 5), ("copied:8", 8), ("list:8", 9), ("list:9", 9), ("text:6", 11),
                           ("copied:12", 12), ("list:12", 12), ("list:6", 6), ("list:7", 7), ("list:3", 3)]:
                equal(client.call("LRANGE", key, 0, -1), lists[i], key)
            assert 900 < client.call("TTL", "list:3") <= 1000
            equal(client.call("GET", "list:10"), b"t" * 250)
            equal(client.call("LRANGE", "list:0", 0, -1), lists[0], "what was refused has changed nothing")
            equal(client.call("LPUSH", "renamed:5", "alive"), len(lists[5]) + 1)
            equal(client.call("LLEN", "list:5"), 0)
            equal(client.call("LPOP", "renamed:5"), b"alive")
            equal(client.call("DEBUG", "DIGEST"), alive)
        server.restart()
        with server.client() as client:
            equal(client.call("DEBUG", "DIGEST"), alive, "thawed, and started again")


def test_a_time_that_passes_while_the_server_is_down():
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        with server.client() as client:
            client.pipeline([("RPUSH", "a", 1, 2), ("PEXPIRE", "a", 300), ("RPUSH", "b", 1)])
            until_ms = client.call("PEXPIRETIME", "a")
        server.stop()
        wait_until(lambda: time.time() * 1000 > until_ms, "the time shall pass")
        server.restart(module_folder=modules_in(folder, "kv"))
        with server.client() as client:
            equal(client.call("EXISTS", "a", "b"), 1)
            wait_until(lambda: client.call("DBSIZE") == 1, "the frozen key shall be removed by itself")


def test_no_modules_at_all():
    with Folder() as folder, Server(folder, modules=None, persistence="none") as server, server.client() as client:
        for call in [("SET", "k", "v"), ("GET", "k"), ("INCR", "k"), ("LPUSH", "k", "v")]:
            expect_unknown(client.call(*call), call)
        equal(client.call("PING"), b"PONG")
        equal(client.call("ECHO", "hi"), b"hi")
        equal(client.call("DBSIZE"), 0)
        equal(client.call("DEL", "k"), 0)
        equal(client.call("TYPE", "k"), b"none")
        equal(client.call("EXPIRE", "k", 10), 0)
        equal(client.call("SCAN", 0), [b"0", []])
        equal(client.call("MODULE", "LIST"), [])
        names = {entry[0] for entry in client.call("COMMAND")}
        assert b"del" in names and b"get" not in names, names
        client.pipeline([("MULTI",), ("DBSIZE",)])
        equal(client.call("EXEC"), [0])


if __name__ == "__main__":
    run(globals())
