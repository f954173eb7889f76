#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a cluster promises in numbers, measured: real nodes on this machine, killed, stopped and emptied under load.

Started by `tools/dev bench --cluster`, which builds first. docs/cluster.md has the figures and says how to read them.

Output  A table in Markdown: the median and the worst of the trials, the goal (of the median, and of the worst where
        there is one), and whether it is met. The raw numbers go to build/bench as JSON. Rows whose trials were
        disturbed by other processes, or by a host that took the cores away, say by how much."""

import argparse
import datetime
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import bench
import machine
from cluster_measures import MEASURES
from run import launch
from servers import Trouble

ROOT = bench.ROOT


class Row:
    """`median` and `worst`: the goals, at most so much; None: there is none."""

    def __init__(self, section, name, unit, median, worst):
        self.section, self.name, self.unit, self.goals = section, name, unit, (median, worst)
        self.values, self.others, self.note = [], [], ""

    def add(self, value):
        self.values.append(value)

    def results(self):
        return statistics.median(self.values), max(self.values)

    def verdict(self):
        if self.goals == (None, None):
            return ""
        short = any(goal is not None and round(value, 2) > goal for value, goal in zip(self.results(), self.goals))
        return "short" if short else "met"

    def goal(self):
        median, worst = self.goals
        if median is None or worst in (None, median):
            return "" if median is None else f"at most {median:g}"
        return f"at most {median:g}, worst {worst:g}"

    def remarks(self):
        said = [self.note] if self.note else []
        if self.others and max(self.others) > machine.OTHERS_LIMIT:
            usual, most = statistics.median(self.others), max(self.others)
            said.append(f"others took {usual:.0%} of the machine, {most:.0%} at most")
        return "; ".join(said)


class Watched:
    """Notes with the row what others had of the machine meanwhile."""

    def __init__(self, row):
        self.row = row

    def __enter__(self):
        self.others = machine.Others()
        self.others.__enter__()

    def __exit__(self, kind, *_):
        self.others.__exit__(None, None, None)
        if kind is None:
            self.row.others.append(round(self.others.share + self.others.steal, 3))


class Run:
    """What all measures share."""

    def __init__(self, given, scratch):
        self.program, self.trials, self.keys, self.quick = given.program, given.trials, given.keys, given.quick
        self.scratch = scratch
        self.section = ""
        self.rows = []
        self.folders = 0

    def row(self, name, unit, median=None, worst=None):
        self.rows.append(Row(self.section, name, unit, median, worst))
        return self.rows[-1]

    watched = staticmethod(Watched)

    def folder(self, name):
        self.folders += 1
        path = os.path.join(self.scratch, f"{name}-{self.folders}")
        os.makedirs(path)
        return path


def arguments():
    parser = argparse.ArgumentParser(prog="tools/dev bench --cluster", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--cluster", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only", metavar="A,B", help="some of: " + ", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="3 trials and fewer keys: for a look, not for a decision")
    parser.add_argument("--trials", type=int, metavar="N",
                        help="default 20, of what takes long a half or a quarter of them; with --quick 3")
    parser.add_argument("--keys", type=int, metavar="N", help="of the full sync: default 5000000; --quick 500000")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "release", "geomys-server"), metavar="PATH",
                        help="the server, with modules/ and geomys-grpc.so beside it (default: build/release)")
    given = parser.parse_args()
    given.only = given.only.split(",") if given.only else list(MEASURES)
    for name in given.only:
        if name not in MEASURES:
            parser.error(f"--only {name}: there are {', '.join(MEASURES)}")
    given.trials = given.trials or (3 if given.quick else 20)
    given.keys = given.keys or (500_000 if given.quick else 5_000_000)
    if given.trials < 1 or given.keys < 10:
        parser.error("--trials and --keys are positive, --keys at least 10")
    given.program = os.path.abspath(given.program)
    return given


def measure(run, names):
    """What went wrong, as sentences."""
    wrong = []
    for name in names:
        run.section = name
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            MEASURES[name](run)
        except (Trouble, OSError, launch.NotStarted) as trouble:
            wrong.append(f"{name} ended early: {trouble}")
        for folder in os.listdir(run.scratch):
            shutil.rmtree(os.path.join(run.scratch, folder), ignore_errors=True)
        for row in run.rows:
            if row.section == name and row.values:
                print(line_of(row), file=sys.stderr, flush=True)
    return wrong


def line_of(row):
    digits = 0 if row.goals == (0, 0) else 2  # what must not be is counted
    median, worst = (f"{value:.{digits}f}" for value in row.results())
    unit = f" {row.unit}" if row.unit else ""
    return (f"| {row.name} | {len(row.values)} | {median}{unit} | {worst}{unit} | {row.goal()} | {row.verdict()} "
            f"| {row.remarks()} |")


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for needed in (given.program, shutil.which("redis-benchmark")):
        if needed is None or not os.path.exists(needed):
            print(f"tools/dev bench: there is no {needed or 'redis-benchmark'}", file=sys.stderr)
            return 1
    out = os.path.join(ROOT, "build", "bench")
    os.makedirs(out, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="cluster-", dir=out)
    host, started = machine.describe(), datetime.datetime.now().astimezone()
    run = Run(given, scratch)
    try:
        wrong = measure(run, given.only)
    except (KeyboardInterrupt, SystemExit):
        wrong = ["ended early: it was interrupted"]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    rows = [row for row in run.rows if row.values]
    print(f"geomys {bench.revision()}, {started:%Y-%m-%d}; {host['cores']} {'virtual ' if host['virtual'] else ''}"
          f"cores, {host['memory_gib']} GiB, Linux {host['kernel']}; load {host['load_at_start']:.1f} at the start, "
          f"{os.getloadavg()[0]:.1f} at the end.\n")
    print("| what | trials | median | worst | goal | | remarks |\n|---|---:|---:|---:|---|---|---|")
    for row in rows:
        print(line_of(row))
    for sentence in wrong:
        print(f"\n{sentence}")
    path = os.path.join(out, f"cluster-{started:%Y%m%d-%H%M%S}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"started": started.isoformat(timespec="seconds"), "revision": bench.revision(), "machine": host,
                   "trials": given.trials, "keys": given.keys, "quick": given.quick, "wrong": wrong,
                   "rows": [vars(row) for row in rows]}, file, indent=1)
    print(f"\nnumbers: {os.path.relpath(path, ROOT)}")
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
