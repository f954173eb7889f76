# SPDX-License-Identifier: MIT
"""What is measured. Each function adds rows to the bench; a row holds a sample per round and server, taken in turn.

Why     Two runs an hour apart cannot be compared on a machine that is shared. What can be compared is two servers
        in turn, a second apart, and then the median of the rounds' ratios.
Rules   1  Within a round each test is run on one server and at once on the other; who is first changes each round.
        2  Memory is what the filled server has beyond the same server when empty, after every key was read once: that
           checks the answers, and lets a hash table that is being enlarged come to rest.
        3  Every filling counts its answers, and DBSIZE is asked at the end: what was refused is not measured.
        4  A test that a server refuses is left out, and said so.

Limits  The driver of the requests (redis-benchmark) shares the cores with the servers. Without pipelining it is the
        bottleneck: there the throughput says little, the server's CPU time per request says more."""

import csv
import io
import os
import re
import shutil
import subprocess
import time

import machine
from servers import Trouble, encode, fill

KEY_SPACE = 1_000_000
CLIENTS = 50
VALUE = "x" * 64
CHUNK = 1000


class Row:
    """`ours` and `peer` hold a value per round; `doubtful` whether the machine was disturbed during either."""

    def __init__(self, section, name, unit, less_is_better, goal=None, absolute=False, digits=2):
        """`absolute`: the goal is for ours alone, not for the ratio. `digits`: behind the point of the ratio."""
        self.section, self.name, self.unit = section, name, unit
        self.less_is_better, self.goal, self.absolute, self.digits = less_is_better, goal, absolute, digits
        self.ours, self.peer, self.doubtful = [], [], []
        self.steal, self.others = [], []

    def add(self, ours, peer, watches):
        self.ours.append(ours)
        self.peer.append(peer)
        self.doubtful.append(any(watch.doubtful for watch in watches))
        self.steal.append(round(max((watch.steal for watch in watches), default=0.0), 3))
        self.others.append(round(max((watch.others for watch in watches), default=0.0), 3))


class Bench:
    """What all measurements share: the two servers, how often, how many, and where to tell how far it is."""

    def __init__(self, ours, peer, rounds, keys, quick, only, say, against=None):
        """`only`: {section: [] for all of it, or lists of words}. `peer`: None if nothing is compared. `against`: the
        peer is another build of ours, and this is the goal where less is better, 0 for none."""
        self.against = against
        self.only = only
        self.ours, self.peer, self.rounds, self.keys, self.quick, self.say = ours, peer, rounds, keys, quick, say
        self.rows, self.notes = [], []
        self.folders = 0

    def row(self, section, name, unit, less_is_better, goal=None, absolute=False):
        """A row, seen by the report at once: a run that is interrupted shows what it has. The goals that are written
        with the measurements are those against another program."""
        if self.against is None:
            row = Row(section, name, unit, less_is_better, goal, absolute)
        else:
            row = Row(section, name, unit, less_is_better, (less_is_better and self.against) or None, False, 3)
        self.rows.append(row)
        return row

    def wants(self, section, name):
        """Whether the test is among those that --only names: all words of one entry are words of its name."""
        words = set(re.findall(r"[a-z0-9_]+", name.lower()))
        entries = self.only[section]
        return not entries or any(words.issuperset(entry) for entry in entries)

    def folder(self, server):
        self.folders += 1
        return os.path.join(server.scratch, f"{server.name}-{self.folders}")

    def order(self, number):
        order = (self.ours, self.peer) if number % 2 == 0 else (self.peer, self.ours)
        return [server for server in order if server is not None]

    def both(self, number, function):
        """{server: function(server)}, in the order of the round."""
        return {server: function(server) for server in self.order(number)}


# ---- requests --------------------------------------------------------------------------------------------------------


def drive(server, words, requests, pipeline, clients=CLIENTS):
    """(requests per second, server CPU microseconds per request, Watch)."""
    command = ["redis-benchmark", "-p", str(server.port), "-c", str(clients), "-P", str(pipeline), "-n", str(requests),
               "-r", str(KEY_SPACE), "--csv", *words]
    with machine.Watch(server.process.pid) as watch:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    if done.returncode != 0 or len(table) != 1 or "rror" in done.stdout + done.stderr:
        raise Trouble(f"redis-benchmark {' '.join(words)[:40]} on {server.name}: "
                      f"{(done.stderr or done.stdout).strip()[:200]}")
    return float(table[0]["rps"]), watch.cpu_s[0] * 1e6 / requests, watch


