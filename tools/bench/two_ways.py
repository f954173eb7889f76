#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the module ABI's later functions save a table-based type: the instructions of its commands, written in both ways
(tests/integration/modules/ways.c). Usage: two_ways.py BUILD, a folder with geomys-server and tests/modules/ways.so

Rules   The same as instructions.py. Values are warm: each member and field is there already, so what is counted is
        looking up, reading and replying, not the allocator."""

import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from instructions import Caller, Counter
from servers import Ours, encode

KEYS = 1000
MEMBERS = 100
REQUESTS = 5000
SEED = 20261128


class WithWays(Ours):
    def arguments(self, role):
        module = os.path.join(os.path.dirname(self.program), "tests", "modules", "ways.so")
        return [f"--modules={module}" if word.startswith("--modules=") else word for word in super().arguments(role)]


def add(way, chance):
    return encode(f"WAYS.ADD{way}", f"set:{chance.randrange(KEYS):06d}", f"member:{chance.randrange(MEMBERS):06d}")


def put(way, chance):
    words = [word for _ in range(10)
             for word in (f"field:{chance.randrange(MEMBERS):06d}", f"value:{chance.randrange(10**6):06d}" * 2)]
    return encode(f"WAYS.SET{way}", f"map:{chance.randrange(KEYS):06d}", *words)


def fill(caller):
    members = [f"member:{number:06d}" for number in range(MEMBERS)]
    pairs = [word for number in range(MEMBERS) for word in (f"field:{number:06d}", "x" * 24)]
    for number in range(KEYS):
        for command, words in (("WAYS.ADD2", members), ("WAYS.SET2", pairs)):
            key = f"{'set' if words is members else 'map'}:{number:06d}"
            caller.run([encode(command, key, *words)], 1, b":%d\r\n" % MEMBERS)


def main():
    program = os.path.join(os.path.abspath(sys.argv[1]), "geomys-server")
    folder = tempfile.mkdtemp(prefix="geomys-ways-")
    server = WithWays(program, folder)
    server.start("instructions", folder, prefix=Counter.prefix(folder))
    try:
        with Caller(server) as caller:
            fill(caller)
            counter = Counter(server)
            counter.tell("instrumentation", "on")
            for name, make in (("one member", add), ("ten fields", put)):
                for pipeline in (1, 16):
                    counts = []
                    for way in (1, 2):
                        chance = random.Random(SEED)
                        commands = [make(way, chance) for _ in range(REQUESTS)]
                        caller.run(commands[:500], pipeline, b":0\r\n")
                        total = counter.count(lambda: caller.run(commands, pipeline, b":0\r\n"))
                        counts.append(total / REQUESTS)
                    print(f"{name}, pipeline {pipeline}: {counts[0]:.0f} as in 0.1, {counts[1]:.0f} as in 0.2: "
                          f"{counts[1] / counts[0]:.2f}", flush=True)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
