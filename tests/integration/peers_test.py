#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What links between nodes cost who has none: nothing of gRPC is in the server, neither linked nor loaded."""

import os
import subprocess

from support.runner import equal, run
from support.server import BUILD, PROGRAM, Folder, Server


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


if __name__ == "__main__":
    run(globals())
