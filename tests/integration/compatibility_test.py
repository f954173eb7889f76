#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is alike with redis-server 7.0, and each deviation that is meant, as docs/compatibility.md has them.

Idea    Nothing is compared with what somebody remembers of Redis: the stories (tests/stories) are told to redis-server
        too, and those of tests/compatibility, which have no answers, to both at once. A deviation is named where it
        shows, by the row of the table that says why. One that no row explains, a row that nothing shows, and one
        that is none any more, each fail.
Limits  Random commands: tests/soak/differential.py. redis-server is that of Debian 12; without it all is left out."""

import contextlib
import glob
import io
import os
import re
import shutil

from support import alike
from support.client import Client
from support.runner import Skip, equal, run
from support.server import PATIENCE_S, ROOT, SLOW, Folder, Server
from run.launch import start

TABLE = os.path.join(ROOT, "docs", "compatibility.md")
VERSION = "7.0."
alike.stories.TIMEOUT_S = 5.0 * SLOW


def answers(port):
    try:
        with Client(port) as client:
            return client.call("PING") == b"PONG"
    except OSError:
        return False


@contextlib.contextmanager
def redis(folder, *flags):
    """The port of a redis-server of its own."""
    program = shutil.which("redis-server")
    if program is None:
        raise Skip("there is no redis-server to compare with: install redis-server, or redis-tools (build/bin)")
    os.makedirs(os.path.join(folder, "redis"), exist_ok=True)
    process, port = start(
        lambda port: [program, "--port", str(port), "--dir", os.path.join(folder, "redis"), *flags],
        lambda _, port: answers(port), lambda: os.path.join(folder, "redis.txt"), folder, PATIENCE_S)
    try:
        with Client(port) as client:
            version = client.info("server")["redis_version"]
        if not version.startswith(VERSION):
            raise Skip(f"this redis-server is {version}; the table is about {VERSION}x")
        yield port
    finally:
        process.kill_and_wait()


def rows():
    """The names of the rows of the table."""
    with open(TABLE, encoding="utf-8") as file:
        found = re.findall(r"^\| `([\w.-]+)` \|", file.read(), re.M)
    equal(len(found), len(set(found)), "rows of docs/compatibility.md that are there twice")
    return set(found)


def told_stories():
    files = sorted(glob.glob(os.path.join(ROOT, "tests", "stories", "*.txt")))
    return [story for path in files for story in alike.stories.parse_file(path)]


def compared_stories():
    files = sorted(glob.glob(os.path.join(ROOT, "tests", "compatibility", "*.txt")))
    return [story for path in files for story in alike.parse(path)]


def test_the_table_and_the_stories_name_the_same_deviations():
    named = {story.deviation for story in told_stories()}
    named |= {step.deviation for story in compared_stories() for step in story.steps}
    named -= {None}
    equal(sorted(named - rows()), [], "deviations without a row in docs/compatibility.md")
    equal(sorted(rows() - named), [], "rows of docs/compatibility.md that no story shows")


def passes(port, story):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        passed = alike.stories.Runner("127.0.0.1", port).run_story(story)
    return passed, out.getvalue()


def test_stories_are_true_of_redis():
    with Folder() as folder, redis(folder, "--save", "") as port:
        failed = [text for story in told_stories() if story.deviation is None
                  for passed, text in [passes(port, story)] if not passed]
    assert not failed, "".join(failed)


def test_stories_of_ours_alone_are_not_true_of_redis():
    """One that is has no deviation in it."""
    alike.stories.TIMEOUT_S, before = 1.0, alike.stories.TIMEOUT_S
    try:
        for story in told_stories():
            if story.deviation is not None:
                with Folder() as folder, redis(folder, "--save", "") as port:
                    assert not passes(port, story)[0], f"{story.path}: [{story.title}] is true of Redis too"
    finally:
        alike.stories.TIMEOUT_S = before


def test_each_setting_of_redis_has_its_name_here():
    """With a value that CONFIG SET takes back, or refuses as one that the start alone says."""
    with Folder() as folder, Server(folder, persistence="none") as server, redis(folder, "--save", "") as port:
        with server.client() as ours, Client(port) as theirs:
            for name in theirs.call("CONFIG", "GET", "*")[::2]:
                answer = ours.call("CONFIG", "GET", name)
                equal(answer[:1], [name], f"CONFIG GET {name.decode()}")
                answer = ours.call("CONFIG", "SET", *answer)
                assert answer == b"OK" or "can't set immutable config" in answer, (name, answer)


def compare_all(persistence, *flags, resp3=False):
    with Folder() as folder, Server(folder, persistence=persistence) as server, redis(folder, *flags) as port:
        ours, theirs = alike.Side(server.port), alike.Side(port)
        wrong = []
        for story in compared_stories():
            wrong += alike.compare(story, ours, theirs, resp3)
        assert not wrong, "\n" + "\n".join(wrong)


def test_answers_are_alike_without_a_log():
    compare_all("none", "--save", "")


def test_answers_are_alike_in_resp3():
    compare_all("none", "--save", "", resp3=True)


def test_answers_are_alike_with_a_log():
    compare_all("writethroughdisk", "--save", "3600 1", "--appendonly", "yes", "--appendfsync", "always")


if __name__ == "__main__":
    run(globals())
