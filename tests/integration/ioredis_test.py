#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ioredis works unchanged.

Idea    support/ioredis_story.js has the stories; here are the server and the package. It is installed by npm, once,
        into ${XDG_CACHE_HOME:-~/.cache}/geomys-test/ioredis-<version>, outside the tree.

Needs   node and npm; and the first time a network. Else the tests are skipped.
"""

import os
import shutil
import signal
import subprocess
import time

from support.client import Client, Error, encode
from support.runner import Skip, equal, run
from support.server import PATIENCE_S, Folder, Server, wait_until

VERSION = "5.9.3"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "geomys-test")
STORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "support", "ioredis_story.js")


def package():
    """The folder with node_modules. Installed under another name first, so that half an installation is never found."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Skip(f"there is no {program}")
    folder = os.path.join(CACHE, f"ioredis-{VERSION}")
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        growing = f"{folder}.{os.getpid()}"
        try:
            done = subprocess.run(["npm", "install", "--prefix", growing, "--no-audit", "--no-fund", "--ignore-scripts",
                                   "--fetch-retries=1", "--fetch-timeout=20000", f"ioredis@{VERSION}"],
                                  capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                reason = (done.stderr.strip() or "no reason given").splitlines()[0]
                raise Skip(f"npm can not install ioredis: {reason}")
            os.rename(growing, folder)
        except subprocess.TimeoutExpired as timeout:
            raise Skip("npm can not install ioredis: no answer") from timeout
        finally:
            shutil.rmtree(growing, ignore_errors=True)
    return folder


def start(server, story):
    return subprocess.Popen(["node", STORY, package(), str(server.port), story], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


def finish(process):
    try:
        out = process.communicate(timeout=PATIENCE_S)[0]
    finally:
        process.kill()
    assert process.returncode == 0, out.decode("utf-8", "replace")


def tell(name):
    package()
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
        finish(start(server, name))


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


def test_ready_when_loaded():
    """ioredis asks INFO before it is ready, and waits while the server says that it loads."""
    package()
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
        process = start(server, "loading")
        time.sleep(2)
        os.kill(server.pid, signal.SIGCONT)
        finish(process)
        wait_until(lambda: server.answers(True), "it shall be loaded")


if __name__ == "__main__":
    run(globals())
