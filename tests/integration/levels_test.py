#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What nodes of a cluster may answer: three real processes, at the levels of write_acks, with and without a majority.

Usage   levels_test.py [word]     GEOMYS_SEED"""

import random
import re
import time

from support.client import Error
from support.cluster import Cluster
from support.load import Load, new_books, verify
from support.runner import equal, run, seed
from support.server import PATIENCE_S, SLOW, Folder, wait_until


def info(node):
    with node.client(timeout_s=PATIENCE_S) as client:
        return client.info("replication")


def test_at_level_quorum_a_leader_is_killed_under_load():
    """What was acknowledged is there, though it was killed in the midst of it."""
    number = seed()
    dice = random.Random(number)
    books = new_books(number)
    with Folder() as folder, Cluster(folder, write_acks="quorum") as cluster:
        for _ in range(4):
            leader = cluster.leader()
            with Load(leader, books, dice):
                time.sleep(dice.uniform(0.1, 0.6) * SLOW)
                leader.kill()
            verify(cluster, books)
            leader.again()
            cluster.settled()
            verify(cluster, books)
        assert all(book.acknowledged > 0 for book in books)
        for node in cluster.nodes:
            equal(info(node)["replication_write_acks"], "quorum")


def test_clients_are_told_who_has_what():
    """WAIT, WAITAOF, ROLE, INFO, min_replicas_to_write."""
    with Folder() as folder, Cluster(folder, min_replicas_max_lag=3) as cluster:
        leader = cluster.leader()
        followers = cluster.followers()
        with leader.client(timeout_s=PATIENCE_S) as client:
            equal(client.call("SET", "a", 1), b"OK")
            equal(client.call("WAIT", 2, 0), 2)
            equal(client.call("WAITAOF", 1, 2, 0), [1, 2])
            role = client.call("ROLE")
            equal(role[0], b"master")
            equal(sorted(int(one[1]) for one in role[2]), sorted(node.port for node in followers))
            fields = client.info("replication")
            equal(fields["role"], "master")
            equal(fields["connected_slaves"], "2")
            assert re.fullmatch(r"ip=[^,]+,port=\d+,state=online,offset=\d+,lag=\d+,node=\d", fields["slave0"]), fields
        with followers[0].client(timeout_s=PATIENCE_S) as client:
            equal(client.call("SET", "b", 1), b"OK")
            equal(client.call("WAIT", 2, 0), 2, "the leader is asked")
            role = client.call("ROLE")
            equal([role[0], role[2], role[3]], [b"slave", leader.port, b"connected"])
            fields = client.info("replication")
            equal([fields["role"], fields["master_port"], fields["master_link_status"]],
                  ["slave", str(leader.port), "up"])
        ids = {info(node)["master_replid"] for node in cluster.nodes}
        equal(len(ids), 1)
        followers[0].kill()
        with leader.client(timeout_s=PATIENCE_S) as client:
            equal(client.call("SET", "a", 2), b"OK")
            equal(client.call("WAIT", 1, 0), 1)
            equal(client.call("WAIT", 2, 200), 1)
            equal(client.call("CONFIG", "SET", "min-replicas-to-write", 2), b"OK")
            wait_until(lambda: getattr(client.call("SET", "a", 3), "code", None) == "NOREPLICAS", "one is too few")
            equal(client.info("replication")["min_slaves_good_slaves"], "1")
            equal(client.call("CONFIG", "SET", "min-replicas-to-write", 1), b"OK")
            equal(client.call("SET", "a", 3), b"OK")
            wait_until(lambda: client.info("replication")["replication_members_away"] == "1", "one is away")
            equal(client.info("replication")["replication_full_sync_may_follow"], "0")


def test_a_leader_without_a_majority_says_so():
    """Reads and writes alike: others may lead by now."""
    with Folder() as folder, Cluster(folder, forward_wait_ms=1500) as cluster:
        leader = cluster.leader()
        with leader.client(timeout_s=PATIENCE_S) as client, leader.client(timeout_s=PATIENCE_S) as waiter:
            equal(client.call("SET", "a", 1), b"OK")
            waiter.send("BLPOP", "list", 0)
            wait_until(lambda: leader.client().info("clients")["blocked_clients"] == "1", "it shall wait")
            followers = cluster.followers()
            for node in followers:
                node.kill()

            def refused():
                answer = client.call("SET", "a", 2)
                return isinstance(answer, Error) and answer
            answer = wait_until(refused, "its lease shall end")
            assert answer.code in ("CLUSTERDOWN", "UNCERTAIN"), answer
            answer = client.call("SET", "a", 2)
            assert re.search(r"^CLUSTERDOWN this node leads but has heard from no majority for \d+(\.\d)? s; writes "
                             r"are refused until it has$", str(answer)), answer
            answer = client.call("GET", "a")
            assert isinstance(answer, Error) and answer.code == "CLUSTERDOWN", answer
            equal(client.info("replication")["replication_lease"], "0")
            for node in followers:
                node.again()
            wait_until(lambda: client.call("SET", "a", 3) == b"OK" or cluster.leader(), "one leads again")
            cluster.settled()
        with cluster.leader().client(timeout_s=PATIENCE_S) as client:
            equal(client.call("SET", "a", 4), b"OK")
            equal(client.call("GET", "a"), b"4")


def test_a_follower_without_a_leader_answers_for_a_while():
    with Folder() as folder, Cluster(folder, forward_wait_ms=500, max_read_lag_ms=2500) as cluster:
        node, other = cluster.followers()
        with cluster.leader().client() as client:
            equal(client.call("SET", "a", 1), b"OK")
        cluster.settled()
        leader = cluster.leader()
        other.kill()
        leader.kill()
        with node.client(timeout_s=PATIENCE_S) as client:
            equal(client.call("GET", "a"), b"1", "it may be a little old")

            def refused():
                answer = client.call("GET", "a")
                return isinstance(answer, Error) and str(answer)
            answer = wait_until(refused, "it shall say that it may be old")
            assert re.search(rf"^CLUSTERDOWN node {node.number} has heard from no leader for \d+(\.\d)? s: what it "
                             r"knows may be old \(max_read_lag_ms\)$", answer), answer
            fields = client.info("replication")
            equal([fields["role"], fields["master_link_status"]], ["slave", "down"])
            other.again()
            wait_until(lambda: client.call("GET", "a") == b"1", "there is a leader again")


run(globals())
