# SPDX-License-Identifier: MIT
"""What a snapshot costs while the clients go on writing: its time, its memory, and the longest that a client waits.

Idea    One process writes as fast as it can with 50 clients. Beside it a probe, one client that asks for a key again
        again, keeps the longest time that an answer took: until the snapshot is done, and as long again without
        one. The machine's own hiccups are in both, so what counts is the difference, of several rounds.

Memory  Extra is what the server's resident memory grows by meanwhile, at most; of a peer that forks, also what the
        child had to copy (rdb_last_cow_size). The share is of what the data takes: filled minus empty.

Rules   1  Both are asked by BGSAVE and tell by INFO persistence when they are done, as Redis names it.
        2  Ours writes its log beside (bufferedwrite); the peer none, which is its cheapest way.
        3  A server that does not know BGSAVE is left out, and said so."""

import random
import shutil
import subprocess
import time

import machine
from measures import CLIENTS, VALUE, restarted, set_chunks, stop
from servers import Trouble, fill

SETTLE_S = 2
PATIENCE_S = 300
PROBE_PAUSE_S = 0.0002
LOOK_S = 0.02


class Load:
    """with Load(server, keys): redis-benchmark writes over the whole key space, and is ended behind it."""

    def __init__(self, server, keys):
        self.command = ["redis-benchmark", "-p", str(server.port), "-c", str(CLIENTS), "-n", "2000000000", "-r",
                        str(keys), "-q", "SET", "key:__rand_int__", VALUE]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        time.sleep(SETTLE_S)
        if self.process.poll() is not None:
            raise Trouble("redis-benchmark, which should write during the snapshot, ended at once")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Probe:
    """Asks for random keys until `done(connection)` says so; then the longest wait in ms, and the most resident memory
    that was seen."""

    def __init__(self, server, keys):
        self.server, self.keys = server, keys
        self.longest_ms, self.resident = 0.0, 0

    def run(self, done):
        pid = self.server.process.pid
        look = 0.0
        began = time.monotonic()
        with self.server.connect() as probe, self.server.connect() as other:
            while True:
                key = f"key:{random.randrange(self.keys):012d}"
                asked = time.perf_counter()
                if probe.ask("GET", key) is None:
                    raise Trouble(f"{self.server.name} has lost {key}")
                took = time.perf_counter() - asked
                self.longest_ms = max(self.longest_ms, took * 1000)
                if asked - look >= LOOK_S:
                    look = asked
                    self.resident = max(self.resident, machine.resident_bytes(pid))
                    if done(other):
                        return self
                    if time.monotonic() - began > PATIENCE_S:
                        raise Trouble(f"{self.server.name} has no snapshot after {PATIENCE_S} s")
                time.sleep(PROBE_PAUSE_S)


def ask_for_snapshot(connection):
    """The moment (Unix time), for is_saved."""
    since_s = time.time()
    connection.ask("BGSAVE")
    return since_s


def is_saved(connection, since_s):
    info = connection.info("persistence")
    if info.get("rdb_bgsave_in_progress") != "0":
        return False
    if info.get("rdb_last_bgsave_status") != "ok":
        raise Trouble(f"a snapshot failed: rdb_last_bgsave_status is {info.get('rdb_last_bgsave_status')}")
    return int(info.get("rdb_last_save_time", "0")) >= int(since_s)


def save(server):
    with server.connect() as connection:
        since_s = ask_for_snapshot(connection)
        while not is_saved(connection, since_s):
            if time.time() - since_s > PATIENCE_S:
                raise Trouble(f"{server.name} has no snapshot after {PATIENCE_S} s")
            time.sleep(LOOK_S)


def _can_save(bench, server):
    try:
        save(server)
    except Trouble as trouble:
        if "unknown command" not in str(trouble):
            raise
        bench.notes.append(f"snapshots are left out: {server.name} does not know BGSAVE")
        return False
    return True


class Taken:
    """One snapshot under load."""

    def __init__(self, server, keys, empty):
        with Load(server, keys) as load:
            before = machine.resident_bytes(server.process.pid)
            with machine.Watch(server.process.pid, load.process.pid) as self.watch, server.connect() as connection:
                began = time.monotonic()
                since_s = ask_for_snapshot(connection)
                during = Probe(server, keys).run(lambda c: is_saved(c, since_s))
                self.seconds = time.monotonic() - began
                copied = int(connection.info("persistence").get("rdb_last_cow_size", "0"))
            time.sleep(SETTLE_S)
            until = time.monotonic() + self.seconds
            quiet = Probe(server, keys).run(lambda _: time.monotonic() > until)
        self.watch.others = 0.0  # a child that saves cannot be told from somebody else's work
        extra = max(0, during.resident - before) + (copied if server.forks else 0)
        self.extra = max(extra / (before - empty), 0.001)
        self.pause_ms, self.quiet_ms = during.longest_ms, quiet.longest_ms
        self.above_ms = max(during.longest_ms - quiet.longest_ms, 1.0)  # less cannot be told


def snapshot(bench):
    if not bench.peer.can("snapshot"):
        bench.notes.append("snapshots are left out: the peer was given arguments of its own")
        return
    keys = bench.keys
    wanted = {name: bench.wants("snapshot", name) for name in ("under write load", "restart")}
    if not any(wanted.values()):
        return
    empty, folders = {}, {}
    try:
        for server in (bench.ours, bench.peer):
            folders[server] = bench.folder(server)
            server.start("snapshot", folders[server])
            if not _can_save(bench, server):
                return
            time.sleep(0.5)
            empty[server] = machine.resident_bytes(server.process.pid)
        for server in (bench.ours, bench.peer):
            bench.say(f"snapshot: filling {server.name}")
            fill(server.port, set_chunks(keys, 64))
        if wanted["under write load"]:
            _under_load(bench, keys, empty)
        if wanted["restart"]:
            _restarts(bench, keys, folders)
    finally:
        stop(bench)
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def _under_load(bench, keys, empty):
    title = f"{keys:,} keys of 16 and 64 bytes"
    took = bench.row("snapshot under write load", title, "seconds", True)
    extra = bench.row("snapshot under write load", "extra memory", "share of the data", True, 0.10, True)
    pause = bench.row("snapshot under write load", "longest wait of a client", "ms", True)
    quiet = bench.row("snapshot under write load", "the same without a snapshot", "ms", True)
    above = bench.row("snapshot under write load", "the difference", "ms", True, 5.0, True)
    for number in range(bench.rounds):
        bench.say(f"snapshot: round {number + 1} of {bench.rounds}")
        got = bench.both(number, lambda s: Taken(s, keys, empty[s]))
        ours, peer = got[bench.ours], got[bench.peer]
        watches = (ours.watch, peer.watch)
        took.add(ours.seconds, peer.seconds, watches)
        extra.add(ours.extra, peer.extra, watches)
        pause.add(ours.pause_ms, peer.pause_ms, watches)
        quiet.add(ours.quiet_ms, peer.quiet_ms, watches)
        above.add(ours.above_ms, peer.above_ms, watches)


def _restarts(bench, keys, folders):
    row = bench.row("restart", f"from a snapshot, {keys:,} keys", "seconds", True, 0.40)
    for server in (bench.ours, bench.peer):
        save(server)
        server.kill()
    for number in range(min(bench.rounds, 3)):
        bench.say(f"restart from a snapshot: round {number + 1}")
        got = bench.both(number, lambda s: restarted(s, "snapshot", folders[s], keys))
        row.add(got[bench.ours][0], got[bench.peer][0], (got[bench.ours][1], got[bench.peer][1]))
