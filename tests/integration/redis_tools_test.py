#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""redis-cli and redis-benchmark, as Debian has them (redis-tools), work unchanged."""

import re
import shutil
import subprocess
import threading

from support.client import encode
from support.runner import Skip, equal, run
from support.server import PATIENCE_S, SLOW, Folder, Server, wait_until


def tool(name):
    if shutil.which(name) is None:
        raise Skip(f"there is no {name}: install redis-tools")
    return name


def cli(server, *args, given=None, code=0):
    """What redis-cli prints, errors last. `given`: its standard input."""
    done = subprocess.run([tool("redis-cli"), "-p", str(server.port), *args], input=given or b"", capture_output=True,
                          timeout=PATIENCE_S)
    equal(done.returncode, code, f"the exit code of redis-cli {' '.join(args)} ({done.stdout + done.stderr!r})")
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_cli_one_shot():
    tool("redis-cli")
    for protocol in ("-2", "-3"):
        with Folder() as folder, Server(folder, persistence="none") as server:
            equal(cli(server, protocol, "SET", "k", "john doe"), "OK\n")
            equal(cli(server, protocol, "GET", "k"), "john doe\n")
            equal(cli(server, protocol, "--no-raw", "GET", "none"), "(nil)\n")
            equal(cli(server, protocol, "--no-raw", "RPUSH", "l", "a", "b"), "(integer) 2\n")
            equal(cli(server, protocol, "--no-raw", "LRANGE", "l", "0", "-1"), '1) "a"\n2) "b"\n')
            assert "WRONGTYPE" in cli(server, protocol, "-e", "INCR", "l", code=1)
            equal(cli(server, protocol, "-x", "SET", "in", given=b"from input"), "OK\n")
            equal(cli(server, protocol, "GET", "in"), "from input\n")
            assert "redis_version:" in cli(server, protocol, "INFO", "server")
            config = cli(server, protocol, "--no-raw", "CONFIG", "GET", "maxclients")
            assert ('1# "maxclients" => "10000"' if protocol == "-3" else '2) "10000"') in config, config
            scanned = cli(server, protocol, "--scan", "--pattern", "*")
            equal(sorted(scanned.split()), ["in", "k", "l"])
            assert "summary" in cli(server, protocol, "COMMAND", "DOCS", "get")
            assert "keys" in cli(server, protocol, "--bigkeys").lower()
            assert "keys" in cli(server, protocol, "--memkeys").lower()
            equal(cli(server, protocol, "FLUSHALL"), "OK\n")


def test_cli_reads_commands():
    tool("redis-cli")
    with Folder() as folder, Server(folder, persistence="none") as server:
        out = cli(server, given=b'SET a "1 2"\nGET a\nMULTI\nINCR n\nRPUSH l x\nEXEC\nHELLO 3\nGET a\n')
        assert out.startswith("OK\n1 2\nOK\nQUEUED\nQUEUED\n1\n1\n"), out
        assert "proto\n3" in out or "proto 3" in out, out
        assert out.endswith("1 2\n"), out


class Listening:
    """A redis-cli that goes on printing; `lines(n)` are its next."""

    def __init__(self, server, *args):
        self.process = subprocess.Popen([tool("redis-cli"), "-p", str(server.port), *args], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE)
        self.alarm = threading.Timer(PATIENCE_S, self.process.kill)  # readline() alone would wait for ever
        self.alarm.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.alarm.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def lines(self, count):
        return [self.process.stdout.readline().decode().rstrip("\n") for _ in range(count)]


def test_cli_listens():
    """SUBSCRIBE, PSUBSCRIBE with keyspace notifications, MONITOR: what goes on and on."""
    tool("redis-cli")
    with Folder() as folder, Server(folder, persistence="none") as server:
        equal(cli(server, "CONFIG", "SET", "notify-keyspace-events", "KEA"), "OK\n")
        for protocol in ("-2", "-3"):
            with Listening(server, protocol, "SUBSCRIBE", "news", "other") as listening:
                equal(listening.lines(6), ["subscribe", "news", "1", "subscribe", "other", "2"])
                equal(cli(server, protocol, "PUBLISH", "news", "hello"), "1\n")
                equal(listening.lines(3), ["message", "news", "hello"])
                equal(cli(server, protocol, "PUBSUB", "NUMSUB", "news", "none"), "news\n1\nnone\n0\n")
            with Listening(server, protocol, "PSUBSCRIBE", "__keyevent@0__:*") as listening:
                equal(listening.lines(3), ["psubscribe", "__keyevent@0__:*", "1"])
                cli(server, protocol, "RPUSH", "l", "x")
                equal(listening.lines(4), ["pmessage", "__keyevent@0__:*", "__keyevent@0__:rpush", "l"])
                cli(server, protocol, "LPOP", "l")
                equal([lines[2:] for lines in (listening.lines(4), listening.lines(4))],
                      [["__keyevent@0__:lpop", "l"], ["__keyevent@0__:del", "l"]])
            with Listening(server, protocol, "MONITOR") as listening:
                equal(listening.lines(1), ["OK"])
                cli(server, protocol, "SET", "k", "a\nb")
                seen = listening.lines(1 if protocol == "-2" else 2)[-1]  # with -3, HELLO comes first
                assert re.fullmatch(r'\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "k" "a\\nb"', seen), seen


