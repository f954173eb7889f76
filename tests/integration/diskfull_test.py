#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A full disk: writes are refused with an error of their own, reads go on, and with space again all is well by itself.

Idea    The data is on a tmpfs of a few megabytes of the test's own, filled by a second file that can be taken away. A
        write that met the end of the space is neither refused nor lost: its answer waits. So some writes are sent by
        connections that do not wait for their answers, and what was answered in the end must be there, exactly.

Needs   the right to mount (root); else the tests are skipped.
"""

import contextlib
import os
import subprocess
import time

from support.client import Error
from support.runner import Skip, equal, run
from support.server import Folder, Server, wait_until

SIZE = 6 * 1024 * 1024
TEXT = b"v" * 8000
RETRY_S = 0.1  # RETRY_MS of core/log/wal.c


@contextlib.contextmanager
def small_disk():
    with Folder() as folder:
        disk = os.path.join(folder, "data")
        os.mkdir(disk)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "geomys-test", disk],
                              capture_output=True, text=True)
        if done.returncode != 0:
            reason = (done.stderr.strip() or "no reason given").splitlines()[0]
            raise Skip(f"a tmpfs cannot be mounted here ({reason})")
        try:
            yield folder, disk
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def free(disk):
    stat = os.statvfs(disk)
    return stat.f_bavail * stat.f_frsize


def fill(disk, leave):
    """Leaves about `leave` bytes. The server may take what is there at the same time."""
    with open(os.path.join(disk, "filler"), "ab", buffering=0) as filler, contextlib.suppress(OSError):
        while free(disk) > leave:
            filler.write(b"\0" * (free(disk) - leave))


def stays_full(disk, client):
    """Takes what the server gives back when it meets the end of the space (a segment that it could not prepare), and
    looks whether it has tried again, several times, in vain."""
    end = time.monotonic() + 5 * RETRY_S
    while time.monotonic() < end:
        fill(disk, 0)
        if not full(client):
            return False
        if free(disk) > 0:
            end = time.monotonic() + 5 * RETRY_S
        time.sleep(RETRY_S / 10)
    return True


def still_waiting(waiting, promised):
    left = []
    for client, key, text in waiting:
        try:
            equal(client.receive(), b"OK")
        except TimeoutError:
            left.append((client, key, text))
        else:
            promised[key] = text
            client.close()
    return left


def write_until_full(server, disk, promised, name):
    """Writes on connections that wait for no answer until there is no space and all are refused. Returns those whose
    answer is still due."""
    waiting = []
    with server.client() as asking:
        for number in range(5000):
            client = server.client(timeout_s=0.05)
            key = b"%s:%d" % (name, number)
            client.send(b"SET", key, b"%d" % number + TEXT)
            try:
                answer = client.receive()
            except TimeoutError:
                waiting.append((client, key, b"%d" % number + TEXT))
            else:
                client.close()
                if not isinstance(answer, Error):
                    promised[key] = b"%d" % number + TEXT
                    continue
                equal(answer.code, "DISKFULL")
            if full(asking) and stays_full(disk, asking):
                return still_waiting(waiting, promised)
    raise AssertionError("the disk does not become full")


def full(client):
    return client.info("persistence")["log_disk_full"] == "1"


def check_read_only(server, promised):
    with server.client() as client:
        wait_until(lambda: full(client), "INFO shall tell of the full disk")
        equal(client.info("persistence")["aof_last_write_status"], "err")
        for call in [("SET", "new", 1), ("DEL", *list(promised)[:1]), ("INCR", "n"), ("LPUSH", "l", 1), ("FLUSHALL",),
                     ("EXPIRE", *list(promised)[:1], 100)]:
            answer = client.call(*call)
            assert isinstance(answer, Error) and answer.code == "DISKFULL", (call, answer)
        client.pipeline([("MULTI",), ("GET", list(promised)[0]), ("SET", "new", 1)])
        answer = client.call("EXEC")
        assert isinstance(answer, Error) and "DISKFULL" in answer, answer
        equal(client.call("PING"), b"PONG")
    check_reads(server, promised)


def check_reads(server, promised):
    """None waits, whatever it asks. What is refused shares a stripe of the gate with a write that waits: one key in
    4096 for each of these."""
    refused = []
    with server.client(timeout_s=10) as client:
        for call in [("DBSIZE",), ("KEYS", "early:*"), ("SCAN", 0), ("RANDOMKEY",), ("DEBUG", "DIGEST")]:
            answer = client.call(*call)
            assert not isinstance(answer, Error), (call, answer)
        assert client.call("DBSIZE") >= len(promised)
        for key, text in promised.items():
            answer = client.call("GET", key)
            if isinstance(answer, Error) and answer.code == "DISKFULL":
                refused.append(key)
                continue
            equal(answer, text, "a read while the disk is full")
            client.pipeline([("MULTI",), ("GET", key)])
            equal(client.call("EXEC"), [text], "a transaction that only reads")
    assert len(refused) <= 3, refused


def check_all(server, promised):
    with server.client() as client:
        for key, text in promised.items():
            equal(client.call("GET", key), text, repr(key))
        equal(client.call("DBSIZE"), len(promised))


def story(policy):
    promised = {}
    with small_disk() as (folder, disk):
        with Server(folder, persistence=policy, wal_segment_size="256kb", client_output_limit="1mb") as server:
            with server.client() as client:
                for number in range(50):
                    promised[b"early:%d" % number] = TEXT
                    equal(client.call("SET", b"early:%d" % number, TEXT), b"OK")
            for turn in range(2):
                fill(disk, 600 * 1024)
                waiting = write_until_full(server, disk, promised, b"turn%d" % turn)
                check_read_only(server, promised)
                os.unlink(os.path.join(disk, "filler"))
                for client, key, text in waiting:
                    client.socket.settimeout(20)
                    equal(client.receive(), b"OK", "the answer that waited for space")
                    promised[key] = text
                    client.close()
                with server.client() as client:
                    wait_until(lambda: not full(client), "the server shall recover by itself")
                    equal(client.call("SET", b"after:%d" % turn, TEXT), b"OK")
                    promised[b"after:%d" % turn] = TEXT
            for sentence in ("the disk is full", "there is space on the disk again"):
                assert sentence in server.text(), server.tail()
            check_all(server, promised)
            server.restart()
            check_all(server, promised)


def test_writethroughdisk():
    story("writethroughdisk")


def test_bufferedwrite():
    story("bufferedwrite")


def test_a_snapshot_that_does_not_fit():
    """It is given up, its file goes, and the log has the space again; with space the next one is made."""
    with small_disk() as (folder, disk):
        with Server(folder, wal_segment_size="256kb", snapshot_compression="none") as server, server.client() as client:
            for number in range(200):
                equal(client.call("SET", b"key:%d" % number, TEXT), b"OK")
            fill(disk, 800 * 1024)
            answer = client.call("SAVE")
            assert isinstance(answer, Error) and "see the server's log" in answer, answer
            assert "no space left" in server.text(), server.tail()
            equal([name for name in os.listdir(disk) if name.startswith("snapshot")], [], "files of the snapshot")
            equal(client.call("SET", "after", "1"), b"OK", "a write after it")
            equal(client.info("persistence")["rdb_last_bgsave_status"], "err")
            os.unlink(os.path.join(disk, "filler"))
            equal(client.call("SAVE"), b"OK", "with space")
            server.restart()
            with server.client() as again:
                equal(again.call("DBSIZE"), 201)


def test_killed_and_ended_while_full():
    """An end that cannot write everything down says so, and loses nothing that was acknowledged."""
    promised = {}
    with small_disk() as (folder, disk):
        server = Server(folder, persistence="writethroughdisk", wal_segment_size="256kb")
        try:
            fill(disk, 400 * 1024)
            waiting = write_until_full(server, disk, promised, b"k")
            check_read_only(server, promised)
            server.kill()
            for client, *_ in waiting:
                client.close()
            os.unlink(os.path.join(disk, "filler"))
            server.restart()
            with server.client() as client:
                for key, text in promised.items():
                    equal(client.call("GET", key), text)
                late = {key: text for _, key, text in waiting if client.call("GET", key) is not None}
                for key, text in late.items():
                    equal(client.call("GET", key), text, "an unacknowledged write is whole or absent")
            promised.update(late)
            check_all(server, promised)
            fill(disk, 0)
            waiting = write_until_full(server, disk, promised, b"m")
            equal(server.stop(), 1 if waiting else 0, "the exit code of an end that could not write everything down")
            for client, *_ in waiting:
                equal(client.receive_all(), b"", "what was not written is not acknowledged")
                client.close()
            os.unlink(os.path.join(disk, "filler"))
            server.restart()
            with server.client() as client:
                for key, text in promised.items():
                    equal(client.call("GET", key), text)
        finally:
            server.kill()


def test_a_log_that_fills_the_disk_makes_its_own_room():
    """One key overwritten, a snapshot that failed, kill -9 in the midst of it: nearly all of the log is superfluous."""
    with small_disk() as (folder, disk):
        server = Server(folder, persistence="writethroughdisk", wal_segment_size="64kb", disk_reserve="512kb")
        try:
            for turn in range(3):
                last = b""
                with server.client(timeout_s=20) as client:
                    if turn == 0:
                        fill(disk, 2 * 1024 * 1024)
                    for number in range(1500):
                        text = b"%d:%d" % (turn, number) + TEXT
                        answer = client.call("SET", "k", text)
                        if isinstance(answer, Error):
                            equal(answer.code, "DISKFULL")
                            wait_until(lambda client=client: not full(client), "it shall make its own room")
                        else:
                            last = text
                    equal(client.call("GET", "k"), last)
                server.kill()
                server.restart()
                with server.client() as client:
                    wait_until(lambda client=client: not full(client), "it shall make its own room at the start")
                    equal(client.call("GET", "k"), last)
            with server.client() as client:
                reserve = os.path.join(disk, "reserve.fill")
                wait_until(lambda: os.path.exists(reserve), "the reserve shall be made again")
                equal(client.call("SET", "k", "1"), b"OK")
        finally:
            server.kill()


def test_starts_on_a_full_disk():
    """Killed while the disk is full, started while it still is, again and again: everything can be read."""
    promised = {}
    with small_disk() as (folder, disk):
        server = Server(folder, persistence="writethroughdisk", wal_segment_size="64kb")
        try:
            fill(disk, 300 * 1024)
            for turn in range(3):
                waiting = write_until_full(server, disk, promised, b"turn%d" % turn)
                check_read_only(server, promised)
                server.kill()
                for client, *_ in waiting:
                    client.close()
                fill(disk, 0)
                server.restart()
            os.unlink(os.path.join(disk, "filler"))
            with server.client() as client:
                wait_until(lambda: not full(client), "the server shall recover by itself")
                equal(client.call("SET", "new", TEXT), b"OK")
            server.restart()
            with server.client() as client:
                for key, text in promised.items():
                    equal(client.call("GET", key), text)
                equal(client.call("GET", "new"), TEXT)
        finally:
            server.kill()


if __name__ == "__main__":
    run(globals())
