#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Three real processes that are one cluster: they begin, one is killed, stopped or all of them, and it goes on.

Idea    Writers pipeline operations to the leader, each on keys of its own with a ledger of what it was promised
        (support/ledger.py, load.py), until the connection breaks; then what the cluster holds must be a state that the
        ledger allows, and all nodes come to the same. No acknowledged write may be lost, so the level is quorum.

Usage   cluster_test.py [word]     GEOMYS_CLUSTER_ROUNDS (default 6), GEOMYS_SEED"""

import os
import random
import re
import shutil
import signal
import subprocess
import time

from support.cli import CLI
from support.client import Error
from support.cluster import Cluster, Node
from support.load import Load, new_books, verify
from support.runner import equal, run, seed
from support.server import PATIENCE_S, SLOW, Folder, run_refused, wait_until

ROUNDS = int(os.environ.get("GEOMYS_CLUSTER_ROUNDS", 6 if SLOW == 1 else 3))


def test_three_lines_make_a_cluster():
    """Any client at any node; all have what was written."""
    with Folder() as folder, Cluster(folder) as cluster:
        for number, node in enumerate(cluster.nodes):
            with node.client() as client:
                equal(client.call("SET", "a", "1"), b"OK", f"node {node.number}")
                equal(client.call("GET", "a"), b"1", f"node {node.number}")
                equal(client.call("RPUSH", "l", "xyz"[number]), number + 1, f"node {node.number}")
        cluster.settled()
        for node in cluster.nodes:
            with node.client() as client:
                equal(client.call("GET", "a"), b"1", f"node {node.number}")
                equal(client.call("LRANGE", "l", 0, -1), [b"x", b"y", b"z"], f"node {node.number}")
        for node in cluster.nodes:
            assert os.path.isfile(os.path.join(node.data, "cluster", "cluster.state")), node.data
            equal(node.stop(), 0, node.tail())


def test_the_status_is_a_table():
    """geomys-cli shows it without being asked for a table; a node that is away is told of."""
    def table(node):
        shown = subprocess.run([CLI, "-p", str(node.port), "cluster", "status"], capture_output=True, text=True,
                               check=True).stdout.splitlines()
        heads = shown[0].split()
        return heads, [dict(zip(heads, line.split())) for line in shown[1:-1]]

    with Folder() as folder, Cluster(folder) as cluster:
        leader, (one, other) = cluster.leader(), cluster.followers()
        heads, rows = table(one)
        equal(heads, ["node", "state", "clients", "nodes", "counts", "votes", "heard_ms"])
        equal({row["node"]: row["state"] for row in rows},
              {str(node.number): "leads" if node is leader else "follows" for node in cluster.nodes})
        equal({row["clients"] for row in rows}, {f"127.0.0.1:{node.port}" for node in cluster.nodes})
        equal([row["counts"] for row in rows], ["yes"] * 3)
        other.kill()
        wait_until(lambda: ["away"] == [row["state"] for row in table(one)[1] if row["node"] == str(other.number)],
                   "the node that was killed is away")


def test_each_role_is_killed_under_load():
    number = seed()
    dice = random.Random(number)
    books = new_books(number)
    with Folder() as folder, Cluster(folder, write_acks="quorum") as cluster:
        for turn in range(ROUNDS):
            leader = cluster.leader()
            victim = leader if turn % 2 == 0 else dice.choice(cluster.followers())
            with Load(leader, books, dice):
                time.sleep(dice.uniform(0.05, 0.4) * SLOW)
                victim.kill()
                time.sleep(dice.uniform(0.05, 0.4) * SLOW)
            began = time.monotonic()
            cluster.leader()
            print(f"  round {turn}: {'the leader' if victim is leader else 'a follower'}, node {victim.number}; "
                  f"a leader takes writes {time.monotonic() - began:.2f} s after the load", flush=True)
            verify(cluster, books)
            victim.again()
            cluster.settled()
            verify(cluster, books)
        assert all(book.acknowledged > 0 for book in books)


def test_a_leader_that_is_stopped_hands_over():
    """In order: the next one is named by itself, and nothing is lost at the level at which a death may lose."""
    with Folder() as folder, Cluster(folder) as cluster:
        for _ in range(2):
            leader = cluster.leader()
            number = leader.epoch_led()
            with cluster.followers()[0].client() as client:
                for value in range(200):
                    equal(client.call("SET", "a", value), b"OK")
                equal(leader.stop(), 0, leader.tail())
                assert "has all that this node has: it is to lead" in leader.life(), leader.tail()
                heir = cluster.leader()
                assert heir is not leader and heir.epoch_led() == number + 1, heir.tail()
                equal(client.call("GET", "a"), b"199")
                equal(client.call("SET", "a", "again"), b"OK")
            leader.again()
            cluster.settled()


def test_a_client_elsewhere_sees_a_pause():
    """Whose command was not yet with the leader when it died is answered by the next one."""
    with Folder() as folder, Cluster(folder) as cluster:
        follower = cluster.followers()[0]
        with follower.client(timeout_s=PATIENCE_S) as client:
            for turn in range(20):
                equal(client.call("INCR", "n"), turn + 1)
            cluster.settled()
            leader = cluster.leader()
            leader.kill()
            gone = f"node {leader.number} at {leader.place} is followed no more"
            wait_until(lambda: gone in follower.life(), gone)
            equal(client.call("PING"), b"PONG", "answered here: the turn in which that was noticed is over")
            began = time.monotonic()
            equal(client.call("INCR", "n"), 21)
            print(f"  a pause of {time.monotonic() - began:.2f} s", flush=True)
            for turn in range(20):
                equal(client.call("INCR", "n"), turn + 22)


def test_a_leader_stands_still_for_longer_than_its_lease():
    """What it is asked meanwhile it has not done, unless all have it."""
    number = seed()
    books = new_books(number)
    with Folder() as folder, Cluster(folder, write_acks="quorum") as cluster:
        old = cluster.leader()
        with old.client() as client:
            equal(client.call("SET", "before", 1), b"OK")
        others = [node for node in cluster.nodes if node is not old]
        with Load(old, books, random.Random(number)):
            time.sleep(0.2 * SLOW)
            os.kill(old.pid, signal.SIGSTOP)
            try:
                new = cluster.leader(others)
                with new.client() as client:
                    equal(client.call("GET", "before"), b"1")
                    equal(client.call("SET", "after", 2), b"OK")
                with old.client(timeout_s=PATIENCE_S) as late:
                    late.send("SET", "late", "no")
                    late.send("GET", "after")
                    os.kill(old.pid, signal.SIGCONT)
                    answers = [late.receive(), late.receive()]
            finally:
                os.kill(old.pid, signal.SIGCONT)
        assert isinstance(answers[0], Error) or answers[0] == b"OK", answers
        assert isinstance(answers[1], Error) or answers[1] == b"2", f"an old value was read: {answers}"
        cluster.settled()
        verify(cluster, books)
        for node in cluster.nodes:
            with node.client() as client:
                equal(client.call("GET", "after"), b"2", f"node {node.number}")
                if isinstance(answers[0], Error):
                    equal(client.call("GET", "late"), None, f"node {node.number}: what was refused was done")
                else:
                    equal(client.call("GET", "late"), b"no", f"node {node.number}")


def test_all_are_killed_and_started():
    number = seed()
    dice = random.Random(number)
    books = new_books(number)
    with Folder() as folder, Cluster(folder, write_acks="quorum") as cluster:
        for _ in range(2):
            with Load(cluster.leader(), books, dice):
                time.sleep(dice.uniform(0.1, 0.4) * SLOW)
                for node in cluster.nodes:
                    node.process.kill()
            for node in cluster.nodes:
                node.kill()
            for node in dice.sample(cluster.nodes, 3):
                node.again(wait=None)
            for node in cluster.nodes:
                assert node.wait(), node.tail()
            verify(cluster, books)
            cluster.settled()


def test_a_node_alone_waits_for_another():
    """One of three leads nobody, and takes no write; with a second one it goes on."""
    with Folder() as folder, Cluster(folder) as cluster:
        with cluster.leader().client() as client:
            equal(client.call("SET", "a", 1), b"OK")
        cluster.settled()
        for node in cluster.nodes:
            node.kill()
        first, second, _ = cluster.nodes
        first.again(wait=None)
        first.process.await_ready(lambda: first.answers(False), PATIENCE_S)
        time.sleep(2 * SLOW)
        assert not cluster.takes_writes(first)
        second.again(wait=None)
        with cluster.leader([first, second]).client() as client:
            equal(client.call("GET", "a"), b"1")


def test_a_folder_says_that_it_is_a_members():
    """Neither bootstrap nor join: the folder is named, or cluster_mode leads to the usual one."""
    with Folder() as folder, Cluster(folder) as cluster:
        third = cluster.nodes[2]
        third.kill()
        third.settings["data_folder"] = third.data
        third.enter()
        cluster.settled()
        third.kill()
        del third.settings["data_folder"]
        third.enter(cluster_mode=True)
        cluster.settled()


def test_one_line_for_all():
    """As docker-compose.yaml has it: nobody begins before all have spoken; the same line goes on."""
    with Folder() as folder:
        cluster = Cluster(folder)
        places = ",".join(f"localhost:{node.node_port}" for node in cluster.nodes)
        try:
            first, second, third = cluster.nodes
            first.enter(bootstrap=True, join=places, wait=None)
            second.enter(bootstrap=True, join=places, wait=None)
            for node, whom in ((first, f"localhost:{third.node_port}, which --join names: it has not said whether"),
                               (second, f"node 1 (localhost:{first.node_port}) to begin the cluster")):
                wait_until(lambda node=node, whom=whom: f"waiting for {whom}" in node.life(), whom)
                assert "is node" not in node.life(), "it began without the third"
            third.enter(bootstrap=True, join=places)
            for node in (first, second):
                assert node.wait(), node.tail()
            wait_until(cluster.complete, "not all nodes count", 2 * PATIENCE_S)
            equal(len(set(re.findall("of cluster ([0-9a-f]+)", "".join(node.life() for node in cluster.nodes)))), 1)
            cluster.leader().kill()
            for node in cluster.nodes:
                if not node.running():
                    node.again()
            cluster.settled()
        finally:
            cluster.end()


def test_an_emptied_folder():
    """Of a follower, then of the node that began the cluster: they get all, and count again."""
    with Folder() as folder, Cluster(folder) as cluster:
        first, second, third = cluster.nodes
        with first.client() as client:
            for number in range(100):
                equal(client.call("SET", f"k{number}", "v" * 1000), b"OK")
        cluster.settled()
        third.kill()
        shutil.rmtree(third.data)
        third.again()
        cluster.settled()
        wait_until(cluster.complete, "not all nodes count", 2 * PATIENCE_S)
        time.sleep(3 * SLOW)  # until the coordinator's engine has the new folder: nothing shows that outside
        first.kill()
        shutil.rmtree(first.data)
        cluster.leader([second, third])
        text = refused(first.folder, *lines_of(first), "--bootstrap")
        assert "know me as node 1 of cluster" in text, text
        assert f"start me with --join={second.place}" in text or f"start me with --join={third.place}" in text, text
        first.enter(join=third.place)
        cluster.settled()
        wait_until(cluster.complete, "not all nodes count", 2 * PATIENCE_S)
        time.sleep(3 * SLOW)
        for node in (second, third):  # what it has counts
            node.kill()
        third.again()
        with cluster.leader([first, third]).client() as client:
            equal(client.call("DBSIZE"), 101, "100 keys, and the probe")


# ---- refusals: one sentence each ----


def refused(home, *flags):
    code, text = run_refused("--modules=", *flags, home=home)
    equal(code, 1, text)
    return text.splitlines()[-1]


def lines_of(node, number=None):
    return [f"--node_id={number or node.number}", f"--port={node.port}", f"--internal_port={node.node_port}"]


def test_another_node_has_the_number():
    with Folder() as folder, Cluster(folder) as cluster:
        other = Node(os.path.join(folder, "other"), 2)
        text = refused(other.folder, *lines_of(other), f"--join={cluster.nodes[0].place}")
        assert f"node 2 is in the cluster already, at {cluster.nodes[1].place}, and answers: give this one another " \
               "node_id" in text, text


def test_join_names_a_port_for_clients():
    with Folder() as folder:
        first = Node(os.path.join(folder, "first"), 1)
        other = Node(os.path.join(folder, "other"), 2)
        for password in (None, "secret"):
            first.password = first.settings["password"] = password
            first.enter(bootstrap=True)
            text = refused(other.folder, *lines_of(other), f"--join=127.0.0.1:{first.port}")
            first.kill()
            told = f"nodes listen on {first.node_port} (--join={first.place})"
            if password is not None:
                told = "--join wants that node's internal_port"
            assert f"127.0.0.1:{first.port} is a port for clients: {told}" in text, text


def test_a_folder_of_another_cluster():
    with Folder() as folder, Cluster(folder) as cluster:
        other = Node(os.path.join(folder, "other"), 4)
        other.enter(bootstrap=True)
        other.kill()
        text = refused(other.folder, *lines_of(other), f"--join={cluster.nodes[0].place}")
        assert re.search(f"belongs to cluster [0-9a-f]+..., {cluster.nodes[0].place} to [0-9a-f]+...: use another "
                         "data_folder", text), text


def with_data(home, data="~/.geomys"):
    """A single node has served from this folder."""
    folder = data.replace("~", home)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    node = Node(home, 1)
    node.settings.update(node_id=None, internal_port=None, data_folder=folder)
    node.start()
    with node.client() as client:
        equal(client.call("SET", "a", 1), b"OK")
    equal(node.stop(), 0)


def test_no_cluster_yet():
    with Folder() as home:
        text = refused(home, "--port=0", "--unix_socket=~/s", "--internal_port=1", "--cluster_mode")
        assert "this node is in no cluster yet: begin one with --bootstrap or enter one with --join=host:port" in text


def test_data_of_a_single_node_are_not_left_behind():
    with Folder() as home:
        with_data(home)
        node = Node(home, 1)
        text = refused(home, f"--port={node.port}", f"--internal_port={node.node_port}", "--bootstrap")
        assert "~/.geomys holds the data of a single node" in text and "--data_folder=~/.geomys to take" in text, text
        assert not os.path.exists(os.path.join(home, ".geomys", "node-1")), "nothing was made"
        node.settings["data_folder"] = os.path.join(home, ".geomys")
        node.enter(bootstrap=True)
        try:
            with node.client() as client:
                equal(client.call("GET", "a"), b"1", "they are taken along")
        finally:
            node.kill()


def test_data_of_a_single_node_are_not_lost():
    with Folder() as home:
        with_data(home)
        node = Node(home, 2)
        text = refused(home, f"--port={node.port}", f"--internal_port={node.node_port}", "--node_id=2",
                       "--data_folder=~/.geomys", "--join=127.0.0.1:9")
        assert ".geomys holds the data of a node that is in no cluster: they would be lost. Begin the cluster here " \
               "with --bootstrap, or use another data_folder" in text, text
        node.settings.update(node_id=None, internal_port=None, data_folder=os.path.join(home, ".geomys"))
        node.enter()
        with node.client() as client:
            equal(client.call("GET", "a"), b"1", "it is a single node's as before")
        equal(node.stop(), 0)


def test_the_node_port_is_in_use():
    with Folder() as home:
        node = Node(home, 1)
        other = Node(os.path.join(home, "other"), 1)
        node.enter(bootstrap=True)
        try:
            text = refused(home, f"--port={other.port}", f"--internal_port={node.node_port}", "--bootstrap",
                           "--data_folder=~/other")
            assert f"cannot listen for nodes on {node.place}: another process has the port" in text, text
        finally:
            node.kill()


run(globals())
