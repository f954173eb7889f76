# SPDX-License-Identifier: MIT
"""What is measured of a cluster: each function adds rows to the run, and leaves no process.

Rules   1  Load is redis-benchmark with 50 clients: SET of 64 bytes to random keys of a fixed set, at the leader.
        2  Everything is as it is by default (writethroughdisk, write_acks local) unless the row says otherwise.
        3  What a node has is what it says in INFO: the number of its last record, or of its keys.

Limits  All nodes share the cores and the disk of one machine, with the load beside them: what is measured is that, and
        not three machines. The network costs nothing here."""

import itertools
import os
import random
import shutil
import signal
import statistics
import subprocess
import threading
import time

import machine
from measures import CLIENTS, VALUE, set_chunks
from nodes import LOOK_S, NO_SNAPSHOTS, Cluster, Node, wait_until
from run import launch
from servers import Peer, Trouble, fill

MIB = 1024 * 1024
KEYS = 100_000  # that the load writes to
NOT_DONE = 2_000_000_000
WINDOW_MIB = 0  # of the newest log that is kept in memory; replication_window is not heeded yet


class Load:
    """with Load(node, pipeline): it is written to until the block is left, or the node is gone."""

    def __init__(self, run, node, pipeline=1):
        self.command = ["redis-benchmark", "-p", str(node.port), "-c", str(CLIENTS), "-P", str(pipeline), "-n",
                        str(NOT_DONE), "-r", str(KEYS), "-q", "SET", "key:__rand_int__", VALUE]
        self.run = run

    def __enter__(self):
        self.process = launch.Process(self.command, os.devnull, self.run.scratch)
        return self

    def __exit__(self, *_):
        self.process.kill_and_wait()


