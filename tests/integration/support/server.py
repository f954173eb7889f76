# SPDX-License-Identifier: MIT
"""A server process of the test's own.

Why     Tests run side by side and beside other people's servers: each takes a free port below the ephemeral ones, a
        folder of its own, and ends what it has started by its process id, whatever happens (tools/run/launch.py).
Idea    Nothing sleeps for a fixed time: the server is asked until it answers or a deadline passes.

GEOMYS_SERVER, GEOMYS_MODULES, GEOMYS_LOG name the programs and the folder of modules; GEOMYS_SANITIZED=1 says that
they are slow and large."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from support.client import Client

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.append(os.path.join(ROOT, "tools"))

from run.launch import flags_of, free_port, start

BUILD = os.environ.get("GEOMYS_BUILD", os.path.join(ROOT, "build", "release"))
PROGRAM = os.environ.get("GEOMYS_SERVER", os.path.join(BUILD, "geomys-server"))
MODULES = os.environ.get("GEOMYS_MODULES", os.path.join(BUILD, "modules"))
LOG_PROGRAM = os.environ.get("GEOMYS_LOG", os.path.join(BUILD, "geomys-log"))
SANITIZED = os.environ.get("GEOMYS_SANITIZED") == "1"
SLOW = 4 if SANITIZED else 1
PATIENCE_S = 20 * SLOW


class Folder:
    """A temporary folder, removed at the end."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="geomys-test-")

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def wait_until(condition, what, patience_s=PATIENCE_S):
    """The first true value of condition()."""
    deadline = time.monotonic() + patience_s
    pause_s = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s in vain: {what}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)


def run_refused(*args, home=None, patience_s=PATIENCE_S, before=None):
    """Starts a server that is expected to end by itself: (exit code, standard error)."""
    with Folder() as fallback:
        done = subprocess.run([PROGRAM, *args], env={**os.environ, "HOME": home or fallback}, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=patience_s, preexec_fn=before)
        return done.returncode, done.stderr.decode("utf-8", "replace")


class Server:
    """with Server(folder, persistence="none") as server: server.client().call("PING")

    folder      the data's; what the server prints goes into server.<n>.txt beside it
    modules     a folder of modules; None: none are loaded
    wait        "serving", "answering" (perhaps still loading) or None
    before      called in the process before it becomes a server: limits
    settings    further flags, underscores and all"""

    def __init__(self, folder, modules=MODULES, wait="serving", port=None, before=None, **settings):
        self.folder = folder
        self.before = before
        self.settings = dict(settings)
        if modules is not None:
            self.settings["module_folder"] = modules
        self.settings["data_folder"] = os.path.join(folder, "data")
        self.password = settings.get("password")
        self.port = port
        self.process = None
        self.output = None
        try:
            self.start(wait)
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None and self.process is not None and self.process.poll() is None:
            code = self.stop()
            assert code == 0, f"the server ended with code {code}\n{self.tail()}"
        self.kill()

    # ---- life ----

    def start(self, wait="serving"):
        if not {"modules", "module_folder"} & set(self.settings):
            self.settings["modules"] = ""  # else those beside the program are loaded
        self.process, self.port = start(
            lambda port: [PROGRAM, *flags_of({"port": port, **self.settings})],
            None if wait is None else lambda _, port: self.answers(wait == "serving", port),
            self.next_output, self.folder, PATIENCE_S, self.port, self.before)

    def next_output(self):
        number = len([name for name in os.listdir(self.folder) if name.startswith("server.")])
        self.output = os.path.join(self.folder, f"server.{number}.txt")
        return self.output

    def wait(self, what="serving"):
        """False if the process has ended instead."""
        return bool(self.process.await_ready(lambda: self.answers(what == "serving"), PATIENCE_S))

    def answers(self, serving, port=None):
        try:
            with Client(port or self.port, timeout_s=PATIENCE_S, password=self.password) as client:
                return client.call("PING") == b"PONG" and (
                    not serving or client.info("persistence")["loading"] == "0")
        except (OSError, AssertionError):
            return False

    @property
    def pid(self):
        return self.process.pid

    def stop(self, number=signal.SIGTERM):
        """The exit code."""
        return self.process.stop(number, PATIENCE_S)

    def kill(self):
        if self.process is not None:
            self.process.kill_and_wait()

    def restart(self, wait="serving", **settings):
        """Ends it in order if it still runs, and starts it again on the same data."""
        if self.process.poll() is None:
            code = self.stop()
            assert code == 0, f"the server ended with code {code}\n{self.tail()}"
        self.settings.update(settings)
        self.settings = {name: value for name, value in self.settings.items() if value is not None}
        if "module_folder" in settings:
            self.settings.pop("modules", None)
        self.port = None
        self.start(wait)

    # ---- looking ----

    def client(self, **options):
        return Client(self.port, password=options.pop("password", self.password), **options)

    def text(self):
        with open(self.output, encoding="utf-8", errors="replace") as output:
            return output.read()

    def tail(self):
        if self.output is None:
            return ""
        return "".join("    " + line for line in self.text().splitlines(True)[-15:])

    def alive(self):
        return self.process.poll() is None

    def memory(self, field="VmRSS"):
        """Bytes. VmHWM is the highest so far."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(rf"^{field}:\s*(\d+) kB", status.read(), re.M).group(1)) * 1024

    def segments(self):
        data = self.settings["data_folder"]
        return sorted(os.path.join(data, name) for name in os.listdir(data) if name.endswith(".log"))
