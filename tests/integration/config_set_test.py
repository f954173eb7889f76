#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CONFIG SET does what it says: for each setting that it takes there is a test that sees the effect on what runs.

Why     Three settings were once answered with OK and did nothing, or half: existing connections did not hear of them.
Idea    The server says itself which settings can be changed (CONFIG GET *, and which of these CONFIG SET takes). One
        that has no function here, nor a Test(config_set, <name>) in tests/unit/node/test_config_set.c, fails."""

import os
import re
import resource
import subprocess
import time

from support.client import Client, Error
from support.runner import equal, run
from support.server import PATIENCE_S, PROGRAM, ROOT, Folder, Server, wait_until

UNIT_TESTS = os.path.join(ROOT, "tests", "unit", "node")  # of the whole node, in memory


def change(client, *settings):
    equal(client.call("CONFIG", "SET", *settings), b"OK", f"CONFIG SET {settings}")


def refused(client, *settings):
    answer = client.call("CONFIG", "SET", *settings)
    beginning = "ERR CONFIG SET failed (possibly related to argument '"
    assert isinstance(answer, Error) and answer.startswith(beginning), (settings, answer)
    return str(answer)


def is_closed(client):
    try:
        while client.more():
            pass
    except ConnectionError:
        pass
    return True


# ---- an effect for each: with a server of its own, a client, and a second one that was there before ----


def effect_password(server, client, other):
    equal(other.call("PING"), b"PONG")
    change(client, "password", "sesame")
    with Client(server.port) as late:
        equal(late.call("PING").code, "NOAUTH")
        equal(late.call("AUTH", "wrong").code, "WRONGPASS")
        equal(late.call("AUTH", "sesame"), b"OK")
        change(late, "password", "another")
    with Client(server.port) as later:
        equal(later.call("AUTH", "sesame").code, "WRONGPASS")
        equal(later.call("AUTH", "another"), b"OK")
    equal(other.call("PING"), b"PONG", "whoever was there stays, as in Redis")
    change(other, "password", "")
    with Client(server.port) as last:
        equal(last.call("PING"), b"PONG")


def effect_default_expiry(_, client, other):
    other.call("SET", "before", "v")
    change(client, "default_expiry", "60000")
    other.call("SET", "after", "v")
    equal(other.call("PTTL", "before"), -1)
    assert 0 < other.call("PTTL", "after") <= 60000
    change(client, "default_expiry", "0")
    other.call("SET", "after", "v")
    equal(other.call("PTTL", "after"), -1)


def effect_log_level(server, client, _):
    def says(word):
        before = len(server.text())
        client.call("SET", "k", word)
        equal(client.call("SAVE"), b"OK")
        return "a snapshot" in server.text()[before:]

    assert says("at first")
    change(client, "log_level", "error")
    assert not says("nothing")
    change(client, "log_level", "info")
    assert says("again")
    change(client, "log_level", "error")
    before = len(server.text())
    equal(server.stop(), 0)
    equal(server.text()[before:], "", "the program around the node is as silent")


def effect_maxclients(server, client, other):
    change(client, "maxclients", "2")
    with Client(server.port) as third:
        equal(third.line(), b"-ERR max number of clients reached")
    equal(other.call("PING"), b"PONG")
    change(client, "maxclients", "3")
    with Client(server.port) as third:
        equal(third.call("PING"), b"PONG")


def effect_timeout_s(server, client, other):
    with Client(server.port) as listener:
        listener.call("SUBSCRIBE", "c")
        change(client, "timeout", "1")
        assert is_closed(other)
        with Client(server.port) as late:
            equal(late.call("PUBLISH", "c", "still there"), 1)
            change(late, "timeout", "0")


def effect_auth_timeout_s(server, client, other):
    change(client, "requirepass", "secret")
    change(client, "auth_timeout_s", "1")
    began = time.monotonic()
    with Client(server.port) as silent, Client(server.port) as guessing:
        while time.monotonic() - began < 0.5:
            assert str(guessing.call("AUTH", "wrong")).startswith("WRONGPASS")
        assert is_closed(silent) and is_closed(guessing), "trying does not lengthen it"
    equal(other.call("PING"), b"PONG", "who was there before there was a password stays")
    equal(client.info("stats")["closed_unauthenticated"], "2")
    change(client, "requirepass", "")


def keepalive_s(server, client):
    """Seconds until the kernel probes the server's side of the connection; None: never."""
    ports = f":{server.port:04X}", f":{client.socket.getsockname()[1]:04X}"
    with open("/proc/net/tcp", encoding="ascii") as lines:
        for words in (line.split() for line in lines):
            if words[1].endswith(ports[0]) and words[2].endswith(ports[1]):
                kind, when = words[5].split(":")
                return int(when, 16) // os.sysconf("SC_CLK_TCK") if kind == "02" else None
    raise AssertionError("no such connection")


