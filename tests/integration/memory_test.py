#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A server with little memory under a load of writes: it stays below maxmemory, keeps what is used, and comes back from
its log with the same keys. Run with the server's own allocator, which the accounts compute rather than ask."""

import os
import random
import resource
import subprocess

from support.client import Error
from support.runner import equal, run, seed
from support.server import BUILD, SANITIZED, Folder, Server

LIMIT = 24 << 20
CLI = os.environ.get("GEOMYS_CLI", os.path.join(BUILD, "geomys-cli"))
HOT = [f"hot:{i}" for i in range(50)]
ROUNDS = 30 if SANITIZED else 150


def write_much(client, chance):
    """Some hundred MB through 24; the hot keys are read between. The most memory that INFO has told."""
    most = 0
    for key in HOT:
        client.call("SET", key, "x" * 100)
    for turn in range(ROUNDS):
        calls = []
        for _ in range(200):
            key = chance.randrange(1 << 30)
            calls.append(("SET", f"key:{key}", "v" * chance.randrange(8000)))
            calls.append(("RPUSH", f"list:{key % 500}", "e" * chance.randrange(2000), "small"))
            calls.append(("SET", f"short:{key}", "v" * chance.randrange(100), "EX", 1000 + key % 1000))
        calls += [("GET", key) for key in HOT]
        for reply in client.pipeline(calls):
            assert not isinstance(reply, Error), reply
        memory = client.info("memory")
        most = max(most, int(memory["used_memory"]) - int(memory["mem_not_counted_for_evict"]))
    return most


def test_under_load():
    chance = random.Random(seed())
    for policy in ("allkeys-lru", "allkeys-lfu"):
        with Folder() as folder, Server(folder, persistence="bufferedwrite", maxmemory=LIMIT, maxmemory_policy=policy,
                                        lfu_log_factor=1) as server:
            with server.client() as client:
                most = write_much(client, chance)
                assert LIMIT * 0.9 < most <= LIMIT + 16384, most  # the slack: what one command writes
                stats = client.info("stats")
                assert int(stats["evicted_keys"]) > 1000, stats
                kept = client.call("EXISTS", *HOT)
                # All that is stored changes within a second, and recency counts in seconds: only frequency can tell.
                assert policy == "allkeys-lru" or kept >= len(HOT) - 3, f"{policy}: {kept} of {len(HOT)} are left"
                digest = client.call("DEBUG", "DIGEST")
                info = client.info("memory")
                types = sum(int(v) for k, v in info.items() if k.startswith("used_memory_type_"))
                equal(types, int(info["used_memory_dataset"]))
                equal(types, sum(int(v) for k, v in info.items() if k.startswith("used_memory_module_")))
            server.restart(maxmemory=0)
            with server.client() as client:
                equal(client.call("DEBUG", "DIGEST"), digest)
                equal(client.info("stats")["evicted_keys"], "0")


def test_the_same_after_a_crash():
    chance = random.Random(seed())
    with Folder() as folder, Server(folder, persistence="writethroughdisk", maxmemory=4 << 20,
                                    maxmemory_policy="volatile-lru") as server:
        with server.client() as client:
            for _ in range(20):
                client.pipeline([("SET", f"key:{chance.randrange(1 << 30)}", "v" * chance.randrange(9000), "EX", 5000)
                                 for _ in range(100)])
            assert int(client.info("stats")["evicted_keys"]) > 50
            digest = client.call("DEBUG", "DIGEST")
        server.kill()
        server.restart(maxmemory=0)
        with server.client() as client:
            equal(client.call("DEBUG", "DIGEST"), digest)
        done = subprocess.run([os.environ.get("GEOMYS_LOG", os.path.join(BUILD, "geomys-log")), "print",
                               *server.segments()], capture_output=True, check=False)
        assert b"evicted" in done.stdout, done.stderr


def test_keys_by_idle():
    with Folder() as folder, Server(folder, persistence="none") as server:
        with server.client() as client:
            client.call("SET", "one", "1")
            client.call("RPUSH", "two", "2")
        call = [CLI, "-p", str(server.port), "--keys", "--by", "idle"]
        done = subprocess.run(call, capture_output=True, check=False)
        lines = [line.split(b"\t") for line in done.stdout.splitlines()]
        equal(sorted((line[1], line[2]) for line in lines), [(b"list", b"two"), (b"string", b"one")])
        assert all(int(line[0]) < 60 for line in lines), lines
        with server.client() as client:
            client.call("CONFIG", "SET", "maxmemory-policy", "volatile-lfu")
        done = subprocess.run(call, capture_output=True, check=False)
        equal(done.returncode, 1)
        assert b"its maxmemory_policy is one of lfu" in done.stderr, done.stderr


