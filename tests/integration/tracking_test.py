#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Clients that keep copies of values, over sockets and with a disk; and that what INFO and CLIENT LIST print has the
names that Redis has."""

import os
import random
import re
import shutil
import subprocess
import sys
import time

try:
    import redis
except ImportError:
    # Another python3 may stand before Debian's in PATH.
    debian = "/usr/bin/python3"
    if os.path.exists(debian) and os.environ.get("GEOMYS_REEXECUTED") != "1":
        os.execve(debian, [debian, *sys.argv], {**os.environ, "GEOMYS_REEXECUTED": "1"})
    redis = None

from support.client import Client
from support.runner import Skip, equal, run, seed
from support.server import PATIENCE_S, SLOW, Folder, Server, free_port, wait_until

# What redis-server 7.0 prints and Geomys has a value for, in its order.
CLIENT_FIELDS = ("id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free argv-mem multi-mem rbs "
                 "rbp obl oll omem tot-mem events cmd user redir resp").split()
INFO_CLIENTS = "connected_clients maxclients blocked_clients tracking_clients".split()
INFO_STATS = ("total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes "
              "total_net_output_bytes rejected_connections expired_keys evicted_keys keyspace_hits keyspace_misses "
              "pubsub_channels pubsub_patterns pubsubshard_channels tracking_total_keys tracking_total_items "
              "tracking_total_prefixes total_error_replies").split()


def fields(line):
    return [pair.split("=", 1)[0] for pair in line.decode().split()]


def names(text):
    return re.findall(r"^([a-z_]+):", text.decode(), re.M)


def expect_names(port):
    """In any order, as clients read them: INFO prints one table after the other. Whatever else stands between."""
    with Client(port) as client:
        for wanted, found in [(CLIENT_FIELDS, fields(client.call("CLIENT", "INFO"))),
                              (INFO_CLIENTS, names(client.call("INFO", "clients"))),
                              (INFO_STATS, names(client.call("INFO", "stats")))]:
            equal(sorted(name for name in found if name in wanted), sorted(wanted))


def test_names_of_info_and_client_list():
    with Folder() as folder, Server(folder, persistence="none") as server:
        expect_names(server.port)
        with server.client() as one, server.client() as other:
            one.call("HELLO", 3)
            equal(one.call("CLIENT", "TRACKING", "ON"), b"OK")
            one.call("MGET", "a", "b")
            other.call("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "x", "PREFIX", "y")
            info = other.info("everything")
            equal([info[name] for name in ("tracking_clients", "tracking_total_keys", "tracking_total_items",
                                           "tracking_total_prefixes")], ["2", "2", "2", "2"])
            one.close()
            wait_until(lambda: other.info("clients")["tracking_clients"] == "1", "the end of a client is seen")
            wait_until(lambda: other.info("stats")["tracking_total_keys"] == "0", "its keys are forgotten")


def test_the_same_names_in_redis():
    if shutil.which("redis-server") is None:
        raise Skip("there is no redis-server")
    port = free_port()
    with Folder() as folder:
        process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir",
                                    folder], stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: answers(port), "redis-server answers")
            expect_names(port)
        finally:
            process.terminate()
            process.wait()


def answers(port):
    try:
        with Client(port) as client:
            return client.call("PING") == b"PONG"
    except OSError:
        return False


def test_pushes_stand_where_they_belong():
    """In one write: what a client reads and changes itself is told behind the answer, each time."""
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server, server.client() as client:
        client.call("HELLO", 3)
        equal(client.call("CLIENT", "TRACKING", "ON"), b"OK")
        calls = [("GET", "k"), ("INCR", "k")] * 100
        client.send_raw(b"".join(b"%s %s\r\n" % (name.encode(), key.encode()) for name, key in calls))
        for i in range(100):
            equal(client.receive(), None if i == 0 else b"%d" % i)
            equal(client.receive(), i + 1)
            equal(client.receive(), [b"invalidate", [b"k"]])


def test_a_cache_is_right_under_load():
    """One reads through a cache of its own while others write; when they are through, every copy is right."""
    rng = random.Random(seed())
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        cache = {}
        asked = []
        with server.client() as reader, server.client() as writer:
            reader.call("HELLO", 3)
            equal(reader.call("CLIENT", "TRACKING", "ON"), b"OK")

            def hear(last):
                while True:
                    reply = reader.receive()
                    if isinstance(reply, list):
                        for key in reply[1] or list(cache):
                            cache.pop(key, None)
                    elif asked:
                        cache[asked.pop(0)] = reply
                    elif reply == last:
                        return

            for turn in range(30 // SLOW):
                keys = [b"k%d" % rng.randrange(50) for _ in range(200)]
                writer.send_raw(b"".join(
                    rng.choice([b"INCR %s\r\n", b"DEL %s\r\n", b"SET %s 7 PX 3\r\n", b"SET %s 1\r\n"]) % key
                    for key in keys))
                for key in {b"k%d" % rng.randrange(50) for _ in range(40)} - set(cache):
                    asked.append(key)
                    reader.send("GET", key)
                for _ in keys:
                    writer.receive()
                time.sleep(0.02)  # what has 3 ms to live expires, by nobody's doing
                reader.send("ECHO", b"turn %d" % turn)
                hear(b"turn %d" % turn)
            assert cache
            for key, value in cache.items():
                equal(writer.call("GET", key), value, f"the copy of {key}")


def test_redis_py_is_told_on_another_connection():
    """RESP2: messages go to a second connection, which listens to a channel."""
    if redis is None:
        raise Skip("there is no redis-py: install python3-redis")
    with Folder() as folder, Server(folder, persistence="none") as server:
        def connect():
            return redis.Redis(host="127.0.0.1", port=server.port, single_connection_client=True)

        reader, writer = connect(), connect()
        ears = reader.pubsub()
        ears.execute_command("CLIENT", "ID")
        ears_id = ears.connection.read_response()
        ears.subscribe("__redis__:invalidate")
        equal(ears.get_message(timeout=PATIENCE_S)["type"], "subscribe")
        equal(reader.execute_command("CLIENT TRACKING", "ON", "REDIRECT", ears_id), b"OK")
        equal(reader.execute_command("CLIENT GETREDIR"), ears_id)
        equal(reader.get("k"), None)
        writer.set("k", "v")
        message = ears.get_message(timeout=PATIENCE_S)
        equal((message["channel"], message["data"]), (b"__redis__:invalidate", [b"k"]))
        writer.flushall()
        message = ears.get_message(timeout=PATIENCE_S)
        equal(message["data"], None)


def test_redis_cli_shows_pushes():
    if shutil.which("redis-cli") is None:
        raise Skip("there is no redis-cli: install redis-tools")
    with Folder() as folder, Server(folder, persistence="none") as server:
        done = subprocess.run(["redis-cli", "-3", "--show-pushes", "yes", "-p", str(server.port)],
                              input=b"CLIENT TRACKING ON\nGET k\nSET k 1\nPING\n", capture_output=True,
                              timeout=PATIENCE_S)
        assert b"invalidate" in done.stdout and b"k" in done.stdout, done.stdout


if __name__ == "__main__":
    run(globals())
