#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A type as an author writes it, with a table behind each key: what apply finds is the answer, replies whose length
comes last, keys and fields in halves, a command that waits and keeps something; and its values through restart,
snapshot, COPY, the module's absence and its return.

The module is tests/integration/modules/table.c."""

import os
import random
import shutil
import subprocess

from support.client import Error
from support.runner import Skip, equal, run
from support.server import BUILD, LOG_PROGRAM, MODULES, Folder, Server, wait_until

MODULE = os.path.join(BUILD, "tests", "modules", "table.so")


def modules(folder):
    """A folder with all modules, and the table."""
    if not os.path.exists(MODULE):
        raise Skip(f"{MODULE} is not built: cmake --build {BUILD} --target tests")
    path = os.path.join(folder, "modules")
    shutil.copytree(MODULES, path)
    shutil.copy(MODULE, path)
    return path


def fill(client, rng):
    """Random changes, compared with a dict of Python for each answer."""
    tables = {}
    for _ in range(600):
        key = f"t{rng.randrange(6)}"
        table = tables.setdefault(key, {})
        fields = [f"f{rng.randrange(400)}" for _ in range(rng.randrange(1, 9))]
        if rng.random() < 0.7:
            pairs = [(field, str(rng.randrange(100)) * rng.randrange(1, 30)) for field in fields]
            new = len(set(fields) - set(table))
            table.update(pairs)
            equal(client.call("TABLE.SET", key, *[word for pair in pairs for word in pair]), new, (key, pairs))
        else:
            gone = len(set(fields) & set(table))
            for field in fields:
                table.pop(field, None)
            equal(client.call("TABLE.DROP", key, *fields), gone, (key, fields))
    return {key: table for key, table in tables.items() if table}


def flat(table):
    return [word.encode() for field in sorted(table) for word in (field, table[field])]


def expect_all(client, tables, what):
    for key, table in tables.items():
        equal(client.call("TABLE.ALL", key), flat(table), f"{key} {what}")
    equal(client.call("DBSIZE"), len(tables), what)


def test_what_was_found_is_the_answer_and_the_values_stay():
    seed = int(os.environ.get("GEOMYS_SEED", random.randrange(1 << 32)))
    print(f"GEOMYS_SEED={seed}", flush=True)
    with Folder() as folder:
        with_table = modules(folder)
        with Server(folder, modules=with_table, persistence="bufferedwrite") as server:
            with server.client() as client:
                tables = fill(client, random.Random(seed))
                expect_all(client, tables, "as it was made")
                one = sorted(tables)[0]
                equal(client.call("COPY", one, "copy"), 1)
                tables["copy"] = dict(tables[one])
                equal(client.call("TABLE.SET", one, "f1", "1", "f1", "2"), 0 if "f1" in tables[one] else 1)
                tables[one]["f1"] = "2"
                digest = client.call("DEBUG", "DIGEST")
            server.restart()
            with server.client() as client:
                expect_all(client, tables, "after a restart")
                equal(client.call("DEBUG", "DIGEST"), digest)
                equal(client.call("SAVE"), b"OK")
            server.restart()
            with server.client() as client:
                expect_all(client, tables, "after a snapshot")
                equal(client.call("DEBUG", "DIGEST"), digest)
            server.restart(module_folder=MODULES)
            with server.client() as client:
                assert "unknown command" in client.call("TABLE.ALL", one)
                equal(client.call("DBSIZE"), len(tables))
                equal(client.call("SAVE"), b"OK")
            server.restart(module_folder=with_table)
            with server.client() as client:
                expect_all(client, tables, "when the module is back")
                equal(client.call("DEBUG", "DIGEST"), digest)
                client.pipeline([("MULTI",), ("TABLE.DROP", "copy", *tables["copy"]), ("TABLE.SET", "copy", "a", "1")])
                equal(client.call("EXEC"), [len(tables["copy"]), 1])
                equal(client.call("TABLE.DROP", "copy", "a", "a"), 1)
                equal(client.call("EXISTS", "copy"), 0)


def test_replies_in_both_protocols():
    with Folder() as folder, Server(folder, modules=modules(folder)) as server, server.client() as client:
        equal(client.call("TABLE.SET", "t", "a", "1.5", "b", "2", "c", "30"), 3)
        equal(client.call("TABLE.SET", "u", "x", "1", "y", "2"), 2)
        equal(client.call("TABLE.BETWEEN", "t", "(1.5", "+inf"), [b"b", b"2", b"c", b"30"])
        equal(client.call("TABLE.BETWEEN", "t", "-inf", "2"), [b"a", b"1.5", b"b", b"2"])
        equal(client.call("TABLE.BETWEEN", "none", "-inf", "inf"), [])
        assert "min or max is not a float" in client.call("TABLE.BETWEEN", "t", "(", "1")
        equal(client.call("TABLE.AFTER", "TABLES", "t", "none", "u", "a", "a", "x"),
              [[b"t", [b"b", b"c"]], [b"u", [b"y"]]])
        equal(client.call("TABLE.AFTER", "COUNT", "1", "TABLES", "t", "''"), [[b"t", [b"a"]]])
        assert "syntax error" in client.call("TABLE.AFTER", "TABLES", "t", "u", "a")
        equal(client.call("TABLE.HAVE", "t", "a", "z", "a", "c", "z"), [[b"a", b"c"], 3])
        equal(client.call("TABLE.SUM", "1.5", "2", "0.25", "4", "-1", "1"), b"3")
        equal(client.call("TABLE.SUM", "inf", "1", "1", "1"), b"inf")
        client.call("HELLO", "3")
        client.send("TABLE.BETWEEN", "t", "-inf", "2")
        equal([client.line() for _ in range(3)], [b"*2", b"*2", b"$1"], "pairs are nested")


def secret_of(server):
    """As geomys-log tells it, of the newest segment."""
    told = subprocess.run([LOG_PROGRAM, "print", "--secret", server.segments()[-1]], capture_output=True, text=True,
                          timeout=60, check=True)
    return told.stdout.split("; secret: ")[1].split()[0]


def look_everywhere(client):
    """All that a client can be told, as one text."""
    asked = ("INFO everything", "CONFIG GET *", "MODULE LIST", "CLIENT LIST", "SLOWLOG GET", "DEBUG DIGEST",
             "MEMORY STATS", "COMMAND DOCS", "DEBUG OBJECT t")
    return repr([client.call(*line.split()) for line in asked])


def test_the_secret_stays_with_the_data_and_is_shown_nowhere():
    with Folder() as folder, Folder() as second:
        path = modules(folder)
        with Server(folder, modules=path, log_level="debug") as server:
            tags = secret = None
            for before in (None, ("SAVE",), ("FLUSHALL",)):
                with server.client() as client, server.client() as monitor:
                    equal(monitor.call("MONITOR"), b"OK")
                    if before is not None:
                        equal(client.call(*before), b"OK")
                    wait_until(lambda: not isinstance(client.call("TABLE.SET", "t", "a", "1", "b", "2"), Error), before)
                    found = [client.call("TABLE.TAG", "t", field) for field in "abc"]
                    equal(found, tags or found, before)
                    equal(len(set(found)), 3)
                    equal(secret_of(server), secret or secret_of(server), before)
                    tags, secret = found, secret_of(server)
                    equal(len(secret), 32)
                    told = look_everywhere(client) + server.text()
                    client.call("ECHO", "the end")
                    while "the end" not in (line := repr(monitor.receive())):
                        told += line
                    for shape in (secret, repr(bytes.fromhex(secret))[2:-1]):
                        assert shape.lower() not in told.lower(), f"{shape} was shown"
                server.restart()
        with Server(second, modules=path) as server, server.client() as client:
            client.call("TABLE.SET", "t", "a", "1", "b", "2")
            assert client.call("TABLE.TAG", "t", "a") not in tags and secret_of(server) != secret, "another data set"


def test_a_command_that_waits_keeps_where_it_was():
    with Folder() as folder, Server(folder, modules=modules(folder)) as server:
        with server.client() as client, server.client() as waiter:
            equal(client.call("TABLE.SET", "t", "b", "1", "c", "1"), 2)
            waiter.send("TABLE.WAIT", "t", "0")
            wait_until(lambda: client.info("clients")["blocked_clients"] == "1", "it waits")
            equal(client.call("TABLE.DROP", "t", "c"), 1)
            equal(client.call("TABLE.SET", "t", "a", "1"), 1)
            equal(client.call("TABLE.SET", "t", "bb", "1"), 1)
            equal(client.call("TABLE.SET", "t", "d", "1"), 1)
            equal(waiter.receive(), b"d", "bb is before c, which was there")
            equal(waiter.call("TABLE.WAIT", "t", "0.05"), None)
            waiter.send("TABLE.WAIT", "none", "0")
            wait_until(lambda: client.info("clients")["blocked_clients"] == "1", "it waits again")
            equal(client.call("TABLE.SET", "none", "first", "1"), 1)
            equal(waiter.receive(), b"first")
            equal(client.pipeline([("MULTI",), ("TABLE.WAIT", "t", "0"), ("EXEC",)]), [b"OK", b"QUEUED", [None]])
            assert not isinstance(client.call("PING"), Error)


def planned(client):
    return int(client.info("stats")["due_planned"])


def due_keys(client):
    return int(client.info("keyspace").get("due_keys", 0))


def test_fields_that_go_by_themselves():
    """Through a restart, a snapshot, COPY, RENAME, and a time without their module."""
    far = 3_000_000
    with Folder() as folder:
        with_table = modules(folder)
        with Server(folder, modules=with_table, persistence="bufferedwrite") as server:
            with server.client() as client, server.client() as listener:
                client.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
                listener.call("SUBSCRIBE", "__keyevent@0__:texpired")
                equal(client.call("TABLE.SET", "t", "a", "1", "b", "2", "c", "3"), 3)
                equal(client.call("TABLE.EXPIRE", "none", "1", "a"), 0)
                equal(client.call("TABLE.EXPIRE", "t", far, "a", "b", "x"), 2)
                assert 0 < client.call("TABLE.TTL", "t", "a") <= far
                equal([client.call("TABLE.TTL", "t", field) for field in "cx"], [-1, -2])
                equal(client.call("COPY", "t", "copy"), 1)
                equal(client.call("RENAME", "copy", "copied"), b"OK")
                equal(due_keys(client), 2)
                equal(client.call("TABLE.SET", "t", "b", "2"), 0, "what is set has no time any more")
                equal(client.call("TABLE.EXPIRE", "t", "20", "a"), 1)
                wait_until(lambda: planned(client) == 1, "it is planned")
                equal(listener.receive(), [b"message", b"__keyevent@0__:texpired", b"t"])
                equal(client.call("TABLE.ALL", "t"), [b"b", b"2", b"c", b"3"])
                equal(client.call("TABLE.SET", "soon", "f", "1"), 1)
                equal(client.call("TABLE.EXPIRE", "soon", "300", "f"), 1)
                digest = client.call("DEBUG", "DIGEST")
            server.restart(module_folder=MODULES)
            with server.client() as client:
                equal(client.call("DBSIZE"), 3, "without the module nothing goes")
                equal(due_keys(client), 0)
                equal(client.call("SAVE"), b"OK")
            server.restart(module_folder=with_table)
            with server.client() as client:
                wait_until(lambda: client.call("EXISTS", "soon") == 0, "what was due meanwhile goes now")
                equal(client.call("DBSIZE"), 2)
                equal(due_keys(client), 1)
                equal(client.call("SAVE"), b"OK")
                equal(client.call("TABLE.SET", "soon", "f", "1"), 1)
                equal(client.call("TABLE.EXPIRE", "soon", far, "f"), 1)
                assert digest != client.call("DEBUG", "DIGEST")
                digest = client.call("DEBUG", "DIGEST")
            server.restart()
            with server.client() as client:
                equal(client.call("DEBUG", "DIGEST"), digest)
                equal(due_keys(client), 2)
                assert 0 < client.call("TABLE.TTL", "copied", "b") <= far
                equal(client.call("TABLE.EXPIRE", "copied", "1", "a", "b", "c"), 3)
                wait_until(lambda: client.call("EXISTS", "copied") == 0, "an empty value goes as a whole")


def test_thousands_of_fields_go_in_pieces():
    with Folder() as folder, Server(folder, modules=modules(folder)) as server, server.client() as client:
        fields = [f"field:{i:06d}" for i in range(20000)]
        for at in range(0, len(fields), 1000):
            client.call("TABLE.SET", "t", *[word for field in fields[at:at + 1000] for word in (field, "x")])
        equal(client.call("TABLE.EXPIRE", "t", "5", *fields), len(fields))
        wait_until(lambda: client.call("EXISTS", "t") == 0, "all of it goes")
        assert 20 <= planned(client) <= 60, planned(client)


def test_a_delayed_queue_wakes_who_waits():
    """What comes later is not there before; then it wakes a client that waits, and breaks what watches."""
    with Folder() as folder, Server(folder, modules=modules(folder)) as server:
        with server.client() as client, server.client() as waiter, server.client() as watcher:
            waiter.send("TABLE.WAIT", "queue", "0")
            wait_until(lambda: client.info("clients")["blocked_clients"] == "1", "it waits")
            equal(client.call("TABLE.LATER", "queue", "100", "job", "1"), b"OK")
            equal(watcher.call("WATCH", "queue"), b"OK")
            if client.call("TABLE.TTL", "queue", "job") == -2:
                equal(client.info("clients")["blocked_clients"], "1", "it waits on")
            equal(waiter.receive(), b"job")
            equal(client.call("TABLE.ALL", "queue"), [b"job", b"1"])
            equal(watcher.pipeline([("MULTI",), ("PING",), ("EXEC",)]), [b"OK", b"QUEUED", None])
            equal(due_keys(client), 0)


def test_what_is_due_waits_while_clients_are_paused():
    with Folder() as folder, Server(folder, modules=modules(folder)) as server, server.client() as client:
        equal(client.call("TABLE.SET", "t", "a", "1", "b", "2"), 2)
        equal(client.pipeline([("TABLE.EXPIRE", "t", "30", "a"), ("CLIENT", "PAUSE", "100000", "WRITE")]), [1, b"OK"])
        wait_until(lambda: client.call("TABLE.TTL", "t", "a") == -2, "it is over for those who read")
        equal(client.call("TABLE.ALL", "t"), [b"b", b"2"])
        equal((planned(client), due_keys(client)), (0, 1))
        equal(client.call("CLIENT", "UNPAUSE"), b"OK")
        wait_until(lambda: planned(client) == 1, "it goes")
        equal(client.call("TABLE.ALL", "t"), [b"b", b"2"])
        equal(due_keys(client), 0)


def test_elements_go_from_type_to_type():
    with Folder() as folder:
        with Server(folder, modules=modules(folder)) as server:
            with server.client() as client:
                equal(client.call("TABLE.SET", "t", "b", "2", "a", "10", "c", "1"), 3)
                equal(client.call("RPUSH", "l", "c", "a", "b"), 3)
                equal(client.call("TABLE.JOIN", "LIST", "all", "t", "none", "l"), 6)
                equal(client.call("LRANGE", "all", 0, -1), [b"a", b"b", b"c", b"c", b"a", b"b"])
                equal(client.call("TABLE.JOIN", "l2", "l", "t"), 6)
                equal(client.call("TABLE.ALL", "l2"), [b"a", b"10", b"b", b"2", b"c", b"1"])
                equal(client.call("SORT", "l", "BY", "t->*", "GET", "#"), [b"a", b"b", b"c"])
                equal(client.call("TABLE.SET", "w_a", "n", "3"), 1)
                equal(client.call("TABLE.SET", "w_b", "n", "1", "name", "Bert"), 2)
                equal(client.call("SORT", "l", "BY", "w_*->n", "GET", "w_*->name"), [None, b"Bert", None])
                equal(client.call("SORT", "t", "ALPHA", "DESC", "STORE", "sorted"), 3)
                equal(client.call("LRANGE", "sorted", 0, -1), [b"c", b"b", b"a"])
                equal(client.call("MSET", "a", "x", "b", "y"), b"OK")
                equal(client.call("TABLE.DEREF", "t"), [b"x", b"y", None])
                wrong = client.call("TABLE.JOIN", "all", "a")
                assert isinstance(wrong, Error) and wrong.code == "WRONGTYPE", wrong
                equal(client.call("TABLE.MOVE", "none", "l", "a"), 0)
                wrong = client.call("TABLE.MOVE", "t", "l", "a")
                assert isinstance(wrong, Error) and wrong.code == "WRONGTYPE", wrong
                equal(client.call("TABLE.MOVE", "t", "t2", "a"), 1)
                equal(client.call("TABLE.JOIN", "a", "none"), 0)
                equal(client.call("EXISTS", "a"), 0)
                digest = client.call("DEBUG", "DIGEST")
            server.restart()
            with server.client() as client:
                equal(client.call("DEBUG", "DIGEST"), digest)
                equal(client.call("TABLE.ALL", "t2"), [b"a", b"10"])


def test_both_ways_of_writing_a_type_are_alike():
    """What tools/bench/two_ways.py counts does the same work."""
    seed = int(os.environ.get("GEOMYS_SEED", random.randrange(1 << 32)))
    print(f"GEOMYS_SEED={seed}", flush=True)
    rng = random.Random(seed)
    with Folder() as folder:
        path = modules(folder)
        shutil.copy(os.path.join(os.path.dirname(MODULE), "ways.so"), path)
        with Server(folder, modules=path) as server:
            with server.client() as client:
                digests = []
                rounds = [(rng.choice(["ADD", "SET"]),
                           [f"w{rng.randrange(500)}" for _ in range(2 * rng.randrange(1, 9))]) for _ in range(500)]
                for way in (1, 2):
                    told = [client.call(f"WAYS.{name}{way}", "k", *words) for name, words in rounds]
                    digests.append((told, client.call("WAYS.LEN", "k"), client.call("DEBUG", "DIGEST")))
                    equal(client.call("DEL", "k"), 1)
                equal(digests[0], digests[1])
                equal(client.call("WAYS.ADD2", "k", "a", "b", "a"), 2)
                digest = client.call("DEBUG", "DIGEST")
            server.restart()
            with server.client() as client:
                equal(client.call("DEBUG", "DIGEST"), digest)


if __name__ == "__main__":
    run(globals())
