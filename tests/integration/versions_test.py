#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A type's versions: a newer one reads all that was written; an older one reads it too, until what is new was used, and
else says what to do; without a module nothing is lost, and no version of it takes another's records for damage.

Idea    One source, tests/integration/modules/bag.c, compiled as each version; the same data folder is opened with one
        after the other, with and without a snapshot between."""

import os
import subprocess

from refusals_test import free_port, refused
from support.client import Error
from support.runner import Skip, equal, run
from support.server import LOG_PROGRAM, ROOT, Folder, Server
from wrong_test import compiler

SOURCE = os.path.join(ROOT, "tests", "integration", "modules", "bag.c")


def build(folder, name, *defines):
    """A folder with this version alone."""
    where = os.path.join(folder, "modules-" + name)
    os.makedirs(where)
    done = subprocess.run([compiler(), "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", *defines, "-fPIC",
                           "-shared", "-fvisibility=hidden", "-I", os.path.join(ROOT, "include"), SOURCE, "-o",
                           os.path.join(where, "bag.so")], capture_output=True, text=True, check=False)
    equal((name, done.returncode, done.stderr), (name, 0, ""))
    return where


class Bags:
    """A data folder, and each version of the module."""

    def __init__(self):
        self.folder = Folder()
        self.path = self.folder.path
        self.none = os.path.join(self.path, "modules-none")
        os.makedirs(self.none)
        self.versions = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.__exit__()

    def modules(self, version):
        flags = {"1.1": ["-DREVISION=1"], "1.2": ["-DREVISION=2"], "2.0": ["-DSUCCESSOR"]}
        if version is None:
            return self.none
        if version not in self.versions:
            self.versions[version] = build(self.path, version, *flags[version])
        return self.versions[version]

    def server(self, version, **settings):
        return Server(self.path, modules=self.modules(version), persistence="bufferedwrite", **settings)

    def refuses(self, version, *parts):
        """Nothing is changed by it."""
        before = self.files()
        sentence = refused(1, list(parts), f"--port={free_port()}", "--persistence=bufferedwrite",
                           f"--data-folder={self.path}/data", f"--module-folder={self.modules(version)}")
        equal(self.files(), before, "files after a refusal")
        return sentence

    def files(self):
        data = os.path.join(self.path, "data")
        found = {}
        for name in sorted(os.listdir(data)):
            if name.startswith(("wal", "snapshot")):
                with open(os.path.join(data, name), "rb") as file:
                    found[name] = file.read()
        return found

    def log(self, *names):
        """What geomys-log prints of these files, or all."""
        data = os.path.join(self.path, "data")
        files = [os.path.join(data, name) for name in names or self.files() if name != "wal.mark"]
        done = subprocess.run([LOG_PROGRAM, "print", *files], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


def frozen(client):
    return int(client.info("keyspace").get("frozen_keys", 0))


def expect(client, words, what):
    for key, text in words.items():
        equal(client.call("BAG.GET", key), text, (key, what))


def test_an_older_version_reads_what_it_knows():
    """Forward and back, as often as one likes, as long as nothing new was used."""
    with Bags() as bags:
        with bags.server("1.1") as server, server.client() as client:
            client.call("BAG.ADD", "a", "one")
        with bags.server("1.2") as server, server.client() as client:
            expect(client, {"a": b"one"}, "in the newer version")
            client.call("BAG.ADD", "a", "two")
            client.call("SAVE")
            client.call("BAG.ADD", "a", "three")
        assert "has revision" not in bags.log(), bags.log()
        with bags.server("1.1") as server, server.client() as client:
            expect(client, {"a": b"one two three"}, "in the older version again")
            client.call("BAG.ADD", "a", "four")
        with bags.server("1.2") as server, server.client() as client:
            expect(client, {"a": b"one two three four"}, "in the newer version again")


def test_the_files_do_not_depend_on_the_version_that_writes_them():
    """The same commands, at the same times as far as files tell them: the same records of the type."""
    lines = []
    for version in ("1.1", "1.2"):
        with Bags() as bags:
            with bags.server(version) as server, server.client() as client:
                client.call("BAG.ADD", "a", "one")
                client.call("SAVE")
            lines.append([line.split(" ", 2)[2] for line in bags.log().splitlines() if "test.bag/1" in line])
    equal(lines[0], lines[1])
    assert lines[0], "nothing was printed"


def test_an_older_version_refuses_what_it_does_not_know():
    with Bags() as bags:
        with bags.server("1.1") as server, server.client() as client:
            client.call("BAG.ADD", "a", "one")
            client.call("BAG.ADD", "b", "two")
        with bags.server("1.2") as server, server.client() as client:
            client.call("BAG.SHOUT", "a")
            digest = client.call("DEBUG", "DIGEST")
        assert "type 1 has revision 2, of test.bag 1.2.0" in bags.log(), bags.log()
        parts = ["test.bag/1", "revision 2", "test.bag 1.2.0", "test.bag 1.1.0", "revision 1", "wal-", "start without"]
        bags.refuses("1.1", *parts)
        with bags.server(None) as server, server.client() as client:
            equal(frozen(client), 2, "frozen without a module")
            client.call("SAVE")
        bags.refuses("1.1", *parts[:5])
        with bags.server("1.2") as server, server.client() as client:
            expect(client, {"a": b"ONE!", "b": b"two"}, "after all that")
            equal(client.call("DEBUG", "DIGEST"), digest)
            equal(frozen(client), 0)
            client.call("SAVE")
            client.call("BAG.ADD", "b", "three")
        bags.refuses("1.1", *parts[:5])


def test_a_snapshot_says_it_of_the_values_that_it_has():
    """The log of what was new has gone, and so have the values, or not."""
    with Bags() as bags:
        small = {"wal_segment_size": "64kb"}
        with bags.server("1.2", **small) as server, server.client() as client:
            client.call("BAG.ADD", "a", "one")
            client.call("BAG.SHOUT", "a")
            client.call("BAG.ADD", "b", "two")
            fill(client)
        bags.refuses("1.1", "test.bag/1", "snapshot-", "revision 2")
        with bags.server("1.2", **small) as server, server.client() as client:
            client.call("DEL", "a")
            fill(client)
        with bags.server("1.1", **small) as server, server.client() as client:
            expect(client, {"b": b"two", "a": None}, "nothing new is left")


def test_a_successor_takes_over_the_values():
    """With and without a snapshot between, and with the older module and none in between; nothing is ever lost."""
    with Bags() as bags:
        with bags.server("1.2") as server, server.client() as client:
            client.call("BAG.ADD", "a", "one")
            client.call("SAVE")
            client.call("BAG.ADD", "a", "two")
            client.call("BAG.SHOUT", "a")
            client.call("BAG.ADD", "b", "three")
        with bags.server("2.0") as server, server.client() as client:
            expect(client, {"a": b"ONE TWO!", "b": b"three"}, "taken over")
            client.call("BAG.ADD", "b", "four")
            digest = client.call("DEBUG", "DIGEST")
        with bags.server("2.0") as server, server.client() as client:
            expect(client, {"a": b"ONE TWO!", "b": b"three four"}, "from records of both")
            equal(client.call("DEBUG", "DIGEST"), digest)
        with bags.server(None) as server, server.client() as client:
            equal(frozen(client), 2, "without a module")
            client.call("SAVE")
        with bags.server("1.2") as server, server.client() as client:
            expect(client, {"a": b"ONE TWO!"}, "of the older type still")
            answer = client.call("BAG.GET", "b")
            assert isinstance(answer, Error) and answer.code == "MODMISSING", answer
        with bags.server("2.0") as server, server.client() as client:
            expect(client, {"a": b"ONE TWO!", "b": b"three four"}, "after all that")
            equal(client.call("DEBUG", "DIGEST"), digest)
            equal(frozen(client), 0)
            client.call("BAG.ADD", "b", "five")
            client.call("SAVE")
        snapshots = [name for name in bags.files() if name.startswith("snapshot")]
        newest = [line for line in bags.log(snapshots[-1]).splitlines() if " dump" in line]
        assert newest and not [line for line in newest if "test.bag/1" in line], newest
        with bags.server("1.2") as server, server.client() as client:
            equal(frozen(client), 2, "of the newer type, for the older module")


def fill(client):
    """So much that the segments with all before it go, which needs two snapshots."""
    for _ in range(3):
        for i in range(60):
            client.call("BAG.ADD", "filler", "x" * 4000)
        client.call("DEL", "filler")
        client.call("SAVE")


if __name__ == "__main__":
    run(globals())
