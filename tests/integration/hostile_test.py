#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile and clumsy clients: whatever comes in on the client port, the server answers or closes, and stays small.

Idea    Each test ends with the question whether the server still answers others, and where memory matters with its
        resident size. Bounds on that are for a server without sanitizers, which need several times as much.

Usage   hostile_test.py [word]      GEOMYS_FUZZ_SECONDS (default 5), GEOMYS_SEED
"""

import contextlib
import os
import random
import socket
import struct
import threading
import time

from support.client import Client, Error, encode
from support.runner import equal, run, seed
from support.server import PATIENCE_S, SANITIZED, SLOW, Folder, Server, wait_until

MB = 1024 * 1024
FUZZ_SECONDS = float(os.environ.get("GEOMYS_FUZZ_SECONDS", 5))


@contextlib.contextmanager
def a_server(**settings):
    settings.setdefault("persistence", "none")
    with Folder() as folder, Server(folder, **settings) as server:
        yield server
        assert server.alive(), server.tail()
        with server.client() as client:
            equal(client.call("PING"), b"PONG", "afterwards")


def expect_memory_below(server, before, bytes_more, what):
    if not SANITIZED:
        more = server.memory("VmHWM") - before
        assert more < bytes_more, f"{what}: {more / MB:.1f} MB more"


def unread(server, client):
    """Bytes that the client has sent and the server has not read, by the kernel's books."""
    mine = client.socket.getsockname()[1]
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    ends = {(int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16)): row[4].split(":") for row in rows}
    return int(ends[mine, server.port][0], 16) + int(ends[server.port, mine][1], 16)


# ---- the protocol ----


def test_protocol_errors_close():
    cases = [b"*1\r\n+PING\r\n", b"*1\r\n$-5\r\n", b"*x\r\n", b"*1\r\n$x\r\n", b"*99999999999999999999\r\n",
             b"*200000000\r\n", b"*1\r\n$4\r\nPINGxx", b"*1\r\n$99999999999\r\n", b"*1\r\n$600000000\r\n",
             b"'unbalanced\r\n", b"*" + b"1" * 100, b"SET " + b"x" * 70000, b"*1\r\n$4\r\nPING\r\n*1\r\n:1\r\n"]
    with a_server() as server:
        for case in cases:
            with server.client() as client:
                client.send_raw(case)
                answer = client.receive_all()
                if case.startswith(b"*1\r\n$4\r\nPING\r\n"):
                    assert answer.startswith(b"+PONG\r\n"), "what came before the error is answered"
                    answer = answer[7:]
                assert answer.startswith(b"-ERR Protocol error") and answer.endswith(b"\r\n"), (case[:40], answer)
                equal(answer.count(b"\r\n"), 1, f"lines of the answer to {case[:40]!r}")


def test_what_is_no_error():
    """Empty commands and lines are passed over; an unknown command does not close."""
    with a_server() as server, server.client() as client:
        client.send_raw(b"*0\r\n\r\n   \r\n*-1\r\nPING\r\n")
        equal(client.receive(), b"PONG")
        answer = client.call("NO\r\nSUCH", "a\r\n+INJECTED\r\n")
        assert isinstance(answer, Error) and "unknown command" in answer, answer
        equal(client.call("PING"), b"PONG", "no line break got into an error reply")
        answer = client.call(b"\0\xff\xfe", b"x" * 100000)
        assert isinstance(answer, Error) and len(answer) < 1000, answer
        assert isinstance(client.call("SET", "x" * 70000, "v"), Error), "a key longer than 65535 bytes"
        equal(client.call("PING"), b"PONG")


def test_inline_commands():
    with a_server() as server, server.client() as client:
        client.send_raw(b"SET k 'john \"doe\"'\r\nGET k\nset q \"\\x41\\n\"\r\nget q\r\n  get   k  \r\n")
        equal([client.receive() for _ in range(5)],
              [b"OK", b'john "doe"', b"OK", b"A\n", b'john "doe"'])
        client.send_raw(b"GET k\r\n" * 2 + encode("GET", "q") + b"PING\r\n")
        equal([client.receive() for _ in range(4)], [b'john "doe"', b'john "doe"', b"A\n", b"PONG"])
        client.send_raw(b"SET line " + b"x" * 60000 + b"\r\n")
        equal(client.receive(), b"OK")
        equal(client.call("STRLEN", "line"), 60000)