def mset(pairs):
    return ["MSET", *[word for _ in range(pairs) for word in ("key:__rand_int__", VALUE)]]


# name, words, requests without pipelining, with one of 16, with one of 64
REQUESTS = [
    ("GET", ["GET", "key:__rand_int__"], 100_000, 500_000, 1_000_000),
    ("SET", ["SET", "key:__rand_int__", VALUE], 100_000, 500_000, 1_000_000),
    ("INCR", ["INCR", "counter:__rand_int__"], 100_000, 500_000, 1_000_000),
    ("LPUSH", ["LPUSH", "list", VALUE], 100_000, 500_000, 1_000_000),
    ("LPOP", ["LPOP", "list"], 100_000, 500_000, 1_000_000),  # pops what the line above has pushed, never more
    ("LRANGE_100", ["LRANGE", "hundreds", "0", "99"], 40_000, 60_000, 60_000),
    ("MSET of 10", mset(10), 40_000, 60_000, 60_000),
]
CPU_GOALS = {("GET", 1): 0.85, ("SET", 1): 0.85, ("LRANGE_100", 16): 0.60, ("MSET of 10", 16): 0.60}
for _name in ("GET", "SET", "INCR", "LPUSH", "LPOP"):
    CPU_GOALS[_name, 16], CPU_GOALS[_name, 64] = 0.60, 0.50


