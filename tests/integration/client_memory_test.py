#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What clients hold counts: the server stays within maxmemory_clients and one query or reply, whatever they do; no key
is evicted for it, others are served, and who makes progress is not cut.

Bounds on resident memory are for a server without sanitizers."""

import contextlib
import os
import random
import socket
import socket
import threading
import time

from support.client import Client, Error, encode
from support.runner import equal, run, seed
from support.server import PATIENCE_S, SANITIZED, SLOW, Folder, Server, wait_until

MB = 1 << 20
LIMIT = 8 * MB
STALL_S = 2 * SLOW
VALUE = 24 * MB
RANDOM_S = 5 * SLOW


@contextlib.contextmanager
def a_server(**settings):
    settings = {"persistence": "none", "maxmemory": 64 * MB, "maxmemory_policy": "allkeys-lru",
                "maxmemory_clients": LIMIT, "client_stall_s": STALL_S, **settings}
    with Folder() as folder, Server(folder, **settings) as server:
        with server.client() as client:
            equal(client.call("SET", "kept", "x" * 1000), b"OK")
        yield server
        assert server.alive(), server.tail()
        with server.client() as client:
            stats = client.info("stats")
            equal(stats["evicted_keys"], "0", "clients' memory evicts no key")
            equal(len(client.call("GET", "kept")), 1000)
            memory = wait_until(lambda: small(client), "the clients that are gone hold nothing")
            assert int(memory["used_memory"]) >= int(memory["mem_clients_normal"]) > 0, memory


def small(client):
    memory = client.info("memory")
    return memory if int(memory["mem_clients_normal"]) < MB else None


def grown(server, before):
    """Bytes by which resident memory has grown at most since `before`."""
    return 0 if SANITIZED else server.memory("VmHWM") - before


def evicted(server):
    with server.client() as client:
        return int(client.info("stats")["evicted_clients"])


def fields_of(client, number):
    line = client.call("CLIENT", "LIST", "ID", number).decode().strip()
    return dict(word.split("=", 1) for word in line.split(" ")) if line else None


def hold_names(client, *words):
    """Names absent keys of 60 KB until it is cut. How many bytes of names were taken."""
    taken = 0
    try:
        for i in range(40 * MB // 60000):
            reply = client.call(*words, b"%060000d" % i)
            assert not isinstance(reply, Error), reply
            taken += 60000
    except (ConnectionError, OSError):
        pass
    return taken


def test_names_of_watched_keys_count():
    with a_server() as server, server.client() as client:
        before = server.memory("VmHWM")
        taken = hold_names(client, "WATCH")
        assert LIMIT / 2 < taken < LIMIT + 2 * MB, taken
        equal(evicted(server), 1)
        assert "this one much of it" in server.tail() and "what is large waits" in server.tail(), server.tail()
        assert grown(server, before) < 2 * LIMIT, grown(server, before)


def test_names_of_tracked_keys_count():
    with a_server() as server, server.client() as client:
        before = server.memory("VmHWM")
        client.call("HELLO", 3)
        equal(client.call("CLIENT", "TRACKING", "ON"), b"OK")
        taken = hold_names(client, "GET")
        assert LIMIT / 2 < taken < LIMIT + 2 * MB, taken
        equal(evicted(server), 1)
        assert grown(server, before) < 2 * LIMIT, grown(server, before)


def test_subscriptions_count_and_no_evict_is_honoured():
    with a_server(maxmemory_clients=2 * MB) as server, server.client() as client, server.client() as other:
        client.call("HELLO", 3)
        number = client.call("CLIENT", "ID")
        equal(client.call("CLIENT", "NO-EVICT", "ON"), b"OK")
        for i in range(80):
            client.call("SUBSCRIBE", b"%050000d" % i)
        held = fields_of(other, number)
        assert int(held["sub-mem"]) > 80 * 50000 and "e" in held["flags"] and held["sub"] == "80", held
        equal(evicted(server), 0)
        client.send("CLIENT", "NO-EVICT", "OFF")
        wait_until(lambda: fields_of(other, number) is None, "it is cut when it does not ask to be kept any more")
        equal(evicted(server), 1)


# ---- queries ----


class Sender(threading.Thread):
    """Sends a SET of VALUE bytes, or all but its end."""

    def __init__(self, server, number, whole):
        super().__init__(daemon=True)
        self.client = server.client()
        query = encode("SET", f"sent:{number}", b"v" * VALUE)
        self.query = query if whole else query[:-1000]
        self.reply = None
        self.start()

    def run(self):
        try:
            self.client.send_raw(self.query)
            self.reply = self.client.receive()
        except (ConnectionError, OSError) as error:
            self.reply = error
        self.client.close()


def answers_at_once(server, until):
    """Small commands are served as ever, while until() is not true. The longest that one took, seconds."""
    longest = 0
    with server.client() as client:
        while not until():
            began = time.monotonic()
            equal(client.call("GET", "kept"), b"x" * 1000)
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.01)
    return longest


def test_unfinished_queries_are_bounded_and_finished_ones_are_not_cut():
    with a_server(maxmemory=0) as server:
        before = server.memory("VmHWM")
        senders = [Sender(server, number, True) for number in range(4)]
        answers_at_once(server, lambda: not any(sender.is_alive() for sender in senders))
        equal([sender.reply for sender in senders], [b"OK"] * 4, "one after the other, each of them goes through")
        equal(evicted(server), 0)
        with server.client() as client:
            equal([client.call("STRLEN", f"sent:{number}") for number in range(4)], [VALUE] * 4)
            equal(client.call("DEL", *[f"sent:{number}" for number in range(4)]), 4)
        # The values themselves, the limit, and one query: its memory may be twice what has arrived.
        assert grown(server, before) < 4 * VALUE + LIMIT + 3 * VALUE, grown(server, before) / MB


def test_queries_that_never_end():
    with a_server() as server:
        before = server.memory("VmHWM")
        senders = [Sender(server, number, False) for number in range(12)]
        longest = answers_at_once(server, lambda: evicted(server) >= 2)
        assert longest < STALL_S / 2, longest
        assert grown(server, before) < LIMIT + 3 * VALUE, grown(server, before) / MB
        for sender in senders:
            with contextlib.suppress(OSError):
                sender.client.socket.shutdown(socket.SHUT_RDWR)
        for sender in senders:
            sender.join(PATIENCE_S)
        assert not any(sender.is_alive() for sender in senders)


# ---- replies ----


def test_readers_that_do_not_read():
    with a_server() as server:
        with server.client() as client:
            equal(client.call("SET", "large", b"v" * VALUE), b"OK")
        before = server.memory("VmHWM")
        idle = [server.client(receive_bytes=4096) for _ in range(6)]
        for client in idle:
            client.send("GET", "large")
        with server.client() as reader:
            reader.send("GET", "large")
            longest = answers_at_once(server, lambda: evicted(server) >= 1)
            assert longest < STALL_S / 2, longest
            for client in idle:
                client.close()
            equal(len(reader.receive()), VALUE, "who reads gets what it has asked for")
        assert grown(server, before) < LIMIT + 2 * VALUE, grown(server, before) / MB


def test_two_that_read_are_not_cut():
    with a_server() as server:
        with server.client() as client:
            equal(client.call("SET", "large", b"v" * VALUE), b"OK")
        with server.client() as one, server.client() as other:
            one.send("GET", "large")
            other.send("GET", "large")
            equal(len(one.receive()), VALUE)
            equal(len(other.receive()), VALUE)
        equal(evicted(server), 0)


def test_who_keeps_others_waiting_is_cut():
    """All of them together are below the limit, but one that sends nothing more has the turn."""
    with a_server() as server, server.client() as holder, server.client() as sender, server.client() as other:
        equal(other.call("SETRANGE", "large", 2999999, "x"), 3000000)
        sender.send_raw(encode("SET", "k", b"v" * 30000000)[:1000000])
        holder.pipeline([("WATCH", b"%060000d" % i) for i in range(96)])  # 64 KiB each: above three quarters
        other.send("GET", "large")
        with server.client() as client:
            wait_until(lambda: client.info("clients")["blocked_clients"] == "1", "it is held")
            equal(client.info("stats")["evicted_clients"], "0")
            equal(len(other.receive()), 3000000)
            equal(client.info("stats")["evicted_clients"], "1")


def test_one_that_is_cut_while_its_command_is_held():
    """Its going makes the room for which it waited."""
    with a_server(client_push_limit=MB, client_stall_s=60) as server, server.client() as holder, \
            server.client() as sender, server.client() as publisher:
        equal(publisher.call("SETRANGE", "large", 5999999, "x"), 6000000)
        holder.pipeline([("WATCH", b"%060000d" % i) for i in range(46)])  # 64 KiB each
        sender.send_raw(encode("SET", "k", b"v" * 30000000)[:1900000])  # will be the favoured one; together below 5/8
        with server.client(receive_bytes=4096) as listener, server.client() as other:
            listener.call("HELLO", 3)
            listener.call("SUBSCRIBE", "c")
            while int(publisher.info("memory")["mem_clients_normal"]) < LIMIT * 6 // 8 + 100000:
                equal(publisher.call("PUBLISH", "c", b"x" * 200000), 1)
            listener.send("GET", "large")
            wait_until(lambda: other.info("clients")["blocked_clients"] == "1", "it is held")
            wait_until(lambda: publisher.call("PUBLISH", "c", b"x" * 500000) == 0, "it is cut")
            equal(other.info("clients")["blocked_clients"], "0")
            equal(len(other.call("GET", "large")), 6000000)
            equal(other.info("stats")["client_output_limit_disconnections"], "1")


def test_a_large_query_stands_in_the_list():
    with a_server() as server, server.client() as other, server.client() as client:
        number = client.call("CLIENT", "ID")
        client.send_raw(encode("SET", "k", b"v" * 3000000)[:1200000])
        held = wait_until(lambda: with_input(other, number, 1200000), "all has arrived")
        assert 2000000 <= int(held["qbuf"]) + int(held["qbuf-free"]) <= int(held["tot-mem"]), held
        assert int(other.info("memory")["mem_clients_normal"]) > 2000000
        wait_until(lambda: int(fields_of(other, number)["qbuf-free"]) < 500000, "an idle query buffer shrinks")


def with_input(other, number, size):
    held = fields_of(other, number)
    return held if int(held["qbuf"]) == size else None


# ---- all of it, at random ----


class Anybody:
    """A client that sends what it likes, in pieces, and may never read."""

    def __init__(self, server, chance):
        self.chance = chance
        self.socket = socket.socket()
        self.reads = chance.random() < 0.5
        if not self.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.setblocking(False)
        self.left = b""

    def name(self, most):
        return b"%0*d" % (self.chance.randrange(10, most), self.chance.randrange(50))

    def value(self, most):
        return b"v" * self.chance.randrange(1, most)

    def says(self):
        chance = self.chance
        calls = [
            [("SET", "x", self.value(2 * MB))], [("GET", "big:0")], [("MGET", "big:0", "big:1", "big:2")],
            [("WATCH", self.name(60000), self.name(60000))], [("UNWATCH",)], [("GET", self.name(60000))],
            [("SUBSCRIBE", "c", b"c" + self.name(40000))], [("PUBLISH", "c", self.value(300000))], [("RESET",)],
            [("MULTI",), ("SET", "q", self.value(300000))], [("EXEC",)], [("BLPOP", self.name(50000), 0)],
            [("HELLO", 3), ("CLIENT", "TRACKING", "ON")], [("CLIENT", "NO-EVICT", chance.choice(["ON", "OFF", "OFF"]))],
            [("KEYS", "*")], [("CLIENT", "PAUSE", chance.randrange(30), "WRITE")], [("GET", "kept")] * 100,
            [("CONFIG", "SET", "maxmemory-clients", chance.choice(["600kb", "2mb", "5mb", "0"]))],
        ]
        text = b"".join(encode(*call) for call in chance.choice(calls))
        return text if chance.random() < 0.9 else text[:-chance.randrange(1, len(text))]

    def step(self):
        """False: it has gone."""
        try:
            with contextlib.suppress(BlockingIOError):
                self.left = self.left or self.says()
                self.left = self.left[self.socket.send(self.left[:self.chance.choice([1000, 100000, MB])]):]
            with contextlib.suppress(BlockingIOError):
                while self.reads:
                    if not self.socket.recv(MB):
                        return False
        except OSError:
            return False
        return self.chance.random() > 0.01


def test_anybody():
    """A sum that is not exact, or a client that is forgotten where it waits, ends the server (checks), or shows in
    the end, when everybody has left."""
    chance = random.Random(seed())
    with a_server(maxmemory=0, maxmemory_clients=2 * MB, client_push_limit=MB) as server, server.client() as client:
        for number in range(3):
            equal(client.call("SET", f"big:{number}", b"v" * chance.randrange(50000, 2 * MB)), b"OK")
        crowd = [Anybody(server, chance) for _ in range(25)]
        until = time.monotonic() + RANDOM_S
        while time.monotonic() < until:
            for at, one in enumerate(crowd):
                if not one.step():
                    one.socket.close()
                    crowd[at] = Anybody(server, chance)
            equal(len(client.call("GET", "kept")), 1000)
        for one in crowd:
            one.socket.close()
        assert evicted(server) > 0
        equal(client.call("CONFIG", "SET", "maxmemory-clients", LIMIT), b"OK")
        wait_until(lambda: nobody_waits(client), "those who wait for a key go on, and are seen to have gone")


def nobody_waits(client):
    """That somebody has gone who has sent more than is read while he waits, nobody can know before he goes on."""
    lines = client.call("CLIENT", "LIST").decode().splitlines()
    waiting = [line.split()[0][3:] for line in lines if "b" in line.split("flags=")[1].split()[0]]
    for number in waiting:
        client.call("CLIENT", "UNBLOCK", number)
    return not waiting


# ---- settings, addresses ----


def test_the_limit_is_a_setting():
    with a_server(maxmemory=1000 * MB, maxmemory_clients="25%") as server, server.client() as client:
        equal(client.call("CONFIG", "GET", "maxmemory-clients"), [b"maxmemory-clients", b"25%"])
        equal(client.info("memory")["maxmemory_clients"], str(1000 * MB // 100 * 25))
        equal(client.call("CONFIG", "SET", "maxmemory", "400mb"), b"OK")
        equal(client.info("memory")["maxmemory_clients"], str(400 * MB // 100 * 25))
        equal(client.call("CONFIG", "SET", "maxmemory-clients", "5%"), b"OK")
        equal(client.info("memory")["maxmemory_clients"], str(400 * MB // 100 * 5))
        equal(client.call("CONFIG", "SET", "maxmemory-clients", "3mb"), b"OK")
        equal(client.info("memory")["maxmemory_clients"], str(3 * MB))
        equal(client.call("CONFIG", "SET", "maxmemory-clients", "0"), b"OK")
        equal(client.info("memory")["maxmemory_clients"], "0")
        for wrong in ("0%", "101%", "-1", "5 %", "%"):
            assert isinstance(client.call("CONFIG", "SET", "maxmemory-clients", wrong), Error), wrong


def test_the_limit_is_there_by_default():
    with a_server(maxmemory=100 * MB, maxmemory_clients="25%") as server, server.client() as client:
        equal(client.info("memory")["maxmemory_clients"], str(25 * MB))
        equal(client.call("CONFIG", "SET", "maxmemory", "0"), b"OK")
        memory = client.info("memory")
        equal(int(memory["maxmemory_clients"]), int(memory["total_system_memory"]) // 100 * 25)


def test_a_unix_socket_shows_its_path():
    with Folder() as folder:
        path = os.path.join(folder, "s")
        with a_server(unix_socket=path) as server, server.client() as other, Client(path=path) as client:
            held = fields_of(other, client.call("CLIENT", "ID"))
            equal([held["addr"], held["laddr"], held["flags"]], [path + ":0", path + ":0", "U"])


def test_who_is_connected_stays_when_the_password_goes():
    with a_server(password="secret", auth_timeout_s=1) as server:
        with Client(server.port) as stranger, server.client() as client:
            assert isinstance(stranger.call("GET", "kept"), Error)
            equal(client.call("CONFIG", "SET", "requirepass", ""), b"OK")
            equal(stranger.call("STRLEN", "kept"), 1000)
            with Client(server.port) as silent:
                time.sleep(2.5)  # longer than auth_timeout_s and the second in which it is looked at
                equal(silent.call("PING"), b"PONG")
                equal(stranger.call("PING"), b"PONG")
                equal(client.call("PING"), b"PONG")
        server.password = None


if __name__ == "__main__":
    run(globals())
