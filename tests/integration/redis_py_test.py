#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""redis-py, as Debian has it (python3-redis), works unchanged.

Each test runs over each protocol that the installed version speaks: Debian 12 has 4.3.4, which knows RESP2 alone;
from 5.0 on RESP3 comes too."""

import inspect
import os
import sys
import threading
import time

try:
    import redis
except ImportError:
    # Another python3 may stand before Debian's in PATH.
    debian = "/usr/bin/python3"
    if os.path.exists(debian) and os.environ.get("GEOMYS_REEXECUTED") != "1":
        os.execve(debian, [debian, *sys.argv], {**os.environ, "GEOMYS_REEXECUTED": "1"})
    redis = None

from support.runner import Skip, equal, run
from support.server import Folder, Server, wait_until


def protocols():
    knows = redis is not None and "protocol" in inspect.signature(redis.Connection.__init__).parameters
    return [2, 3] if knows else [2]


class Lent:
    """One server for all tests of this file, emptied for each."""

    server = None
    options = {}  # of each client: the protocol, where it can be chosen

    def __enter__(self):
        if redis is None:
            raise Skip("there is no redis-py: install python3-redis")
        client = self.client()
        client.flushall()
        return client

    def __exit__(self, *_):
        pass

    @staticmethod
    def client(**options):
        return redis.Redis(host="127.0.0.1", port=Lent.server.port, **{**Lent.options, **options})


def message(pubsub):
    """The next one."""
    return wait_until(lambda: pubsub.get_message(timeout=0.1), "a message shall come")


def test_strings_and_counters():
    with Lent() as r:
        assert r.ping()
        equal(r.set("k", "v"), True)
        equal(r.get("k"), b"v")
        equal(r.set("k", "w", nx=True), None)
        equal(r.set("k", "w", xx=True, get=True), b"v")
        equal(r.set("t", "x", ex=100), True)
        assert 98 <= r.ttl("t") <= 100 and 98000 < r.pttl("t") <= 100000
        equal(r.incr("n"), 1)
        equal(r.incrby("n", 41), 42)
        equal(r.decr("n", 2), 40)
        equal(r.get("n"), b"40")
        equal(r.incrbyfloat("f", 2.5), 2.5)
        equal(r.mset({"a": 1, "b": "two"}), True)
        equal(r.mget("a", "b", "none"), [b"1", b"two", None])
        equal(r.append("k", "!"), 2)
        equal(r.getrange("k", 0, 0), b"w")
        equal(r.setbit("bits", 7, 1), 0)
        equal(r.bitcount("bits"), 1)
        equal(r.bitfield("bits").get("u8", 0).incrby("u8", 0, 5).execute(), [1, 6])
        equal(r.exists("k", "n", "none"), 2)
        equal(r.type("k"), b"string")
        equal(r.delete("k", "n"), 2)
        equal(r.getdel("a"), b"1")
        value = bytes(range(256)) * 1000
        equal(r.set("binary", value), True)
        equal(r.get("binary"), value)
        decoded = Lent.client(decode_responses=True)
        equal(decoded.set("text", "Grüße"), True)
        equal(decoded.get("text"), "Grüße")
        equal(r["text"], "Grüße".encode())
        equal("text" in r, True)


def test_lists_and_blocking():
    with Lent() as r:
        equal(r.rpush("l", "a", "b", "c"), 3)
        equal(r.lpush("l", "z"), 4)
        equal(r.lrange("l", 0, -1), [b"z", b"a", b"b", b"c"])
        equal(r.lpos("l", "b"), 2)
        equal(r.linsert("l", "before", "b", "x"), 5)
        equal(r.lset("l", 0, "y"), True)
        equal(r.lrem("l", 1, "x"), 1)
        equal(r.ltrim("l", 0, 2), True)
        equal(r.lmove("l", "m", "LEFT", "RIGHT"), b"y")
        equal(r.rpop("l", 2), [b"b", b"a"])
        equal(r.lmpop(2, "l", "m", direction="LEFT"), [b"m", [b"y"]])
        equal(r.blpop("none", timeout=0.05), None)
        found = []
        waiting = threading.Thread(target=lambda: found.append(Lent.client().blpop(["q", "p"], timeout=10)))
        waiting.start()
        wait_until(lambda: r.info("clients")["blocked_clients"] == 1, "somebody shall wait")
        r.rpush("p", "now")
        waiting.join(10)
        equal(found, [(b"p", b"now")])
        waiting = threading.Thread(target=lambda: found.append(Lent.client().blmove("a", "b", 10)))
        waiting.start()
        wait_until(lambda: r.info("clients")["blocked_clients"] == 1, "somebody shall wait")
        r.rpush("a", "moved")
        waiting.join(10)
        equal(found[1:], [b"moved"])
        equal(r.lrange("b", 0, -1), [b"moved"])


def test_pipelines_and_transactions():
    with Lent() as r:
        pipe = r.pipeline(transaction=False)
        for i in range(1000):
            pipe.set(f"k{i}", i)
        equal(pipe.execute(), [True] * 1000)
        with r.pipeline() as pipe:
            equal(pipe.incr("n").rpush("l", 1, 2).get("n").execute(), [1, 2, b"1"])
        with r.pipeline() as pipe:
            pipe.set("s", "x").lpush("s", 1).get("s")
            try:
                pipe.execute()
                raise AssertionError("no error for the wrong type")
            except redis.ResponseError as error:
                assert "WRONGTYPE" in str(error), error
        equal(r.get("s"), b"x")
        with r.pipeline() as pipe:
            pipe.watch("n")
            seen = int(pipe.get("n"))
            r.incr("n")
            pipe.multi()
            pipe.set("n", seen + 100)
            try:
                pipe.execute()
                raise AssertionError("a watched key was changed, yet EXEC went on")
            except redis.WatchError:
                pass
        equal(r.transaction(lambda pipe: pipe.multi() or pipe.incrby("n", 10), "n"), [12])


def test_transactions_side_by_side():
    """Ten threads that read, add and write under WATCH lose nothing."""
    with Lent() as r:
        r.set("sum", 0)

        def add(pipe):
            current = int(pipe.get("sum"))
            pipe.multi()
            pipe.set("sum", current + 1)

        def work():
            client = Lent.client()
            for _ in range(20):
                client.transaction(add, "sum")

        threads = [threading.Thread(target=work) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        equal(r.get("sum"), b"200")


def test_keys_and_scanning():
    with Lent() as r:
        r.mset({f"key:{i}": i for i in range(2000)})
        r.rpush("list", 1)
        equal(len(set(r.scan_iter(match="key:*", count=100))), 2000)
        equal(list(r.scan_iter(_type="list")), [b"list"])
        equal(len(r.keys("key:1*")), 1111)
        equal(r.dbsize(), 2001)
        equal(r.rename("list", "other"), True)
        equal(r.copy("other", "copy"), True)
        equal(r.expire("copy", 100, nx=True), True)
        equal(r.expire("copy", 200, nx=True), False)
        equal(r.persist("copy"), True)
        assert r.expireat("copy", int(time.time()) + 50) and 48 <= r.ttl("copy") <= 50
        assert r.randomkey() is not None
        equal(r.object("encoding", "key:1") is not None, True)
        equal(r.flushdb(), True)
        equal(r.dbsize(), 0)


def test_the_server():
    with Lent() as r:
        equal(r.client_setname("tester"), True)
        equal(r.client_getname(), "tester")
        assert r.client_id() > 0
        mine = [client for client in r.client_list() if client["id"] == str(r.client_id())]
        equal((len(mine), mine[0]["name"]), (1, "tester"))
        equal(r.client_info()["name"], "tester")
        info = r.info()
        assert info["redis_mode"] == "standalone" and info["loading"] == 0 and info["role"] == "master", info
        assert r.info("server")["redis_version"].count(".") == 2
        equal(r.config_get("maxclients"), {"maxclients": "10000"})
        equal(r.config_set("timeout_s", 100), True)
        equal(r.config_get("timeout_s"), {"timeout_s": "100"})
        equal(r.config_set("timeout_s", 0), True)
        equal(r.echo("hello"), b"hello")
        assert r.command_count() > 90
        commands = r.command()
        equal(commands["get"]["arity"], 2)
        equal(r.command_getkeys("MSET", "a", 1, "b", 2), ["a", "b"])
        names = {module[b"name"] for module in r.module_list()}
        equal(len(names), 3)
        assert r.memory_usage("none") is None
        try:
            r.execute_command("NOSUCH")
            raise AssertionError("no error for an unknown command")
        except redis.ResponseError as error:
            assert "unknown command" in str(error), error


def test_pubsub():
    with Lent() as r:
        listener = r.pubsub()
        listener.subscribe("news", "other")
        listener.psubscribe("n*")
        told = [message(listener) for _ in range(3)]
        equal([(one["type"], one["channel"], one["data"]) for one in told],
              [("subscribe", b"news", 1), ("subscribe", b"other", 2), ("psubscribe", b"n*", 3)])
        equal(r.publish("news", b"\r\n\0"), 2)
        equal([(one["type"], one["pattern"], one["channel"], one["data"]) for one in
               (message(listener), message(listener))],
              [("message", None, b"news", b"\r\n\0"), ("pmessage", b"n*", b"news", b"\r\n\0")])
        equal(sorted(r.pubsub_channels()), [b"news", b"other"])
        equal(r.pubsub_numpat(), 1)
        equal(r.pubsub_numsub("news", "nobody"), [(b"news", 1), (b"nobody", 0)])
        listener.unsubscribe("news")
        equal(message(listener)["type"], "unsubscribe")
        listener.punsubscribe()
        equal(message(listener)["type"], "punsubscribe")
        equal(r.publish("news", "x"), 0)
        listener.close()


def test_keyspace_notifications():
    with Lent() as r:
        r.config_set("notify-keyspace-events", "KEA")
        listener = r.pubsub(ignore_subscribe_messages=True)
        listener.psubscribe("__key*__:*")
        r.rpush("l", 1)
        equal([(one["channel"], one["data"]) for one in (message(listener), message(listener))],
              [(b"__keyspace@0__:l", b"rpush"), (b"__keyevent@0__:rpush", b"l")])
        r.set("k", "v", px=1)
        found = [message(listener) for _ in range(6)]
        equal([one["data"] for one in found if b"keyspace" in one["channel"]], [b"set", b"expire", b"expired"])
        listener.close()
        r.config_set("notify-keyspace-events", "")


def test_other_clients():
    """What one client does to another: MONITOR, CLIENT KILL, PAUSE, UNBLOCK."""
    with Lent() as r:
        with r.monitor() as monitor:
            r.set("k", "seen")
            equal(next(one for one in monitor.listen() if "SET" in one["command"])["command"], "SET k seen")
        other = Lent.client(single_connection_client=True)
        number = other.client_id()
        waiting = threading.Thread(target=lambda: found.append(other.blpop("none", timeout=0)))
        found = []
        waiting.start()
        wait_until(lambda: r.info("clients")["blocked_clients"] == 1, "somebody shall wait")
        equal(r.client_unblock(number), True)
        waiting.join(10)
        equal(found, [None])
        equal(r.client_kill_filter(_id=number), 1)
        try:
            other.ping()
            raise AssertionError("it has been killed, and yet it asks")
        except redis.ConnectionError:
            pass
        assert other.client_id() > number, "it has connected again by itself"
        other.close()
        equal(r.client_pause(60000, all=False), True)
        writing = threading.Thread(target=lambda: found.append(Lent.client().set("k", "later")))
        writing.start()
        equal(r.get("k"), b"seen")
        wait_until(lambda: len(r.client_list()) >= 2, "the writer shall be there")
        equal(r.get("k"), b"seen", "writes are held")
        assert r.client_unpause()
        writing.join(10)
        equal((found[1:], r.get("k")), ([True], b"later"))
        equal(r.config_resetstat(), True)
        equal(r.info("stats")["keyspace_hits"], 0)


def test_after_kill_9():
    """A client that was connected before goes on afterwards, and so does a subscription."""
    if redis is None:
        raise Skip("there is no redis-py: install python3-redis")
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
        client = redis.Redis(host="127.0.0.1", port=server.port, **Lent.options)
        listener = client.pubsub(ignore_subscribe_messages=True)
        listener.subscribe("news")
        with client.pipeline(transaction=False) as pipe:
            for number in range(100):
                pipe.rpush("log", number)
            equal(pipe.execute()[-1], 100)
        server.kill()
        try:
            client.llen("log")
            raise AssertionError("no error, and no server")
        except redis.ConnectionError:
            pass
        server.start()
        equal(client.lrange("log", -2, -1), [b"98", b"99"])
        equal(client.incr("n"), 1)

        def heard():
            try:
                found = listener.get_message(timeout=0.05)
            except redis.ConnectionError:  # told once that it was lost, then it subscribes again
                return None
            if found is None:
                client.publish("news", "after")
            return found
        equal(wait_until(heard, "it shall listen again")["data"], b"after")


def test_errors_and_passwords():
    if redis is None:
        raise Skip("there is no redis-py: install python3-redis")
    with Folder() as folder, Server(folder, persistence="none", password="secret") as server:
        for options, kind in [({}, redis.AuthenticationError), ({"password": "wrong"}, redis.ResponseError),
                              ({"password": "secret"}, None), ({"username": "default", "password": "secret"}, None),
                              ({"password": "secret", "db": 1}, None),
                              ({"password": "secret", "db": 16}, redis.ResponseError)]:
            client = redis.Redis(host="127.0.0.1", port=server.port, **{**Lent.options, **options})
            try:
                client.dbsize()
                assert kind is None, f"{options}: no error"
            except redis.RedisError as error:
                assert kind is not None and isinstance(error, kind), (options, type(error), error)


def over_each_protocol(test):
    def repeated():
        for protocol in protocols():
            Lent.options = {"protocol": protocol} if len(protocols()) > 1 else {}
            test()
    return repeated


if __name__ == "__main__":
    tests = {name: over_each_protocol(test) if name.startswith("test_") else test for name, test in globals().items()}
    if redis is None:
        run(tests)
    spoken = " and ".join(f"RESP{protocol}" for protocol in protocols())
    print(f"redis-py {redis.__version__}, over {spoken}", flush=True)
    with Folder() as home, Server(home, persistence="writethroughdisk") as Lent.server:
        run(tests)
