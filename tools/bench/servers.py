# SPDX-License-Identifier: MIT
"""The two servers that are compared, and just enough of RESP to ask and to fill them.

Why     A bench that talks to the wrong process measures nothing. Each server gets a free port of its own below the
        ephemeral ones, and counts as started only when INFO names the process id that was started here.
Idea    Ours and the peer have one face: start, stop, ask, fill. What differs is the command line for each role:
        memory      nothing is written
        log         every change is written, synced now and then (ours bufferedwrite, the peer appendfsync everysec)
        durable     an answer means that it is on the disk (ours writethroughdisk, the peer appendfsync always)
        snapshot    BGSAVE works (ours bufferedwrite, the peer without AOF)
        instructions  as memory, and of our modules only kv

A server that is still running when this process ends is ended by the kernel (PR_SET_PDEATHSIG)."""

import os
import shlex
import socket
import subprocess
import time

import machine
from run import launch

START_PATIENCE_S = 300


class Trouble(Exception):
    """Something that makes the bench end, said in a sentence for people."""


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


class Connection:
    def __init__(self, port, timeout_s=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb", buffering=65536)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.input.close()
        self.socket.close()

    def ask(self, *words):
        """One command without nested replies; an error is raised."""
        self.socket.sendall(encode(*words))
        line = self.input.readline()
        if not line.endswith(b"\r\n"):
            raise Trouble(f"the connection was closed during {words[0]}")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Trouble(f"{' '.join(map(str, words))[:60]}: {rest.decode(errors='replace')}")
        if kind == b":":
            return int(rest)
        if kind == b"$" and rest != b"-1":
            return self.input.read(int(rest) + 2)[:-2]
        return rest if kind == b"+" else None

    def info(self, section):
        text = self.ask("INFO", section).decode(errors="replace")
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)


def fill(port, chunks, lines_per_command=1):
    """Sends prebuilt (bytes, commands) with one chunk of answers under way, and reads these: every command must be
    answered by as many lines, none of them an error or a null. Each chunk's answers must fit the socket's buffers."""
    with socket.create_connection(("127.0.0.1", port), 120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        into = bytearray(1 << 20)
        view = memoryview(into)
        owed = 0
        last = 0
        for data, commands in chunks:
            connection.sendall(data)
            owed += commands * lines_per_command
            last = commands * lines_per_command
            owed = _drain(connection, into, view, owed, last)
        _drain(connection, into, view, owed, 0)


def _drain(connection, into, view, owed, leave):
    while owed > leave:
        size = connection.recv_into(into)
        if size == 0:
            raise Trouble("the server closed the connection while it was being filled")
        owed -= into.count(b"\n", 0, size)
        if into.find(b"-", 0, size) >= 0:
            raise Trouble(f"refused while being filled: {bytes(view[:size])[:200]!r}")
    return owed


class Server:
    """A process. `program` is started with `arguments(role)` in a folder of its own."""

    name = "?"
    forks = False  # to save

    def __init__(self, program, scratch):
        self.program = program
        self.scratch = scratch
        self.process = None
        self.port = None
        self.version = "?"

    def arguments(self, role):
        raise NotImplementedError

    def start(self, role, folder, keys=0, prefix=()):
        """Returns the seconds from exec to PONG with so many keys; INFO must name the process that was started.

        `prefix`: a program that carries ours out, and its arguments; the process id must stay the same."""
        self.port = launch.free_port()
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        command = [*prefix, self.program, *self.arguments(role)]
        began = time.monotonic()
        try:
            self.process = launch.Process(command, os.path.join(folder, "output.txt"), folder, folder)
            ready = self.process.await_ready(lambda: self._ready(keys), START_PATIENCE_S, 0.0003, 0.005)
        except OSError as error:
            raise Trouble(f"{self.program} does not start: {error.strerror}") from None
        except launch.NotStarted as error:
            raise Trouble(f"{self.name}: {error}") from None
        took = time.monotonic() - began
        if not ready:
            raise Trouble(f"{self.name} ended with code {self.process.returncode}:\n{self.process.tail(3)}")
        with Connection(self.port) as connection:
            info = connection.info("server")
        if info.get("process_id") != str(self.process.pid):
            raise Trouble(f"port {self.port} is answered by process {info.get('process_id')}, not by {self.name}")
        self.version = self._version(info)
        return took

    def _version(self, info):
        return info.get("valkey_version") or info.get("redis_version", "?")

    def _ready(self, keys):
        try:
            with Connection(self.port, 60) as connection:
                connection.socket.sendall(b"PING\r\n")
                if not connection.input.readline().startswith(b"+PONG"):
                    return False
                if keys:
                    found = connection.ask("DBSIZE")
                    if found != keys:
                        raise Trouble(f"{self.name} came back with {found} keys, not {keys}")
                return True
        except OSError:
            return False

    def connect(self):
        return Connection(self.port)

    def memory(self):
        """(resident, counted) bytes."""
        with self.connect() as connection:
            counted = int(connection.info("memory")["used_memory"])
        return machine.resident_bytes(self.process.pid), counted

    def stop(self):
        if self.process is None:
            return
        process, self.process = self.process, None
        try:
            process.stop()
        except subprocess.TimeoutExpired:
            process.kill_and_wait()
            raise Trouble(f"{self.name} did not end within two minutes of SIGTERM") from None

    def kill(self):
        process, self.process = self.process, None
        process.kill_and_wait()


class Ours(Server):
    PERSISTENCE = {"memory": "none", "log": "bufferedwrite", "durable": "writethroughdisk",
                   "snapshot": "bufferedwrite", "instructions": "none"}

    def __init__(self, program, scratch, name="geomys"):
        super().__init__(program, scratch)
        self.name = name

    def can(self, role):
        return role in self.PERSISTENCE

    def arguments(self, role):
        modules = os.path.join(os.path.dirname(self.program), "modules")
        modules = f"--modules={modules}/kv.so" if role == "instructions" else f"--module-folder={modules}"
        return [f"--port={self.port}", f"--data-folder={self.folder}/data", "--log-level=warning", modules,
                f"--persistence={self.PERSISTENCE[role]}", "--snapshot-log-size=0", "--snapshot-interval-s=0"]

    def _version(self, info):
        return info.get("geomys_version", "?")


class Peer(Server):
    """Redis, or a server with its options; or any other with arguments of its own, which then writes nothing."""

    forks = True
    APPEND = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--auto-aof-rewrite-percentage", "0",
              "--appendfsync"]
    NOTHING = ["--appendonly", "no"]
    ROLE = {"memory": NOTHING, "instructions": NOTHING, "snapshot": NOTHING, "log": [*APPEND, "everysec"],
            "durable": [*APPEND, "always"]}

    def __init__(self, program, scratch, own_arguments=None):
        super().__init__(program, scratch)
        self.name = os.path.basename(program).removesuffix("-server")
        self.own_arguments = own_arguments

    def can(self, role):
        return self.own_arguments is None or role in ("memory", "instructions")

    def arguments(self, role):
        if self.own_arguments is not None:
            return [word.replace("{port}", str(self.port)).replace("{folder}", self.folder)
                    for word in shlex.split(self.own_arguments)]
        return ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.folder,
                "--loglevel", "warning", *self.ROLE[role]]
