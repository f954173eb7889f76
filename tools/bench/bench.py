#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares Geomys with another server that speaks its protocol, or with another build of itself, side by side, in one
run; or counts its instructions.

Started by `tools/dev bench`, which builds first. docs/benchmarks.md says how it measures and how to read the table."""

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import instructions
import machine
import measures
import report
import snapshots
from servers import Ours, Peer, Trouble

USUAL = {**measures.SECTIONS, "snapshot": snapshots.snapshot}
SECTIONS = {**USUAL, "instructions": instructions.instructions}
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments():
    parser = argparse.ArgumentParser(prog="tools/dev bench", description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--peer", metavar="PATH", help="the other server (default: redis-server)")
    parser.add_argument("--peer-args", metavar="TEXT",
                        help="its arguments, if it has not those of Redis; {port} and {folder} are filled in. Restart "
                        "and durable writes are left out then")
    parser.add_argument("--against", metavar="FOLDER",
                        help="instead of a peer: another build of Geomys, such as build/release of another checkout")
    parser.add_argument("--at-most", type=float, metavar="RATIO",
                        help="with --against: what each ratio may be where less is better; the exit code says whether "
                        "all are")
    parser.add_argument("--instructions", action="store_true",
                        help="only count instructions per request, by valgrind; alone, or --against, or with a --peer")
    parser.add_argument("--rounds", type=int, metavar="N", help="default 5; with --quick 2")
    parser.add_argument("--keys", type=int, metavar="N", help="for memory and restart: default 5000000; --quick 500000")
    parser.add_argument("--quick", action="store_true", help="a few minutes; for a look, not for a decision")
    parser.add_argument("--only", metavar="A,B:WORDS",
                        help="some of: " + ", ".join(SECTIONS) + "; with words, only the rows whose names have them: "
                        "'cpu:lpush 16,durable:50 clients'")
    parser.add_argument("--plot", metavar="FILE", help="write a bar chart of the ratios (SVG)")
    parser.add_argument("--from", dest="source", metavar="FILE",
                        help="measure nothing: show the numbers (JSON) of an earlier run")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "release", "geomys-server"), metavar="PATH",
                        help="our server, with modules/ beside it (default: build/release)")
    given = parser.parse_args()
    given.only = chosen(parser, "instructions" if given.instructions and not given.only else given.only)
    if given.against and given.peer:
        parser.error("--against is instead of a --peer")
    if given.at_most is not None and (not given.against or given.at_most <= 0):
        parser.error("--at-most is a positive ratio, and goes with --against")
    given.rounds = given.rounds or (2 if given.quick else 5)
    given.keys = given.keys or (500_000 if given.quick else 5_000_000)
    if given.rounds < 1 or given.keys < 10:
        parser.error("--rounds and --keys are positive, --keys at least 10")
    return given


def chosen(parser, text):
    """{section: [words of a row, ...]}; an empty list stands for all its rows."""
    if text is None:
        return {name: [] for name in USUAL}
    found, whole = {}, set()
    for entry in text.split(","):
        name, _, words = (part.strip() for part in entry.partition(":"))
        if name not in SECTIONS:
            parser.error(f"--only {entry}: there are {', '.join(SECTIONS)}")
        found.setdefault(name, []).append(words.lower().split())
        if not words:
            whole.add(name)
    return {name: [] if name in whole else rows for name, rows in found.items()}


def copied(program, scratch, name):
    """A copy, so that a build that happens meanwhile changes nothing under the run."""
    if not os.path.exists(program):
        raise Trouble(f"there is no {program}: tools/dev build")
    to = os.path.join(scratch, "program-" + name)
    os.mkdir(to)
    shutil.copy2(program, to)
    shutil.copytree(os.path.join(os.path.dirname(program), "modules"), os.path.join(to, "modules"),
                    ignore=lambda folder, names: [n for n in names if not n.endswith(".so")])
    return os.path.join(to, os.path.basename(program))


def revision():
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def say(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def other(given, scratch):
    """What ours is compared with; None: nothing."""
    if given.against:
        return Ours(copied(os.path.join(os.path.abspath(given.against), "geomys-server"), scratch, "other"), scratch,
                    "other")
    if not given.peer and list(given.only) == ["instructions"]:
        return None
    program = shutil.which(given.peer or "redis-server")
    if program is None:
        raise Trouble(f"there is no {given.peer or 'redis-server'}; --peer names another server")
    return Peer(os.path.abspath(program), scratch, given.peer_args)


def measure(given):
    if list(given.only) != ["instructions"] and shutil.which("redis-benchmark") is None:
        raise Trouble("there is no redis-benchmark: install redis-tools")
    os.makedirs(os.path.join(ROOT, "build", "bench"), exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="run-", dir=os.path.join(ROOT, "build", "bench"))
    kept = {"started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "revision": revision(),
            "machine": machine.describe(), "rounds": given.rounds, "keys": given.keys, "quick": given.quick}
    try:
        ours = Ours(copied(given.program, scratch, "ours"), scratch)
        peer = other(given, scratch)
        against = (given.at_most or 0) if given.against else None
        bench = measures.Bench(ours, peer, given.rounds, given.keys, given.quick, given.only, say, against)
        try:
            for name in given.only:
                SECTIONS[name](bench)
        except Trouble as trouble:
            bench.notes.append(f"ended early: {trouble}")
        except (KeyboardInterrupt, SystemExit):
            bench.notes.append("ended early: it was interrupted")
        finally:
            for server in bench.order(0):
                server.stop()
            say("")
        rows = [vars(row) for row in bench.rows]
        kept.update(rows=rows, notes=bench.notes, ours=f"geomys {ours.version}",
                    peer=peer and f"{peer.name} {peer.version}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    name = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    path = os.path.join(ROOT, "build", "bench", name)
    with open(path + ".json", "w", encoding="utf-8") as file:
        json.dump(kept, file, indent=1)
    return kept, path


def warnings(kept, lines):
    if all(row["section"] == "instructions" for row in kept["rows"]):
        yield from kept["notes"]  # nothing that others do changes a count
        return
    if kept["quick"]:
        yield "a quick run: for a look, not for a decision"
    if kept["machine"]["load_at_start"] > 0.5:
        yield f"the machine was busy at the start (load {kept['machine']['load_at_start']:.1f})"
    if kept["machine"]["cores"] < 3:
        yield "the driver shares few cores with the server: throughput depends on both, CPU per request less"
    dropped = sum(line.rounds - line.kept for line in lines)
    if dropped:
        total = sum(line.rounds for line in lines)
        yield f"{dropped} of {total} samples left out: steal or other processes beside them"
    doubtful = sum(line.doubtful for line in lines)
    if doubtful:
        yield f"{doubtful} of {len(lines)} rows, marked with ?, are doubtful: too few rounds were undisturbed"
    yield from kept["notes"]


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if given.source:
            with open(given.source, encoding="utf-8") as file:
                kept = json.load(file)
            path = given.source.removesuffix(".json")
        else:
            kept, path = measure(given)
    except (Trouble, OSError, ValueError) as trouble:
        print(f"tools/dev bench: {trouble}", file=sys.stderr)
        return 1
    rows = [row for row in kept["rows"] if row["ours"]]
    lines = report.lines_of(rows) if kept["peer"] else []
    host = kept["machine"]
    print(f"{kept['ours']} ({kept['revision']}){' and ' + kept['peer'] if kept['peer'] else ''}, "
          f"{kept['started'][:10]}; {host['cores']} {'virtual ' if host['virtual'] else ''}cores, "
          f"{host['memory_gib']} GiB, Linux {host['kernel']}; {kept['rounds']} rounds. "
          + (f"{kept['keys']:,} keys. Ratio: ours / peer, median of the rounds." if kept["peer"] else "Their median."))
    print(report.terminal(lines, kept["peer"]) if kept["peer"] else "\n" + report.alone(rows))
    print()
    for text in warnings(kept, lines):
        print(f"warning: {text}")
    if lines:
        with open(path + ".md", "w", encoding="utf-8") as file:
            file.write(report.markdown(lines, kept["peer"]))
        print(f"numbers: {os.path.relpath(path, ROOT)}.json, as a page: {os.path.relpath(path, ROOT)}.md")
        if given.plot:
            with open(given.plot, "w", encoding="utf-8") as file:
                file.write(report.svg(lines, f"{kept['ours']} / {kept['peer']}, {kept['started'][:10]}"))
            print(f"plot: {given.plot}")
    broken = any(note.startswith("ended early") for note in kept["notes"]) or not rows
    return 1 if broken or (given.at_most and any(line.met is False for line in lines)) else 0


if __name__ == "__main__":
    sys.exit(main())
