#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs expected conversations with a server.

Why     What a client sees is the contract. A story states it as a person would type it into redis-cli, so the same text
        can be read as documentation, run against Geomys, and run against redis-server to prove that it is right.

Format  # comment
        --- title                   a story: FLUSHALL, then a fresh connection
        --- title [geomys ID]       not so on Redis, and left out with --redis: row ID of docs/compatibility.md says why
        --- title [resp3]           connections speak RESP3 (HELLO 3); the marks can be combined
        > SET k "a\\x00b"            sends a command: words, "..." (\\" \\\\ \\n \\r \\t \\a \\b \\xHH), '...' (literal)
        OK                          and up to the next >, <, --- or blank line the reply, as redis-cli prints it on a
                                    terminal
        > 2: BLPOP list 0           on connection 2 (any number; opened when it is first named)
        ...                         the client is now blocked: INFO's blocked_clients has risen and no reply has come
        < 2:                        then the reply that connection 2 has been waiting for
        (any)                       instead of a reply: whatever is not an error
        (silence)                   nothing is waited for: the next reply belongs to the next command
        (closed)                    the server closes the connection

Promises
        P1  One line for each step that failed: where, what was sent, what was expected, what came.
        P2  The last line is "N passed, N failed", counted in stories; the exit code is 0 only if something passed and
            nothing failed.
        P3  Nothing waits longer than the time-out for one step (5 s), and nothing sleeps: each wait is for bytes to
            arrive.
"""

import argparse
import os
import re
import select
import socket
import sys
import time

TIMEOUT_S = 5.0


class Failure(Exception):
    """A step that did not go as written, and the conversation is broken: what follows would mean nothing."""


class Closed(Failure):
    """The server closed the connection."""


class Mismatch(Failure):
    """Another reply than the expected one."""


# ---- replies ---------------------------------------------------------------------------------------------------------


class Reply:
    """One RESP value: kind is the type's character, '_' for every null; value is bytes, int or a list."""

    def __init__(self, kind, value=None):
        self.kind = kind
        self.value = value


def quoted(data):
    names = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x07: "\\a", 0x08: "\\b", 0x22: '\\"', 0x5C: "\\\\"}
    return '"' + "".join(names.get(b) or (chr(b) if 0x20 <= b < 0x7F else "\\x%02x" % b) for b in data) + '"'


AGGREGATES = {
    "*": (")", "(empty array)"),
    "%": ("#", "(empty hash)"),
    "~": ("~", "(empty set)"),
    ">": (">", "(empty push)"),
}


def rendered(reply):
    """The lines in which redis-cli would show the reply."""
    if reply.kind in AGGREGATES:
        return rendered_aggregate(reply)
    text = {
        "+": lambda v: v.decode("latin-1"),
        "-": lambda v: "(error) " + v.decode("latin-1"),
        ":": lambda v: "(integer) %d" % v,
        ",": lambda v: "(double) " + v.decode("latin-1"),
        "(": lambda v: v.decode("latin-1"),
        "#": lambda v: "(true)" if v == b"t" else "(false)",
        "_": lambda v: "(nil)",
        "$": quoted,
        "=": lambda v: v[4:].decode("latin-1"),
    }[reply.kind](reply.value)
    return text.split("\n")


def rendered_aggregate(reply):
    mark, empty = AGGREGATES[reply.kind]
    if not reply.value:
        return [empty]
    step = 2 if reply.kind == "%" else 1
    count = len(reply.value) // step
    width = len(str(count))
    indent = " " * (width + 2)
    lines = []
    for i in range(count):
        own = rendered(reply.value[i * step])
        if step == 2:
            second = rendered(reply.value[i * step + 1])
            own[-1] += " => " + second[0]
            own += second[1:]
        lines.append("%*d%s %s" % (width, i + 1, mark, own[0]))
        lines += [indent + line for line in own[1:]]
    return lines


# ---- connections -----------------------------------------------------------------------------------------------------


