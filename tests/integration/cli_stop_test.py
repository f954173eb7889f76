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
import subprocess
import sys
import tempfile
import time

from support.cli import (CLI, Failure, PATIENCE_S, SLOW, Server, Terminal, bulk, expect, expect_equal,
                         main)

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
                                   (["--watch", "1s", "LOOK"], "LOOK", 0), (["--keys"], "INFO", 3),
                                   (["-n", "0", "--keys"], "DBSIZE", 3)):
            before = len(server.seen(asked))
            with Terminal(server.port, *words) as terminal:
                terminal.wait_until(lambda: len(server.seen(asked)) > before, f"{asked} shall be sent")
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


def script(text):
    source = tempfile.NamedTemporaryFile("w", prefix="geomys-cli-")
    source.write(text)
    source.flush()
    return source


def test_load_ends_without_progress():
    """Behind a command that waits: the line is named, and there is an exit code."""
    pushed = b">2\r\n+invalidate\r\n*1\r\n+a\r\n"
    for replies in ({"BLPOP": b""}, {"BLPOP": pushed * 3}):
        with script("set a 1\n\nblpop nosuch 0\n") as source, Server(replies=replies) as server:
            done = subprocess.run([CLI, "-3", "-p", str(server.port), "--stall", "0.3", "--load", source.name],
                                  capture_output=True, text=True, timeout=PATIENCE_S)
            expect_equal(done.returncode, 3, done.stderr)
            expect("line 3: no reply, and nothing else went on, for 0.3 s" in done.stderr, done.stderr)
    with script("set a 1\n") as source, Server() as server:
        done = subprocess.run([CLI, "-p", str(server.port), "--stall", "0", "--load", source.name],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        expect_equal(done.returncode, 0, done.stderr)
    done = subprocess.run([CLI, "--stall", "1", "PING"], capture_output=True, text=True, timeout=PATIENCE_S)
    expect_equal((done.returncode, done.stderr.count("--stall: only with --load")), (2, 1))


def test_load_sends_nothing_that_takes_replies_away():
    for line in ("subscribe a", "PSubscribe *", "monitor", "client reply off", "CLIENT REPLY SKIP", "unsubscribe"):
        with script("set a 1\n\n" + line + "\nclient reply on\nset a 2\n") as source, Server() as server:
            done = subprocess.run([CLI, "-3", "-p", str(server.port), "--load", source.name],
                                  capture_output=True, text=True, timeout=PATIENCE_S)
            wanted = f"line 3: not sent: {line.split()[0]} would leave commands without replies"
            expect(wanted in done.stderr, done.stderr)
            expect_equal([one for one in server.log if one == line.split()], [])
            expect(done.returncode in (1, 2), done.stderr)


def test_a_slow_load_is_not_ended():
    """Replies come one after the other, all of them later than --stall allows for one."""
    def slowly(_):
        time.sleep(0.2)
        return b"+OK\r\n"
    with script("slow\n" * 6) as source, Server(replies={"SLOW": slowly}) as server:
        done = subprocess.run([CLI, "-p", str(server.port), "--stall", str(0.8 * SLOW), "--load", source.name],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        expect_equal(done.returncode, 0, done.stderr)


def test_one_signal_ends_every_mode():
    mute = {"PING": b"", "INFO": b"", "SCAN": b"", "DBSIZE": b"", "LOOK": b"", "BLPOP": b"", "MONITOR": b"+OK\r\n"}
    with script("set a 1\nblpop nosuch 0\n") as source, Server(replies=mute) as server:
        modes = ((["LOOK"], "LOOK"), (["--stat"], "INFO"), (["--latency"], "PING"), (["--watch", "1s", "LOOK"], "LOOK"),
                 (["--keys"], "INFO"), (["-n", "0", "--keys"], "DBSIZE"), (["--load", source.name], "blpop"),
                 (["-r", "-1", "LOOK"], "LOOK"), (["--load", "-"], "LOOK"), ([], "LOOK"),
                 (["-x", "SET", "a"], None), (["MONITOR"], "MONITOR"))
        for words, asked in modes:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                before = len(server.log)
                with subprocess.Popen([CLI, "-p", str(server.port), *words], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
                    program.stdin.write(b"LOOK\n" * 4096 if words == ["--load", "-"] else b"LOOK\n")
                    program.stdin.flush()
                    until = time.monotonic() + PATIENCE_S
                    while not any(asked == one[0] for one in server.log[before:]) and asked is not None:
                        expect(time.monotonic() < until and program.poll() is None, f"{words}: {asked} shall be sent")
                        time.sleep(0.005)
                    program.send_signal(number)
                    try:
                        code = program.wait(PATIENCE_S)
                    except subprocess.TimeoutExpired:
                        program.kill()
                        raise Failure(f"{words}: {number} does not end it") from None
                    expect(code in (-number, 0, 3), f"{words}: {number}: {code}")


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
