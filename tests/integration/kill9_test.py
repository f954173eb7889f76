#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 at any moment, under load, again and again: nothing acknowledged is missing, nothing is half there.

Idea    Some writers pipeline operations, each on keys of its own with a ledger of what it was promised
        (support/ledger.py). The server is killed at a random moment, sometimes again while it recovers, and started on
        the same data; then what it holds must be one of the states that the ledger allows. Segments are small, so that
        kills meet rotation, too; with snapshots, they are made all the time, and the newest one is damaged now and
        then before the start.

Usage   kill9_test.py [word]       GEOMYS_KILL9_ROUNDS (default 10 per policy), GEOMYS_SEED,
        GEOMYS_KEEP=<folder>: a copy of the data of a failure
"""

import os
import random
import shutil
import subprocess
import threading
import time

from support import ledger
from support.client import encode
from support.runner import equal, run, seed
from support.server import LOG_PROGRAM, SLOW, Folder, Server

ROUNDS = int(os.environ.get("GEOMYS_KILL9_ROUNDS", 10 if SLOW == 1 else 5))
WRITERS = 6


class Writer(threading.Thread):
    """Keeps `depth` operations under way until the connection breaks."""

    def __init__(self, server, book, depth):
        super().__init__(daemon=True)
        self.book = book
        self.depth = depth
        self.client = server.client()
        self.wrong = None

    def run(self):
        try:
            while True:
                calls = []
                for _ in range(max(1, self.depth // 2)):
                    calls += self.book.next()
                self.client.send_raw(b"".join(encode(*call) for call in calls))
                while len(self.book.sent) > self.depth // 2:
                    self.book.answered(self.client.receive)
        except (OSError, ValueError):
            pass  # the server is gone; ValueError: from a number that was cut
        except BaseException as wrong:
            self.wrong = wrong
        finally:
            self.client.close()


def verify(server, books):
    survived = 0
    with server.client() as client:
        for book in books:
            survived += book.settle(ledger.read(client, book.keys()))
        keys = sum(len(book.values) for book in books)
        equal(client.call("DBSIZE"), keys, "the number of keys")
    return survived


def verify_log(server):
    if os.path.exists(LOG_PROGRAM):
        done = subprocess.run([LOG_PROGRAM, "verify", server.settings["data_folder"]], capture_output=True, text=True)
        equal(done.returncode, 0, f"geomys-log verify: {done.stdout}{done.stderr}")


class Saver(threading.Thread):
    """Asks for one snapshot after the other until the connection breaks."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.client = server.client()
        self.made = 0

    def run(self):
        try:
            while True:
                self.made += self.client.call("SAVE") == b"OK"
        except (OSError, ValueError):
            pass
        finally:
            self.client.close()


def snapshots(server):
    data = server.settings["data_folder"]
    return sorted(os.path.join(data, name) for name in os.listdir(data) if name.startswith("snapshot-"))


def damage(path, dice):
    with open(path, "r+b") as file:
        at = dice.randrange(os.path.getsize(path))
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << dice.randrange(8)]))


def one_round(server, books, dice, saves=False):
    before = sum(book.acknowledged for book in books)
    writers = [Writer(server, book, dice.choice([1, 4, 16, 64])) for book in books]
    savers = [Saver(server)] if saves else []
    for thread in writers + savers:
        thread.start()
    time.sleep(dice.uniform(0.02, 0.5) * SLOW)
    if dice.random() < 0.15:
        server.process.terminate()  # a kill that meets the writing down at the end
        time.sleep(dice.uniform(0, 0.02))
    server.kill()
    for writer in writers:
        writer.join(30)
        assert not writer.is_alive(), "a writer hangs though the server is gone"
        if writer.wrong is not None:
            raise writer.wrong
    acknowledged = sum(book.acknowledged for book in books) - before
    if len(snapshots(server)) > 1 and dice.random() < 0.3:
        damage(snapshots(server)[-1], dice)
    while dice.random() < 0.25:
        server.restart(wait=None)  # a kill that meets the recovery
        time.sleep(dice.uniform(0, 0.06))
        server.kill()
    server.restart()
    return acknowledged


def loop(policy, rounds=ROUNDS, saves=False):
    number = seed()
    dice = random.Random(number)
    books = [ledger.Ledger(number, writer) for writer in range(WRITERS)]
    acknowledged = survived = torn = 0
    with Folder() as folder, Server(folder, persistence=policy, wal_segment_size="64kb") as server:
        try:
            for _ in range(rounds):
                acknowledged += one_round(server, books, dice, saves)
                survived += verify(server, books)
                torn += "was torn" in server.text()
            equal(server.stop(), 0, "the exit code")
            verify_log(server)
            server.restart()
            equal(verify(server, books), 0, "operations that came out of nothing after a clean end")
        except BaseException:
            if policy != "none":
                print(server.tail())
            if os.environ.get("GEOMYS_KEEP"):
                shutil.copytree(folder, os.environ["GEOMYS_KEEP"], dirs_exist_ok=True)
            raise
        print(f"{policy}: {rounds} kills, {acknowledged} operations acknowledged, {survived} survived unacknowledged, "
              f"{torn} torn ends, {len(server.segments())} segments")
    assert acknowledged > rounds * 20, "there was no load"


def test_bufferedwrite():
    loop("bufferedwrite")


def test_writethroughdisk():
    loop("writethroughdisk")


def test_writethroughdisk_with_snapshots():
    loop("writethroughdisk", saves=True)


def test_bufferedwrite_with_snapshots():
    loop("bufferedwrite", saves=True)


def test_the_ledger_sees_a_loss():
    """Without persistence the same loop must fail, or it would prove nothing."""
    try:
        loop("none", rounds=1)
    except AssertionError as seen:
        assert "is no state after" in str(seen), seen
        return
    raise AssertionError("everything was lost, and nobody has noticed")


if __name__ == "__main__":
    run(globals())