def drive(node, requests, pipeline):
    command = ["redis-benchmark", "-p", str(node.port), "-c", str(CLIENTS), "-P", str(pipeline), "-n", str(requests),
               "-r", str(KEYS), "-q", "SET", "key:__rand_int__", VALUE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0 or "rror" in done.stdout + done.stderr:
        raise Trouble(f"redis-benchmark: {(done.stderr or done.stdout).strip()[:200]}")


# ---- 1: the leader is killed ----


class Writer(threading.Thread):
    """Writes through a follower, one after the other; `accepted` is when the first was that was sent after `since`."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.talk = node.talk(timeout_s=60)
        self.since = self.accepted = None
        self.errors, self.done = 0, False
        self.start()

    def run(self):
        try:
            for number in itertools.count():
                sent = time.monotonic()
                try:
                    took = self.talk.ask("SET", "written", number) == b"OK"
                except Trouble:
                    took = False
                    self.errors += 1
                if took and self.since is not None and sent >= self.since:
                    self.accepted = time.monotonic()
                if self.done or self.accepted is not None:
                    return
        finally:
            self.talk.input.close()
            self.talk.socket.close()


def failover(run):
    row = run.row("kill -9 of the leader under load, to the first write that a follower accepts", "s", 2.0, 4.0)
    errors = 0
    with Cluster(run.program, run.folder("failover")) as cluster:
        for _ in range(run.trials):
            leader = cluster.leader()
            through = random.choice(cluster.followers())
            with run.watched(row), Load(run, leader):
                writer = Writer(through)
                time.sleep(random.uniform(1.0, 2.0))
                leader.process.kill()
                writer.since = time.monotonic()
                writer.join(60)
                writer.done = True
            if writer.accepted is None:
                raise Trouble("no write was accepted within a minute of the leader's death")
            row.add(writer.accepted - writer.since)
            errors += writer.errors
            leader.kill()
            leader.start()
            leader.wait()
            cluster.complete()
    row.note = f"{errors} commands of that client got an error in {run.trials} trials"


# ---- 2: what a follower costs ----


def cpu(run):
    for persistence, pipeline, requests in (("bufferedwrite", 16, 400_000), ("bufferedwrite", 1, 60_000),
                                            ("writethroughdisk", 16, 200_000)):
        row = run.row(f"leader's CPU per request, one follower / none: {persistence}, pipeline {pipeline}", "", 1.18)
        requests //= 4 if run.quick else 1
        folder = run.folder("cpu")
        settings = {"persistence": persistence, **NO_SNAPSHOTS}
        spent = {1: [], 2: []}
        with Cluster(run.program, os.path.join(folder, "alone"), 1, **settings) as alone, \
                Cluster(run.program, os.path.join(folder, "pair"), 2, **settings) as pair:
            for cluster in (alone, pair):
                drive(cluster.leader(), 2 * requests, pipeline)
            for number in range(run.trials):
                with run.watched(row):
                    for cluster in (alone, pair) if number % 2 == 0 else (pair, alone):
                        spent[len(cluster.nodes)].append(_cpu_of(cluster, requests, pipeline))
                row.add(spent[2][-1] / spent[1][-1])
        row.note = " against ".join(f"{statistics.median(spent[n]) * 1e6:.2f}" for n in (2, 1)) + " us"
        shutil.rmtree(folder)


def _cpu_of(cluster, requests, pipeline):
    """Seconds per request, until the followers have all."""
    leader = cluster.leader()
    others = [node for node in cluster.nodes if node is not leader]
    before = machine.cpu_seconds(leader.pid)
    drive(leader, requests, pipeline)
    reached = leader.reached()
    for node in others:
        wait_until(lambda node=node: node.reached() >= reached, "the follower has all")
    return (machine.cpu_seconds(leader.pid) - before) / requests


# ---- 3: a follower was away ----


def away(run):
    seconds = 3 if run.quick else 10
    row = run.row(f"a follower, away for {seconds} s under load: from its start until it has what it missed", "s")
    whole = run.row("... was sent a snapshot", "", 0, 0)
    missed = []
    for pipeline in (1, 16):
        with Cluster(run.program, run.folder("away")) as cluster:
            for _ in range(max(1, run.trials // 2)):
                node = random.choice(cluster.followers())
                with run.watched(row), Load(run, cluster.leader(), pipeline):
                    took, records = _come_back(node, cluster.leader(), seconds)
                row.add(took)
                missed.append(records)
                whole.add(int(node.took_snapshot()))
                node.wait()
                cluster.complete()
    row.note = f"half of the trials with a pipeline of 16; {min(missed):,} to {max(missed):,} records were missed"


def _come_back(node, leader, seconds):
    """(how long it took, how many records it had missed)"""
    time.sleep(1)
    had = node.reached()
    node.kill()
    time.sleep(seconds)
    until = leader.reached()
    began = time.monotonic()
    node.start()
    wait_until(lambda: node.reached() >= until, "the follower has what it missed", look_s=0.005)
    return time.monotonic() - began, until - had


# ---- 4: full sync ----


def _time_sync(first, second, keys):
    """From the start of an emptied node until it has all."""
    second.empty()
    began = time.monotonic()
    second.start(join=first.place)

    def there():
        for node in (first, second):
            if not node.runs():
                raise OSError(f"node {node.number} has ended:\n{node.process.tail(5)}")
        try:
            return second.ask("DBSIZE") == keys
        except (Trouble, ConnectionError):  # it does not listen yet, or is loading, or knows of no leader yet
            return False

    wait_until(there, f"it has {keys} keys", look_s=0.02)
    return time.monotonic() - began


class Redis:
    """One that is filled, and one that comes to follow it: at once, not after the five seconds of its default."""

    def __init__(self, run, keys):
        program = shutil.which("redis-server")
        if program is None:
            raise Trouble("there is no redis-server to compare the full sync with")
        self.keys, self.folder, self.program, self.scratch = keys, run.folder("redis"), program, run.scratch
        self.first = self.one("--repl-diskless-sync-delay", "0")

    def one(self, *more):
        server = Peer(self.program, self.scratch)
        usual = server.arguments
        server.arguments = lambda role: [*usual(role), *more]
        return server

    def __enter__(self):
        self.first.start("snapshot", os.path.join(self.folder, "first"))
        fill(self.first.port, set_chunks(self.keys, len(VALUE)))
        return self

    def __exit__(self, *_):
        self.first.kill()

    def sync(self):
        folder = os.path.join(self.folder, "second")
        shutil.rmtree(folder, ignore_errors=True)
        second = self.one("--replicaof", "127.0.0.1", str(self.first.port))

        def there():
            try:
                with second.connect() as talk:
                    return talk.info("replication")["master_link_status"] == "up" and talk.ask("DBSIZE") == self.keys
            except Trouble:  # it is loading
                return False

        began = time.monotonic()
        second.start("snapshot", folder)
        try:
            wait_until(there, "redis-server has all", look_s=0.02)
            return time.monotonic() - began
        finally:
            second.kill()


def _save(node):
    """The seconds that a new snapshot takes: of a leader whose log does not reach back, there is always one already."""
    time.sleep(1.1)  # the time of the last one is told in seconds
    began, since_s = time.monotonic(), int(time.time())
    node.ask("SET", f"key:{0:012d}", VALUE)
    node.ask("BGSAVE")

    def saved():
        info = node.info("persistence")
        return info["rdb_bgsave_in_progress"] == "0" and int(info["rdb_last_save_time"]) >= since_s

    wait_until(saved, "the snapshot is made")
    return time.monotonic() - began


def sync(run):
    keys, trials = run.keys, max(1, run.trials // 4)
    what = f"full sync of {keys:,} keys"
    there = run.row(f"{what} / Redis: from a snapshot that is there", "", 0.5)
    making = run.row(f"{what} / Redis: with making it", "", 1.0)
    seconds = run.row(f"{what}, from a snapshot that is there", "s")
    log = run.row("... by the log, where it reaches back", "s")
    made = run.row("... making the snapshot", "s")
    theirs = run.row("... redis-server, replicaof, diskless, without its delay", "s")
    with Redis(run, keys) as redis, Cluster(run.program, run.folder("sync"), 2, **NO_SNAPSHOTS) as cluster:
        first, second = cluster.nodes
        fill(first.port, set_chunks(keys, len(VALUE)))
        cluster.same()
        with run.watched(log):
            log.add(_time_sync(first, second, keys))
        if second.took_snapshot():
            raise Trouble("there is a snapshot already")
        cluster.complete()
        _save(first)  # the log stays behind the two newest
        for _ in range(trials):
            with run.watched(theirs):
                theirs.add(redis.sync())
            with run.watched(made):
                made.add(_save(first))
            time.sleep(2)  # until what is not needed of the log is gone
            with run.watched(seconds):
                seconds.add(_time_sync(first, second, keys))
            if not second.took_snapshot():
                raise Trouble("the follower got no snapshot, though there is one")
            cluster.complete()
            there.add(seconds.values[-1] / theirs.values[-1])
            making.add((made.values[-1] + seconds.values[-1]) / theirs.values[-1])


# ---- 5, 6: memory ----


def _peak(node, seconds):
    most = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        most = max(most, node.resident())
        time.sleep(LOOK_S)
    return most


def stopped(run):
    """What is kept for whoever follows is in it, and what waits for the one that takes nothing."""
    seconds = 8 if run.quick else 15
    row = run.row("leader's RSS at most, a follower stopped under load, above itself without followers", "MiB",
                  WINDOW_MIB + 16, WINDOW_MIB + 16)
    beside = run.row("... above itself when both follow", "MiB")
    for _ in range(max(1, run.trials // 4)):
        with run.watched(row):
            with Cluster(run.program, run.folder("alone"), 1, **NO_SNAPSHOTS) as cluster:
                alone = _peak_under_load(run, cluster.leader(), seconds)
            with Cluster(run.program, run.folder("stopped"), 3, **NO_SNAPSHOTS) as cluster:
                leader, (one, _) = cluster.leader(), cluster.followers()
                followed = _peak_under_load(run, leader, seconds)
                cluster.same()
                before = leader.reached()
                os.kill(one.pid, signal.SIGSTOP)
                most = _peak_under_load(run, leader, seconds)
                written = leader.reached() - before
        row.add((most - alone) / MIB)
        beside.add((most - followed) / MIB)
    row.note = (f"{alone / MIB:.0f} MiB alone, {followed / MIB:.0f} followed, {most / MIB:.0f} with one stopped, and "
                f"{written:,} records meanwhile, in the last trial")


def _peak_under_load(run, node, seconds):
    fill(node.port, _keys_of_load())
    with Load(run, node, 16):
        return _peak(node, seconds)


def _keys_of_load():
    for at in range(0, KEYS, 1000):
        yield (b"".join(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$64\r\n%b\r\n" % (i, VALUE.encode())
                        for i in range(at, at + 1000)), 1000)


def resident(run):
    row = run.row("RSS with the node port open, above without a cluster", "MiB", 13, 13)
    three = run.row("... of a leader with two followers", "MiB")
    none = run.row("objects of gRPC that a server without a cluster has mapped", "", 0, 0)
    for _ in range(max(1, run.trials // 2)):
        folder = run.folder("resident")
        plain = Node(run.program, os.path.join(folder, "plain"))
        try:
            plain.start()
            plain.wait()
            with Cluster(run.program, folder, 1) as cluster:
                time.sleep(2)
                least = plain.resident()
                row.add((cluster.nodes[0].resident() - least) / MIB)
            with open(f"/proc/{plain.pid}/maps", encoding="utf-8") as maps:
                none.add(len({line.split()[-1] for line in maps if "grpc" in line or "libgpr" in line}))
            with Cluster(run.program, run.folder("resident")) as cluster:
                time.sleep(2)
                three.add((cluster.leader().resident() - least) / MIB)
        finally:
            plain.kill()


# ---- 7: no change of leader ----

SLOW_S = 1.5
PATTERN = "*[a-f]*[a-f]x*"  # finds nothing, and has to look at all of each name
BIG = 16 * MIB
PARTS = 16


def long_keys(run):
    row = run.row("changes of leader by a KEYS of 1.5 s on it", "", 0, 0)
    took = run.row("... how long it took", "s")
    with Cluster(run.program, run.folder("keys"), persistence="bufferedwrite", **NO_SNAPSHOTS) as cluster:
        row.note = f"over {_fill_until_slow(cluster):,} keys"
        for _ in range(run.trials):
            before = cluster.epoch()
            with run.watched(row):
                began = time.monotonic()
                cluster.nodes[before[0] - 1].ask("KEYS", PATTERN)
                took.add(time.monotonic() - began)
                time.sleep(2)
            row.add(int(cluster.epoch() != before))


def _fill_until_slow(cluster):
    """As many keys as it takes for KEYS to take so long."""
    leader, count = cluster.leader(), 0
    wanted = 1_000_000
    while count < wanted:
        fill(leader.port, _short_keys(count, wanted))
        cluster.same()
        count = wanted
        began = time.monotonic()
        leader.ask("KEYS", PATTERN)
        took = time.monotonic() - began
        if took < SLOW_S:
            wanted = min(12_000_000, int(count * max(1.2, 1.2 * SLOW_S / took)))
    return count


def _short_keys(first, behind):
    for at in range(first, behind, 1000):
        yield (b"".join(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$1\r\nv\r\n" % i
                        for i in range(at, min(at + 1000, behind))), min(1000, behind - at))


def large_exec(run):
    row = run.row(f"changes of leader by an EXEC of {BIG * PARTS // MIB} MiB", "", 0, 0)
    took = run.row("... until the followers have it", "s")
    unknown = 0
    with Cluster(run.program, run.folder("exec")) as cluster:
        for _ in range(max(1, run.trials // 4)):
            number, epoch = cluster.epoch()
            with run.watched(row):
                began = time.monotonic()
                unknown += not _exec(cluster.nodes[number - 1])
                cluster.same()
                took.add(time.monotonic() - began)
                time.sleep(2)
            row.add(cluster.epoch()[1] - epoch)
    row.note = f"{unknown} of the answers were UNCERTAIN" if unknown else ""


def _exec(leader):
    """False if it is not known whether it was done."""
    value = b"v" * BIG
    with leader.talk(timeout_s=120) as talk:
        talk.ask("MULTI")
        for number in range(PARTS):
            talk.ask("SET", f"big:{number}", value)
        try:
            return len(talk.ask("EXEC")) == PARTS
        except Trouble as trouble:
            if str(trouble).startswith("UNCERTAIN"):
                return False
            raise


MEASURES = {"failover": failover, "cpu": cpu, "away": away, "sync": sync, "stopped": stopped, "resident": resident,
            "keys": long_keys, "exec": large_exec}
