#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ioredis works unchanged. It speaks RESP2 alone.

Idea    support/ioredis_story.js has the stories; here are the server and what happens to it. support/node.py has the
        package, and says when these tests are skipped.
"""

import os
import signal

from support.client import Client, Error, encode
from support.node import Story, packages
from support.runner import run
from support.server import Folder, Server, wait_until


def tell(name):
    packages()
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server, Story("ioredis", server, name):
        pass


def first_answer(server):
    try:
        with Client(server.port) as client:
            client.send("DBSIZE")
            answer = client.line()
            assert answer.startswith(b"-LOADING"), "it was too fast for this test"
            return answer
    except ConnectionError:
        return b""


def test_basics():
    tell("basics")


def test_lists():
    tell("lists")


def test_batches():
    tell("batches")


def test_server():
    tell("server")


def test_tracking():
    tell("tracking")


def test_after_kill_9():
    packages()
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
        with Story("ioredis", server, "reconnect") as story:
            story.wait_for("kill it")
            server.kill()
            story.wait_for("start it")
            server.start()


def test_ready_when_loaded():
    """ioredis asks INFO before it is ready, and waits while the server says that it loads."""
    packages()
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        with server.client() as client:
            for first in range(0, 240000, 3000):
                client.send_raw(b"".join(encode("SET", f"key:{i}", "v" * 200) for i in range(first, first + 3000)))
                for _ in range(3000):
                    assert not isinstance(client.receive(), Error)
        # Stopped while it loads, until ioredis has connected and asked: then it answers in the midst of loading.
        server.restart(wait=None)
        wait_until(lambda: b"LOADING" in first_answer(server), "it shall be seen loading")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            with Story("ioredis", server, "loading") as story:
                story.wait_for("asked")
                os.kill(server.pid, signal.SIGCONT)
        finally:
            os.kill(server.pid, signal.SIGCONT)
        wait_until(lambda: server.answers(True), "it shall be loaded")


if __name__ == "__main__":
    run(globals())