def requests(bench):
    cpu, rate = {}, {}
    tests = []
    for name, words, *counts in REQUESTS:
        for pipeline, count in zip((1, 16, 64), counts):
            if bench.wants("cpu", f"{name}, pipeline {pipeline}"):
                tests.append((name, words, pipeline, count // 5 if bench.quick else count))
    measured = {(name, pipeline) for name, _, pipeline, _ in tests}
    for name, _, pipeline, _ in tests:
        goal = CPU_GOALS.get((name, pipeline))
        cpu[name, pipeline] = bench.row("server CPU", f"{name}, pipeline {pipeline}", "µs per request", True, goal)
    for name, _, pipeline, _ in tests:
        rate[name, pipeline] = bench.row("throughput", f"{name}, pipeline {pipeline}", "requests/s", False)
    try:
        for server in (bench.ours, bench.peer):
            bench.say(f"filling {server.name}")
            server.start("memory", bench.folder(server))
            fill(server.port, set_chunks(KEY_SPACE, 64))
            fill(server.port, ((encode("RPUSH", "hundreds", *[VALUE] * 100), 1) for _ in range(2)))
        for number in range(bench.rounds):
            for name, words, pipeline, count in list(tests):
                bench.say(f"round {number + 1} of {bench.rounds}: {name}, pipeline {pipeline}")
                if name == "LPOP" and ("LPUSH", pipeline) not in measured:
                    bench.both(number, lambda s: drive(s, ["LPUSH", "list", VALUE], count, 64))
                try:
                    got = bench.both(number, lambda s: drive(s, words, count, pipeline))
                except Trouble as trouble:
                    if number > 0:
                        raise
                    bench.notes.append(str(trouble))
                    tests.remove((name, words, pipeline, count))
                    continue
                (our_rate, our_cpu, one), (peer_rate, peer_cpu, two) = got[bench.ours], got[bench.peer]
                cpu[name, pipeline].add(our_cpu, peer_cpu, (one, two))
                rate[name, pipeline].add(our_rate, peer_rate, (one, two))
            for server in (bench.ours, bench.peer):
                with server.connect() as connection:
                    if connection.ask("LLEN", "hundreds") != 200:
                        raise Trouble(f"{server.name}: the list of hundreds has changed")
    finally:
        stop(bench)


def stop(bench):
    for server in (bench.ours, bench.peer):
        folder = getattr(server, "folder", None)
        server.stop()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


# ---- filling ---------------------------------------------------------------------------------------------------------


def templated(template, count, columns, commands_per_line=1):
    """`count` lines of a template with `columns` numbers each, all of them the line's number, in chunks."""
    whole = template * CHUNK
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        numbers = tuple(n for n in range(start, start + size) for _ in range(columns))
        yield (whole if size == CHUNK else template * size) % numbers, size * commands_per_line


def set_chunks(count, value_bytes):
    template = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%%012d\r\n$%d\r\n%%0%dd\r\n" % (value_bytes, value_bytes)
    return templated(template, count, 2)


def counter_chunks(count, digits):
    """With `digits`: of different values, none below 10000, since Redis shares small ones and they cost it nothing."""
    if digits is None:
        return templated(b"*2\r\n$4\r\nINCR\r\n$16\r\nkey:%012d\r\n", count, 1)
    template = b"*3\r\n$6\r\nINCRBY\r\n$16\r\nkey:%%012d\r\n$%d\r\n9%%0%dd\r\n" % (digits + 1, digits)
    return templated(template, count, 2)


def get_chunks(count):
    return templated(b"*2\r\n$3\r\nGET\r\n$16\r\nkey:%012d\r\n", count, 1)


def long_deque_chunks(count):
    return templated(b"*3\r\n$5\r\nRPUSH\r\n$3\r\nbig\r\n$16\r\ne%015d\r\n", count, 1)


def short_deque_chunks(count):
    element = b"$16\r\ne%015d\r\n"
    return templated(b"*7\r\n$5\r\nRPUSH\r\n$16\r\nkey:%012d\r\n" + element * 5, count, 6)


def llen_chunks(count):
    return templated(b"*2\r\n$4\r\nLLEN\r\n$16\r\nkey:%012d\r\n", count, 1)


# ---- memory ----------------------------------------------------------------------------------------------------------


def memory(bench):
    n = bench.keys
    kinds = [
        ("key of 16 bytes, value of 16", n, n, 0.55, lambda: set_chunks(n, 16), (lambda: get_chunks(n), 2)),
        ("key of 16 bytes, value of 64", n, n, 0.68, lambda: set_chunks(n, 64), (lambda: get_chunks(n), 2)),
        ("key of 16 bytes, counter by INCRBY", n, n, 0.50, lambda: counter_chunks(n, 7), (lambda: get_chunks(n), 2)),
        ("the same by INCR, all 1", n, n, None, lambda: counter_chunks(n, None), (lambda: get_chunks(n), 2)),
        ("element of 16 bytes in one deque", n, 1, 1.0, lambda: long_deque_chunks(n), None),
        ("deque of 5 x 16 bytes", n // 5, n // 5, 0.50, lambda: short_deque_chunks(n // 5),
         (lambda: llen_chunks(n // 5), 1)),
    ]
    for name, divisor, keys, goal, chunks, read in kinds:
        if not bench.wants("memory", name):
            continue
        resident = bench.row("memory, resident", name, "bytes", True, goal)
        counted = bench.row("memory, used_memory", name, "bytes", True)
        speed = bench.row("filling, one connection", name, "CPU µs per command", True)
        try:
            found = bench.both(0, lambda s: _memory_of(bench, s, name, divisor, keys, chunks, read))
        finally:
            stop(bench)
        (r1, c1, s1, w1), (r2, c2, s2, w2) = found[bench.ours], found[bench.peer]
        resident.add(r1, r2, (w1, w2))
        counted.add(c1, c2, (w1, w2))
        speed.add(s1, s2, (w1, w2))
        resident.doubtful[0] = counted.doubtful[0] = False  # memory does not depend on who else is working


def _memory_of(bench, server, name, divisor, keys, chunks, read):
    bench.say(f"memory: {server.name}, {name}")
    server.start("memory", bench.folder(server))
    time.sleep(0.5)
    empty = server.memory()
    with machine.Watch(server.process.pid) as watch:
        fill(server.port, chunks())
    if read is not None:
        fill(server.port, read[0](), read[1])
    with server.connect() as connection:
        found = connection.ask("DBSIZE")
        if found != keys:
            raise Trouble(f"{server.name} has {found} keys after being filled with {keys}")
        if keys == 1 and connection.ask("LLEN", "big") != divisor:
            raise Trouble(f"{server.name} has lost elements of a deque")
    time.sleep(2)
    resident, counted = server.memory()
    folder = server.folder
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return ((resident - empty[0]) / divisor, (counted - empty[1]) / divisor, watch.cpu_s[0] * 1e6 / divisor, watch)


# ---- restart ---------------------------------------------------------------------------------------------------------


def restart(bench):
    if not bench.peer.can("log"):
        bench.notes.append("restart is left out: the peer was given arguments of its own")
        return
    row = bench.row("restart", f"from the log, {bench.keys:,} keys", "seconds", True, 0.40)
    size = bench.row("restart", "size of the log on disk, per key", "bytes", True)
    folders = {}
    try:
        for server in (bench.ours, bench.peer):
            bench.say(f"restart: filling {server.name}")
            folders[server] = bench.folder(server)
            server.start("log", folders[server])
            fill(server.port, set_chunks(bench.keys, 64))
            server.stop()
        for number in range(min(bench.rounds, 3)):
            bench.say(f"restart: round {number + 1}")
            got = bench.both(number, lambda s: restarted(s, "log", folders[s], bench.keys))
            row.add(got[bench.ours][0], got[bench.peer][0], (got[bench.ours][1], got[bench.peer][1]))
        sizes = {s: _bytes_below(folders[s]) / bench.keys for s in folders}
        size.add(sizes[bench.ours], sizes[bench.peer], ())
    finally:
        stop(bench)
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def restarted(server, role, folder, keys):
    """(seconds, Watch); the server has ended again.

    The bench itself asks again and again, but sleeps between: what it uses is counted as the driver's."""
    with machine.Watch() as watch:
        took = server.start(role, folder, keys=keys)
        watch.pids, watch._cpu, watch._stat = (server.process.pid,), [0.0], [0.0]
    server.stop()
    return took, watch


def _bytes_below(folder):
    return sum(os.stat(os.path.join(where, name)).st_blocks * 512
               for where, _, names in os.walk(folder) for name in names if name != "output.txt")


# ---- durable writes --------------------------------------------------------------------------------------------------


def durable(bench):
    if not bench.peer.can("durable"):
        bench.notes.append("durable writes are left out: the peer was given arguments of its own")
        return
    def named(clients, pipeline):
        return f"SET, {clients} client{'s' if clients > 1 else ''}, pipeline {pipeline}"

    tests = [(clients, pipeline, count) for clients, pipeline, count in
             ((1, 1, 3000), (1, 16, 30_000), (50, 1, 60_000), (50, 16, 400_000))
             if bench.wants("durable", named(clients, pipeline))]
    rate, cpu = {}, {}
    for clients, pipeline, _ in tests:
        name = named(clients, pipeline)
        goal = 1.4 if clients == 50 else None
        rate[clients, pipeline] = bench.row("durable writes", name, "requests/s", False, goal)
    for clients, pipeline, _ in tests:
        name = rate[clients, pipeline].name
        cpu[clients, pipeline] = bench.row("durable writes, server CPU", name, "µs per request", True)
    try:
        for server in (bench.ours, bench.peer):
            server.start("durable", bench.folder(server))
        for number in range(bench.rounds):
            for clients, pipeline, count in tests:
                bench.say(f"durable: round {number + 1} of {bench.rounds}, {clients} clients, pipeline {pipeline}")
                if bench.quick:
                    count //= 4
                words = ["SET", "key:__rand_int__", VALUE]
                got = bench.both(number, lambda s: drive(s, words, count, pipeline, clients))
                watches = (got[bench.ours][2], got[bench.peer][2])
                rate[clients, pipeline].add(got[bench.ours][0], got[bench.peer][0], watches)
                cpu[clients, pipeline].add(got[bench.ours][1], got[bench.peer][1], watches)
    finally:
        stop(bench)


# ---- start -----------------------------------------------------------------------------------------------------------


def start(bench):
    took = bench.row("start", "from exec to PONG", "ms", True, 1.0)
    idle = bench.row("start", "resident memory when idle", "MiB", True, 1.2)
    for number in range(max(3, min(9, bench.rounds * 2 - 1))):
        bench.say(f"start: {number + 1}")
        got = bench.both(number, lambda s: _started(bench, s))
        watches = (got[bench.ours][2], got[bench.peer][2])
        took.add(got[bench.ours][0], got[bench.peer][0], watches)
        idle.add(got[bench.ours][1], got[bench.peer][1], watches)
        idle.doubtful[-1] = False


def _started(bench, server):
    folder = bench.folder(server)
    with machine.Watch() as watch:
        took = server.start("memory", folder)
        watch.pids, watch._cpu, watch._stat = (server.process.pid,), [0.0], [0.0]
    time.sleep(0.3)
    resident = machine.resident_bytes(server.process.pid)
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return took * 1000, resident / 1048576, watch


SECTIONS = {"cpu": requests, "memory": memory, "restart": restart, "durable": durable, "start": start}
