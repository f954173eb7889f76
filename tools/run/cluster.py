#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Some nodes on this machine that are one cluster: cluster.py BUILD-FOLDER DATA-FOLDER [NODES [FLAG]...]

Idea    The lines of docs/cluster.md, as processes in the foreground; what they print comes out with the node's number
        before it. A node that ends is told of, and the others go on: kill -9 one, and look. Control-C ends all of
        them. The same line goes on with the same data."""

import os
import signal
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from run import launch

CLIENT_PORT = 5000
NODE_PORT = 6000  # that follows from it
MOST = 9
PATIENCE_S = 30


def command(build, folder, number, flags):
    settings = {"node_id": number, "port": CLIENT_PORT + number - 1,
                "data_folder": os.path.join(folder, f"node-{number}"), "module_folder": os.path.join(build, "modules")}
    settings.update({"bootstrap": True} if number == 1 else {"join": f"127.0.0.1:{NODE_PORT}"})
    return [os.path.join(build, "geomys-server"), *launch.flags_of(settings), *flags]


def pass_on(number, process, said):
    for line in process.stdout:
        with said:
            print(f"{number} | {line}", end="", flush=True)
    with said:
        print(f"{number} | ended with code {process.wait()}", flush=True)


def main(build, folder, count="3", *flags):
    if not count.isdigit() or not 1 <= int(count) <= MOST:
        sys.exit(f"tools/dev cluster: a number of nodes from 1 to {MOST} is wanted, not '{count}'")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    said = threading.Lock()
    nodes = []
    readers = []
    # Control-C is for this program, which ends the nodes in its own time.
    for number in range(1, int(count) + 1):
        process = subprocess.Popen(command(build, folder, number, flags), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                   start_new_session=True, preexec_fn=launch.die_with_parent)
        with said:
            print(f"{number} | process {process.pid}: geomys-cli -p {CLIENT_PORT + number - 1}", flush=True)
        nodes.append(process)
        readers.append(threading.Thread(target=pass_on, args=(number, process, said)))
        readers[-1].start()

    def end(*_):
        for process in nodes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    for reader in readers:
        reader.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