def effect_tcp_keepalive_s(server, client, other):
    def expect(least, most):
        with Client(server.port) as late:
            equal(late.call("PING"), b"PONG")
            for what in other, late:
                wait_until(lambda w=what: most is None and keepalive_s(server, w) is None
                           or most is not None and least <= (keepalive_s(server, w) or 0) <= most,
                           f"probes after {most} s, not {keepalive_s(server, what)}")

    expect(200, 300)
    change(client, "tcp_keepalive_s", "1000")
    expect(900, 1000)
    change(client, "tcp_keepalive_s", "0")
    expect(None, None)
    change(client, "tcp_keepalive_s", "60")
    expect(30, 60)


def effect_client_query_limit(_, client, other):
    equal(other.call("SET", "k", b"x" * 70000), b"OK")
    equal(other.call("MULTI"), b"OK")
    equal(other.call("SET", "k", b"x" * 70000), b"QUEUED")
    change(client, "client_query_limit", "64kb")
    answer = other.call("SET", "k", "small")
    assert isinstance(answer, Error) and "larger than client_query_limit" in answer, answer  # with what is queued
    equal(other.call("EXEC").code, "EXECABORT")
    answer = other.call("SET", "k", b"x" * 70000)
    assert isinstance(answer, Error) and "larger than client_query_limit" in answer, answer


def stalled_reader(server, client, size):
    """One who has asked for a value of that size and reads nothing."""
    client.call("SET", "big", b"x" * size)
    reader = Client(server.port, receive_bytes=4096)
    reader.socket.sendall(b"GET big\r\n")
    wait_until(lambda: most_held(client) > size - 10000000, "the answer waits for it")
    return reader


def effect_client_output_limit(server, client, other):
    with stalled_reader(server, client, 30000000) as reader:
        change(client, "client_output_limit", "1mb")
        equal(most_held(client), 0, "the one that was there holds more than it may now")
        wait_until(lambda: client.info("clients")["connected_clients"] == "2", "and is gone")
        assert is_closed(reader)
    client.call("SETRANGE", "large", 3000000, "x")
    assert "client_output_limit" in other.call("GETDEL", "large"), "the limit is new for one that was there before"
    equal(client.call("STRLEN", "large"), 3000001, "and nothing is lost")
    change(client, "client_output_limit", "1gb")
    equal(len(other.call("GETDEL", "large")), 3000001, "and for the one that was refused")


def effect_client_push_limit(server, client, other):
    change(client, "client_push_limit", "64kb")
    with Client(server.port, receive_bytes=4096) as listener:
        listener.call("SUBSCRIBE", "c")
        wait_until(lambda: other.call("PUBLISH", "c", b"x" * 1000000) == 0, "it does not read")
        equal(client.info("stats")["client_output_limit_disconnections"], "1")
    wait_until(lambda: "client_push_limit" in server.tail(), "and the log says why")


def effect_maxmemory_clients(server, client, other):
    with server.client() as holder:
        holder.pipeline([("WATCH", b"%060000d" % i) for i in range(50)])
        change(client, "maxmemory_clients", "1mb")
        wait_until(lambda: client.info("stats")["evicted_clients"] == "1", "it holds 3 MB of names")
        equal(other.call("PING"), b"PONG")
    change(client, "maxmemory_clients", "0")
    with server.client() as holder:
        holder.pipeline([("WATCH", b"%060000d" % i) for i in range(50)])
        equal(holder.call("PING"), b"PONG")


def effect_client_stall_s(server, client, other):
    with stalled_reader(server, client, 30000000) as reader, stalled_reader(server, client, 30000000) as late:
        got = some_of(late)  # it must not be late already when the setting comes
        change(client, "client_stall_s", "2")
        while client.info("stats")["client_stalled_disconnections"] == "0":
            got += some_of(late)
            time.sleep(0.02)  # its pace: at full speed all is read before a second is over
        wait_until(lambda: "client_stall_s" in server.tail(), "the log says why")
        assert is_closed(reader)
        change(client, "client_stall_s", "60")
        while got < 30000000 + 13:
            got += some_of(late)
        equal(got, 30000000 + 13, "who reads is not cut")


