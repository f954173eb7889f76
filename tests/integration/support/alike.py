# SPDX-License-Identifier: MIT
"""Stories without answers: what is sent to Geomys and to redis-server alike, and must be answered alike.

Format  # comment
        --- title                   a story: FLUSHALL on both, then fresh connections
        --- title [resp3]           they speak RESP3
        > SET k "a\\x00b"            sends a command, as in tests/stories; the answers must be the same
        > 2: BLPOP list 0           on connection 2
        ...                         both must block now
        < 2:                        then the answers that connection 2 has been waiting for
        = "*1\\r\\n"                 sends bytes on a connection of its own and ends it; the same must come back
        = "*" "1" 70000 "x"         the same of bytes one of which comes so often
        ~ sorted                    of the step above: the order of the elements says nothing
        ~ lines                     ... the same of the lines of a text
        ~ counts                    ... and without times, nor what the runner itself asks (INFO)
        ~ kind                      ... the answers must be of one type and length; what they say is each server's own
        ! deviation                 ... the answers must differ: this is the row of docs/compatibility.md that says why

A step that differs without a '!', and one with a '!' that does not differ, are told; so the table is what was seen."""

import importlib.util
import os
import re
import socket

from support.server import ROOT

_spec = importlib.util.spec_from_file_location("stories_run", os.path.join(ROOT, "tests", "stories", "run.py"))
stories = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stories)


class Step:
    def __init__(self, place, kind, connection, words):
        self.place = place
        self.kind = kind  # ">", "<" or "="
        self.connection = connection
        self.words = words
        self.blocks = False
        self.alike = None  # "sorted", "lines", "counts", "kind"
        self.deviation = None


class Story:
    def __init__(self, title, resp3):
        self.title = title
        self.resp3 = resp3
        self.steps = []


def parse_step(place, line):
    kind, connection, rest = re.match(r"([<>=])\s*(?:(\d+):)?\s*(.*)$", line).groups()
    words = stories.split_words(rest)
    if kind == "=" and len(words) == 4:
        words = [words[0] + words[1] * int(words[2]) + words[3]]
    if bool(words) == (kind == "<") or (kind == "=" and len(words) != 1):
        raise SystemExit(f"{place}: '>' needs a command, '=' bytes, '<' nothing")
    return Step(place, kind, int(connection or 1), words)


def parse(path):
    found = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            place = f"{os.path.relpath(path, ROOT)}:{number}"
            if line.startswith("---"):
                title = line[3:].strip()
                found.append(Story(title.replace("[resp3]", "").strip(), "[resp3]" in title))
            elif line.startswith((">", "<", "=")):
                found[-1].steps.append(parse_step(place, line))
            elif line == "...":
                found[-1].steps[-1].blocks = True
            elif line.startswith("~ ") and line[2:] in ("sorted", "lines", "counts", "kind"):
                found[-1].steps[-1].alike = line[2:]
            elif line.startswith("! "):
                found[-1].steps[-1].deviation = line[2:].strip()
            elif line and not line.startswith("#"):
                raise SystemExit(f"{place}: neither a step nor what is said of one: {line}")
    return found


def shape(reply):
    if reply.kind in stories.AGGREGATES and reply.value:
        return [reply.kind] + [shape(each) for each in reply.value]
    return reply.kind


def told(reply, alike):
    if alike == "kind":
        return [str(shape(reply))]
    if alike == "sorted" and reply.kind in stories.AGGREGATES and reply.value:
        return sorted(" | ".join(stories.rendered(each)) for each in reply.value)
    if alike in ("lines", "counts") and reply.kind in ("$", "="):
        text = re.sub(rb",usec=[^,]*,usec_per_call=[^,]*", b"", reply.value) if alike == "counts" else reply.value
        kept = [line for line in text.splitlines() if alike == "lines" or not line.startswith(b"cmdstat_info:")]
        return sorted(stories.quoted(line) for line in kept)
    return stories.rendered(reply)


class Side:
    """One of the two servers."""

    def __init__(self, port):
        self.port = port
        self.runner = stories.Runner("127.0.0.1", port)
        self.connections = {}

    def begin(self):
        for connection in self.connections.values():
            connection.close()
        self.connections = {}
        self.runner.wait_released(0)
        self.runner.control.call([b"FLUSHALL"])

    def at(self, number, resp3):
        if number not in self.connections:
            self.connections[number] = stories.Connection("127.0.0.1", self.port, resp3)
        return self.connections[number]

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.port), stories.TIMEOUT_S) as connection:
            out = b""
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while more := connection.recv(1 << 16):
                    out += more
            except OSError:
                pass  # a reset counts as an end
            return [stories.quoted(out)]

    def answer(self, step, resp3):
        """The lines that the answer is, or what became of it."""
        if step.kind == "=":
            return self.raw(step.words[0])
        try:
            connection = self.at(step.connection, resp3)
            if step.blocks:
                before = self.runner.blocked_clients()
                connection.send(step.words)
                self.runner.wait_blocked(connection, before)
                return ["(blocked)"]
            if step.kind == ">":
                connection.send(step.words)
            return told(connection.receive(), step.alike)
        except stories.Closed:
            return ["(closed)"]
        except stories.Mismatch as mismatch:
            return [str(mismatch)]


def judge(step, ours, theirs):
    """A sentence about what should not be; None: all is as it should."""
    same = ours == theirs
    if same == (step.deviation is None):
        return None
    if same:
        return f"both say {ours}, so '{step.deviation}' is no deviation here"
    return f"\n    geomys: {ours}\n    redis:  {theirs}"


def compare(story, ours, theirs, resp3=False):
    """Sentences about what should not be. `resp3`: as if each story were marked so."""
    wrong = []
    for side in (ours, theirs):
        side.begin()
    for step in story.steps:
        try:
            said = judge(step, *(" | ".join(side.answer(step, story.resp3 or resp3)) for side in (ours, theirs)))
        except stories.Failure as failure:
            return [*wrong, f"{step.place}: [{story.title}] {failure}"]
        if said is not None:
            wrong.append(f"{step.place}: [{story.title}] {said}")
    return wrong
