# SPDX-License-Identifier: MIT
"""Starting a server on a port of its own, and ending it: for the stories, the integration tests and the bench alike.

Why     Servers of several runs stand side by side, and beside other people's. Each gets a free port below those that
        the kernel gives away by itself, and is ended by its own process id, whatever becomes of its starter.
Idea    That a process has ended is an event, and is waited for as one (pidfd). That a port answers is not: it is asked
        for again and again, in pauses that grow, and that end at once when the process does.

Limits  Between finding a port free and listening on it somebody else may take it: start() tries another one then."""

import ctypes
import os
import random
import re
import select
import signal
import socket
import subprocess
import time

PORTS = (20000, 32000)
ATTEMPTS = 5
TAKEN = re.compile(r"can ?not listen on [][0-9a-f.:]+: Address already in use")

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_chance = random.Random(os.urandom(8))  # not of a test's seed: two runs of one seed may go side by side


class NotStarted(AssertionError):
    """The process has ended instead, or does not answer; the text holds the last lines that it printed."""


def free_port():
    for _ in range(1000):
        port = _chance.randrange(*PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise NotStarted("found no free port between %d and %d" % PORTS)


def die_with_parent():
    """In the child, before exec: the kernel ends it when the thread that started it is gone."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def readable(descriptor, patience_s):
    """Whether there is something, waiting so long at most. select() knows microseconds, poll() any descriptor."""
    if descriptor < 1000:
        return bool(select.select([descriptor], [], [], patience_s)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(patience_s * 1000))


class Process(subprocess.Popen):
    """A server. What it prints goes to the end of the file `output`; `home` is its HOME; `before`, if not None, is
    called in the process before it becomes one."""

    def __init__(self, command, output, home, cwd=None, before=None):
        self.output = output

        def prepare():
            die_with_parent()
            if before is not None:
                before()

        with open(output, "ab") as file:
            super().__init__(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=cwd,
                             env={**os.environ, "HOME": home}, preexec_fn=prepare)

    def ended(self, patience_s=0):
        """True as soon as it has ended, False after that time."""
        if self.poll() is not None:
            return True
        descriptor = os.pidfd_open(self.pid)
        try:
            return readable(descriptor, patience_s) and self.poll() is not None
        finally:
            os.close(descriptor)

    def await_ready(self, ready, patience_s, least_s=0.001, most_s=0.05):
        """The first true value of ready(), which is called again after a hundredth of what it took so far, at least
        and at most so long; None if the process has ended instead."""
        began = time.monotonic()
        while True:
            value = ready()
            if value:
                return value
            took_s = time.monotonic() - began
            if self.ended(min(max(took_s / 100, least_s), most_s)):
                return None
            if took_s > patience_s:
                raise NotStarted(f"not ready within {patience_s} s\n{self.tail()}")

    def stop(self, number=signal.SIGTERM, patience_s=120):
        """The exit code; subprocess.TimeoutExpired if it does not end."""
        self.send_signal(number)
        if not self.ended(patience_s):
            raise subprocess.TimeoutExpired(self.args, patience_s)
        return self.returncode

    def kill_and_wait(self):
        if self.poll() is None:
            self.kill()
            self.wait()

    def tail(self, lines=15):
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return "".join("    " + line for line in file.read().splitlines(True)[-lines:])


def start(command_of, ready_of, output, home, patience_s, port=None, before=None):
    """(process, port). `command_of(port)` is the command line; `ready_of(process, port)` tells whether it is as it
    shall be, None: nothing is waited for; `output()` names a file. Without a port a free one is found, and another if
    somebody else was faster."""
    for _ in range(ATTEMPTS):
        chosen = port or free_port()
        process = Process(command_of(chosen), output(), home, before=before)
        try:
            if ready_of is None or process.await_ready(lambda: ready_of(process, chosen), patience_s):
                return process, chosen
        except BaseException:
            process.kill_and_wait()
            raise
        if port or not TAKEN.search(process.tail()):
            break
    raise NotStarted(f"the server has ended with code {process.returncode}\n{process.tail()}")


def flags_of(settings):
    """{"data_folder": "x", "allow_insecure": True} as Geomys takes them. None: nothing is said of it."""
    said = {name: value for name, value in settings.items() if value is not None}
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in said.items()]


def answers_ping(port, patience_s=5):
    try:
        with socket.create_connection(("127.0.0.1", port), patience_s) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
