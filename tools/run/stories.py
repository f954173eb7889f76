#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs all stories against a server that it starts and ends: stories.py BUILD-FOLDER LOG-OF-THE-SERVER [FLAG]...

It fails if the server does not start, a story fails, or the server does not end with code 0 when asked."""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

from run import launch

PATIENCE_S = 60


def told(build, log, flags, home):
    def command(port):
        settings = {"port": port, "data_folder": os.path.join(home, "data"),
                    "module_folder": os.path.join(build, "modules")}
        return [os.path.join(build, "geomys-server"), *launch.flags_of(settings), *flags]

    process, port = launch.start(command, lambda _, port: launch.answers_ping(port), lambda: log, home, PATIENCE_S)
    try:
        code = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "stories", "run.py"), "--port", str(port)],
                              stdin=subprocess.DEVNULL, check=False).returncode
        ended = process.stop(patience_s=PATIENCE_S)
        if ended != 0:
            print(f"the server did not end as it should (code {ended}, {log})")
        return code or (1 if ended else 0)
    finally:
        process.kill_and_wait()


def main():
    build, log, *flags = sys.argv[1:]
    os.makedirs(os.path.dirname(os.path.abspath(log)), exist_ok=True)  # a copy of the tree may not have it yet
    if os.path.exists(log):
        os.remove(log)
    with tempfile.TemporaryDirectory(prefix="geomys-stories-") as home:
        return told(build, log, flags, home)


if __name__ == "__main__":
    sys.exit(main())