def test_doctor_and_stats():
    with Folder() as folder, Server(folder, persistence="none") as server, server.client() as client:
        assert client.call("MEMORY", "DOCTOR").startswith(b"Nothing is wrong"), client.call("MEMORY", "DOCTOR")
        client.call("SET", "k", "v" * 1000)
        client.call("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "volatile-lru")
        equal(client.call("SET", "k", "w").code, "OOM")
        told = client.call("MEMORY", "DOCTOR")
        assert b"leaves nothing to evict" in told and b"there are none" in told, told
        reply = client.call("MEMORY", "STATS")
        stats = dict(zip(reply[::2], reply[1::2]))
        equal(stats[b"keys.count"], 1)
        equal(stats[b"total.allocated"], stats[b"dataset.bytes"] + stats[b"overhead.total"])
        equal(stats[b"module.geomys.kv"], [b"keys", 1, b"bytes", stats[b"dataset.bytes"]])
        if b"allocator.allocated" in stats:
            assert stats[b"allocator.allocated"] >= stats[b"total.allocated"], stats


def test_a_transaction_takes_no_more_than_there_is():
    with Folder() as folder, Server(folder, persistence="none", maxmemory="100mb") as server:
        with server.client() as client:
            before = server.memory("VmHWM")
            equal(client.call("MULTI"), b"OK")
            for number in range(6):
                equal(client.call("SETRANGE", f"k{number}", 536870911, "x"), b"QUEUED")
            for reply in client.call("EXEC"):
                equal(reply.code, "OOM")
            equal(client.call("DBSIZE"), 0)
            assert server.memory("VmHWM") < before + (64 << 20), server.memory("VmHWM")


def leave(server, size):
    """The process gets no more than so many bytes beside what it has."""
    with open(f"/proc/{server.pid}/statm", encoding="ascii") as statm:
        has = int(statm.read().split()[0]) * resource.getpagesize()
    hard = resource.prlimit(server.pid, resource.RLIMIT_AS)[1]
    resource.prlimit(server.pid, resource.RLIMIT_AS, (has + size, hard))


def test_what_a_command_needs_for_itself_is_refused():
    if SANITIZED:
        return  # it maps terabytes
    with Folder() as folder, Server(folder, persistence="none") as server, server.client() as client:
        for key in ("a", "b"):
            client.call("SET", key, key * 4000)
        leave(server, 24 << 20)
        reply = client.call("LCS", "a", "b")
        assert reply.code == "OOM" and "no memory for what this command needs" in str(reply), reply
        equal(client.call("LCS", "a", "b", "LEN"), 0)
        equal(client.call("PING"), b"PONG")


def test_what_a_change_needs_is_refused_before_it():
    if SANITIZED:
        return
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server, server.client() as client:
        client.call("SET", "a", "v")
        leave(server, 64 << 20)
        for call in (("SETRANGE", "a", 300 << 20, "x"), ("SETBIT", "b", 1 << 31, 1), ("SETRANGE", "b", 536870911, "x")):
            reply = client.call(*call)
            assert reply.code == "OOM" and "no memory for what this command needs" in str(reply), reply
        equal(client.call("GET", "a"), b"v")
        equal(client.call("EXISTS", "b"), 0)


def test_without_memory_it_ends_with_one_sentence():
    if SANITIZED:
        return
    with Folder() as folder:
        server = Server(folder, persistence="writethroughdisk")
        try:
            acknowledged = 0
            with server.client() as client:
                before = len(server.text().splitlines())
                leave(server, 24 << 20)
                try:
                    for number in range(2000):
                        equal(client.call("RPUSH", "list", "e" * 90000), number + 1)
                        acknowledged = number + 1
                except (OSError, AssertionError):
                    pass
            assert server.process.ended(20) and server.process.returncode != 0
            assert 50 < acknowledged < 2000, acknowledged
            told = server.text().splitlines()[before:]
            equal(len(told), 1)
            assert "out of memory: the system has not given" in told[0], told
            server.restart()
            with server.client() as client:
                assert client.call("LLEN", "list") >= acknowledged
        finally:
            server.kill()


if __name__ == "__main__":
    run(globals())