class Connection:
    def __init__(self, host, port, resp3=False):
        try:
            self.socket = socket.create_connection((host, port), TIMEOUT_S)
        except OSError as error:
            raise Failure("cannot connect: %s" % error)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.deadline = None
        if resp3:
            reply = self.call([b"HELLO", b"3"])
            if reply.kind != "%":
                raise Failure("HELLO 3 was answered with " + " | ".join(rendered(reply)))

    def close(self):
        self.socket.close()

    def send(self, words):
        request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        try:
            self.socket.sendall(request)
        except OSError as error:
            raise Failure("cannot send: %s" % error)

    def call(self, words):
        self.send(words)
        return self.receive()

    def has_bytes(self, timeout_s=0.0):
        return bool(self.buffer) or bool(select.select([self.socket], [], [], timeout_s)[0])

    def receive(self):
        self.deadline = time.monotonic() + TIMEOUT_S
        return self.parse()

    def fill(self):
        left_s = self.deadline - time.monotonic()
        if left_s <= 0 or not select.select([self.socket], [], [], left_s)[0]:
            raise Failure("no reply within %g s" % TIMEOUT_S)
        try:
            data = self.socket.recv(1 << 16)
        except OSError as error:
            raise Closed("cannot receive: %s" % error)
        if not data:
            raise Closed("the server closed the connection")
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def exactly(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def parse(self):
        line = self.line()
        kind, rest = chr(line[0]) if line else "", line[1:]
        try:
            if kind in ("+", "-", ",", "(", "#"):
                return Reply(kind, rest)
            if kind == ":":
                return Reply(kind, int(rest))
            if kind == "_":
                return Reply("_")
            if kind in ("$", "="):
                return self.parse_bulk(kind, int(rest))
            if kind in AGGREGATES:
                size = int(rest) * (2 if kind == "%" else 1)
                return Reply("_") if size < 0 else Reply(kind, [self.parse() for _ in range(size)])
        except ValueError:
            pass
        raise Failure("not RESP: %r" % line)

    def parse_bulk(self, kind, size):
        if size < 0:
            return Reply("_")
        data = self.exactly(size + 2)
        if data[-2:] != b"\r\n":
            raise Failure("not RESP: a bulk string without its end")
        return Reply(kind, data[:-2])


# ---- stories ---------------------------------------------------------------------------------------------------------


class Step:
    def __init__(self, line_number, connection, words, text):
        self.line_number = line_number
        self.connection = connection
        self.words = words  # None: wait for the pending reply
        self.text = text
        self.expected = []


class Story:
    def __init__(self, path, line_number, title, marks):
        self.path = path
        self.line_number = line_number
        self.title = title
        self.marks = marks  # of "geomys", "resp3"
        self.deviation = None  # the row of docs/compatibility.md, of "geomys"
        self.steps = []


ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b"}
WORD = re.compile(r"""\s+|"((?:[^"\\]|\\.)*)"(?!\S)|'([^']*)'(?!\S)|([^\s"']\S*)""")


def unescaped(text):
    def replace(found):
        code = found.group(1)
        if code.startswith("x") and len(code) == 3:
            return bytes([int(code[1:], 16)]).decode("latin-1")
        return ESCAPES.get(code, code.encode("latin-1")).decode("latin-1")

    return re.sub(r"\\(x[0-9a-fA-F]{2}|.)", replace, text).encode("latin-1")


def split_words(text):
    words = []
    position = 0
    text = text.encode("utf-8").decode("latin-1")
    while position < len(text):
        found = WORD.match(text, position)
        if not found:
            raise ValueError("unbalanced quotes")
        if found.group(1) is not None:
            words.append(unescaped(found.group(1)))
        elif found.group(2) is not None:
            words.append(found.group(2).encode("latin-1"))
        elif found.group(3) is not None:
            words.append(found.group(3).encode("latin-1"))
        position = found.end()
    return words


def parse_title(path, number, line):
    story = Story(path, number, line[3:].strip(), set())
    while True:
        found = re.search(r"\s*\[(\w+)(?: ([\w.-]+))?\]$", story.title)
        if not found:
            return story
        mark, deviation = found.groups()
        if mark not in ("geomys", "resp3") or (mark == "geomys") != (deviation is not None):
            raise ValueError("unknown mark [%s], or [geomys] without a row of docs/compatibility.md" % mark)
        story.marks.add(mark)
        story.deviation = deviation or story.deviation
        story.title = story.title[: found.start()]


def parse_step(number, line):
    found = re.match(r"([<>])\s*(?:(\d+):)?\s*(.*)$", line)
    direction, connection, rest = found.groups()
    if direction == "<":
        if rest:
            raise ValueError("a command after '<'")
        return Step(number, int(connection or 1), None, line)
    words = split_words(rest)
    if not words:
        raise ValueError("no command after '>'")
    return Step(number, int(connection or 1), words, line)


def parse_file(path):
    stories = []
    step = None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            try:
                if line.startswith("#"):
                    continue
                if line.startswith("---"):
                    step = None
                    stories.append(parse_title(path, number, line))
                elif line.startswith((">", "<")):
                    step = parse_step(number, line)
                    stories[-1].steps.append(step)
                elif not line.strip():
                    step = None
                elif step is None:
                    raise ValueError("a reply without a command")
                else:
                    step.expected.append(line)
            except (ValueError, IndexError) as error:
                raise SystemExit("%s:%d: %s" % (path, number, error if str(error) else "a step outside a story"))
    for story in stories:
        for step in story.steps:
            if not step.expected:
                raise SystemExit("%s:%d: no reply is expected: write it, or (any)" % (path, step.line_number))
    return stories


# ---- running ---------------------------------------------------------------------------------------------------------


class Runner:
    def __init__(self, host, port):
        self.host = host
        self.port = port
        self.control = Connection(host, port)

    def blocked_clients(self):
        reply = self.control.call([b"INFO", b"clients"])
        found = re.search(rb"^blocked_clients:(\d+)", reply.value, re.M) if reply.kind in ("$", "=") else None
        if not found:
            raise Failure("INFO clients says nothing of blocked_clients")
        return int(found.group(1))

    def wait_blocked(self, connection, before):
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if connection.has_bytes():
                raise Mismatch("replied at once: " + " | ".join(rendered(connection.receive())))
            if self.blocked_clients() > before:
                return
        raise Failure("not blocked within %g s" % TIMEOUT_S)

    def wait_released(self, before):
        deadline = time.monotonic() + TIMEOUT_S
        while self.blocked_clients() > before:
            if time.monotonic() > deadline:
                raise Failure("blocked clients stay after they have gone")

    def wait_closed(self, connection):
        try:
            reply = connection.receive()
        except Closed:
            return
        raise Mismatch("expected the end of the connection, got " + " | ".join(rendered(reply)))

    def run_step(self, step, connection):
        blocks = step.expected == ["..."]
        before = self.blocked_clients() if blocks else 0
        if step.words is not None:
            connection.send(step.words)
        if blocks:
            return self.wait_blocked(connection, before)
        if step.expected == ["(closed)"]:
            return self.wait_closed(connection)
        if step.expected == ["(silence)"]:
            return None
        reply = connection.receive()
        actual = rendered(reply)
        if step.expected == ["(any)"] and reply.kind != "-":
            return None
        if actual != step.expected:
            raise Mismatch("expected %s, got %s" % (" | ".join(step.expected), " | ".join(actual)))
        return None

    def run_story(self, story):
        """Returns whether it passed; prints what failed."""
        connections = {}
        failed = 0
        waits = any(step.expected == ["..."] for step in story.steps)
        before = self.blocked_clients() if waits else 0
        self.control.call([b"FLUSHALL"])
        for step in story.steps:
            try:
                if step.connection not in connections:
                    connections[step.connection] = Connection(self.host, self.port, "resp3" in story.marks)
                self.run_step(step, connections[step.connection])
            except Failure as failure:
                print("%s:%d: [%s] %s: %s" % (story.path, step.line_number, story.title, step.text, failure))
                failed += 1
                if not isinstance(failure, Mismatch):
                    break
        for connection in connections.values():
            connection.close()
        if waits:
            self.wait_released(before)
        return failed == 0


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    options = argparse.ArgumentParser(description="Runs stories (expected conversations) against a server.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=6379)
    options.add_argument("--redis", action="store_true", help="the server is Redis: leave out stories [geomys ...]")
    options.add_argument("files", nargs="*", help="default: all *.txt beside this program")
    given = options.parse_args()
    files = given.files or sorted(os.path.join(here, f) for f in os.listdir(here) if f.endswith(".txt"))
    stories = [story for path in files for story in parse_file(path)]
    passed = failed = 0
    try:
        runner = Runner(given.host, given.port)
        for story in stories:
            if given.redis and "geomys" in story.marks:
                continue
            if runner.run_story(story):
                passed += 1
            else:
                failed += 1
    except Failure as failure:
        print("the server at %s:%d: %s" % (given.host, given.port, failure))
        failed += 1
    print("%d passed, %d failed" % (passed, failed))
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
