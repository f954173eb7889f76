# SPDX-License-Identifier: MIT
"""Clients that run in node: where their packages come from, and a story that runs beside a server.

Idea    support/node/ names the packages, and its lock file the exact versions and checksums of all that they need. npm
        installs them once per content of the lock file, into ${XDG_CACHE_HOME:-~/.cache}/geomys-test/, outside the
        tree and under another name first, so that half an installation is never found.
        A story (support/<client>_story.js) talks to its test through lines on its standard output.

Needs   node and npm; and the first time a registry that npm reaches. Else the tests are skipped and say so."""

import functools
import hashlib
import os
import re
import select
import shutil
import subprocess
import time

from support.runner import Skip
from support.server import PATIENCE_S

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "geomys-test")
DESCRIPTIONS = ("package.json", "package-lock.json")
INSTALL = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=20000"]


def read(name):
    with open(os.path.join(HERE, "node", name), "rb") as file:
        return file.read()


def place():
    digest = hashlib.sha256(b"\0".join(read(name) for name in DESCRIPTIONS)).hexdigest()[:16]
    return os.path.join(CACHE, f"node-{digest}")


def install(folder):
    """None, or why it could not be done."""
    growing = f"{folder}.{os.getpid()}"
    try:
        os.makedirs(growing)
        for name in DESCRIPTIONS:
            shutil.copy(os.path.join(HERE, "node", name), growing)
        done = subprocess.run(INSTALL, cwd=growing, capture_output=True, text=True, timeout=90,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            reasons = [line for line in done.stderr.splitlines() if "error" in line.lower()]
            return f"npm cannot install the clients: {(reasons or ['no reason given'])[0]}"
        os.rename(growing, folder)
    except subprocess.TimeoutExpired:
        return "npm cannot install the clients: no answer from the registry"
    except OSError as problem:
        return None if os.path.isdir(folder) else f"npm cannot install the clients: {problem}"  # None: by another run
    finally:
        shutil.rmtree(growing, ignore_errors=True)


@functools.cache
def refusal():
    """Why there are no packages, or None. Asked for once: each test of a file would wait for the registry again."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    return None if os.path.isdir(place()) else install(place())


def packages():
    """The folder with node_modules."""
    why = refusal()
    if why is not None:
        raise Skip(why)
    return place()


def need_node(major, minor):
    """Skips where node is older than what a client says that it needs."""
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=PATIENCE_S).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    if found is None or (int(found.group(1)), int(found.group(2))) < (major, minor):
        raise Skip(f"node {told.strip()} is too old, {major}.{minor} is needed")


class Story:
    """with Story("ioredis", server, "basics") as story: ...    At the end its exit code must be 0."""

    def __init__(self, client, server, *words):
        script = os.path.join(HERE, f"{client}_story.js")
        self.process = subprocess.Popen(["node", script, packages(), str(server.port), *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.said += self.process.communicate(timeout=PATIENCE_S)[0]
                assert self.process.returncode == 0, self.text()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def text(self):
        return self.said.decode("utf-8", "replace")

    def wait_for(self, line):
        """Until the story has printed that line."""
        deadline = time.monotonic() + PATIENCE_S
        while f"{line}\n" not in self.text():
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], f"no '{line}': {self.text()}"
            more = os.read(self.process.stdout.fileno(), 65536)
            assert more, f"it has ended without '{line}': {self.text()}"
            self.said += more
