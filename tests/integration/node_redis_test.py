#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""node-redis works unchanged, over RESP2 and RESP3.

Idea    support/node_redis_story.js has the stories; here are the server and what happens to it. support/node.py has the
        package, and says when these tests are skipped.
"""

from support.node import Story, need_node, packages
from support.runner import run
from support.server import Folder, Server

PROTOCOLS = ("2", "3")


def ready():
    packages()
    need_node(18, 19)


def tell(name, **settings):
    ready()
    for protocol in PROTOCOLS:
        with Folder() as folder, Server(folder, persistence="writethroughdisk", **settings) as server:
            with Story("node_redis", server, name, protocol):
                pass


def test_strings():
    tell("strings")


def test_counters():
    tell("counters")


def test_lists():
    tell("lists")


def test_blocking():
    tell("blocking")


def test_multi():
    tell("multi")


def test_pipelines_and_scanning():
    tell("pipelines")


def test_pubsub():
    tell("pubsub")


def test_errors():
    tell("errors")


def test_server():
    tell("server")


def test_pool():
    tell("pool")


def test_password():
    tell("password", password="secret")


def test_after_kill_9():
    ready()
    for protocol in PROTOCOLS:
        with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
            with Story("node_redis", server, "reconnect", protocol) as story:
                story.wait_for("kill it")
                server.kill()
                story.wait_for("start it")
                server.start()


if __name__ == "__main__":
    run(globals())
