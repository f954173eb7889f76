# SPDX-License-Identifier: MIT
"""Nodes of a cluster on this machine, for what is measured of it: they are started, asked and ended.

Idea    A node is a process with a folder, a port for clients and one for nodes, started by the lines of
        docs/cluster.md. How it stands is read from INFO replication and CLUSTER STATUS alone; only whether a snapshot
        was sent is read in what it has printed.

    with Cluster(program, folder, 3, persistence="bufferedwrite") as cluster:
        leader, followers = cluster.leader(), cluster.followers()"""

import os
import re
import shutil
import time

import machine
from run import launch
from servers import Connection, Trouble

PATIENCE_S = 300
LOOK_S = 0.01
SNAPSHOT = re.compile(r"sends its snapshot of record")
NO_SNAPSHOTS = {"snapshot_log_size": 0, "snapshot_interval_s": 0}  # none is made by itself


class Talk(Connection):
    """A connection whose answers may be nested. An error is raised, as Trouble."""

    def ask(self, *words):
        self.send(*words)
        return self.read()

    def send(self, *words):
        parts = [word if isinstance(word, (bytes, bytearray)) else str(word).encode() for word in words]
        self.socket.sendall(b"".join([b"*%d\r\n" % len(parts), *[b"$%d\r\n%b\r\n" % (len(p), p) for p in parts]]))

    def read(self):
        line = self.input.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("the server has closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Trouble(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.input.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        return rest


def wait_until(condition, what, patience_s=PATIENCE_S, look_s=LOOK_S):
    """The first true value of condition(); of a node that does not answer it is false."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            value = condition()
        except ConnectionError:
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise Trouble(f"waited {patience_s} s in vain until {what}")
        time.sleep(look_s)


class Node:
    def __init__(self, program, folder, number=1, **settings):
        self.number, self.folder = number, folder
        self.program = program
        self.port, self.node_port = launch.free_port(), launch.free_port()
        self.place = f"127.0.0.1:{self.node_port}"
        self.data = os.path.join(folder, "data")
        self.settings = {"port": self.port, "data_folder": self.data, "log_level": "info",
                         "module_folder": os.path.join(os.path.dirname(program), "modules"), **settings}
        self.process = None
        self.lives = 0

    def start(self, **how):
        """With how it comes into the cluster (bootstrap=True, join=...), or without one; as the last time if nothing
        is said. It is not waited for."""
        os.makedirs(self.folder, exist_ok=True)
        if how:
            self.settings = {name: value for name, value in self.settings.items() if name not in ("bootstrap", "join")}
            self.settings.update({"node_id": self.number, "internal_port": self.node_port, **how})
        self.lives += 1
        command = [self.program, *launch.flags_of(self.settings)]
        self.process = launch.Process(command, os.path.join(self.folder, f"output.{self.lives}.txt"), self.folder)

    def wait(self):
        """Until it serves."""
        def serves():
            if self.process.poll() is not None:
                raise Trouble(f"node {self.number} ended with code {self.process.returncode}:\n{self.process.tail(5)}")
            return self.info("persistence")["loading"] == "0"

        wait_until(serves, f"node {self.number} serves\n{self.process.tail(5)}")
        return self

    @property
    def pid(self):
        return self.process.pid

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process is not None:
            self.process.kill_and_wait()

    def empty(self):
        self.kill()
        shutil.rmtree(self.data)

    # ---- looking ----

    def talk(self, timeout_s=60):
        return Talk(self.port, timeout_s)

    def ask(self, *words):
        with self.talk() as talk:
            return talk.ask(*words)

    def info(self, section="replication"):
        with self.talk() as talk:
            return talk.info(section)

    def reached(self):
        """Its last record."""
        info = self.info()
        return int(info["slave_repl_offset" if info["role"] == "slave" else "master_repl_offset"])

    def took_snapshot(self):
        """Whether it was sent one, in this life."""
        with open(self.process.output, encoding="utf-8", errors="replace") as output:
            return SNAPSHOT.search(output.read()) is not None

    def resident(self):
        return machine.resident_bytes(self.pid)


class Cluster:
    """The first begins it, the others enter. Ended by their process ids, however the block is left."""

    def __init__(self, program, folder, count=3, **settings):
        self.nodes = [Node(program, os.path.join(folder, f"node-{number}"), number, **settings)
                      for number in range(1, count + 1)]

    def __enter__(self):
        try:
            self.nodes[0].start(bootstrap=True)
            self.nodes[0].wait()
            self.enter(*self.nodes[1:])
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def enter(self, *nodes):
        for node in nodes:
            node.start(join=self.nodes[0].place)
        for node in nodes:
            node.wait()
        self.complete()

    def end(self):
        for node in self.nodes:
            node.kill()

    def running(self):
        return [node for node in self.nodes if node.runs()]

    def leader(self):
        def found():
            known = [(node.info(), node) for node in self.running()]
            leads = [(int(info["replication_epoch"]), node.number, node) for info, node in known
                     if info["role"] == "master" and info.get("replication_lease") == "1"]
            return max(leads)[2] if leads else None

        return wait_until(found, "one of the nodes leads")

    def followers(self):
        leader = self.leader()
        return [node for node in self.running() if node is not leader]

    def epoch(self):
        leader = self.leader()
        return leader.number, int(leader.info()["replication_epoch"])

    def complete(self):
        """Waits until all that run count, vote if there are three, follow, and have the same."""
        def all_count():
            leader = self.leader()
            rows = [dict(zip(row[::2], row[1::2])) for row in leader.ask("CLUSTER", "STATUS")]
            words = [b"counts", b"votes"] if len(self.nodes) >= 3 else [b"counts"]
            there = [row for row in rows if row[b"state"] != b"away"]
            return len(there) == len(self.running()) and all(row[word] == b"yes" for row in there for word in words)

        wait_until(all_count, "all nodes count")
        self.same()

    def same(self):
        wait_until(lambda: len({node.reached() for node in self.running()}) == 1, "all nodes have the same")
