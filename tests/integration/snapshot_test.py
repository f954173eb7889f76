#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Snapshots as an operator meets them: made on request and by themselves, kept in two generations, read at the start,
replaced by the older one when damaged, and never a reason to lose anything.

Idea    DEBUG DIGEST tells whether two sets of data are equal; it is asked before the server ends and after it has come
        back.
"""

import os
import random
import shutil
import threading
import time

from support.client import Error
from support.runner import equal, run, seed
from support.server import SLOW, Folder, Server, wait_until


def data(server):
    return server.settings["data_folder"]


def snapshots(server):
    return sorted(name for name in os.listdir(data(server)) if name.endswith(".snap") and name.startswith("snapshot-"))


def cut_of(name):
    return int(name[len("snapshot-"): -len(".snap")])


def fill(client, keys, word=b"v"):
    for start in range(0, keys, 500):
        calls = []
        for key in range(start, min(start + 500, keys)):
            calls.append(("SET", b"key:%d" % key, word * (key % 90)))
            if key % 3 == 0:
                calls.append(("RPUSH", b"list:%d" % key, word, b"%d" % key))
            if key % 5 == 0:
                calls.append(("INCRBY", b"count:%d" % key, key))
            if key % 7 == 0:
                calls.append(("PEXPIRE", b"key:%d" % key, 10_000_000 + key))
        for answer in client.pipeline(calls):
            assert not isinstance(answer, Error), answer


def digest(server):
    with server.client(timeout_s=60 * SLOW) as client:
        return client.call("DEBUG", "DIGEST")


def save(server):
    with server.client(timeout_s=60 * SLOW) as client:
        equal(client.call("SAVE"), b"OK", "SAVE")


def info(server):
    with server.client() as client:
        return client.info("persistence")


def killed_and_back(server):
    """The same data after kill -9 and a start."""
    before = digest(server)
    server.kill()
    server.restart()
    equal(digest(server), before, "the digest after the start")


def small(folder, **settings):
    return Server(folder, wal_segment_size="64kb", **settings)


def flip(path, at=0.5):
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(int(size * at))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0x10]))


# ---- made and read ----


def made_and_read(**settings):
    with Folder() as folder, small(folder, **settings) as server:
        with server.client() as client:
            fill(client, 3000)
            started = int(time.time())
            equal(client.call("SAVE"), b"OK", "SAVE")
            equal(len(snapshots(server)), 1, "snapshots")
            assert client.call("LASTSAVE") >= started, client.call("LASTSAVE")
            told = client.info("persistence")
            equal(told["rdb_bgsave_in_progress"], "0")
            equal(told["rdb_last_bgsave_status"], "ok")
            equal(told["rdb_changes_since_last_save"], "0")
            equal(client.call("SET", "after", "the snapshot"), b"OK")
            equal(client.call("LPOP", "list:3"), b"v")
            equal(client.info("persistence")["rdb_changes_since_last_save"], "2")
        killed_and_back(server)
        told = info(server)
        equal(int(told["snapshot_loaded_records"]), 3000 + 1000 + 600, "records of the snapshot")
        equal(told["log_loaded_records"], "2", "records of the log behind it")


def test_plain():
    made_and_read(snapshot_compression="none")


def test_lz4():
    made_and_read(snapshot_compression="lz4")


def test_zstd_and_bufferedwrite():
    made_and_read(snapshot_compression="zstd", persistence="bufferedwrite")


def test_the_commands_as_clients_know_them():
    with Folder() as folder, small(folder) as server, server.client() as client:
        equal(client.call("SAVE"), b"OK", "with nothing stored")
        equal(snapshots(server), [], "snapshots of nothing")
        fill(client, 100)
        equal(client.call("BGSAVE"), b"Background saving started")
        wait_until(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "0", "BGSAVE shall end")
        equal(len(snapshots(server)), 1)
        equal(client.call("SET", "more", "1"), b"OK")
        equal(client.call("BGREWRITEAOF"), b"Background append only file rewriting started")
        wait_until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == "0", "BGREWRITEAOF shall end")
        equal(len(snapshots(server)), 2)
        equal(client.call("SAVE"), b"OK", "with nothing new")
        equal(len(snapshots(server)), 2)
        equal(client.call("MULTI"), b"OK")
        assert "not allowed inside a transaction" in client.call("SAVE")
        equal(client.call("DISCARD"), b"OK")


def test_persistence_none_says_so():
    with Folder() as folder, Server(folder, persistence="none") as server, server.client() as client:
        for name in ("SAVE", "BGSAVE", "BGREWRITEAOF"):
            assert "persistence is none" in client.call(name), client.call(name)


# ---- generations ----


def test_two_generations_stay_and_the_log_before_them_goes():
    with Folder() as folder, small(folder) as server:
        for word in (b"a", b"b", b"c", b"d"):
            with server.client() as client:
                fill(client, 2000, word)
            save(server)
        wait_until(lambda: len(snapshots(server)) == 2, "two snapshots shall stay")
        older = cut_of(snapshots(server)[0])

        def trimmed():
            firsts = [int(os.path.basename(name)[4:24]) for name in server.segments()]
            return firsts[0] > 1 and (len(firsts) < 2 or firsts[1] > older + 1) and firsts[0] <= older + 1

        wait_until(trimmed, "the log before the older snapshot shall go, and no more")
        killed_and_back(server)
        equal(server.stop(), 0)
        server.restart()
        save(server)


def test_by_the_size_of_the_log():
    with Folder() as folder, small(folder, snapshot_log_size="256kb") as server:
        with server.client() as client:
            for word in (b"a", b"b", b"c", b"d", b"e"):
                fill(client, 2000, word)
            wait_until(lambda: int(client.info("persistence")["rdb_saves"]) >= 2, "snapshots shall come by themselves")
        killed_and_back(server)
        assert int(info(server)["snapshot_loaded_records"]) > 0


def test_by_time():
    with Folder() as folder, small(folder, snapshot_interval_s=1) as server, server.client() as client:
        equal(client.call("SET", "a", "1"), b"OK")
        wait_until(lambda: len(snapshots(server)) == 1, "a snapshot shall come by itself")
        equal(client.call("CONFIG", "SET", "snapshot_interval_s", "3600"), b"OK")


# ---- damage ----


def two_generations(server):
    for word in (b"a", b"b"):
        with server.client() as client:
            fill(client, 1500, word)
        save(server)
    with server.client() as client:
        equal(client.call("SET", "after", "both"), b"OK")


def test_a_damaged_snapshot_is_replaced_by_the_older_one():
    for at in (0.0, 0.3, 0.999):
        with Folder() as folder, small(folder) as server:
            two_generations(server)
            before = digest(server)
            older, newest = snapshots(server)
            server.kill()
            flip(os.path.join(data(server), newest), at)
            with open(os.path.join(data(server), newest), "rb") as file:
                damaged = file.read()
            server.restart()
            equal(digest(server), before, "the digest")
            equal(snapshots(server), [older])
            with open(os.path.join(data(server), "damaged-1-" + newest), "rb") as file:
                equal(file.read() == damaged, True, "the damaged file is kept as it was")
            assert newest in server.text() and "is tried instead" in server.text(), server.tail()
            save(server)
            killed_and_back(server)


def test_a_cut_snapshot_is_damaged_too():
    with Folder() as folder, small(folder) as server:
        two_generations(server)
        before = digest(server)
        path = os.path.join(data(server), snapshots(server)[1])
        server.kill()
        os.truncate(path, os.path.getsize(path) // 2)
        server.restart()
        equal(digest(server), before, "the digest")


def refuses(server, *parts):
    names = {name: os.path.getsize(os.path.join(data(server), name)) for name in sorted(os.listdir(data(server)))}
    try:
        server.restart()
    except AssertionError:
        pass
    else:
        raise AssertionError("the server has started")
    text = server.text()
    for part in parts:
        assert part in text, f"'{part}' is not in:\n{text}"
    after = {name: os.path.getsize(os.path.join(data(server), name)) for name in sorted(os.listdir(data(server)))}
    names.pop("lock"), after.pop("lock")
    equal(after, names, "the files")


def test_without_a_good_snapshot_it_refuses_and_touches_nothing():
    with Folder() as folder, small(folder) as server:
        two_generations(server)
        for word in (b"c", b"d"):
            with server.client() as client:
                fill(client, 2000, word)
            save(server)
        wait_until(lambda: "-00000000000000000001.log" not in server.segments()[0], "the first segment shall go")
        server.kill()
        for name in snapshots(server):
            flip(os.path.join(data(server), name))
        refuses(server, "are in no segment any more", "Why no snapshot could be read: snapshot-")


def test_a_hole_between_snapshot_and_log_is_refused():
    with Folder() as folder, small(folder) as server:
        two_generations(server)
        with server.client() as client:
            fill(client, 3000, b"c")
        server.kill()
        newest = cut_of(snapshots(server)[1])
        needed = [name for name in server.segments() if int(os.path.basename(name)[4:24]) <= newest + 1][-1]
        hidden = os.path.join(folder, "hidden")
        shutil.move(needed, hidden)
        refuses(server, "the log has a gap")
        shutil.move(hidden, needed)
        server.restart()


def test_a_snapshot_alone_is_a_backup():
    with Folder() as folder, small(folder) as server:
        with server.client() as client:
            fill(client, 500)
        save(server)
        before = digest(server)
        equal(server.stop(), 0)
        for name in os.listdir(data(server)):
            if not name.endswith(".snap"):
                os.remove(os.path.join(data(server), name))
        server.restart()
        equal(digest(server), before, "the digest")
        with server.client() as client:
            equal(client.call("SET", "more", "1"), b"OK")
        killed_and_back(server)


# ---- meanwhile ----


class Load(threading.Thread):
    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.client = server.client()
        self.dice = random.Random(number)
        self.ends = threading.Event()
        self.wrong = None

    def run(self):
        try:
            while not self.ends.is_set():
                key = self.dice.randrange(3000)
                answers = self.client.pipeline([
                    ("SET", b"key:%d" % key, b"w" * self.dice.randrange(200)), ("INCR", b"count:%d" % key),
                    ("RPUSH", b"list:%d" % key, b"x"), ("LPOP", b"list:%d" % self.dice.randrange(3000)),
                    ("DEL", b"key:%d" % self.dice.randrange(3000)),
                    ("RENAME", b"count:%d" % key, b"count:%d" % self.dice.randrange(3000)),
                    ("RPUSH", b"large", b"y" * 100)])
                for answer in answers[:4]:
                    assert not isinstance(answer, Error), answer
        except BaseException as wrong:
            self.wrong = wrong


def test_under_load():
    number = seed()
    with Folder() as folder, small(folder, persistence="bufferedwrite") as server:
        with server.client() as client:
            fill(client, 3000)
            for _ in range(20):
                client.pipeline([("RPUSH", "large", *[b"e" * 50] * 500)] * 4)
        loads = [Load(server, number + i) for i in range(3)]
        for load in loads:
            load.start()
        for _ in range(6):
            save(server)
        for load in loads:
            load.ends.set()
            load.join(30)
            if load.wrong is not None:
                raise load.wrong
        told = info(server)
        equal(told["rdb_saves"], "6")
        assert int(told["snapshot_values_before_change"]) >= 0
        with server.client() as client:
            equal(client.call("WAITAOF", "1", "0", "0"), [1, 0])
        killed_and_back(server)


def test_everything_removed_meanwhile():
    with Folder() as folder, small(folder) as server, server.client() as client, server.client() as other:
        fill(client, 20000)
        client.send("SAVE")
        equal(other.call("FLUSHALL"), b"OK")
        equal(other.call("SET", "left", "1"), b"OK")
        equal(client.receive(), b"OK", "SAVE")
        equal(info(server)["rdb_saves"], "1", "a snapshot was made all the same")
        equal(len(snapshots(server)), 1)
        killed_and_back(server)
        with server.client() as again:
            equal(again.call("DBSIZE"), 1)


def test_the_server_ends_while_a_snapshot_is_made():
    with Folder() as folder, small(folder) as server:
        with server.client() as client:
            fill(client, 20000)
            equal(client.call("BGSAVE"), b"Background saving started")
        before = digest(server)
        equal(server.stop(), 0, "the exit code")
        server.restart()
        equal(digest(server), before, "the digest")
        save(server)
        equal([name for name in os.listdir(data(server)) if name.endswith(".tmp")], [], "temporary files")


if __name__ == "__main__":
    run(globals())
