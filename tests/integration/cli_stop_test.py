#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Ctrl-C in geomys-cli: whatever it does at the moment, it ends soon, with the documented exit code, says what it has
to say, and leaves the terminal as it was.

Idea    Each test brings the program into the midst of something at a terminal, presses Ctrl-C there, and looks at the
        exit code, the last lines and the terminal's modes. A negative code is the signal that ended the program, which
        a shell shows as 130.
"""

import os
import signal
import sys
import tempfile

from support.cli import Server, Terminal, bulk, expect, expect_equal, main

INFO = b"# Clients\r\nconnected_clients:3\r\n# Keyspace\r\ndb0:keys=12,expires=0,avg_ttl=0\r\n"
MANY = b"*50\r\n" + b"".join(b":%d\r\n" % n for n in range(50))


def stopped(terminal, code):
    terminal.type("\x03")
    expect_equal(terminal.leave_restored(), code)


def test_stat():
    with Server(replies={"INFO": bulk(INFO)}) as server, Terminal(server.port, "--stat") as terminal:
        terminal.wait(r"^ +12 .*\d$")
        stopped(terminal, 0)


def test_latency():
    with Server(replies={"PING": b"+PONG\r\n"}) as server, Terminal(server.port, "--latency") as terminal:
        terminal.wait(r"^min .* round trips\)$")
        stopped(terminal, 0)
        expect(terminal.screen.text().replace("^C", "").endswith("round trips)"), terminal.screen.text())


def test_watch():
    with Server(replies={"LOOK": b"+x\r\n"}) as server:
        with Terminal(server.port, "--watch", "10s", "LOOK") as terminal:
            terminal.wait(r"LOOK\nx")
            stopped(terminal, 0)


def test_a_server_that_does_not_answer():
    """In the midst of a command that each tool sends."""
    with Server(replies={"PING": b"", "INFO": b"", "SCAN": b"", "DBSIZE": b"", "LOOK": b""}) as server:
        for words, asked, code in ((["--stat"], "INFO", 0), (["--latency"], "PING", 0),
                                   (["--watch", "1s", "LOOK"], "LOOK", 0), (["--keys"], "DBSIZE", 3)):
            with Terminal(server.port, *words) as terminal:
                terminal.wait_until(lambda asked=asked: server.seen(asked), f"{asked} shall be sent")
                stopped(terminal, code)


def test_keys():
    """It says that it was stopped, and where."""
    pages = iter(range(10 ** 9))

    def scan(_):
        return b"*2\r\n" + bulk("1") + b"*1\r\n" + bulk(f"key {next(pages)}")
    replies = {"SCAN": scan, "DBSIZE": b":100000000\r\n", "MEMORY": b":100\r\n", "TYPE": b"+list\r\n"}
    with Server(replies=replies) as server, Terminal(server.port, "--keys", "--top", "2") as terminal:
        terminal.wait(r"^\[\.+\] +0% ")
        terminal.wait_until(lambda: len(server.seen("SCAN")) > 100, "it shall be in the midst of it")
        stopped(terminal, 3)
        text = terminal.screen.text()
        expect("stopped after " in text and "[...." not in text, text)


def test_load():
    with tempfile.NamedTemporaryFile("w", prefix="geomys-cli-") as source:
        source.write("set a 1\n" * 3 + "wait\n" + "set b 2\n" * 3)
        source.flush()
        with Server() as server, Terminal(server.port, "--load", source.name) as terminal:
            terminal.wait_until(lambda: server.seen("wait"), "it shall wait")
            terminal.type("\x03")
            terminal.wait(r"waiting for the replies to what was sent \(Ctrl-C again: not any more\)$")
            stopped(terminal, 3)
            text = terminal.screen.text()
            expect("stopped\n" in text and "0 errors; answered up to line " in text, text)


def test_pager():
    """Ctrl-C is the pager's, here and at the prompt."""
    script = ("import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]); "
              "print('paged', sys.stdin.read()[:16], flush=True); signal.sigwait([signal.SIGINT]); print('caught')")
    pager = f'"{sys.executable}" -c "{script}"'
    with Server(replies={"MANY": MANY}) as server:
        with Terminal(server.port, "MANY", PAGER=pager) as terminal:
            terminal.wait(r"^paged  1\) \(integer\) 0$")
            terminal.type("\x03")
            terminal.wait(r"caught$")
            expect_equal(terminal.leave_restored(), 0)
        with Terminal(server.port, PAGER=pager) as terminal:
            terminal.wait(r">$")
            terminal.enter("many", r"^paged  1\) \(integer\) 0$")
            terminal.type("\x03")
            terminal.wait(r"caught\n127.*>$")
            terminal.enter("set a 1", r"^OK\n127.*>$")
            terminal.type("\x04")
            expect_equal(terminal.leave_restored(), 0)


