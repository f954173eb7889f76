#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long everybody else waits while one command is carried out: `tools/dev pauses`.

Why     A store with one thread for commands is as slow as its slowest one. Whoever runs it should find in a table
        what a command on a large value costs the others, not in an incident.
Idea    Each command of the modules, and those of the host whose work grows, meets a value of 100 MB or of a million
        elements, or a million keys. A process of its own sends PING after PING meanwhile; the longest of its round
        trips, less the usual one, is the pause. It includes what comes behind a command: writing its reply and its
        record, freeing what it replaced.
Output  A table in Markdown, the median of the rounds in milliseconds, in the order of the modules.

The value is made anew for each round, which is not measured. What a command answers is read to its end."""

import argparse
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from servers import Connection, Ours, Trouble, encode, fill

ROOT = os.path.dirname(os.path.dirname(HERE))
SIZE = 100_000_000  # bytes of a large string
ELEMENTS = 1_000_000  # of a large list, of 100 bytes each
KEYS = 1_000_000

STRING = [("SETRANGE", "s", SIZE - 1, "x")]
STRINGS = [*STRING, ("SETRANGE", "t", SIZE - 1, "y")]
LIST = [("COPY", "list", "l")]  # "list" is made once
LISTS = [*LIST, ("RPUSH", "m", "one")]
NUMBER = [("SET", "n", "1")]

# (name in the table, what is made before, the command, what it works on)
COMMANDS = [
    ("APPEND of one byte", STRING, ("APPEND", "s", "x")),
    ("APPEND of 100 MB", [("SET", "s", "x")], ("APPEND", "s", b"x" * SIZE)),
    ("BITCOUNT", STRING, ("BITCOUNT", "s")),
    ("BITFIELD SET", STRING, ("BITFIELD", "s", "SET", "u8", 400_000_000, 255)),
    ("BITFIELD_RO", STRING, ("BITFIELD_RO", "s", "GET", "u8", 400_000_000)),
    ("BITOP AND of two", STRINGS, ("BITOP", "AND", "d", "s", "t")),
    ("BITOP NOT", STRING, ("BITOP", "NOT", "d", "s")),
    ("BITPOS", STRING, ("BITPOS", "s", 1)),
    ("GET", STRING, ("GET", "s")),
    ("GETBIT", STRING, ("GETBIT", "s", 400_000_000)),
    ("GETDEL", STRING, ("GETDEL", "s")),
    ("GETEX", STRING, ("GETEX", "s", "EX", 1000)),
    ("GETRANGE of all", STRING, ("GETRANGE", "s", 0, -1)),
    ("GETSET", STRING, ("GETSET", "s", "x")),
    ("LCS of two of 4 kB, the most that is taken", [("SETRANGE", "s", 4_090, "x"), ("SETRANGE", "t", 4_090, "y")],
     ("LCS", "s", "t")),
    ("MGET of ten of 10 MB", [("SETRANGE", f"s{i}", SIZE // 10 - 1, "x") for i in range(10)],
     ("MGET", *[f"s{i}" for i in range(10)])),
    ("MSET of 500,000 keys", [], ("MSET", *[word for i in range(500_000) for word in (f"k{i}", "v")])),
    ("MSETNX of 500,000 keys", [], ("MSETNX", *[word for i in range(500_000) for word in (f"k{i}", "v")])),
    ("PSETEX of 100 MB", [], ("PSETEX", "s", 1_000_000, b"x" * SIZE)),
    ("SET of 100 MB", [], ("SET", "s", b"x" * SIZE)),
    ("SET over 100 MB", STRING, ("SET", "s", "x")),
    ("SETBIT", STRING, ("SETBIT", "s", 400_000_000, 1)),
    ("SETBIT that makes 100 MB", [], ("SETBIT", "s", SIZE * 8 - 1, 1)),
    ("SETEX of 100 MB", [], ("SETEX", "s", 1000, b"x" * SIZE)),
    ("SETNX of 100 MB", [], ("SETNX", "s", b"x" * SIZE)),
    ("SETRANGE of one byte", STRING, ("SETRANGE", "s", 50_000_000, "y")),
    ("SETRANGE that makes 100 MB", [], ("SETRANGE", "s", SIZE - 1, "x")),
    ("STRLEN", STRING, ("STRLEN", "s")),
    ("SUBSTR of all", STRING, ("SUBSTR", "s", 0, -1)),
    ("DECR", NUMBER, ("DECR", "n")),
    ("DECRBY", NUMBER, ("DECRBY", "n", 5)),
    ("INCR", NUMBER, ("INCR", "n")),
    ("INCRBY", NUMBER, ("INCRBY", "n", 5)),
    ("INCRBYFLOAT", NUMBER, ("INCRBYFLOAT", "n", "0.5")),
    ("BLMOVE", LISTS, ("BLMOVE", "l", "m", "LEFT", "RIGHT", 1)),
    ("BLMPOP of a million", LIST, ("BLMPOP", 1, 1, "l", "LEFT", "COUNT", ELEMENTS)),
    ("BLPOP", LIST, ("BLPOP", "l", 1)),
    ("BRPOP", LIST, ("BRPOP", "l", 1)),
    ("BRPOPLPUSH", LISTS, ("BRPOPLPUSH", "l", "m", 1)),
    ("LINDEX in the middle", LIST, ("LINDEX", "l", ELEMENTS // 2)),
    ("LINSERT at the far end", LIST, ("LINSERT", "l", "AFTER", b"%0100d" % (ELEMENTS - 1), "x")),
    ("LLEN", LIST, ("LLEN", "l")),
    ("LMOVE", LISTS, ("LMOVE", "l", "m", "LEFT", "RIGHT")),
    ("LMPOP of a million", LIST, ("LMPOP", 1, "l", "LEFT", "COUNT", ELEMENTS)),
    ("LPOP of one", LIST, ("LPOP", "l")),
    ("LPOP of a million", LIST, ("LPOP", "l", ELEMENTS)),
    ("LPOS that finds nothing", LIST, ("LPOS", "l", "no")),
    ("LPUSH of one", LIST, ("LPUSH", "l", "x")),
    ("LPUSH of a million", [], ("LPUSH", "l", *[b"%0100d" % i for i in range(ELEMENTS)])),
    ("LPUSHX", LIST, ("LPUSHX", "l", "x")),
    ("LRANGE of all", LIST, ("LRANGE", "l", 0, -1)),
    ("LREM that finds nothing", LIST, ("LREM", "l", 0, "no")),
    ("LREM of one at the far end", LIST, ("LREM", "l", 1, b"%0100d" % (ELEMENTS - 1))),
    ("LSET in the middle", LIST, ("LSET", "l", ELEMENTS // 2, "x")),
    ("LTRIM to the half", LIST, ("LTRIM", "l", ELEMENTS // 4, 3 * ELEMENTS // 4)),
    ("PUSH of one", LIST, ("PUSH", "l", "x")),
    ("RPOP of a million", LIST, ("RPOP", "l", ELEMENTS)),
    ("RPOPLPUSH", LISTS, ("RPOPLPUSH", "l", "m")),
    ("RPUSH of one", LIST, ("RPUSH", "l", "x")),
    ("RPUSHX", LIST, ("RPUSHX", "l", "x")),
    ("COPY of 100 MB", STRING, ("COPY", "s", "d")),
    ("COPY of a list", LIST, ("COPY", "l", "d")),
    ("DEBUG DIGEST over a list", LIST, ("DEBUG", "DIGEST")),
    ("DEBUG DIGEST-VALUE of a list", LIST, ("DEBUG", "DIGEST-VALUE", "l")),
    ("nothing, for half a second: what the machine itself does", LIST, ("BLPOP", "nothing", "0.5")),
    ("DEL of 100 MB", STRING, ("DEL", "s")),
    ("DEL of a list", LIST, ("DEL", "l")),
    ("EXPIRE", LIST, ("EXPIRE", "l", 1000)),
    ("MEMORY USAGE of a list", LIST, ("MEMORY", "USAGE", "l")),
    ("PERSIST", LIST, ("PERSIST", "l")),
    ("RENAME of 100 MB", STRING, ("RENAME", "s", "d")),
    ("RENAME of a list", LIST, ("RENAME", "l", "d")),
    ("RENAME over a list", [("SET", "s", "x"), *LIST], ("RENAME", "s", "l")),
    ("TYPE", LIST, ("TYPE", "l")),
    ("UNLINK of a list", LIST, ("UNLINK", "l")),
]
# With a million keys beside the list.
CROWD = [
    ("DBSIZE", [], ("DBSIZE",)),
    ("KEYS * of a million", [], ("KEYS", "*")),
    ("KEYS that finds nothing", [], ("KEYS", "no*")),
    ("RANDOMKEY", [], ("RANDOMKEY",)),
    ("SCAN with COUNT 1000", [], ("SCAN", 0, "COUNT", 1000)),
    ("FLUSHALL of a million", None, ("FLUSHALL",)),
]
# With connections that listen: half a million channels, and 10,000 patterns of which each is tried in a step or two;
# then a thousand patterns of a kilobyte, made to be dear.
DEAR = "PUBLISH to a name of 64 kB, past 1,000 patterns that are made to be dear (refused)"
LISTENED = [
    ("PUBSUB CHANNELS of 500,000", [], ("PUBSUB", "CHANNELS")),
    ("PUBSUB CHANNELS that finds nothing", [], ("PUBSUB", "CHANNELS", "no*")),
    ("PUBSUB NUMSUB of 100,000", [], ("PUBSUB", "NUMSUB", *[f"channel:{i}" for i in range(100_000)])),
    ("PUBLISH past 10,000 patterns", [], ("PUBLISH", "news:today", "x")),
    (DEAR, [], ("PUBLISH", "a" * 65535, "x")),
    ("CONFIG GET of 1,000 patterns", [], ("CONFIG", "GET", *[f"*{i}*x*" for i in range(1000)])),
]


# Values of a type of the tests' own (tests/integration/modules/table.c), in each of which a field is to go at a time.
DUE = "100,000 of a million values in which something is due at once"
DUE_WAIT_S = 20  # until it is: they are made meanwhile


class OursWithTable(Ours):
    """The same server with the module of the tests, if that is built."""

    def __init__(self, program, scratch, table):
        super().__init__(program, scratch)
        self.folder_of_modules = os.path.join(scratch, "modules")
        shutil.copytree(os.path.join(os.path.dirname(program), "modules"), self.folder_of_modules)
        shutil.copy(table, self.folder_of_modules)

    def arguments(self, role):
        kept = [word for word in super().arguments(role) if not word.startswith("--module")]
        return [*kept, f"--module-folder={self.folder_of_modules}"]


def watch(port, questions):
    """The process that pings: for each question the longest round trip since the last one, in seconds."""
    with Connection(port, 120) as connection:
        longest = 0.0
        while True:
            began = time.perf_counter()
            connection.ask("PING")
            longest = max(longest, time.perf_counter() - began)
            if questions.poll():
                if questions.recv() is None:
                    return
                questions.send(longest)
                longest = 0.0


def read_reply(connection):
    """Reads one reply to its end, whatever it is; its first line."""
    first = connection.input.readline()
    left = _behind(connection, first)
    while left > 0:
        left += _behind(connection, connection.input.readline()) - 1
    return first


def _behind(connection, line):
    """How many replies stand behind this line; a text is read."""
    if line[:1] == b"$" and line[1:2] != b"-":
        size = int(line[1:]) + 2
        while size > 0:
            size -= len(connection.input.read(min(size, 1 << 20)))
    return max(0, int(line[1:])) if line[:1] == b"*" else 0


def ask(connection, words):
    connection.socket.sendall(encode(*words))
    return read_reply(connection)


def make_crowd(port):
    fill(port, ((b"".join(encode("SET", f"key:{i}", "v") for i in range(at, at + 1000)), 1000)
                for at in range(0, KEYS, 1000)))


def make_list(port):
    fill(port, ((encode("RPUSH", "list", *[b"%0100d" % i for i in range(at, at + 1000)]), 1)
                for at in range(0, ELEMENTS, 1000)))


def listen(port, kind, names):
    """A connection that has subscribed to all of them, to be closed by the caller."""
    connection = Connection(port, 120)
    for at in range(0, len(names), 1000):
        part = names[at:at + 1000]
        connection.socket.sendall(encode(kind, *part))
        for _ in range(6 * len(part)):
            connection.input.readline()
    return connection


def measure_listened(port, rounds, rows, questions, found):
    crowd = [listen(port, "SUBSCRIBE", [f"channel:{i}" for i in range(at, at + 50_000)])
             for at in range(0, 500_000, 50_000)]
    crowd.append(listen(port, "PSUBSCRIBE", [f"*user:{i}:*" for i in range(10_000)]))
    run(port, rounds, [row for row in rows if row[0] != DEAR], questions, found)
    dear = [row for row in rows if row[0] == DEAR]
    if dear:
        crowd.append(listen(port, "PSUBSCRIBE", ["*" + "a" * 1000 + f"{i}b*" for i in range(1000)]))
        run(port, rounds, dear, questions, found)
    for connection in crowd:
        connection.input.close()
        connection.socket.close()


def measure(port, questions, connection, row):
    name, before, command = row
    if before is None:
        make_crowd(port)
    for words in before or []:
        answer = ask(connection, words)
        if answer[:1] == b"-":
            raise Trouble(f"{name}: {words[0]}: {answer.decode().strip()}")
    time.sleep(0.2)  # what is still freed or written of the preparation
    questions.send(True)
    questions.recv()
    time.sleep(0.05)
    questions.send(True)
    usual = questions.recv()
    answer = ask(connection, command)
    if answer[:1] == b"-" and name != DEAR:
        raise Trouble(f"{name}: {answer.decode().strip()}")
    time.sleep(0.2)  # its record goes to the disk, and what it replaced is freed
    questions.send(True)
    pause = questions.recv() - usual
    for words in [("DEL", *"stdlmn"), ("DEL", *[f"s{i}" for i in range(10)])]:
        ask(connection, words)
    if name.startswith("MSET"):
        for at in range(0, 500_000, 10_000):
            ask(connection, ("DEL", *[f"k{i}" for i in range(at, at + 10_000)]))
    return max(0.0, pause)


def measure_due(port, questions):
    fill(port, ((b"".join(encode("TABLE.SET", f"due:{i}", "f", "v") + encode("TABLE.EXPIRE", f"due:{i}", 10**9, "f")
                          for i in range(at, at + 1000)), 2000) for at in range(0, KEYS, 1000)))
    until = time.time() + DUE_WAIT_S
    fill(port, ((b"".join(encode("TABLE.EXPIRE", f"due:{i}", max(1, int((until - time.time()) * 1000)), "f")
                          for i in range(at, at + 1000)), 1000) for at in range(0, KEYS // 10, 1000)))
    with Connection(port, 300) as connection:
        def keys():
            return int(ask(connection, ("DBSIZE",))[1:])
        time.sleep(max(0.0, until - time.time() - 1))
        if keys() != KEYS:
            raise Trouble(f"{DUE}: some went before all were made")
        questions.send(True)
        questions.recv()
        time.sleep(0.3)
        questions.send(True)
        usual = questions.recv()
        while keys() > KEYS - KEYS // 10:
            time.sleep(0.02)
        questions.send(True)
        pause = questions.recv() - usual
        ask(connection, ("FLUSHALL",))
    return max(0.0, pause)


def run(port, rounds, rows, questions, found):
    with Connection(port, 300) as connection:
        for _ in range(rounds):
            for row in rows:
                found.setdefault(row[0], []).append(measure(port, questions, connection, row))
                print(f"{row[0]}: {found[row[0]][-1] * 1000:.1f} ms", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="tools/dev pauses", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", metavar="WORD", help="only the rows whose names have it")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "release", "geomys-server"))
    parser.add_argument("--table", metavar="MODULE", help="tests/modules/table.so of a build with the tests: what is "
                        "due in its values is measured, too")
    given = parser.parse_args()
    scratch = tempfile.mkdtemp(prefix="geomys-pauses-")
    server = (OursWithTable(given.program, scratch, given.table) if given.table
              else Ours(given.program, scratch))
    found = {}
    try:
        server.start("log", os.path.join(scratch, "run"))
        ours, theirs = multiprocessing.Pipe()
        pinger = multiprocessing.Process(target=watch, args=(server.port, theirs), daemon=True)
        pinger.start()
        chosen = [row for row in COMMANDS if given.only in row[0]]
        if any(row[1] in (LIST, LISTS) or ("COPY", "list", "l") in row[1] for row in chosen):
            make_list(server.port)
        run(server.port, given.rounds, chosen, ours, found)
        crowd = [row for row in CROWD if given.only in row[0]]
        if crowd:
            make_crowd(server.port)
            run(server.port, 1 if not crowd[:-1] else given.rounds, crowd[:-1], ours, found)
            run(server.port, given.rounds, crowd[-1:], ours, found)
        listened = [row for row in LISTENED if given.only in row[0]]
        if listened:
            measure_listened(server.port, given.rounds, listened, ours, found)
        for _ in range(given.rounds if given.table and given.only in DUE else 0):
            found.setdefault(DUE, []).append(measure_due(server.port, ours))
            print(f"{DUE}: {found[DUE][-1] * 1000:.1f} ms", file=sys.stderr, flush=True)
        ours.send(None)
        pinger.join(10)
    except (Trouble, OSError) as trouble:
        print(f"tools/dev pauses: {trouble}", file=sys.stderr)
        return 1
    finally:
        server.stop()
        shutil.rmtree(scratch, ignore_errors=True)
    print("| command | pause, ms |\n|---|---|")
    for name, pauses in found.items():
        print(f"| {name} | {statistics.median(pauses) * 1000:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