def some_of(reader):
    """Reads what is there; its size in bytes."""
    size = len(reader.socket.recv(100000))
    assert size > 0, "the connection was closed"
    return size


def most_held(client):
    """Bytes of output, of the client for whom most are held."""
    return max(map(int, re.findall(rb" obl=(\d+)", client.call("CLIENT", "LIST"))))


def effect_max_bulk(_, client, other):
    equal(other.call("SET", "k", b"x" * 2000), b"OK")
    change(client, "max_bulk", "1kb")
    equal(client.call("SET", "k", b"x" * 1024), b"OK")
    assert "invalid bulk length" in other.call("SET", "k", b"x" * 1025)


def snapshots(client):
    return int(client.info("persistence")["rdb_saves"])


def effect_snapshot_log_size(_, client, other):
    other.call("SET", "k", b"x" * 100000)
    equal(snapshots(client), 0)
    change(client, "snapshot_log_size", "50000")
    wait_until(lambda: snapshots(client) == 1, "the log is long enough by now")
    change(client, "snapshot_log_size", "0")
    for _ in range(5):
        other.call("SET", "k", b"x" * 100000)
    equal(snapshots(client), 1)
    equal(client.info("persistence")["rdb_bgsave_in_progress"], "0")


def effect_snapshot_interval_s(_, client, other):
    other.call("SET", "k", "v")
    change(client, "snapshot_interval_s", "1")
    wait_until(lambda: snapshots(client) == 1, "a second has passed")


def fill(client, count, size, prefix="k"):
    for first in range(0, count, 100):
        client.pipeline(("SET", f"{prefix}{n}", os.urandom(size)) for n in range(first, min(first + 100, count)))


def effect_snapshot_memory(_, client, other):
    fill(client, 1200, 20000)

    def needs():
        other.call("SET", "k", "v")
        equal(client.call("SAVE"), b"OK")
        return int(client.info("persistence")["rdb_last_cow_size"])

    change(client, "snapshot_memory", "1mb")
    small = needs()
    assert 0 < small <= 1024 * 1024, small
    change(client, "snapshot_memory", "16mb")
    large = needs()
    assert 1024 * 1024 < large <= 16 * 1024 * 1024, large


def effect_snapshot_compression(_, client, other):
    client.pipeline(("SET", f"k{n}", b"x" * 1000) for n in range(1000))

    def size(codec):
        change(client, "snapshot_compression", codec)
        other.call("SET", "k", codec)
        equal(client.call("SAVE"), b"OK")
        return int(client.info("persistence")["snapshot_size"])

    plain, lz4, zstd = size("none"), size("lz4"), size("zstd")
    assert plain > 1000000 > 200000 > lz4 > zstd, (plain, lz4, zstd)
    assert size("none") > 1000000


def effect_maxmemory(_, client, other):
    fill(other, 100, 10000)
    change(client, "maxmemory", "500kb")
    equal(other.call("SET", "k", "v").code, "OOM")
    change(client, "maxmemory", "0")
    equal(other.call("SET", "k", "v"), b"OK")


def effect_maxmemory_policy(_, client, other):
    fill(other, 100, 10000)
    change(client, "maxmemory", "500kb")
    equal(other.call("SET", "k", "v").code, "OOM")
    equal(client.call("DBSIZE"), 100)
    change(client, "maxmemory-policy", "allkeys-random")
    wait_until(lambda: client.call("DBSIZE") < 60, "there is something to evict now")
    equal(other.call("SET", "k", "v"), b"OK")
    equal(client.call("OBJECT", "FREQ", "k").code, "ERR")
    change(client, "maxmemory-policy", "allkeys-lfu")
    assert client.call("OBJECT", "FREQ", "k") >= 0