def test_a_command_that_waits():
    with Server() as server:
        with Terminal(server.port, "WAIT") as terminal:
            terminal.wait_until(lambda: server.seen("WAIT"), "it shall be sent")
            stopped(terminal, -signal.SIGINT)
        with Terminal(server.port, "-r", "-1", "-i", "60", "SET", "a", "1") as terminal:
            terminal.wait(r"^OK$")
            stopped(terminal, -signal.SIGINT)


def test_the_question_before_a_dangerous_command():
    with Server() as server:
        with Terminal(server.port, "wipe") as terminal:
            terminal.wait(r"Send it\? \[y/N\]$")
            stopped(terminal, -signal.SIGINT)
        expect(not server.seen("wipe"), "not confirmed")


def test_the_question_for_the_password():
    """It is asked for without an echo: that must come back."""
    with Server(password="sesame") as server:
        with Terminal(server.port, "--askpass", "GET", "a") as terminal:
            terminal.wait(r"^Password:$")
            terminal.type("ses")
            stopped(terminal, -signal.SIGINT)
        with Terminal(server.port, "--askpass", "GET", "a") as terminal:
            terminal.wait(r"^Password:$")
            os.kill(terminal.pid, signal.SIGTERM)
            expect_equal(terminal.leave_restored(), -signal.SIGTERM)
        expect(not server.seen("AUTH"), "half a password")
        with Terminal(server.port, "--askpass", "GET", "a") as terminal:
            terminal.wait(r"^Password:$")
            terminal.type("sesamo\x7fe\r")
            terminal.wait(r"^\(nil\)$")
            expect_equal(terminal.leave_restored(), 0)
            expect("sesam" not in terminal.screen.text(), terminal.screen.text())  # askpass A1


def test_at_the_prompt():
    """Ctrl-C ends the command, or the line, and never the program; SIGTERM and SIGHUP do."""
    with Server(replies={"LOOK": b"+x\r\n"}) as server:
        for number in (signal.SIGTERM, signal.SIGHUP):
            for before in ("", "half a line", "wait\r", ":watch 10s look\r", "wipe\r"):
                with Terminal(server.port) as terminal:
                    terminal.wait(r">$")
                    sent = len(server.log)
                    terminal.type(before)
                    if before[-1:] == "\r" and before != "wipe\r":
                        terminal.wait_until(lambda sent=sent: len(server.log) > sent, "it shall be sent")
                    else:
                        terminal.wait(r"Send it\? \[y/N\]$" if before == "wipe\r" else f">{before and ' '}{before}$")
                    os.kill(terminal.pid, number)
                    expect_equal(terminal.leave_restored(), 0, f"{number} after {before!r}")
        expect(not server.seen("wipe"), "not confirmed")
        with Terminal(server.port) as terminal:
            terminal.wait(r">$")
            terminal.type(":watch 10s look\r")
            terminal.wait(r"look\nx")
            terminal.type("\x03")
            terminal.wait(r">$")
            terminal.type("\x03\x03")
            terminal.enter("set a 1", r"^OK\n127.*>$")
            terminal.type("\x04")
            expect_equal(terminal.leave_restored(), 0)


if __name__ == "__main__":
    sys.exit(main(globals()))