def test_cli_and_other_clients():
    """CLIENT KILL, UNBLOCK, PAUSE, LIST; WAITAOF; CONFIG RESETSTAT."""
    tool("redis-cli")
    for protocol in ("-2", "-3"):
        with Folder() as folder, Server(folder, persistence="writethroughdisk") as server, server.client() as other:
            number = str(other.call("CLIENT", "ID"))
            other.call("CLIENT", "SETNAME", "other")
            assert f"id={number} " in cli(server, protocol, "CLIENT", "LIST")
            assert "name=other " in cli(server, protocol, "CLIENT", "LIST", "ID", number)
            other.send("BLPOP", "none", 0)
            wait_until(lambda: "blocked_clients:1\r" in cli(server, "INFO", "clients"), "it shall wait")
            equal(cli(server, protocol, "CLIENT", "UNBLOCK", number, "ERROR"), "1\n")
            equal(other.receive().code, "UNBLOCKED")
            equal(cli(server, protocol, "CLIENT", "PAUSE", "60000", "WRITE"), "OK\n")
            other.send("SET", "k", "v")
            equal(cli(server, protocol, "GET", "k"), "\n")
            equal(cli(server, protocol, "CLIENT", "UNPAUSE"), "OK\n")
            equal(other.receive(), b"OK")
            equal(cli(server, protocol, given=b"SET k w\nWAITAOF 1 0 0\n"), "OK\n1\n0\n")
            equal(cli(server, protocol, "CLIENT", "KILL", "ID", number), "1\n")
            equal(other.receive_all(), b"")
            equal(cli(server, protocol, "CONFIG", "RESETSTAT"), "OK\n")
            assert "keyspace_hits:0\r" in cli(server, protocol, "INFO", "stats")


def test_cli_bulk_load():
    tool("redis-cli")
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        count = 100000 // SLOW
        load = b"".join(encode("SET", f"key:{i}", f"value:{i}" * 3) for i in range(count))
        out = cli(server, "--pipe", given=load)
        assert f"errors: 0, replies: {count}" in out, out
        out = cli(server, "--pipe", given=encode("RPUSH", "l", 1) + encode("INCR", "l"), code=1)
        assert "errors: 1, replies: 2" in out, out
        with server.client() as client:
            equal(client.call("DBSIZE"), count + 1)
            equal(client.call("GET", f"key:{count - 1}"), f"value:{count - 1}".encode() * 3)


def test_cli_password_and_unix_socket():
    tool("redis-cli")
    with Folder() as folder, Server(folder, persistence="none", password="secret",
                                    unix_socket=f"{folder}/socket") as server:
        assert "NOAUTH" in cli(server, "DBSIZE")
        equal(cli(server, "--no-auth-warning", "-a", "secret", "DBSIZE"), "0\n")
        equal(cli(server, "--no-auth-warning", "--user", "default", "--pass", "secret", "-3", "PING"), "PONG\n")
        equal(cli(server, "-s", f"{folder}/socket", "--no-auth-warning", "-a", "secret", "PING"), "PONG\n")


def test_benchmark():
    """Its default set, as far as Geomys has the types: strings, counters, lists."""
    with Folder() as folder, Server(folder, persistence="bufferedwrite") as server:
        for pipeline, extra in (("1", []), ("16", []), ("1", ["-3"]), ("16", ["-3"])):
            done = subprocess.run([tool("redis-benchmark"), "-p", str(server.port), "-P", pipeline, "-c", "20", "-q",
                                   "-n", str(10000 // SLOW),
                                   "-t", "ping,set,get,incr,lpush,rpush,lpop,rpop,lrange,mset", *extra],
                                  capture_output=True, text=True, timeout=PATIENCE_S * 4)
            text = done.stdout.replace("\r", "\n") + done.stderr
            equal(done.returncode, 0, text)
            assert "rror" not in text, text
            found = re.findall(r"^([A-Z_0-9]+).*: ([0-9.]+) requests per second", text, re.M)
            assert len(found) >= 14, text
            rates = ", ".join(f"{name} {float(rate):.0f}/s" for name, rate in found)
            print(f"-P {pipeline} {' '.join(extra)} {rates}")
        done = subprocess.run([tool("redis-benchmark"), "-p", str(server.port), "-n", "1000", "-r", "100", "-q", "SET",
                               "key:__rand_int__", "x"], capture_output=True, text=True, timeout=PATIENCE_S)
        equal(done.returncode, 0, done.stdout + done.stderr)
        with server.client() as client:
            equal(client.info("stats")["damaged_records"], "0")


if __name__ == "__main__":
    run(globals())
