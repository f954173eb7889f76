#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starting on a large log: clients are told LOADING, INFO and the server's log tell how far it is, then all is there.

Idea    Loading is fast, so the server is stopped (SIGSTOP) as soon as a client has seen that it loads, and goes on
        when its log must tell of progress.

Usage   loading_test.py [word]      GEOMYS_LOADING_WRITES (default 300000)
"""

import os
import re
import signal
import time

from support.client import Client, Error, encode
from support.runner import equal, run
from support.server import PATIENCE_S, Folder, Server, wait_until

WRITES = int(os.environ.get("GEOMYS_LOADING_WRITES", 300000))
BATCH = 2000
PROGRESS_S = 2  # its log tells of progress so often


def fill(client):
    for first in range(0, WRITES, BATCH):
        calls = []
        for number in range(first, first + BATCH):
            kind = number % 4
            if kind == 0:
                calls.append(encode("SET", f"key:{number}", f"{number}:" + "v" * 200))
            elif kind == 1:
                calls.append(encode("INCR", f"count:{number % 1000}"))
            elif kind == 2:
                calls.append(encode("RPUSH", f"list:{number % 1000}", f"{number}"))
            else:
                calls.append(encode("SET", f"again:{number % 100}", "w" * 300))
        client.send_raw(b"".join(calls))
        for _ in calls:
            assert not isinstance(client.receive(), Error)


def connect(server):
    try:
        return Client(server.port, timeout_s=PATIENCE_S)
    except ConnectionError:
        assert server.alive(), server.tail()
        return None


def catch(server):
    """Stops it for a while in the midst of loading; tries again if it was faster. Further answers are to be read."""
    for _ in range(10):
        server.restart(wait=None)
        client = wait_until(lambda: connect(server), "the port shall be open while it loads")
        refusal = client.call("GET", "key:0")
        os.kill(server.pid, signal.SIGSTOP)
        stopped = time.monotonic()  # it was loading before
        if isinstance(refusal, Error):
            equal(refusal.code, "LOADING")
            wait_until(lambda: time.monotonic() > stopped + PROGRESS_S + 0.2, "it shall be due to tell of progress")
        client.send_raw(encode("INFO", "persistence") + encode("SET", "new", "1") + encode("PING") +
                        encode("CLIENT", "ID") + encode("MULTI") + encode("GET", "key:0") + encode("DISCARD"))
        os.kill(server.pid, signal.SIGCONT)
        info = dict(line.split(":", 1) for line in client.receive().decode().splitlines() if ":" in line)
        if info["loading"] == "1":
            return client, info
        client.close()
    raise AssertionError("it is never seen to load: GEOMYS_LOADING_WRITES is too small")


def end_while_loading(server, way):
    """False: it was faster."""
    server.restart(wait=None)
    client = wait_until(lambda: connect(server), "the port shall be open while it loads")
    if way == "SIGTERM":
        server.process.terminate()
    else:
        client.send("SHUTDOWN")
        equal(client.receive_all(), b"")
    client.close()
    equal(server.process.wait(PATIENCE_S), 0, f"{way} while it loads")
    return "loaded " not in server.text()


def test_clients_while_it_loads():
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        with server.client() as client:
            fill(client)
            digest, size = client.call("DEBUG", "DIGEST"), client.call("DBSIZE")
        client, info = catch(server)
        assert 0 <= float(info["loading_loaded_perc"]) < 100, info
        assert 0 <= int(info["loading_loaded_bytes"]) < int(info["loading_total_bytes"]), info
        assert int(info["loading_eta_seconds"]) >= 0, info
        equal(client.receive().code, "LOADING", "a write while it loads")
        equal(client.receive().code, "LOADING", "PING while it loads")
        assert isinstance(client.receive(), int)
        equal(client.receive(), b"OK", "MULTI")
        equal(client.receive().code, "LOADING", "a command to be queued")
        equal(client.receive(), b"OK", "DISCARD")
        wait_until(lambda: client.info("persistence")["loading"] == "0", "it shall end to load")
        equal(client.call("DBSIZE"), size)
        equal(client.call("DEBUG", "DIGEST"), digest)
        equal(client.call("GET", "key:0"), b"0:" + b"v" * 200)
        info = client.info("persistence")
        assert int(info["log_loaded_records"]) >= WRITES and int(info["log_loaded_bytes"]) > WRITES * 50, info
        assert "loading_loaded_perc" not in info
        client.close()
        log = server.text()
        assert re.search(r"info  loading: \d+ % of [0-9.]+ MB, \d+ records", log), log
        found = re.search(r"info  loaded (\d+) keys from (\d+) records \(([0-9.]+) MB\) in ([0-9.]+) s", log)
        assert found and int(found.group(1)) == size, log
        print(f"{found.group(0)[6:]} (2 s of them it was stopped)")


def test_a_stop_while_it_loads():
    """SIGTERM and SHUTDOWN while it loads: an end with code 0, and nothing is lost."""
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        with server.client() as client:
            fill(client)
            digest = client.call("DEBUG", "DIGEST")
        for way in ("SIGTERM", "SHUTDOWN"):
            assert any(end_while_loading(server, way) for _ in range(10)), "it was too fast for this test"
        server.restart()
        with server.client() as client:
            equal(client.call("DEBUG", "DIGEST"), digest)


if __name__ == "__main__":
    run(globals())
