#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What reaches a server beside commands: addresses, other protocols, signals, a
configuration file that changes.

Usage   outside_test.py [word]
"""

import json
import os
import shutil
import signal
import socket
import subprocess

from support.cli import CLI
from support.client import Client, Error
from support.runner import Skip, equal, run
from support.server import PATIENCE_S, PROGRAM, Folder, Server, free_port, run_refused, wait_until


# ---- addresses ----


def cli(*words, before=()):
    """(exit code, what it prints) of geomys-cli."""
    done = subprocess.run([*before, CLI, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


def has_v6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def test_both_loopbacks():
    with Folder() as folder, Server(folder, persistence="none") as server:
        with server.client() as client:
            equal(client.call("CONFIG", "GET", "bind"), [b"bind", b"127.0.0.1,::1"])
        if not has_v6():
            assert "not listening on ::1: this machine has no IPv6\n" in server.text(), server.text()
            raise Skip("this machine has no ::1")
        assert "listening on ::1 port" in server.text(), server.text()
        with socket.create_connection(("::1", server.port), PATIENCE_S) as connection:
            connection.sendall(b"PING\r\n")
            equal(connection.recv(100), b"+PONG\r\n")


def test_a_machine_without_ipv6():
    alone = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && (ip -6 addr del ::1/128 dev lo || true) && exec "$@"',
             "sh"]
    if not shutil.which("ip") or subprocess.run([*alone, "true"], capture_output=True).returncode != 0:
        raise Skip("no network namespaces here")
    with Folder() as folder:
        flags = ["--persistence=none", "--modules=", f"--data_folder={folder}/data"]
        with subprocess.Popen([*alone, PROGRAM, *flags], stderr=subprocess.PIPE, env={**os.environ, "HOME": folder},
                              text=True) as process:
            lines = [process.stderr.readline()]
            while lines[-1] and "ready:" not in lines[-1]:
                lines.append(process.stderr.readline())
            process.terminate()
        equal(process.returncode, 0, lines)
        assert any("not listening on ::1: this machine has no IPv6" in line for line in lines), lines
        assert any("listening on 127.0.0.1 port" in line for line in lines), lines
        done = subprocess.run([*alone, PROGRAM, *flags, "--bind=127.0.0.1,::1"], capture_output=True, text=True,
                              timeout=PATIENCE_S, env={**os.environ, "HOME": folder})
        equal(done.returncode, 1, done.stderr)
        assert "cannot listen on [::1]:6379: " in done.stderr, "it was asked for by name\n" + done.stderr


def test_localhost_is_both():
    """Whatever /etc/hosts says, or whether there is one."""
    hidden = ["unshare", "-rm", "sh", "-c", 'mount --bind /dev/null /etc/hosts && exec "$@"', "sh"]
    can_hide = os.path.exists("/etc/hosts") and subprocess.run([*hidden, "true"], capture_output=True).returncode == 0
    for bind in ["127.0.0.1"] + (["::1"] if has_v6() else []):
        with Folder() as folder:
            # Only the program itself is asked: the test's own clients know 127.0.0.1 alone.
            port = free_port()
            with Server(folder, persistence="none", bind=bind, port=port, wait=None) as server:
                server.process.await_ready(lambda: cli("-h", "localhost", "-p", str(port), "PING")[0] == 0, PATIENCE_S)
                equal(cli("-h", "LocalHost", "-p", str(port), "PING"), (0, "PONG\n"), bind)
                if can_hide:
                    equal(cli("-h", "localhost", "-p", str(port), "PING", before=hidden), (0, "PONG\n"), bind)
    code, said = cli("-h", "localhost", "-p", str(free_port()), "PING")
    assert code == 3 and "Connection refused. Is geomys-server running?" in said, said


def test_addresses_given_twice():
    """Named as such, and not as another server."""
    wrong = [("127.0.0.1,127.0.0.1", "names it twice"), ("localhost,127.0.0.1", "names it twice"),
             ("0.0.0.0,127.0.0.1", "includes the other")]
    if has_v6():
        wrong += [("::1,0:0:0:0:0:0:0:1", "names it twice"), ("::,::1", "includes the other")]
    for bind, why in wrong:
        with Folder() as folder:
            code, said = run_refused(f"--bind={bind}", f"--port={free_port()}", "--persistence=none", "--password=x",
                                     "--modules=", f"--data_folder={folder}/data")
            equal(code, 1, said)
            assert why in said and "another server" not in said, said


# ---- other protocols ----

FOREIGN = [
    (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 19\r\n\r\nx\r\nSET owned yes\r\n", "HTTP"),
    (b"SET /owned HTTP/1.1\r\n\r\nSET owned yes\r\n", "HTTP"),
    (b"x y\r\nhost: localhost\r\nSET owned yes\r\n", "HTTP"),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nSET owned yes\r\n", "HTTP/2"),
    (b"EHLO me\r\nSET owned yes\r\n", "SMTP"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\nSET owned yes\r\n", "TLS"),
    (b"\x16", "TLS"),
    (b"\x00\x03\x00\x08!\x12\xa4B\r\nSET owned yes\r\n", "binary data"),
]


def test_other_protocols_are_closed():
    for data, name in FOREIGN:
        with Folder() as folder, Server(folder, persistence="none") as server:
            for _ in range(3):
                with server.client() as client:
                    client.send_raw(data)
                    answer = client.receive_all()
                    assert answer.endswith(f"this port speaks RESP, not {name}\r\n".encode()), (data, answer)
            with server.client() as client:
                equal(client.call("EXISTS", "owned"), 0, f"after {data!r}")
                equal(client.info("stats")["client_foreign_disconnections"], "3")
            equal(server.text().count(f"it speaks {name}, not RESP"), 1, f"lines about {data!r}")


def test_lines_of_a_person_are_commands():
    with Folder() as folder, Server(folder, persistence="none") as server, server.client() as client:
        client.send_raw(b"SET hello world\r\nCONFIG SET timeout 60\r\nGET hello\r\n")
        equal([client.receive() for _ in range(3)], [b"OK", b"OK", b"world"])
        equal(client.call("SET", "k", "HTTP/1.1"), b"OK", "an array is not looked at")
        assert isinstance(client.call("POST", "x"), Error), "an array's word is a command"
        equal(client.call("GET", "k"), b"HTTP/1.1")


# ---- signals ----


def test_only_two_signals_stop():
    harmless = [signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPROF, signal.SIGVTALRM,
                signal.SIGIO, signal.SIGPWR, signal.SIGRTMIN, signal.SIGRTMAX]
    with Folder() as folder, Server(folder, persistence="none") as server:
        for number in [*harmless, signal.SIGPIPE, signal.SIGXFSZ]:
            for _ in range(2):
                os.kill(server.pid, number)
                with server.client() as client:
                    equal(client.call("PING"), b"PONG", f"after {number!r}")
        for number in harmless:
            wait_until(lambda number=number: f"signal {int(number)} (" in server.text(), f"a line about {number!r}")
        equal(server.text().count("is ignored, and not told of again"), len(harmless), "each is told of once")
        equal(server.stop(signal.SIGINT), 0)


def test_signals_at_the_start():
    """A supervisor may be quick: while the modules are loaded."""
    with Folder() as folder:
        server = Server(folder, persistence="none", wait=None)
        try:
            wait_until(lambda: "geomys-server " in server.text(), "its first line")
            os.kill(server.pid, signal.SIGHUP)
            assert server.wait(), server.tail()
            equal(server.stop(), 0)
        finally:
            server.kill()


class Files:
    """A configuration file and a password file, and a server that reads both again."""

    def __init__(self, folder):
        self.path, self.secret = os.path.join(folder, "geomys.conf"), os.path.join(folder, "password")
        self.server = None

    def write(self, **settings):
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(settings, file)
        os.chmod(self.path, 0o600)

    def say(self, word):
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write(word + "\n")
        os.chmod(self.secret, 0o600)

    def hang_up(self, words):
        """And what the log says then."""
        before = len(self.server.text())
        os.kill(self.server.pid, signal.SIGHUP)
        wait_until(lambda: words in self.server.text()[before:], words)
        return self.server.text()[before:]


def setting(client, name):
    return client.call("CONFIG", "GET", name)[1]


def test_hangup_reads_the_settings_again():
    with Folder() as folder:
        files = Files(folder)
        files.write(timeout_s=100, wal_segment_size="1mb", slowlog_max_len=5, maxmemory="100mb")
        with Server(folder, config=files.path, persistence="none", maxmemory_samples=9) as server, \
                server.client() as client:
            files.server = server
            assert "changed: nothing\n" in files.hang_up("were read again")
            for name, value in [("maxmemory-samples", "7"), ("lfu-decay-time", "3"), ("slowlog-max-len", "6")]:
                equal(client.call("CONFIG", "SET", name, value), b"OK")
            files.write(timeout_s=200, wal_segment_size="2mb", slowlog_max_len=5, maxmemory_samples=8)
            said = files.hang_up("only a start takes")
            assert "changed: timeout_s, maxmemory, slowlog_max_len\n" in said, said
            assert "only a start takes: wal_segment_size\n" in said, said
            equal([setting(client, name) for name in ("timeout_s", "maxmemory", "slowlog_max_len")],
                  [b"200", b"0", b"5"], "as the file says, or its default where it says nothing any more")
            equal([setting(client, name) for name in ("maxmemory_samples", "lfu_decay_time", "wal_segment_size")],
                  [b"7", b"3", b"1048576"], "what a flag says or no file stays")
            for wrong, why in [(dict(timeout_s=300, slowlog_max_len=-7), "slowlog_max_len"), (dict(time_s=1), "time_s"),
                               (dict(timeout_s=300, bind=["0.0.0.0"]), "password")]:
                files.write(**wrong)
                said = files.hang_up("nothing is changed: ")
                assert why in said, said
                equal(setting(client, "timeout_s"), b"200", "all or nothing")
            os.remove(files.path)
            files.hang_up("nothing is changed: ")


def test_hangup_reads_the_password_again():
    with Folder() as folder:
        files = Files(folder)
        files.say("first")
        files.write(password_file=files.secret)
        with Server(folder, config=files.path, persistence="none", wait=None) as server:
            files.server = server
            server.password = "first"
            assert server.wait(), server.tail()
            with server.client() as client:
                files.say("second")
                said = files.hang_up("were read again")
                assert "changed: password\n" in said and "second" not in said, said
                equal(client.call("PING"), b"PONG", "who is known stays known")
                server.password = "second"
                with server.client() as other:
                    equal(other.call("PING"), b"PONG")
                with Client(server.port) as other:
                    equal(other.call("AUTH", "first").code, "WRONGPASS")
                os.chmod(files.secret, 0o644 | 0o020)
                assert "chmod" in files.hang_up("nothing is changed: ")
                os.remove(files.secret)
                files.hang_up("nothing is changed: ")
                files.write()
                assert "the one of now stays" in files.hang_up("no file gives a password")
                with server.client() as other:
                    equal(other.call("PING"), b"PONG", "a password is not taken away by silence")


if __name__ == "__main__":
    run(globals())
