#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Orderly ends, the Unix socket, and settings that change while the server runs."""

import contextlib
import os
import signal
import stat
import threading
import time

from support.client import Client, Error, encode
from support.runner import equal, run
from support.server import PATIENCE_S, SLOW, Folder, Server, wait_until


def end(server, way):
    """Ends it; the exit code."""
    if way in ("SIGTERM", "SIGINT"):
        return server.stop(getattr(signal, way))
    with server.client() as client:
        client.send(*way.split())
        equal(client.receive_all(), b"", "SHUTDOWN answers nothing when it works")
    return server.process.wait(PATIENCE_S)


def test_everything_is_written_down():
    with Folder() as folder, Server(folder, persistence="bufferedwrite", wal_sync_interval_ms=60000) as server:
        count = 0
        for way in ("SIGTERM", "SIGINT", "SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN SAVE NOW FORCE"):
            with server.client() as client:
                answers = client.pipeline(("RPUSH", "l", "x" * 100) for _ in range(5000))
                count += 5000
                equal(answers[-1], count)
            equal(end(server, way), 0, f"the exit code after {way}")
            assert "everything is on the disk" in server.text(), server.tail()
            assert "torn" not in server.text()
            started = time.monotonic()
            server.restart()
            took = time.monotonic() - started
            assert took < 3 * SLOW, f"a restart took {took:.1f} s"
            with server.client() as client:
                equal(client.call("LLEN", "l"), count, f"after {way}")


def test_an_end_under_load():
    """Whoever was answered before the end is right about it."""
    with Folder() as folder, Server(folder, persistence="writethroughdisk", wal_segment_size="64kb") as server:
        for way in ("SIGTERM", "SHUTDOWN"):
            names = [f"{way}:{i}" for i in range(4)]
            answered = dict.fromkeys(names, 0)

            def write(name, client):
                with contextlib.suppress(OSError):
                    while True:
                        client.send_raw(encode("INCR", name) * 16)
                        for _ in range(16):
                            answered[name] = client.receive()

            threads = [threading.Thread(target=write, args=(name, server.client())) for name in names]
            for thread in threads:
                thread.start()
            wait_until(lambda: min(answered.values()) >= 200, "all shall be in the midst of it")
            equal(end(server, way), 0)
            for thread in threads:
                thread.join(PATIENCE_S)
            server.restart()
            with server.client() as client:
                for name in names:
                    found = int(client.call("GET", name))
                    assert 0 < answered[name] <= found <= answered[name] + 16, (name, found, answered[name])


def test_blocked_and_idle_clients_do_not_hold_it_up():
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
        clients = [server.client() for _ in range(10)]
        for i, client in enumerate(clients):
            ways = [encode("BLPOP", "none", 0), encode("MULTI") + encode("SET", "k", "v"),
                    b"*2\r\n$3\r\nGET\r\n$100\r\n"]
            client.send_raw(ways[i % 3])
        wait_until(lambda: blocked(server) == "4", "they shall be blocked")
        started = time.monotonic()
        equal(server.stop(), 0)
        assert time.monotonic() - started < 2 * SLOW
        for client in clients:
            client.receive_all()
            client.close()
        server.restart()
        with server.client() as client:
            equal(client.call("EXISTS", "k"), 0)


def blocked(server):
    with server.client() as client:
        return client.info("clients")["blocked_clients"]


def test_shutdown_is_refused():
    with Folder() as folder, Server(folder, persistence="none", password="secret") as server:
        with server.client(password=None) as client:
            equal(client.call("SHUTDOWN").code, "NOAUTH")
        with server.client() as client:
            assert isinstance(client.call("SHUTDOWN", "SOON"), Error)
            equal(client.call("MULTI"), b"OK")
            assert isinstance(client.call("SHUTDOWN"), Error)
            equal(client.call("EXEC").code, "EXECABORT")
            equal(client.call("PING"), b"PONG")


def test_without_persistence():
    with Folder() as folder, Server(folder, persistence="none") as server:
        with server.client() as client:
            equal(client.call("SET", "k", "v"), b"OK")
        equal(server.stop(), 0)
        server.restart()
        with server.client() as client:
            equal(client.call("DBSIZE"), 0)
        equal([name for name in os.listdir(folder + "/data") if name.endswith(".log")]
              if os.path.isdir(folder + "/data") else [], [], "files of a log")


def test_data_is_not_hidden_by_persistence_none():
    """What was written under another policy is there, and still there afterwards."""
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
        with server.client() as client:
            equal(client.call("SET", "k", "v"), b"OK")
        server.restart(persistence="none")
        with server.client() as client:
            equal(client.call("GET", "k"), b"v")
            equal(client.call("SET", "lost", "v"), b"OK")
        server.restart(persistence="writethroughdisk")
        with server.client() as client:
            equal(client.call("GET", "k"), b"v")
            equal(client.call("EXISTS", "lost"), 0)


