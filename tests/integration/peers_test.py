#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Links between nodes, seen from outside: what they cost who has none, and any gRPC client as the other side.

Idea    gRPC's own client for Python, as Debian has it (python3-grpcio), against `plain_peers serve`, which gives back
        what it is sent and says how each link has ended. Messages are plain bytes here: no .proto is needed."""

import os
import subprocess
import sys

try:
    import grpc
except ImportError:
    # Another python3 may stand before Debian's in PATH.
    debian = "/usr/bin/python3"
    if os.path.exists(debian) and os.environ.get("GEOMYS_REEXECUTED") != "1":
        os.execve(debian, [debian, *sys.argv], {**os.environ, "GEOMYS_REEXECUTED": "1"})
    grpc = None

from support.runner import Skip, equal, run
from support.server import BUILD, PATIENCE_S, PROGRAM, Folder, Server

MIB = 1 << 20
EXECUTE = "/geomys.v1.Store/Execute"
TALK = "/geomys.v1.Cluster/Talk"
DONE, LOST, REFUSED = "0", "2", "3"


class Called:
    """with Called() as called: called.channel is a channel to it"""

    def __enter__(self):
        if grpc is None:
            raise Skip("there is no gRPC client: install python3-grpcio")
        self.process = subprocess.Popen([os.path.join(BUILD, "plain", "plain_peers"), "serve", "0", "tell"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.channel = self.open()
        return self

    def open(self):
        return grpc.insecure_channel(f"127.0.0.1:{self.port}", options=[("grpc.max_receive_message_length", 8 * MIB)])

    def ended(self):
        """How a link has ended, and why: the next one of which it is said."""
        return self.process.stdout.readline().rstrip("\n").split(" ", 2)[1:]

    def ask(self, message=b"question"):
        return self.channel.unary_unary(EXECUTE)(message, timeout=PATIENCE_S)

    def counts(self):
        """Links that came in, what was refused; ends it."""
        self.channel.close()
        self.process.stdin.close()
        last = self.process.stdout.read().splitlines()[-1].split()
        equal(self.process.wait(PATIENCE_S), 0)
        return dict(word.split("=") for word in last)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def code_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def needed(path):
    """The shared objects that a file asks for."""
    lines = subprocess.run(["readelf", "-d", path], capture_output=True, check=True, text=True).stdout.splitlines()
    return {line.split("[")[1].rstrip("]") for line in lines if "(NEEDED)" in line}


def test_the_server_has_nothing_of_grpc():
    equal([name for name in needed(PROGRAM) if "grpc" in name or "gpr." in name], [])
    library = needed(os.path.join(BUILD, "geomys-grpc.so"))
    equal(any(name.startswith("libgrpc.so") for name in library), True)
    with Folder() as folder, Server(folder) as server:
        with open(f"/proc/{server.process.pid}/maps", encoding="ascii") as maps:
            names = {os.path.basename(line.split()[-1]) for line in maps}
        equal([name for name in names if "grpc" in name or "libssl" in name], [])


def test_one_message_each_way():
    with Called() as called:
        for size in (0, 1, 1000, MIB):
            equal(called.ask(b"x" * size), b"x" * size)
            equal(called.ended(), [DONE, ""])
        calls = [called.channel.unary_unary(EXECUTE).future(b"%d" % i, timeout=PATIENCE_S) for i in range(200)]
        equal([call.result() for call in calls], [b"%d" % i for i in range(200)])


def test_a_stream_both_ways():
    with Called() as called:
        sent = [b"%d" % i * (i * 37 % 500) for i in range(500)]
        equal(list(called.channel.stream_stream(TALK)(iter(sent), timeout=PATIENCE_S))[:1], sent[:1])
        equal(called.ended(), [DONE, ""])


def test_methods_that_are_not_there():
    with Called() as called:
        for path in ("/geomys.v1.Store/Nothing", "/a/b", "/geomys.v1.Store/Session"):
            equal(code_of(lambda: called.channel.unary_unary(path)(b"", timeout=PATIENCE_S)),
                  grpc.StatusCode.UNIMPLEMENTED, path)
        called.ask()
        equal(called.counts()["refused"], "3")


def test_messages_that_are_too_large():
    """env/peer E7"""
    with Called() as called:
        for size in (MIB + 1, 2 * MIB):
            equal(code_of(lambda: called.ask(b"x" * size)), grpc.StatusCode.RESOURCE_EXHAUSTED, size)
            equal(called.ended()[0], REFUSED)
            equal(code_of(lambda: list(called.channel.stream_stream(TALK)(iter([b"x" * size]), timeout=PATIENCE_S))),
                  grpc.StatusCode.RESOURCE_EXHAUSTED)
            equal(called.ended()[0], REFUSED)
        equal(code_of(lambda: called.ask(b"x" * 5 * MIB)), grpc.StatusCode.RESOURCE_EXHAUSTED)
        equal(called.ended()[0], LOST)
        called.ask()
        equal(called.counts()["refused"], "4")


def test_compressed_messages_are_refused():
    """A small one may unpack into gigabytes."""
    with Called() as called:
        ask = called.channel.unary_unary(EXECUTE)
        code = code_of(lambda: ask(b"x" * MIB, timeout=PATIENCE_S, compression=grpc.Compression.Gzip))
        equal(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        equal(called.ended()[0], REFUSED)
        called.ask()


def test_who_goes_away_is_lost():
    with Called() as called:
        call = called.channel.stream_stream(TALK)(iter(lambda: b"again", b""))
        equal(next(call), b"again")
        call.cancel()
        equal(called.ended()[0], LOST)
        called.ask()


def test_more_streams_than_one_connection_may_have():
    with Called() as called:
        calls = [called.channel.unary_unary(EXECUTE).future(b"%d" % i, timeout=PATIENCE_S) for i in range(3000)]
        equal([call.result() for call in calls], [b"%d" % i for i in range(3000)])


if __name__ == "__main__":
    run(globals())