def effect_maxmemory_samples(_, client, other):
    """Half of the keys are used often. With many samples none of them goes, with one they go by chance."""

    def wrong(samples):
        change(client, "maxmemory", "0", "maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "0",
               "maxmemory-samples", samples)
        client.call("FLUSHALL")
        for first, uses in (0, 20), (1, 0):
            other.pipeline(("SET", f"k{n}", b"x" * 1000) for n in range(first, 2000, 2))
            for _ in range(uses):
                other.pipeline(("GET", f"k{n}") for n in range(first, 2000, 2))
        change(client, "maxmemory", int(client.info("memory")["used_memory_dataset"]) * 7 // 10)
        wait_until(lambda: client.call("DBSIZE") < 1500, "they are evicted")
        return 1000 - client.call("EXISTS", *[f"k{n}" for n in range(0, 2000, 2)])

    few, many = wrong(1), wrong(64)
    assert many < 20 and few > 4 * (many + 5), (few, many)


def effect_lfu_log_factor(_, client, other):
    def after(factor):
        change(client, "lfu-log-factor", factor)
        other.call("DEL", "k")
        other.call("SET", "k", "v")
        other.pipeline(("GET", "k") for _ in range(100))
        return client.call("OBJECT", "FREQ", "k")

    change(client, "maxmemory-policy", "allkeys-lfu")
    quick, slow = after(0), after(1000000)
    assert quick >= 100 and slow < 15, (quick, slow)


def effect_slowlog_log_slower_than(_, client, other):
    client.call("SLOWLOG", "RESET")
    other.call("SET", "k", "v")
    equal(client.call("SLOWLOG", "LEN"), 0)
    change(client, "slowlog-log-slower-than", "0")
    other.call("SET", "k", "v")
    assert [b"SET", b"k", b"v"] in [entry[3] for entry in client.call("SLOWLOG", "GET")]
    change(client, "slowlog-log-slower-than", "-1")
    client.call("SLOWLOG", "RESET")
    other.call("SET", "k", "v")
    equal(client.call("SLOWLOG", "LEN"), 0)


def effect_slowlog_max_len(_, client, other):
    change(client, "slowlog-log-slower-than", "0")
    for _ in range(10):
        other.call("PING")
    change(client, "slowlog-max-len", "3", "slowlog-log-slower-than", "-1")
    assert client.call("SLOWLOG", "LEN") <= 3
    change(client, "slowlog-log-slower-than", "0")
    for _ in range(10):
        other.call("PING")
    equal(client.call("SLOWLOG", "LEN"), 3)


def effect_latency_monitor_threshold(_, client, other):
    fill(other, 50000, 10)  # so that looking at all of them takes some milliseconds

    def events():
        client.call("LATENCY", "RESET")
        other.call("DEBUG", "DIGEST")
        return [event[0] for event in client.call("LATENCY", "LATEST")]

    equal(events(), [])
    change(client, "latency-monitor-threshold", "1")
    assert b"command" in events()
    change(client, "latency-monitor-threshold", "0")
    equal(events(), [])


def effect_latency_tracking(_, client, other):
    other.call("GET", "k")
    assert "latency_percentiles_usec_get" in client.info("latencystats")
    change(client, "latency-tracking", "no")
    equal(client.info("latencystats"), {})
    equal(client.call("CONFIG", "GET", "latency-tracking"), [b"latency-tracking", b"no"])
    change(client, "latency_tracking", "true")
    assert "latency_percentiles_usec_get" in client.info("latencystats")


def effect_min_replicas_to_write(_, client, other):
    change(client, "min-replicas-to-write", "1")
    equal(other.call("SET", "k", "v"), "NOREPLICAS Not enough good replicas to write.")
    equal(other.call("GET", "k"), None)
    other.call("MULTI")
    other.call("SET", "k", "v")
    assert "NOREPLICAS" in other.call("EXEC")
    change(client, "min-slaves-to-write", "0")
    equal(other.call("SET", "k", "v"), b"OK")


def effect_min_replicas_max_lag(_, client, other):
    change(client, "min-replicas-to-write", "1", "min-replicas-max-lag", "0")
    equal(other.call("SET", "k", "v"), b"OK", "0 turns it off, as in Redis")
    change(client, "min-replicas-max-lag", "10")
    equal(other.call("SET", "k", "v").code, "NOREPLICAS")


def effect_tracking_table_max_keys(_, client, other):
    def keys():
        return int(client.info("stats")["tracking_total_keys"])

    equal(other.call("HELLO", "3")[b"proto"], 3)
    equal(other.call("CLIENT", "TRACKING", "ON"), b"OK")
    for n in range(200):
        other.call("GET", f"k{n}")
    equal(keys(), 200)
    change(client, "tracking-table-max-keys", "20")
    wait_until(lambda: keys() == 20, "those that are too many go at once")
    for _ in range(180):
        equal(other.receive()[0], b"invalidate", "and whoever cached them is told")


def effect_notify_keyspace_events(_, client, other):
    other.call("PSUBSCRIBE", "__key*")
    client.call("SET", "k", "silent")
    change(client, "notify-keyspace-events", "K$")
    client.call("SET", "k", "told")
    equal(other.receive()[2:], [b"__keyspace@0__:k", b"set"])
    change(client, "notify-keyspace-events", "E$")
    client.call("SET", "k", "told")
    equal(other.receive()[2:], [b"__keyevent@0__:set", b"k"])


EFFECTS = {name[len("effect_"):]: effect for name, effect in globals().items() if name.startswith("effect_")}


# ---- all of them ----


def changeable(client):
    """The settings that CONFIG SET takes, of ours and of Redis alike; the others are refused by name."""
    names = set()
    for name in client.call("CONFIG", "GET", "*")[::2]:
        answer = client.call("CONFIG", "SET", name, b"a\0b")  # nothing's value
        assert isinstance(answer, Error) and f"argument '{name.decode()}') - " in answer, answer
        if "can't set immutable config" not in answer:
            names.add(name.decode())
    return names


def test_each_setting_may_be_set_to_what_it_is():
    """But for those that Redis alone has, and reads at its start: it does not take them either."""
    with Folder() as folder, Server(folder, maxclients=77) as server, server.client() as client:
        listed = client.call("CONFIG", "GET", "*")
        ours = settings_of_ours()
        for name, value in zip(listed[::2], listed[1::2]):
            answer = client.call("CONFIG", "SET", name, value)
            fixed = "can't set immutable config" in str(answer) and name.decode() not in ours
            assert answer == b"OK" or fixed, (name, value, answer)
        equal(client.call("CONFIG", "GET", "*"), listed)


def settings_of_ours():
    told = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^ +--(\w+)", told, re.M))


def test_each_setting_that_can_be_changed_has_a_test_that_sees_its_effect():
    elsewhere = set()
    for name in os.listdir(UNIT_TESTS):
        with open(os.path.join(UNIT_TESTS, name), encoding="utf-8") as text:
            elsewhere |= set(re.findall(r"Test\(config_set, (\w+)\)", text.read()))
    with Folder() as folder, Server(folder) as server, server.client() as client:
        names = changeable(client) & settings_of_ours()
    assert len(names) > 20, names
    equal(sorted(names - set(EFFECTS) - elsewhere), [], "settings that CONFIG SET takes and nobody tests")
    equal(sorted(set(EFFECTS) - names), [], "tests of settings that CONFIG SET does not take")


def effect_test(name, effect):
    def test():
        with Folder() as folder, Server(folder, snapshot_interval_s=0) as server:
            with server.client() as client, server.client() as other:
                other.call("PING")
                effect(server, client, other)

    test.__name__ = f"test_{name}"
    return test


for _name, _effect in EFFECTS.items():
    globals()[f"test_{_name}"] = effect_test(_name, _effect)


# ---- more connections than the system allows ----


def files_allowed(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_clients_need_more_files():
    """A soft limit that is raised, as far as the hard one goes; beyond it the number that is possible is named."""
    with Folder() as folder, Server(folder, maxclients=100, wal_segment_size="64kb",
                                    before=files_allowed(256, 1024)) as server:
        with server.client() as client:
            change(client, "maxclients", "900")
            crowd = [server.client() for _ in range(600)]
            equal([one.call("PING") for one in crowd], [b"PONG"] * 600)
            client.call("SET", "big", b"x" * 200000)  # takes new segments of the log
            answer = refused(client, "maxclients", "2000", "slowlog-max-len", "7")
            possible = int(re.search(r"\"maxclients\" can be (\d+) at most, not 2000", answer).group(1))
            assert 900 <= possible < 1024, possible
            equal(client.call("CONFIG", "GET", "slowlog_max_len"), [b"slowlog_max_len", b"128"], "all or none")
            equal(client.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"900"])
            change(client, "maxclients", possible)
            for one in crowd:
                one.close()


def test_a_start_with_fewer_files_than_are_wanted():
    with Folder() as folder, Server(folder, before=files_allowed(100, 100)) as server:
        with server.client() as client:  # what it says is what there is
            said = int(client.call("CONFIG", "GET", "maxclients")[1])
            equal(int(client.info("clients")["maxclients"]), said)
            assert 30 < said < 80, said
        assert "maxclients is 10000, but the system allows no more open files than for" in server.text(), server.tail()
        crowd = []
        while len(crowd) < 100:
            crowd.append(Client(server.port, timeout_s=PATIENCE_S))
            answer = crowd[-1].call("PING")
            if answer != b"PONG":
                break
        assert 30 < len(crowd) < 80 and answer.startswith("ERR max number of clients reached"), (len(crowd), answer)
        equal(crowd[0].call("SET", "k", "v"), b"OK")
        change(crowd[0], "timeout", "0")
        for one in crowd:
            one.close()


if __name__ == "__main__":
    run(globals())