def test_unix_socket():
    with Folder() as folder:
        path = os.path.join(folder, "socket")
        with Server(folder, persistence="none", unix_socket=path, unix_socket_mode="600") as server:
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with Client(path=path) as client:
                equal(client.call("SET", "k", "v"), b"OK")
                equal(client.pipeline(("INCR", "n") for _ in range(1000)), list(range(1, 1001)))
                mine = client.call("CLIENT", "INFO").decode()
                assert f"addr={path}" in mine or "unix" in mine, mine
            with server.client() as client:
                equal(client.call("GET", "k"), b"v")
            equal(server.stop(), 0)
            assert not os.path.exists(path), "the socket's file is still there"
            server.start()
            server.kill()
            assert os.path.exists(path)
            server.start()  # the file of a dead server is replaced
            with Client(path=path) as client:
                equal(client.call("PING"), b"PONG")


def test_unix_socket_alone():
    with Folder() as folder:
        path = os.path.join(folder, "socket")
        with Server(folder, wait=None, persistence="none", unix_socket=path, external_port=0) as server:
            def answers():
                try:
                    with Client(path=path) as client:
                        return client.call("PING") == b"PONG"
                except OSError:
                    return False

            # The flag that comes last wins: --port=N, then --external_port=0.
            wait_until(answers, "the socket shall answer")
            try:
                server.client().close()
                raise AssertionError("there is a port though none was wanted")
            except ConnectionError:
                pass


def test_settings_while_it_runs():
    with Folder() as folder, Server(folder, persistence="bufferedwrite", maxclients=100) as server:
        with server.client() as client:
            pairs = client.call("CONFIG", "GET", "*")
            settings = dict(zip(pairs[::2], pairs[1::2]))
            equal(settings[b"persistence"], b"bufferedwrite")
            equal(settings[b"maxclients"], b"100")
            equal(settings[b"external_port"], str(server.port).encode())
            equal(client.call("CONFIG", "GET", "max*", "node_id")[::2].count(b"maxclients"), 1)
            equal(client.call("CONFIG", "GET", "nothing-like-it"), [])
            equal(client.call("CONFIG", "GET", "save"), [b"save", b"3600 1"])
            equal(client.call("CONFIG", "GET", "appendonly"), [b"appendonly", b"yes"])
            for call in [("persistence", "none"), ("external_port", "1"), ("maxclients", "0"),
                         ("maxclients", "many"), ("node_id", "7"), ("data_folder", "/tmp"), ("max_bulk", "1"),
                         ("log_level", "loud")]:
                answer = client.call("CONFIG", "SET", *call)
                assert isinstance(answer, Error) and answer.startswith("ERR CONFIG SET failed"), (call, answer)
            assert client.call("CONFIG", "SET", "nothing", "1").startswith("ERR Unknown option"), "no such setting"
            equal(dict(zip(*[iter(client.call("CONFIG", "GET", "*"))] * 2)), settings, "refusals have changed nothing")
            equal(client.call("CONFIG", "SET", "maxclients", "1", "timeout_s", "500"), b"OK")
            equal(client.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"1"])
            with server.client() as extra:
                assert extra.receive_all().startswith(b"-ERR max number of clients"), "maxclients at once"
            equal(client.call("CONFIG", "SET", "maxclients", "100", "default_expiry", "60000", "max_bulk", "2kb"),
                  b"OK")
            equal(client.call("SET", "k", "v"), b"OK")
            assert 50000 < client.call("PTTL", "k") <= 60000
            equal(client.call("CONFIG", "SET", "default_expiry", "0"), b"OK")
            equal(client.call("SET", "k", "v"), b"OK")
            equal(client.call("PTTL", "k"), -1)
            with server.client() as large:
                large.send("SET", "k", b"v" * 3000)
                assert large.receive_all().startswith(b"-ERR Protocol error"), "max_bulk at once"
            equal(client.call("CONFIG", "SET", "password", "secret"), b"OK")
            equal(client.call("PING"), b"PONG", "who is in stays in")
            with server.client() as other:
                equal(other.call("GET", "k").code, "NOAUTH")
                equal(other.call("AUTH", "secret"), b"OK")
                equal(other.call("GET", "k"), b"v")
            shown = client.call("CONFIG", "GET", "password")
            assert b"secret" not in (shown or [b"", b""]), "a password is not shown"
            equal(client.call("CONFIG", "SET", "password", ""), b"OK")
            equal(client.call("CONFIG", "SET", "log_level", "error"), b"OK")
        assert "secret" not in server.text()
        server.restart()
        with server.client() as client:
            equal(client.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"100"], "a restart forgets CONFIG SET")


if __name__ == "__main__":
    run(globals())
