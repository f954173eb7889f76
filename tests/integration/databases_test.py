#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Databases as applications and operators meet them: chosen in a URL, kept over restarts, told apart wherever keys are
told of, and refused with the number that is needed when there are too few."""

import json
import os
import shutil
import subprocess
import tempfile

from support import cli
from support.cli import Terminal, expect, expect_equal
from support.runner import equal, run
from support.server import Folder, LOG_PROGRAM, Server, run_refused, wait_until


def used(client):
    """Which database has how many keys, as INFO says."""
    lines = client.info("keyspace")
    return {int(name[2:]): int(text.split(",")[0].split("=")[1]) for name, text in lines.items() if name[:2] == "db"}


def fill(client, number, keys):
    equal(client.call("SELECT", number), b"OK")
    for answer in client.pipeline([("SET", f"key:{key}", f"{number}:{key}") for key in range(keys)]):
        equal(answer, b"OK")


def log_and_snapshots(folder):
    found = {}
    for name in sorted(os.listdir(os.path.join(folder, "data"))):
        if name == "lock":
            continue
        with open(os.path.join(folder, "data", name), "rb") as file:
            found[name] = file.read()
    return found


def test_they_are_kept_over_restarts():
    with Folder() as folder, Server(folder) as server:
        with server.client() as client:
            for number in (0, 1, 7, 15):
                fill(client, number, 10 + number)
            equal(client.call("MOVE", "key:20", 3), 1)
            equal(client.call("COPY", "key:3", "copy", "DB", 0), 1)
            equal(client.call("SWAPDB", 7, 8), b"OK")
            equal(client.call("SELECT", 1), b"OK")
            equal(client.call("FLUSHDB"), b"OK")
            wanted = {0: 11, 3: 1, 8: 17, 15: 24}
            equal(used(client), wanted)
            digest = client.call("DEBUG", "DIGEST")
        for snapshot in (False, True, False):
            server.kill()
            server.start()
            with server.client() as client:
                equal(used(client), wanted)
                equal(client.call("DEBUG", "DIGEST"), digest)
                equal(client.call("SELECT", 8), b"OK")
                equal(client.call("GET", "key:5"), b"7:5")
                if snapshot:
                    equal(client.call("SAVE"), b"OK")


def test_too_few_of_them_refuse_the_start_with_the_number_that_is_needed():
    for snapshot in (False, True):
        with Folder() as folder:
            with Server(folder, databases=100) as server, server.client() as client:
                fill(client, 0, 5)
                fill(client, 42, 5)
                fill(client, 77, 5)
                equal(client.call("SWAPDB", 77, 5), b"OK")
                if snapshot:
                    equal(client.call("SAVE"), b"OK")
            before = log_and_snapshots(folder)
            needed = 43 if snapshot else 78  # a snapshot has the keys where they are
            code, text = run_refused(f"--data_folder={os.path.join(folder, 'data')}", "--external_port=0",
                                     f"--unix_socket={os.path.join(folder, 'socket')}", "--modules=")
            equal(code, 1, text)
            for part in (f"keys in database {needed - 1}", "there are 16 databases", f"--databases={needed}"):
                assert part in text, text
            equal(log_and_snapshots(folder), before, "nothing was changed")
            with Server(folder, databases=needed) as server, server.client() as client:
                equal(used(client), {0: 5, 5: 5, 42: 5})


def test_who_looks_sees_which_one_it_is():
    with Folder() as folder, Server(folder, persistence="none") as server:
        with server.client() as client, server.client() as watcher:
            equal(client.call("CLIENT", "SETNAME", "me"), b"OK")
            equal(watcher.call("MONITOR"), b"OK")
            fill(client, 9, 1)
            lines = [watcher.receive().decode() for _ in range(2)]
            assert "[0 127.0.0.1:" in lines[0] and '"SELECT"' in lines[0], lines
            assert "[9 127.0.0.1:" in lines[1] and '"SET"' in lines[1], lines
            line = [one for one in client.call("CLIENT", "LIST").decode().splitlines() if "name=me" in one][0]
            assert " db=9 " in line, line
            equal(client.call("CONFIG", "GET", "databases"), [b"databases", b"16"])
            stats = client.call("MEMORY", "STATS")
            assert b"db.9" in stats and b"db.0" not in stats, stats
        with server.client() as client:
            equal(client.call("DBSIZE"), 0)


def test_all_that_are_used_are_told_of():
    many = 30000
    with Folder() as folder, Server(folder, persistence="none", databases=65536) as server:
        with server.client(timeout_s=60) as client:
            before = int(client.info("memory")["used_memory"])
            for begin in range(0, many, 1000):
                calls = []
                for n in range(begin, begin + 1000):
                    calls += [("SELECT", 65535 - n), ("SET", "k", "v")]
                equal(set(client.pipeline(calls)), {b"OK"})
            equal(used(client), {65535 - n: 1 for n in range(many)})
            assert int(client.info("memory")["used_memory"]) > before + many * 2000, "what they cost counts"
            equal(client.call("FLUSHALL"), b"OK")
            wait_until(lambda: int(client.info("memory")["used_memory"]) < before + 100000, "it is given back")


def test_flushing_in_a_loop_does_not_prevent_a_snapshot():
    with Folder() as folder, Server(folder) as server, server.client() as client, server.client() as other:
        fill(client, 0, 20000)
        fill(client, 2, 20000)
        wanted = {0: 20000, 2: 20000}
        equal(client.call("BGSAVE"), b"Background saving started")
        rounds = 0
        while client.info("persistence")["rdb_bgsave_in_progress"] == "1":
            equal(other.call("FLUSHALL" if rounds % 2 == 0 else "FLUSHDB"), b"OK")
            equal(other.call("SWAPDB", 0, 2), b"OK")
            equal(other.call("SET", "new", rounds), b"OK")
            rounds += 1
        found = client.info("persistence")
        equal(found["rdb_last_bgsave_status"], "ok")
        assert rounds > 0
        equal(other.call("FLUSHALL"), b"OK")
        server.kill()
        for name in os.listdir(os.path.join(folder, "data")):  # what the snapshot has, without the log behind it
            if name.startswith("wal"):
                os.unlink(os.path.join(folder, "data", name))
        names = [name for name in os.listdir(os.path.join(folder, "data")) if name.endswith(".snap")]
        equal(len(names), 1)
        told = subprocess.run([LOG_PROGRAM, "print", os.path.join(folder, "data", names[0])], capture_output=True,
                              text=True, check=True)
        lines = [line for line in told.stdout.splitlines() if '"key:' in line]
        equal({0: sum(" db 2 " not in line for line in lines), 2: sum(" db 2 " in line for line in lines)}, wanted)


# ---- the client ----

def test_the_client_chooses_one_and_shows_it():
    with Folder() as folder, Server(folder, persistence="none") as server:
        expect_equal(cli.run(server.port, "-n", "3", "SET", "k", "v").returncode, 0)
        expect_equal(cli.run(server.port, "-u", f"redis://127.0.0.1:{server.port}/3", "GET", "k").stdout, b"v\n")
        expect_equal(cli.run(server.port, "GET", "k").stdout, b"\n")
        done = cli.run(server.port, "-n", "16", "GET", "k")
        expect(done.returncode == 2 or b"SELECT 16 failed" in done.stderr, done.stderr)
        with Terminal(server.port, "-n", "3") as terminal:
            terminal.wait(r"^127\.0\.0\.1:\d+\[3\]>$")
            terminal.enter("select 0", r"^127\.0\.0\.1:\d+>$")
            terminal.enter("select 99", r"^127\.0\.0\.1:\d+>$")
            terminal.enter("multi", r"\(MULTI\)>$")
            terminal.enter("select 5", r"^127\.0\.0\.1:\d+\(MULTI\)>$")
            terminal.enter("exec", r"^127\.0\.0\.1:\d+\[5\]>$")
            terminal.enter("multi", r"\[5\]\(MULTI\)>$")
            terminal.enter("select 6", r"\[5\]\(MULTI\)>$")
            terminal.enter("discard", r"\[5\]>$")
            with server.client() as client:
                client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                wait_until(lambda: int(client.info("clients")["connected_clients"]) == 1, "the other one is closed")
            terminal.enter("set back 1", r"\[5\]>$")
            terminal.enter("reset", r"^127\.0\.0\.1:\d+>$")
            expect_equal(terminal.leave(), 0)
        expect_equal(cli.run(server.port, "-n", "5", "GET", "back").stdout, b"1\n", "chosen again")


def test_the_largest_keys_are_those_of_all():
    with Folder() as folder, Server(folder, persistence="none") as server:
        with server.client() as client:
            for number, size in ((0, 100), (2, 5000), (9, 900)):
                equal(client.call("SELECT", number), b"OK")
                equal(client.call("SET", f"of:{number}", b"x" * size), b"OK")
            equal(client.call("RPUSH", "list", "a"), 1)
        rows = json.loads(cli.run(server.port, "--keys", "--json").stdout)
        expect_equal([(row["db"], row["key"], row["type"]) for row in rows],
                     [(2, "of:2", "string"), (9, "of:9", "string"), (0, "of:0", "string"), (9, "list", "list")])
        lines = cli.run(server.port, "--keys", "--top", "1").stdout.decode().split("\t")
        expect_equal(lines[1:], ["string", "2", "of:2\n"])
        rows = json.loads(cli.run(server.port, "-n", "9", "--keys", "--json").stdout)
        expect_equal([sorted(row) for row in rows], [["key", "memory", "type"]] * 2)


def test_a_load_goes_on_in_its_database():
    folder = tempfile.mkdtemp(prefix="geomys-databases-")
    try:
        source, state = os.path.join(folder, "source"), os.path.join(folder, "state")
        with Folder() as place, Server(place, persistence="none") as server:
            with open(source, "w", encoding="utf-8") as file:
                file.write("set a 1\nselect 4\nset b 1\nmulti\nselect 6\nset c 1\nexec\nset d 1\nselect 99\nset e 1\n")
            done = cli.run(server.port, "--load", source, "--resume", state)
            expect_equal(done.returncode, 1, done.stderr)  # one of them is none
            with open(state, encoding="utf-8") as file:
                expect("\ndatabase 6\n" in file.read(), "where it ended")
            with open(source, "a", encoding="utf-8") as file:
                file.write("set f 1\n")
            done = cli.run(server.port, "--load", source, "--resume", state)
            expect(b"1 command in" in done.stderr, done.stderr)
            with server.client() as client:
                equal(used(client), {0: 1, 4: 1, 6: 4})
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    run(globals())
