# SPDX-License-Identifier: MIT
"""How many instructions the server carries out for a request, outside the kernel, as valgrind's callgrind counts them.

Why     Time on a shared machine scatters by several per cent, so a change that costs one per cent cannot be seen
        there. A count of instructions can be had again within a thousandth, whatever else the machine does.
Idea    The server runs under callgrind with counting off while it is filled, then each test is counted for itself:

            valgrind --instr-atstart=no | fill, read all | on | zero, 20,000 requests, dump | zero, ...

        vgdb, which comes with valgrind, is what tells the running server to count, to begin at zero, and to write down
        what it has. Each round starts both servers anew, one after the other.

Rules   1  The requests are the same each time: the same keys in the same order, from one connection, which sends
           `pipeline` of them in one write and then reads all their answers.
        2  Every answer is looked at: an error, or a key that is not there, ends the bench.
        3  Every key is read once before: else a hash table that is being enlarged would be counted with a request.

Limits  Instructions are not time: what waits for memory costs no instruction more. One connection without pipelining is
        the dearest case, since each request pays for a whole turn of the loop. The loop's own ticks are counted with
        the rest, and a slower machine sees more of them in one test."""

import os
import random
import re
import shutil
import socket
import subprocess

from servers import Trouble, encode

KEYS = 100_000
REQUESTS = 20_000
WARM_UP = 1_000
SEED = 20261127
VALUE = "x" * 64
PIPELINES = (1, 16)
VGDB_PATIENCE_S = 60

# name, the command for a key, what its answer begins with
TESTS = [
    ("GET", lambda key: encode("GET", key), b"$64\r\n"),
    ("SET", lambda key: encode("SET", key, VALUE), b"+OK\r\n"),
]


def key_of(number):
    return f"key:{number:012d}"


class Caller:
    """One connection that sends prebuilt commands `pipeline` at a time and looks at each answer."""

    def __init__(self, server):
        self.server = server
        self.socket = socket.create_connection(("127.0.0.1", server.port), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb", buffering=1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.input.close()
        self.socket.close()

    def run(self, commands, pipeline, answer):
        for start in range(0, len(commands), pipeline):
            group = commands[start:start + pipeline]
            self.socket.sendall(b"".join(group))
            for _ in group:
                line = self.input.readline()
                if line != answer:
                    raise Trouble(f"{self.server.name} answered {line[:100]!r} where {answer!r} belongs")
                if line[:1] == b"$":
                    self.input.read(int(line[1:]) + 2)


class Counter:
    """Callgrind inside a server that was started with `prefix(folder)` before its command line."""

    def __init__(self, server):
        self.pid = server.process.pid
        self.folder = server.folder
        self.dumps = 0

    @staticmethod
    def prefix(folder):
        return ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--vgdb-prefix={folder}/vgdb",
                f"--callgrind-out-file={folder}/callgrind"]

    def tell(self, *words):
        command = ["vgdb", f"--vgdb-prefix={self.folder}/vgdb", f"--pid={self.pid}", *words]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=VGDB_PATIENCE_S, check=False)
        if done.returncode != 0:
            raise Trouble(f"vgdb {' '.join(words)}: {(done.stderr or done.stdout).strip()[-200:]}")

    def count(self, action):
        """The instructions of the whole process during action()."""
        self.tell("zero")
        action()
        self.dumps += 1
        self.tell("dump", f"number-{self.dumps}")
        return self._total(f"desc: Trigger: dump number-{self.dumps}\n")

    def _total(self, mark):
        for name in os.listdir(self.folder):
            if not name.startswith("callgrind."):
                continue
            with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                text = file.read()
            total = re.search(r"^totals: (\d+)", text, re.M)
            if mark in text and total:
                return int(total.group(1))
        raise Trouble("callgrind has written no total")


def counted(bench, server, tests):
    """{(name, pipeline): instructions per request}, from a server that is started and ended here."""
    folder = bench.folder(server)
    requests = REQUESTS // 4 if bench.quick else REQUESTS
    server.start("instructions", folder, prefix=Counter.prefix(folder))
    found = {}
    try:
        with Caller(server) as caller:
            for name in ("SET", "GET"):
                _, command, answer = next(test for test in TESTS if test[0] == name)
                caller.run([command(key_of(number)) for number in range(KEYS)], 16, answer)
            counter = Counter(server)
            counter.tell("instrumentation", "on")
            for name, command, answer, pipeline in tests:
                chance = random.Random(SEED)
                commands = [command(key_of(chance.randrange(KEYS))) for _ in range(requests)]
                caller.run(commands[:WARM_UP], pipeline, answer)
                total = counter.count(lambda: caller.run(commands, pipeline, answer))
                found[name, pipeline] = total / requests
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return found


def instructions(bench):
    for program in ("valgrind", "vgdb"):
        if shutil.which(program) is None:
            raise Trouble(f"there is no {program}: install valgrind")
    tests = [(name, command, answer, pipeline) for name, command, answer in TESTS for pipeline in PIPELINES
             if bench.wants("instructions", f"{name}, pipeline {pipeline}")]
    rows = {(name, pipeline): bench.row("instructions", f"{name}, pipeline {pipeline}", "per request", True)
            for name, _, _, pipeline in tests}
    for number in range(bench.rounds):
        bench.say(f"instructions: round {number + 1} of {bench.rounds}")
        got = bench.both(number, lambda server: counted(bench, server, tests))
        for which, row in rows.items():
            row.add(got[bench.ours][which], got[bench.peer][which] if bench.peer else None, ())