def test_announced_lengths_cost_nothing():
    with a_server() as server:
        before = server.memory()
        clients = []
        sent = 0
        for announced in (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nabc", b"*1000000\r\n$3\r\nDEL\r\n$1\r\na\r\n"):
            for _ in range(100):
                clients.append(server.client())
                clients[-1].send_raw(announced)
                sent += len(announced)
        with server.client() as client:
            wait_until(lambda: int(client.info("stats")["total_net_input_bytes"]) >= sent, "all shall be read")
            equal(client.info("clients")["connected_clients"], "201")
        expect_memory_below(server, before, 20 * MB, "200 clients that have announced much")
        for client in clients:
            client.close()


def test_as_many_arguments_as_the_query_limit_holds():
    """And who is refused while he is still sending reads why."""
    with a_server(client_query_limit="64mb") as server:
        with server.client() as client:
            client.send_raw(b"*1048577\r\n$3\r\nDEL\r\n" + b"$1\r\na\r\n" * 1048576)
            equal(client.receive(), 0)
            equal(client.call("CONFIG", "SET", "client_query_limit", "1mb"), b"OK")
        refused = [b"*2000000\r\n$3\r\nDEL\r\n" + b"$1\r\na\r\n" * 1999999,
                   b"*2\r\n$3\r\nGET\r\n$9000000\r\n" + b"x" * 9000000,
                   b"*100\r\n" + (b"$100000\r\n" + b"x" * 100000 + b"\r\n") * 100, b"+" * 9000000,
                   b"POST / HTTP/1.1\r\n" + b"x" * 9000000]
        for data in refused:
            with server.client() as client:
                client.send_raw(data)
                answer = client.receive_all()
                assert answer.startswith(b"-ERR Protocol error") and answer.endswith(b"\r\n"), (data[:40], answer)


def test_limits_before_the_password():
    with a_server(password="secret") as server:
        before = server.memory()
        for attack in (b"*11\r\n", b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", b"*1000000\r\n", b"*1\r\n$500000000\r\n",
                       b"A" * 70000, b"*3\r\n$3\r\nSET\r\n$20000\r\n"):
            with server.client(password=None) as client:
                client.send_raw(attack)
                answer = client.receive_all()
                assert answer.startswith(b"-ERR Protocol error"), (attack[:40], answer)
        with server.client(password=None) as client:
            for call in [("GET", "k"), ("SET", "k", "v"), ("INFO",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("MULTI",),
                         ("COMMAND",), ("SHUTDOWN",), ("DEBUG", "DIGEST"), ("CLIENT", "LIST"), ("WATCH", "k")]:
                answer = client.call(*call)
                assert isinstance(answer, Error) and answer.code == "NOAUTH", (call, answer)
            answer = client.call("AUTH", "x" * 16384)
            assert isinstance(answer, Error) and answer.code == "WRONGPASS", answer
            equal(client.call("AUTH", "secret"), b"OK")
            equal(client.call("SET", "k", b"v" * 20000), b"OK")
            equal(client.call("DEL", *[f"k{i}" for i in range(100)]), 0)
        # Who never reads the refusals is dropped long before client_output_limit.
        with server.client(password=None, receive_bytes=4096) as client:
            with contextlib.suppress(ConnectionError, TimeoutError):
                client.socket.settimeout(PATIENCE_S)
                for _ in range(2000):
                    client.send_raw(b"GET k\r\n" * 1000)
                raise AssertionError("an unauthenticated client is served without reading")
        expect_memory_below(server, before, 20 * MB, "clients without a password")


def test_passwords_cannot_be_tried_quickly():
    with a_server(password="secret") as server:
        began = time.monotonic()
        with server.client(password=None) as client:
            answers = client.pipeline([("AUTH", f"guess {i}") for i in range(11)])
            equal([answer.code for answer in answers], ["WRONGPASS"] * 11)
            assert time.monotonic() - began > 1.0, "they wait"
            with server.client() as other:
                equal(other.call("PING"), b"PONG", "a right one waits, and is not refused")
                equal(other.info("stats")["acl_access_denied_auth"], "11")
            assert time.monotonic() - began > 2.0, "it waits as well: its address has tried wrong ones"
        line = " wrong passwords since the last such line, the last one from 127.0.0.1:"
        wait_until(lambda: line in server.text(), "a line in the log")
        equal(server.text().count(line), 1, server.text())


# ---- much ----


def test_ten_thousand_in_one_write():
    for policy in ("none", "writethroughdisk"):
        with a_server(persistence=policy) as server, server.client() as client:
            answers = client.pipeline([("INCR", "n"), ("RPUSH", "l", i)][i % 2] for i in range(10000))
            equal(answers, [(i // 2) + 1 for i in range(10000)])
            equal(client.call("LLEN", "l"), 5000)


def test_a_large_value_in_and_out():
    size = 64 * MB
    value = random.Random(1).randbytes(MB) * 64
    for policy in ("none", "bufferedwrite"):
        with a_server(persistence=policy) as server:
            before = server.memory()
            with server.client(timeout_s=120) as client:
                equal(client.call("SET", "large", value), b"OK")
                equal(client.call("STRLEN", "large"), size)
                assert client.call("GET", "large") == value, "not the same value"
                equal(client.call("GETRANGE", "large", size - 3, -1), value[-3:])
                equal(client.call("DEL", "large"), 1)
            expect_memory_below(server, before, 6 * size, "a value of 64 MB")
            # What was held for it is given back.
            if not SANITIZED:
                wait_until(lambda: server.memory() - before < size * 2 or None, "the memory shall be given back")


def test_a_command_of_many_small_arguments():
    with a_server() as server, server.client(timeout_s=60) as client:
        for count in (3, 1000, 5000, 200000):
            words = [f"{i}" for i in range(count)]
            equal(client.call("RPUSH", f"l{count}", *words), count)
            equal(client.call("LRANGE", f"l{count}", -2, -1), [w.encode() for w in words[-2:]])
        pairs = [b"v" * 5000 if i % 2 else f"k{i}" for i in range(2000)]
        call = encode("MSET", *pairs)
        client.send_raw(call[:-1])
        wait_until(lambda: unread(server, client) == 0, "all but the last byte shall be read")
        client.send_raw(b"\n")
        equal(client.receive(), b"OK")
        equal(client.call("GET", "k1998"), b"v" * 5000)


def test_byte_by_byte():
    with a_server() as server, server.client() as client:
        for byte in encode("SET", "k", "a\r\nb") + encode("GET", "k") + b"GET k\r\n":
            client.send_raw(bytes([byte]))
        equal([client.receive() for _ in range(3)], [b"OK", b"a\r\nb", b"a\r\nb"])


def dropped(client):
    return client.info("stats")["client_output_limit_disconnections"]


def test_a_slow_reader_waits_and_is_dropped_by_time():
    with a_server(client_output_limit="4mb", client_stall_s=1) as server:
        with server.client() as client:
            equal(client.call("SET", "big", b"v" * MB), b"OK")
        before = server.memory()
        with server.client(receive_bytes=4096) as slow:
            slow.send_raw(encode("GET", "big") * 200)
            with server.client() as client:
                wait_until(lambda: client.info("stats")["client_stalled_disconnections"] == "1", "it shall be dropped")
                wait_until(lambda: client.info("clients")["connected_clients"] == "1", "it shall be gone")
            assert len(slow.receive_all()) < 20 * MB
            assert "client_stall_s" in server.tail(), server.tail()
        expect_memory_below(server, before, 40 * MB, "a client that does not read")
        # One answer beyond the limit.
        with server.client() as client:
            equal(client.call("MSET", *[word for i in range(8) for word in (f"b{i}", b"v" * MB)]), b"OK")
            assert "client_output_limit" in client.call("MGET", *[f"b{i}" for i in range(8)])
            equal(dropped(client), "0")


def test_what_may_be_stored_can_be_read():
    with a_server(persistence="none") as server, server.client() as client:
        piece = b"v" * ((20 if SANITIZED else 100) * MB)
        for i in range(3):
            equal(client.call("APPEND", "big", piece), (i + 1) * len(piece))
        equal(len(client.call("GET", "big")), 3 * len(piece))
        equal(len(client.call("GETDEL", "big")), 3 * len(piece))
        count = len(piece) * 3 // MB
        for _ in range(count):
            client.call("RPUSH", "many", b"v" * MB)
        equal([len(word) for word in client.call("LPOP", "many", count)], [MB] * count)
        equal(dropped(client), "0")


def test_a_long_pipeline_is_answered():
    """Also to one that has shut its side down before it reads."""
    with a_server() as server, server.client() as client:
        client.call("SET", "k", b"v" * 1024)
        count = 300000
        writer = threading.Thread(target=client.send_raw, args=(b"GET k\r\n" * count,))
        before = server.memory()
        writer.start()
        got, most = 0, 0
        size = count * (1024 + len(b"$1024\r\n\r\n"))
        while got < size:
            chunk = client.socket.recv(MB)
            assert chunk, (got, server.tail())
            got += len(chunk)
            most = max(most, server.memory())
            if not writer.is_alive() and writer.ident is not None:
                with contextlib.suppress(OSError):
                    client.socket.shutdown(socket.SHUT_WR)
        writer.join()
        equal(got, size)
        assert SANITIZED or most < before + 60 * MB, (before, most)  # a sanitizer keeps what was freed for a while


# ---- coming and going ----


def test_maxclients():
    with a_server(maxclients=5) as server:
        clients = [server.client()]
        wait_until(lambda: clients[0].info("clients")["connected_clients"] == "1", "the others shall be gone")
        clients += [server.client() for _ in range(4)]
        for client in clients:
            equal(client.call("PING"), b"PONG")
        with server.client() as extra:
            equal(extra.receive_all(), b"-ERR max number of clients reached\r\n")
        equal(clients[0].info("stats")["rejected_connections"], "1")
        clients.pop().close()
        wait_until(lambda: clients[0].info("clients")["connected_clients"] == "4", "the one that left shall be noticed")
        clients.append(server.client())
        equal(clients[-1].call("PING"), b"PONG")
        for client in clients:
            client.close()
        wait_until(lambda: no_clients(server), "all shall be gone")


def no_clients(server):
    """Whether we are alone. As long as those who left are still counted, we may be refused."""
    with server.client() as client:
        told = client.call("INFO", "clients")
        return not isinstance(told, Error) and b"connected_clients:1\r\n" in told


def test_the_idle_are_closed():
    with a_server(timeout_s=1) as server:
        with server.client() as idle, server.client() as busy, server.client() as blocked:
            blocked.send("BLPOP", "nothing", 0)
            started = time.monotonic()
            closed = threading.Thread(target=idle.receive_all)
            closed.start()
            while closed.is_alive() and time.monotonic() - started < PATIENCE_S:
                equal(busy.call("PING"), b"PONG")
                closed.join(0.1)
            took = time.monotonic() - started
            assert 0.8 < took < 4 * SLOW, took
            equal(busy.call("RPUSH", "nothing", 1), 1)
            equal(blocked.receive(), [b"nothing", b"1"], "who waits is not idle")


def send_and_end(client, data):
    client.send_raw(data)
    client.socket.shutdown(socket.SHUT_WR)


def test_half_closed():
    """printf ... | nc: the peer says that it sends no more, and still gets every answer."""
    for policy in ("none", "bufferedwrite", "writethroughdisk"):
        with a_server(persistence=policy) as server:
            for count in (1, 100, 20000):
                with server.client() as client:
                    calls = b"".join(encode("INCR", f"n{count}") for _ in range(count))
                    sender = threading.Thread(target=send_and_end, args=(client, calls))
                    sender.start()
                    answer = client.receive_all()
                    sender.join()
                    equal(answer.count(b"\r\n"), count, f"answers under {policy}")
                    assert answer.endswith(b":%d\r\n" % count), answer[-20:]
            with server.client() as client:
                client.send_raw(encode("SET", "big", b"v" * 3 * MB) + encode("GET", "big") * 5)
                client.socket.shutdown(socket.SHUT_WR)
                equal(len(client.receive_all()), 5 + 5 * (3 * MB + 12))
            with server.client() as client:  # half a command
                client.send_raw(encode("PING") + b"*2\r\n$3\r\nGET\r\n$5\r\nab")
                client.socket.shutdown(socket.SHUT_WR)
                equal(client.receive_all(), b"+PONG\r\n")
            with server.client() as client:  # nobody is left to be served
                client.send_raw(encode("BLPOP", "nothing", 0))
                client.socket.shutdown(socket.SHUT_WR)
                equal(client.receive_all(), b"")
            wait_until(lambda: no_clients(server), "all shall be gone")
            with server.client() as client:
                equal(client.info("clients")["blocked_clients"], "0")


def test_gone_without_a_word():
    """Resets in the middle of everything."""
    with a_server(persistence="bufferedwrite") as server:
        for i in range(100):
            client = server.client()
            ways = [encode("BLPOP", f"q{i}", 0), encode("MULTI") + encode("SET", "k", i), encode("GET", "k") * 1000,
                    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nabc", encode("WATCH", "k") + encode("BLPOP", "q", 1)]
            client.send_raw(ways[i % 5])
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
        wait_until(lambda: no_clients(server), "all shall be gone")
        with server.client() as client:
            info = client.info()
            equal((info["blocked_clients"], info["watching_keys"]), ("0", "0"))


def test_many_connections():
    with a_server() as server:
        clients = [server.client() for _ in range(400)]
        for client in clients:
            client.send("PING")
        equal({client.receive() for client in clients}, {b"PONG"})
        for client in clients:
            client.close()
        wait_until(lambda: no_clients(server), "all shall be gone")


# ---- chance ----

WORDS = [b"SET", b"GET", b"DEL", b"LPUSH", b"LRANGE", b"BLPOP", b"MULTI", b"EXEC", b"INCR", b"HELLO", b"3", b"2",
         b"k", b"l", b"-1", b"0", b"COMMAND", b"DOCS", b"CLIENT", b"LIST", b"CONFIG", b"GET", b"*", b"SCAN",
         b"EXPIRE", b"EX", b"APPEND", b"SETRANGE", b"999999999", b"BITFIELD", b"u8", b"LCS", b"RENAME", b"COPY",
         b"OBJECT", b"ENCODING", b"", b"9223372036854775807", b"-9223372036854775808", b"nan", b"1e308", b"\r\n",
         b"\0", b"INFO", b"LMPOP", b"LEFT", b"COUNT", b"SETBIT", b"BITPOS", b"INCRBYFLOAT", b"WATCH", b"RESET",
         b"GETEX", b"PERSIST", b"LINSERT", b"BEFORE", b"MSET", b"LPOS"]


def garbage(dice):
    kind = dice.randrange(6)
    if kind == 0:
        return dice.randbytes(dice.randrange(1, 2000))
    if kind == 1:
        return b" ".join(dice.choices(WORDS, k=dice.randrange(1, 9))) + b"\r\n"
    calls = [dice.choices(WORDS, k=dice.randrange(1, 9)) for _ in range(dice.randrange(1, 20))]
    data = bytearray(b"".join(encode(*call) for call in calls))
    if kind == 2:
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.choice(b"\r\n*$:0123456789-+ \0\xff")
    if kind == 3:
        del data[dice.randrange(len(data)):]
    if kind == 4:
        at = dice.randrange(len(data))
        data[at:at] = dice.choice([b"*", b"$", b"\r\n", b"$1000000\r\n", b"*1000000\r\n", b"*2\r\n*1\r\n"])
    return bytes(data)


def test_garbage():
    number = seed()
    dice = random.Random(number)
    with a_server(persistence="bufferedwrite", max_bulk="2mb", client_output_limit="8mb",
                  wal_segment_size="1mb") as server:
        before = server.memory()
        until = time.monotonic() + FUZZ_SECONDS
        count = 0
        clients = []
        while time.monotonic() < until:
            if len(clients) < 8:
                client = Client(server.port, timeout_s=0.002)
                clients.append(client)
            client = dice.choice(clients)
            try:
                client.send_raw(garbage(dice))
                count += 1
                client.buffer.clear()
                gone = not client.more()
            except TimeoutError:
                gone = dice.random() < 0.02
            except OSError:
                gone = True
            if gone:
                client.close()
                clients.remove(client)
        for client in clients:
            client.close()
        assert server.alive(), server.tail()
        print(f"{count} pieces of garbage")
        expect_memory_below(server, before, 300 * MB, "garbage")
        with server.client() as client:
            digest = client.call("DEBUG", "DIGEST")
            equal(client.info("stats")["damaged_records"], "0")
        # The damaged log of a confused server would show here.
        server.restart()
        with server.client() as client:
            client.call("DBSIZE")
            assert isinstance(digest, bytes)


def test_a_killed_client_has_its_reason():
    with Folder() as folder, Server(folder) as server, server.client() as client:
        with server.client() as victim:
            equal(client.call("CLIENT", "KILL", "ID", victim.call("CLIENT", "ID")), 1)
            wait_until(lambda: "another client has killed it (CLIENT KILL)" in server.text(), "the log says why")
            equal(client.info("stats")["client_killed_disconnections"], "1")
        with server.client() as polite:  # who goes with a goodbye is no event
            equal(polite.call("PING"), b"PONG")
        wait_until(lambda: client.info("clients")["connected_clients"] == "1", "it is gone")
        stats = client.info("stats")
        equal((stats["client_reset_disconnections"], stats["client_lost_disconnections"]), ("0", "0"))


def test_a_connection_that_is_broken_off_has_its_reason():
    with Folder() as folder, Server(folder, log_level="debug") as server, server.client() as client:
        broken = server.client()
        equal(broken.call("PING"), b"PONG")
        broken.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        broken.close()
        wait_until(lambda: client.info("stats")["client_reset_disconnections"] == "1", "it is counted")
        wait_until(lambda: "the connection broke: Connection reset by peer" in server.text(), "the log says why")
        equal(client.info("stats")["client_killed_disconnections"], "0")


if __name__ == "__main__":
    run(globals())
