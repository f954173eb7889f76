# SPDX-License-Identifier: MIT
"""Several servers that are a cluster, each with a person's folder of its own.

Idea    A node is a Server that is started by the lines of docs/cluster.md, with its usual data folder. Who leads is
        read where it says so itself: in what the nodes print, by the highest epoch.

    with Cluster(folder) as cluster:
        leader = cluster.leader()
        leader.client().call("SET", "a", 1)
        leader.kill()"""

import os
import re
import time

from support.server import MODULES, PATIENCE_S, SLOW, Server, free_port, wait_until

LEADS = re.compile(r"this node leads in epoch (\d+)(?:, with \d+ of (\d+) votes)?")
VOTERS = "3 members are to vote in the coordinator"


class Node(Server):
    """`home` is its HOME. How it enters is said with each start."""

    def __init__(self, home, number, **settings):
        os.makedirs(home, exist_ok=True)
        self.number = number
        self.node_port = free_port()
        self.place = f"127.0.0.1:{self.node_port}"
        self.folder = home
        self.before = self.password = self.process = self.output = None
        self.port = free_port()
        self.settings = {"module_folder": MODULES, "node_id": number, "internal_port": self.node_port, **settings}

    @property
    def data(self):
        return self.settings.get("data_folder", os.path.join(self.folder, ".geomys", f"node-{self.number}"))

    def enter(self, wait="serving", **how):
        """Starts it, with how it comes into the cluster: bootstrap=True, join="host:port"."""
        for name in ("bootstrap", "join", "cluster_mode"):
            self.settings.pop(name, None)
        self.settings.update(how)
        self.start(wait)

    def again(self, wait="serving"):
        """With the same line."""
        self.start(wait)

    def running(self):
        return self.process is not None and self.alive()

    def epoch_led(self):
        """The newest that it has begun to lead, in this life; 0: none."""
        return max((int(epoch) for epoch, _ in LEADS.findall(self.life())), default=0)

    def replicas(self):
        """How many count, in the newest epoch that it leads."""
        return max(((int(epoch), int(count or 0)) for epoch, count in LEADS.findall(self.life())), default=(0, 0))[1]

    def life(self):
        with open(self.output, encoding="utf-8", errors="replace") as output:
            return output.read()

    def digest(self):
        with self.client(timeout_s=PATIENCE_S) as client:
            return client.call("DEBUG", "DIGEST")


class Cluster:
    def __init__(self, folder, count=3, **settings):
        self.nodes = [Node(os.path.join(folder, f"home-{number}"), number, **settings)
                      for number in range(1, count + 1)]

    def __enter__(self):
        try:
            self.nodes[0].enter(bootstrap=True)
            for node in self.nodes[1:]:
                node.enter(join=self.nodes[0].place, wait=None)
            for node in self.nodes[1:]:
                node.wait()
            wait_until(self.begun, "not all nodes count", 2 * PATIENCE_S)
            self.settled()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(self.tails(), flush=True)
        self.end()

    def end(self):
        for node in self.nodes:
            node.kill()

    def tails(self):
        return "".join(f"node {node.number}\n{node.tail()}" for node in self.nodes)

    def running(self):
        return [node for node in self.nodes if node.running()]

    # ---- who leads ----

    def complete(self):
        """All count: from now on it can lose one."""
        return self.leader().replicas() == len(self.nodes)

    def begun(self):
        """... and three vote in the coordinator."""
        return self.complete() and (len(self.nodes) < 3 or VOTERS in self.leader().life())

    def takes_writes(self, node):
        try:
            with node.client(timeout_s=2 * SLOW) as client:
                return client.call("SET", "probe", str(time.monotonic())) == b"OK"
        except OSError:
            return False

    def leader(self, nodes=None, patience_s=PATIENCE_S):
        """The one that leads in the newest epoch, as soon as it takes a write."""

        def found():
            there = nodes or self.running()
            node = max(there, key=lambda node: node.epoch_led())
            return node if node.epoch_led() > 0 and self.takes_writes(node) else None

        return wait_until(found, "nobody leads", patience_s)

    def followers(self):
        leader = self.leader()
        return [node for node in self.running() if node is not leader]

    def settled(self, patience_s=2 * PATIENCE_S):
        """All that run have the same data."""

        def same():
            try:
                return len({node.digest() for node in self.running()}) == 1
            except OSError:
                return False

        self.leader()
        wait_until(same, "the nodes do not come to the same data", patience_s)
        return True
