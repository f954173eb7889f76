#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""geomys-cli from outside: as a command, in a pipe, and at a terminal.

Why     What a person and a script see of the program is its contract: output, exit codes, and the screen.
Idea    support/cli.py has a small scripted server and a terminal. What depends on the real server's commands is tried
        on the real server, if it is there. How Ctrl-C ends things: cli_stop_test.py.
Usage   cli_test.py [word]     only the tests whose name has that word in it
        GEOMYS_CLI, GEOMYS_SERVER, GEOMYS_MODULES name the programs and the folder of modules.
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading

from support.cli import (CLI, COMMANDS, PATIENCE_S, SLOW, Server, Terminal, bulk, environment, expect, expect_equal,
                         main, run, wait_until)
from support.server import PROGRAM, Folder
from support.server import Server as RealServer


# ---- as a command -------------------------------------------------------------------------------------------------


def test_one_shot():
    with Server() as server:
        done = run(server.port, "SET", "a", "hello world")
        expect_equal((done.stdout, done.stderr, done.returncode), (b"OK\n", b"", 0))
        expect_equal(server.log, [["SET", "a", "hello world"]], "nothing else is asked")
        expect_equal(run(server.port, "GET", "a").stdout, b"hello world\n")
        expect_equal(run(server.port, "GET", "none").stdout, b"\n")
        expect_equal(run(server.port, "--no-raw", "GET", "a").stdout, b'"hello world"\n')
        expect_equal(run(server.port, "--json", "GET", "a").stdout, b'"hello world"\n')
        expect_equal(run(server.port, "--csv", "GET", "none").stdout, b"NULL\n")
        expect_equal(run(server.port, "-u", f"geomys://127.0.0.1:{server.port}/0", "GET", "a").stdout, b"hello world\n")


def test_exit_codes():
    with Server() as server:
        done = run(server.port, "NOSUCH")
        expect_equal((done.returncode, done.stdout), (1, b""))
        expect(done.stderr.startswith(b"ERR unknown command 'NOSUCH'"), done.stderr)  # batch B1
        done = run(server.port, "--json", "NOSUCH")
        expect(done.returncode == 1 and done.stdout.startswith(b'{"error":"ERR unknown'), done.stdout)
        expect_equal(run(server.port, "--nosuch").returncode, 2)
        expect_equal(run(server.port, "-x").returncode, 2)
        expect_equal(run(server.port, "--help").returncode, 0)
        port = server.port
    done = run(port, "GET", "a")
    expect_equal(done.returncode, 3)
    expect(b"Connection refused. Is geomys-server running? Start it with: geomys-server" in done.stderr, done.stderr)


def test_arguments_from_standard_input_and_repetition():
    with Server(replies={"COUNT": b":1\r\n"}) as server:
        data = bytes(range(256)) * 2000
        run(server.port, "-x", "SET", "k", stdin=data)
        expect_equal(server.data[b"k"], data)
        expect_equal(run(server.port, "GET", "k").stdout, data + b"\n")
        run(server.port, "-x", "SET", "k")
        expect_equal(server.data[b"k"], b"")
        expect_equal(run(server.port, "-r", "3", "-i", "0.01", "COUNT").stdout, b"1\n1\n1\n")


def test_lines_from_a_pipe():
    with Server() as server:
        script = b'set a "john doe"\n\n  get a\r\nnosuch\nset "a"b\nget \'a\'\nget a'
        done = run(server.port, stdin=script)
        expect_equal(done.stdout, b"OK\njohn doe\njohn doe\njohn doe\n")
        lines = done.stderr.decode().splitlines()
        expect(lines[0].startswith("line 4: ERR unknown command"), lines)
        expect_equal(lines[1], "line 5: column 8: a closing quote must be followed by a blank")  # batch B3
        expect_equal(done.returncode, 1)
        expect_equal(run(server.port, stdin=b"get 'a\n").returncode, 2)  # batch B2
        expect_equal(run(server.port, stdin=b"get a\n").returncode, 0)
        expect_equal(run(server.port, stdin=b"").returncode, 0)


def test_passwords():
    with Server(password="sesame") as server:
        done = run(server.port, "GET", "a")
        expect(done.returncode == 1 and done.stderr.startswith(b"NOAUTH"), done.stderr)
        expect_equal(run(server.port, "GET", "a", env=environment(GEOMYS_PASSWORD="sesame")).returncode, 0)
        expect_equal(run(server.port, "GET", "a", env=environment(REDISCLI_AUTH="sesame")).returncode, 0)
        done = run(server.port, "-a", "sesame", "GET", "a")
        expect(done.returncode == 0 and b"GEOMYS_PASSWORD" in done.stderr, done.stderr)
        done = run(server.port, "GET", "a", env=environment(GEOMYS_PASSWORD="wrong"))
        expect(done.returncode == 1 and b"AUTH failed: WRONGPASS" in done.stderr, done.stderr)


def test_hostile_replies():
    cases = [b"garbage\r\n", b"$99999999999\r\n", b"*1\r\n" * 1000, b"*2147483647\r\n", b":x\r\n", b"$3\r\nabcdef\r\n",
             b"%1\r\n>1\r\n:1\r\n:2\r\n", b"+" + b"x" * 100000, b"*-7\r\n", b"\x00" * 100000,
             b"HTTP/1.1 200 OK\r\n\r\n"]
    for case in cases:
        with Server(replies={"ODD": lambda _, case=case: case, "CUT": None}) as server:
            done = run(server.port, "ODD")
            expect_equal((done.returncode, done.stdout), (3, b""), f"{case[:30]!r} {done.stderr!r}")
            expect(len(done.stderr) > 10, "a sentence")
    with Server(replies={"CUT": lambda _: None}) as server:
        done = run(server.port, "CUT")
        expect(done.returncode == 3 and b"The connection was lost" in done.stderr, done.stderr)


def test_reply_limit():
    with Server() as server:
        server.data[b"big"] = b"x" * 200000
        done = run(server.port, "--reply-limit", "100000", "GET", "big")
        expect(done.returncode == 3 and b"larger than the limit of 100000 bytes" in done.stderr, done.stderr)
        expect_equal(run(server.port, "GET", "big").returncode, 0)


def test_messages_go_on_and_on():
    with Server(replies={"SUBSCRIBE": b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"}) as server:
        process = subprocess.Popen([CLI, "-p", str(server.port), "SUBSCRIBE", "c"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment())
        expect_equal([process.stdout.readline() for _ in range(3)], [b"subscribe\n", b"c\n", b"1\n"])
        server.push(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n")
        expect_equal([process.stdout.readline() for _ in range(3)], [b"message\n", b"c\n", b"hi\n"])
        server.hang_up()
        expect_equal(process.wait(PATIENCE_S), 3)
        process.stdout.close()
        process.stderr.close()


# ---- tools --------------------------------------------------------------------------------------------------------

INFO = (b"# Clients\r\nconnected_clients:3\r\nblocked_clients:1\r\n# Memory\r\nused_memory:2097152\r\n"
        b"# Stats\r\ntotal_commands_processed:%d\r\ninstantaneous_ops_per_sec:9\r\n# Keyspace\r\n"
        b"db0:keys=12,expires=0,avg_ttl=0\r\n")


def started(port, *words):
    return subprocess.Popen([CLI, "-p", str(port), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=environment())


def interrupted(process):
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    return out, err, process.returncode


def test_stat():
    counts = iter(range(1000, 10 ** 9, 101))
    with Server(replies={"INFO": lambda _: bulk(INFO % next(counts))}) as server:
        done = run(server.port, "--stat", "-i", "0.01", "--duration", "0.5" if SLOW == 1 else "2")
        lines = done.stdout.decode().splitlines()
        expect_equal(lines[0].split(), ["keys", "memory", "clients", "blocked", "ops/s"])
        expect_equal(lines[1].split(), ["12", "2.00M", "3", "1", "9"])
        expect(0 < int(lines[2].split()[4]) <= 10000, lines[2])
        heads = [i for i, line in enumerate(lines[:43]) if "keys" in line]
        expect_equal(heads, [0, 21, 42][:1 + (len(lines) - 1) // 21])
        expect_equal((done.returncode, done.stderr), (0, b""))
        process = started(server.port, "--stat")
        process.stdout.readline()
        expect_equal(interrupted(process)[1:], (b"", 0))
    with Server(replies={"INFO": b"-NOPERM no\r\n"}) as server:
        done = run(server.port, "--stat")
        expect_equal((done.returncode, done.stdout, done.stderr), (1, b"", b"NOPERM no\n"))


def test_latency():
    with Server(replies={"PING": b"+PONG\r\n"}) as server:
        done = run(server.port, "--latency", "--duration", "0.3", "-i", "0.01")
        expect(re.fullmatch(rb"min [\d.]+  p50 [\d.]+  p90 [\d.]+  p99 [\d.]+  p99\.9 [\d.]+  max [\d.]+ us  "
                            rb"\(\d+ round trips\)\n", done.stdout) is not None, done.stdout)
        done = run(server.port, "--latency", "--duration", "0.2", "--json")
        figures = json.loads(done.stdout)
        expect(figures["min_us"] <= figures["p50_us"] <= figures["p99.9_us"] <= figures["max_us"], figures)
        expect(figures["count"] > 2, figures)
        before = len(server.seen("PING"))
        process = started(server.port, "--latency")
        wait_until(lambda: len(server.seen("PING")) > before + 3, "it shall measure")
        out, _, code = interrupted(process)
        expect(out.startswith(b"min ") and code == 0, f"{out} {code}")
        with Terminal(server.port, "--latency") as terminal:
            terminal.wait(r"^min .*\(\d\d+ round trips\)$")
            terminal.type("\x03")
            expect_equal(terminal.leave_restored(), 0)
            expect_equal(len(terminal.screen.text().replace("^C", "").splitlines()), 1, terminal.screen.text())
        with Terminal(server.port, "--latency", columns=40) as terminal:
            terminal.wait(r"\Amin [\d.]+  p50 [\d.]+.*\Z")
            before = terminal.bytes_read
            terminal.wait_until(lambda: terminal.bytes_read > before + 200, "the line shall be drawn again")
            expect_equal(len(terminal.screen.text().splitlines()), 1, "a line that is cut, not wrapped")


def test_watch():
    counts = iter(range(1, 10 ** 9))
    replies = {"COUNT": lambda _: b":%d\r\n" % next(counts), "LOOK": lambda _: b"*2\r\n:%d\r\n+x\r\n" % next(counts)}
    with Server(replies=replies) as server:
        process = started(server.port, "--watch", "20ms", "COUNT")
        expect_equal([process.stdout.readline() for _ in range(3)], [b"1\n", b"2\n", b"3\n"])
        expect_equal(interrupted(process)[2], 0)
        with Terminal(server.port, "--watch", "50ms", "LOOK", "a b") as terminal:
            terminal.wait(r"\A\d\d:\d\d:\d\d  127.* every 0\.05s: LOOK a b\n1\) \(integer\) 1\d\n2\) x")
            terminal.type("\x03")
            expect_equal(terminal.leave_restored(), 0)
        with Terminal(server.port) as terminal:
            terminal.wait(r">$")
            terminal.enter(":watch x COUNT", r"^\(not sent\) usage: :watch")
            terminal.enter(":wacht 1s COUNT", r"^\(not sent\) of the program's own verbs only :watch")
            expect(not server.seen(":wacht"), "a verb that there is not")
            terminal.enter(":watch 1s get", r"^\(not sent\) wrong number")
            terminal.type(":watch 50ms LOOK 'a b'\r")
            terminal.wait(r"\A\d\d:.*LOOK a b\n1\) \(integer\) \d+\n2\) x")
            terminal.type("\x03")
            terminal.wait(r"^127.*>$")
            terminal.enter("set a 1", r"^OK$")
            terminal.enter(":watch 1s wipe", r"WIPE is declared dangerous")
            terminal.enter("n", r"not sent")
            expect(not server.seen("wipe"), "not confirmed")


def scanned(keys):
    """Answers SCAN in pages of 300, the last key of a page once more in the next."""
    def scan(argv):
        at = int(argv[1])
        page = keys[max(0, at - 1):at + 300]
        cursor = at + 300 if at + 300 < len(keys) else 0
        return b"*2\r\n" + bulk(str(cursor)) + b"*%d\r\n" % len(page) + b"".join(bulk(key) for key in page)
    return scan


def test_keys():
    keys = [f"key {n}" for n in range(1000)]
    size = {key: (n * 7919) % 1009 for n, key in enumerate(keys)}
    best = sorted(keys, key=lambda key: (-size[key], key))[:5]
    replies = {
        "SCAN": scanned(keys),
        "DBSIZE": b":1000\r\n",
        "MEMORY": lambda argv: b":%d\r\n" % size[argv[2].decode()],
        "PEEK": lambda argv: b"*2\r\n" + bulk("length") + b":%d\r\n" % size[argv[1].decode()],
        "OBJECT": lambda argv: b":%d\r\n" % size[argv[2].decode()],
        "TYPE": b"+list\r\n",
    }
    with Server(replies={**replies, "INFO": bulk("# Keyspace\r\ndb0:keys=1000,expires=0\r\nodd:keys=1\r\n")}) as server:
        done = run(server.port, "--keys", "--top", "5")
        expect_equal(done.stdout.decode(), "".join(f"{size[key]}\tlist\t{key}\n" for key in best))
        expect_equal((done.returncode, done.stderr), (0, b""))
        expect_equal(server.seen("SELECT"), [])
        done = run(server.port, "--keys", "--by", "len", "--top", "5", "--json")
        expect_equal(json.loads(done.stdout), [{"length": size[key], "type": "list", "key": key} for key in best])
        expect_equal(len(server.seen("PEEK")), 1003)
        done = run(server.port, "--keys", "--top", "1", "--csv")
        expect_equal(done.stdout.decode(), f'{size[best[0]]},"list","{best[0]}"\n')
        run(server.port, "--keys", "--match", "a*", "--type", "list")
        expect_equal(server.seen("SCAN")[-1][4:], ["MATCH", "a*", "TYPE", "list"])
        done = run(server.port, "--keys", "--by", "idle", "--top", "5", "--json")
        expect_equal(json.loads(done.stdout), [{"idle": size[key], "type": "list", "key": key} for key in best])
        expect_equal(server.seen("OBJECT")[0][:2], ["OBJECT", "IDLETIME"])
        expect_equal(run(server.port, "--keys", "--by", "idles").returncode, 2)
        with Terminal(server.port, "--keys", "--top", "2") as terminal:
            terminal.wait(r"\Amemory  type  key\n +1008  list  key \d+\n.*\n\(2 rows\)$")
    with Server(replies=replies) as server:  # that does not tell of its databases
        expect_equal(run(server.port, "--keys", "--top", "5").returncode, 0)
    with Server(replies={**replies, "MEMORY": b"-ERR unknown command 'MEMORY'\r\n"}) as server:
        done = run(server.port, "--keys")
        expect(done.returncode == 1 and b"ERR unknown command" in done.stderr, done.stderr)
        expect_equal(len(server.seen("SCAN")), 1, "it does not go on")
    lfu = b"-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching\r\n"
    with Server(replies={**replies, "OBJECT": lfu}) as server:
        done = run(server.port, "--keys", "--by", "idle")
        expect_equal((done.returncode, done.stdout), (1, b""))
        expect(done.stderr.startswith(b"the server notes how often keys are used and not when"), done.stderr)


def resp(*words):
    return b"*%d\r\n" % len(words) + b"".join(bulk(word) for word in words)


def test_load():
    with Server() as server:
        script = b"set a 1\n\nset 'b c' \"x\\ny\"\n" + resp("SET", "d", b"\r\n\0") + b"get a"
        done = run(server.port, "--load", "-", stdin=script)
        expect_equal((done.returncode, done.stdout), (0, b""))
        expect(re.fullmatch(rb"4 commands in [\d.]+ s \(\d+/s\), 0 errors\n", done.stderr) is not None, done.stderr)
        expect_equal(server.data, {b"a": b"1", b"b c": b"x\ny", b"d": b"\r\n\0"})
        done = run(server.port, "--load", "-", stdin=b"set a 2\nnosuch 1\nset 'b\nnosuch\nset a 3\n")
        lines = done.stderr.decode().splitlines()
        expect(lines[0].startswith("line 2: ERR unknown command 'nosuch'"), lines)
        expect(len(lines) == 2 and lines[1].startswith("4 commands") and lines[1].endswith("3 errors"), lines)
        expect_equal((done.returncode, server.data[b"a"]), (1, b"3"))
        done = run(server.port, "--load", "-", stdin=b"set 'b\n")
        expect(done.returncode == 2 and b"line 1: column 5: a quote is not closed" in done.stderr, done.stderr)
        done = run(server.port, "--load", "-", stdin=b"set z 1\n*1\r\nxx")
        expect(done.returncode == 2 and b"line 2: " in done.stderr and server.data[b"z"] == b"1", done.stderr)
        expect_equal(run(server.port, "--load", "/nonexistent").returncode, 2)


def test_load_answers_larger_than_any_buffer():
    with Server() as server:
        server.data[b"big"] = b"x" * 100000
        done = run(server.port, "--load", "-", stdin=b"get big\n" * 300 + b"set big " + b"y" * 5000000 + b"\n")
        expect_equal(done.returncode, 0, done.stderr)
        expect_equal(len(server.data[b"big"]), 5000000)


def test_load_goes_on_where_it_was():
    folder = tempfile.mkdtemp(prefix="geomys-cli-")
    try:
        source, state = os.path.join(folder, "source"), os.path.join(folder, "state")
        count = 20000
        with open(source, "w", encoding="utf-8") as file:
            file.writelines(f"add {n}\n" for n in range(count))
        seen = []
        left = [7777]

        def add(argv):
            if left[0] == 0:
                return None
            left[0] -= 1
            seen.append(int(argv[1]))
            return b"+OK\r\n"
        with Server(replies={"ADD": add}) as server:
            done = run(server.port, "--load", source, "--resume", state)
            expect(done.returncode == 3 and b"answered up to line" in done.stderr, done.stderr)
            recorded = int(re.search(r"line (\d+)", open(state, encoding="utf-8").read()).group(1))
            expect(0 < recorded <= 7777, recorded)
            left[0] = 10 ** 9
            done = run(server.port, "--load", source, "--resume", state)
            expect_equal(done.returncode, 0, done.stderr)
            expect_equal(seen, list(range(7777)) + list(range(recorded, count)), "nothing is left out")
            del seen[:]
            with open(source, "a", encoding="utf-8") as file:
                file.write("add 5\n")
            expect_equal(run(server.port, "--load", source, "--resume", state).returncode, 0)
            expect_equal(seen, [5], "only what is new")
            with open(source, "r+", encoding="utf-8") as file:
                file.write("ADD")
            done = run(server.port, "--load", source, "--resume", state)
            expect(done.returncode == 2 and b"does not belong to" in done.stderr, done.stderr)  # load L3
            expect_equal(seen, [5])
            os.unlink(state)
            del seen[:]
            process = started(server.port, "--load", source, "--resume", state)
            wait_until(lambda: len(seen) >= 1000, "it shall be in the midst of it")
            _, err, code = interrupted(process)
            expect(code == 3 and b"stopped" in err, err)
            recorded = int(re.search(r"line (\d+)", open(state, encoding="utf-8").read()).group(1))
            expect_equal(seen, list(range(recorded)), "after Ctrl-C the place is exact")  # load L2
            done = run(server.port, "--load", "-", "--resume", state, stdin=open(source, "rb").read())
            expect_equal((done.returncode, len(seen)), (0, count + 1))
            os.unlink(state)
            left[0] = 3
            script = b"multi\nadd 1\nadd 2\nexec\nadd 3\nmulti\nadd 4\nadd 5\n"
            server.replies["EXEC"] = b"*0\r\n"
            run(server.port, "--load", "-", "--resume", state, stdin=script)
            expect("line 5\n" in open(state, encoding="utf-8").read(), "not within a transaction")  # load L1
    finally:
        shutil.rmtree(folder)


def test_load_shows_progress():
    folder = tempfile.mkdtemp(prefix="geomys-cli-")
    try:
        source = os.path.join(folder, "source")
        with open(source, "w", encoding="utf-8") as file:
            file.write("slow 1\n" * 5000)
        seen = threading.Event()  # until then the server is slow
        with Server(replies={"SLOW": lambda _: (seen.wait(0.001), b"+OK\r\n")[1]}) as server:
            with Terminal(server.port, "--load", source) as terminal:
                terminal.wait(r"^\[#*\.*\] +\d+% \d+ commands, \d+/s, 0 errors$")
                seen.set()
                terminal.wait(r"\A5000 commands in")
    finally:
        shutil.rmtree(folder)


# ---- at a terminal ------------------------------------------------------------------------------------------------


def test_hints_completion_and_replies():
    with Server() as server, Terminal(server.port) as terminal:
        terminal.wait(r"^127\.0\.0\.1:\d+>$")
        terminal.type("se")
        terminal.wait(r"> set key value \[NX\|XX\] \[GET\] \[EX seconds\|PX milliseconds\]$")
        terminal.type("t k 'v w' e")
        terminal.wait(r"> set k 'v w' e seconds \[NX\|XX\] \[GET\]$|> set k 'v w' e")
        terminal.type("\t")
        terminal.wait(r"> set k 'v w' ex seconds \[NX\|XX\] \[GET\]$")
        terminal.enter("\x1505", r"unknown command '05'")
        terminal.enter("set k 'v w'", r"^OK$")
        terminal.enter("get k", r'^"v w"$')
        terminal.enter("get none", r"^\(nil\)$")
        terminal.enter("gett k", r"^\(did you mean GET\?\)$")
        terminal.type("client \t")
        terminal.wait(r"> client .*\nid +list$")
        terminal.type("\t")
        terminal.wait(r"> client id\n")
        terminal.enter("\x15multi", r"\(MULTI\)>$")
        expect_equal(terminal.leave(), 0)


def test_help():
    with Server() as server, Terminal(server.port) as terminal:
        terminal.enter("help", r"^test\n  CLIENT GET GETDEL OPEN SET WAIT WIPE$")
        terminal.enter("HELP set", r"^SET key value .*\n  Does it\.\n  complexity  O\(1\)\n  group       test\n"
                                   r"  module      acme\.test\n  example     GET key$")
        terminal.enter("help client", r"^CLIENT ID\n  Does it\.\nCLIENT LIST$")
        terminal.enter("help gte", r"^The server declares no such command\. Did you mean GET\?$")
        expect(not server.seen("HELP"), "HELP is the program's own")
    with Server(replies={"HELP": b"+mine\r\n"}) as server:
        COMMANDS.append(("help", "HELP", []))
        try:
            with Terminal(server.port) as terminal:
                terminal.wait(r">$")
                terminal.enter("help", r"^mine$")
        finally:
            COMMANDS.pop()


def test_wrong_calls_are_not_sent():
    with Server() as server, Terminal(server.port) as terminal:
        terminal.wait(r">$")
        terminal.enter("set key v ex abc", r"^\(not sent\) value is not an integer or out of range\n"
                                           r"  set key v ex abc\n               \^\^\^\n  usage: SET key")
        terminal.enter("set 'k' v bogus", r"  set 'k' v bogus\n            \^\^\^\^\^\n")
        terminal.enter("get", r"^\(not sent\) wrong number of arguments for 'get' command\n  get\n      \^\n"
                              r"  usage: GET key$")
        terminal.enter("get 'a", r"^\(not sent\) a quote is not closed\n  get 'a\n      \^$")
        expect(not server.seen("set") and not server.seen("get"), f"{server.log}")
    with Server() as server, Terminal(server.port, "--no-validate") as terminal:
        terminal.wait(r">$")
        terminal.enter("set key v bogus", r"^OK$")


def test_dangerous_commands_are_asked_about():
    with Server() as server, Terminal(server.port) as terminal:
        terminal.wait(r">$")
        terminal.enter("wipe", r"^WIPE is declared dangerous\. Send it\? \[y/N\]")
        terminal.enter("n", r"^\(not sent\)$")
        terminal.type("wipe\r")
        terminal.wait(r"Send it\? \[y/N\]$")
        terminal.type("\x03")
        terminal.wait(r"(?s)not sent.*not sent")
        expect(not server.seen("wipe"), "not confirmed")
        terminal.type("wipe\r")
        terminal.wait(r"Send it\? \[y/N\]$")
        terminal.enter("yes", r"^OK$")
        expect_equal(server.seen("wipe"), [["wipe"]])


def test_dangerous_commands_from_the_shell():
    with Server() as server:
        with Terminal(server.port, "wipe") as terminal:
            terminal.wait(r"^WIPE is declared dangerous\. Send it\? \[y/N\]$")
            terminal.enter("n", r"^\(not sent\)$")
            expect_equal(terminal.leave_quietly(), 2)
        expect(not server.seen("wipe"), "not confirmed")
        with Terminal(server.port, "wipe") as terminal:
            terminal.wait(r"\[y/N\]$")
            terminal.enter("yes", r"^OK$")
        with Terminal(server.port, "--yes", "wipe") as terminal:
            terminal.wait(r"\AOK$")
        expect_equal(run(server.port, "wipe").stdout, b"OK\n", "nobody is asked without a terminal")
        expect_equal(len(server.seen("wipe")), 3)


PEEK = (b"*10\r\n+type\r\n+list\r\n+id\r\n+acme/1\r\n+length\r\n:2\r\n+memory\r\n:90\r\n+value\r\n*2\r\n+a\r\n+b\r\n")


def test_peek():
    with Server(replies={"PEEK": PEEK}) as server:
        wanted = "list  acme/1\nlength    2\nmemory    90 bytes\n\n1) a\n2) b\n"
        expect_equal(run(server.port, "--no-raw", "peek", "k").stdout.decode(), wanted)
        expect_equal(run(server.port, "peek", "k").stdout.split(b"\n")[0], b"type", "raw stays raw")
        with Terminal(server.port) as terminal:
            terminal.wait(r">$")
            terminal.enter("peek k 2", r"^list  acme/1\nlength    2\nmemory    90 bytes\n\n1\) a\n2\) b\n127")
        expect_equal(server.seen("PEEK")[-1], ["peek", "k", "2"])


def test_pager():
    many = b"*50\r\n" + b"".join(b":%d\r\n" % n for n in range(50))
    pager = "echo paged; head -n 3; read answer < /dev/tty; echo answer $answer; exit 1"
    with Server(replies={"MANY": many, "FEW": b"*2\r\n:1\r\n:2\r\n"}) as server:
        with Terminal(server.port, PAGER=pager) as terminal:
            terminal.wait(r">$")
            terminal.enter("few", r"^1\) \(integer\) 1\n2\) \(integer\) 2\n127")
            terminal.enter("many", r"^paged\n 1\) \(integer\) 0\n 2\) \(integer\) 1\n 3\) \(integer\) 2$")
            terminal.enter("yes", r"^yes\nanswer yes\n127.*>$")
            terminal.enter("few", r"answer yes\n.*few\n1\) \(integer\) 1")
        with Terminal(server.port, "MANY", PAGER=pager) as terminal:
            terminal.wait(r"\Apaged\n 1\)")
            terminal.enter("x", r"answer x")
            expect_equal(terminal.leave_quietly(), 0)
        with Terminal(server.port, "--no-pager", "MANY", PAGER=pager) as terminal:
            terminal.wait(r"^50\) \(integer\) 49$")
        done = subprocess.run([CLI, "-p", str(server.port), "--no-raw", "MANY"], capture_output=True,
                              timeout=PATIENCE_S, env=environment(PAGER=pager))
        expect(done.stdout.startswith(b" 1) "), "not without a terminal")


def test_saved_connections():
    home = tempfile.mkdtemp(prefix="geomys-cli-")
    try:
        os.mkdir(os.path.join(home, ".geomys"))
        path = os.path.join(home, ".geomys", "cli.conf")
        env = environment(HOME=home)
        with Server(password="sesame") as server:
            def call(*words):
                return subprocess.run([CLI, *words], capture_output=True, timeout=PATIENCE_S, env=env)
            expect_equal(call("-c", "t", "GET", "a").returncode, 2)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"# test\n[t]\nport = {server.port}\npassword = sesame\n[other]\nport = 1\n")
            os.chmod(path, 0o640)
            done = call("-c", "t", "GET", "a")
            expect(done.returncode == 2 and b"chmod 600" in done.stderr, done.stderr)  # connections N2
            os.chmod(path, 0o600)
            done = call("-c", "t", "SET", "a", "b")
            expect_equal((done.returncode, done.stdout, done.stderr), (0, b"OK\n", b""))
            expect_equal(call("-p", str(server.port), "--connection", "other", "GET", "a").returncode, 1,
                         "the command line wins")
            done = call("-c", "none", "GET", "a")
            expect(done.returncode == 2 and b"it has no connection [none]" in done.stderr, done.stderr)
            with open(path, "a", encoding="utf-8") as file:
                file.write("prot = 3\n")
            done = call("-c", "t", "GET", "a")
            expect(done.returncode == 2 and b"line 7: the keys are" in done.stderr, done.stderr)
    finally:
        shutil.rmtree(home)


def test_help_from_the_shell():
    with Server(replies={"HELP": b"+mine\r\n"}) as server:
        done = run(server.port, "help", "set")
        expect(done.stdout.startswith(b"\nSET key value") and done.returncode == 0, done.stdout)
        expect(run(server.port, "help").stdout.startswith(b"test\n  CLIENT GET"), "the groups")
        done = run(server.port, "help", "gte")
        expect_equal((done.returncode, done.stdout), (1, b""))
        expect(b"Did you mean GET?" in done.stderr, done.stderr)
        COMMANDS.append(("help", "HELP", []))
        try:
            expect_equal(run(server.port, "help").stdout, b"mine\n")
        finally:
            COMMANDS.pop()


def test_history_is_private():
    folder = tempfile.mkdtemp(prefix="geomys-cli-")
    try:
        path = os.path.join(folder, "sub", "cli_history")
        with Server(password="sesame") as server:
            with Terminal(server.port, GEOMYS_HISTORY=path) as terminal:
                terminal.wait(r">$")
                terminal.enter("auth sesame", r"^OK$")
                terminal.enter("set a 1", r"OK\n.*OK$|OK\n.*>.*\nOK")
                terminal.enter(":watch 1x auth sesame", r"^\(not sent\) usage: :watch")
                terminal.enter("open door \"secret word\"", r"unknown command 'open'")
                terminal.enter("get a", r'^"1"$')
                expect_equal(terminal.leave(), 0)
            expect_equal(open(path, encoding="utf-8").read(), "set a 1\nget a\n")
            expect_equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
            with Terminal(server.port, GEOMYS_HISTORY=path, GEOMYS_PASSWORD="sesame") as terminal:
                terminal.wait(r">$")
                terminal.type("s\x1b[A")
                terminal.wait(r"> set a 1")
                terminal.type("\x15\x12get")
                terminal.wait(r"^\(search\) 'get': get a$")
                terminal.type("\r")
                terminal.wait(r'^"1"$')
    finally:
        shutil.rmtree(folder)


def test_after_auth_the_catalog_comes():
    with Server(password="sesame") as server, Terminal(server.port) as terminal:
        terminal.wait(r">$")
        terminal.enter("get a", r"^\(error\) NOAUTH")
        terminal.enter("auth sesame", r"^OK$")
        terminal.type("get ")
        terminal.wait(r"> get key$")


def test_ctrl_c_takes_back_a_command_that_waits():
    with Server() as server, Terminal(server.port) as terminal:
        terminal.wait(r">$")
        terminal.type("wait\r")
        terminal.wait_until(lambda: server.seen("wait"), "it shall be sent")
        terminal.resize(24, 100)
        terminal.read(0.2)
        terminal.type("\x03")
        terminal.wait(r"^\(cancelled: .*\n127")
        terminal.enter("set a 1", r"^OK\n.*>$")
        terminal.type("gibberish\x03")
        terminal.wait(r"gibberish\n.*>$")


def test_pushes_are_shown_when_they_come():
    with Server() as server, Terminal(server.port) as terminal:
        terminal.wait(r">$")
        terminal.type("get half")
        terminal.wait(r"> get half$")
        server.push(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$4\r\n\x1b[2J\r\n")
        terminal.wait(r'^1> "invalidate"\n2> 1\) "\\x1b\[2J"\n.*> get half$')
        terminal.enter("", r"^\(nil\)$")


def test_a_server_that_goes_and_comes():
    with Server() as server, Terminal(server.port) as terminal:
        terminal.wait(r">$")
        server.hang_up()
        terminal.wait(r"^The connection was lost: the server closed it\nnot connected>$")
        terminal.enter("set a 1", r"^OK\n127\.0\.0\.1")
        expect_equal(len(server.seen("set")), 1, "sent once")  # dialog S1
        server.close()
        terminal.wait(r"^not connected>$")
        terminal.enter("set b 1", r"Connection refused\. Is geomys-server running\?")
        expect_equal(terminal.leave(), 0)


def test_servers_that_declare_less():
    with Server(catalog="docs", resp3=False) as server, Terminal(server.port) as terminal:
        terminal.wait(r">$")
        terminal.type("get ")
        terminal.wait(r"> get the-key$")
        terminal.enter("\x15get", r"^\(error\) ERR wrong number")  # its lines are not exact: sent
        terminal.enter("help ping", r"^PING\n  Pings\.$")
    with Server(catalog="none", resp3=False) as server, Terminal(server.port) as terminal:
        terminal.enter("set a b", r"^OK$")
        terminal.enter("help", r"^The server declares no commands")
    huge = b"*2\r\n$1\r\na\r\n$9000000\r\n" + b"x" * 9000000 + b"\r\n"  # dialog S2
    with Server(replies={"COMMAND": huge}) as server, Terminal(server.port) as terminal:
        terminal.enter("set a b", r"^OK$")


def test_loading_is_said():
    loading = b"-LOADING Geomys is loading the dataset in memory\r\n"
    with Server(replies={"COMMAND": loading, "GET": loading}) as server, Terminal(server.port) as terminal:
        terminal.enter("get a", r"^\(error\) LOADING Geomys is loading")
        server.replies = {}
        terminal.enter("set a 1", r"^OK$")
        terminal.type("get ")
        terminal.wait(r"> get key$", "the catalog is asked for again")


def test_paste_and_size():
    with Server() as server, Terminal(server.port, columns=40) as terminal:
        terminal.wait(r">$")
        terminal.type("\x1b[200~set a 1\nset b 2\n\x1b[201~")
        terminal.wait(r"set b 2\^J$")
        expect(not server.seen("set"), "a paste runs nothing by itself")
        terminal.enter("", r"(?s)OK.*OK")
        expect_equal(server.data, {b"a": b"1", b"b": b"2"})
        terminal.type("set word " + "x" * 80)
        terminal.wait(r"x{40}")
        terminal.resize(24, 60)
        terminal.wait(r"x{30,60}\n")
        terminal.type("\x01\x0b")
        terminal.enter("set c \u65e5\u672c", r"^OK$")
        expect_equal(server.data[b"c"].decode(), "\u65e5\u672c")


# ---- the real server ----------------------------------------------------------------------------------------------


def test_the_real_server():
    if not os.access(PROGRAM, os.X_OK):
        print("    (left out: there is no server)")
        return
    with Folder() as folder, RealServer(folder, persistence="bufferedwrite") as server, server.client() as client:
        expect_equal(run(server.port, "SET", "name", "john doe").stdout, b"OK\n")
        expect_equal(run(server.port, stdin=b'set n 1\nincr n\npush q a b\nlrange q 0 -1\n').stdout,
                     b"OK\n2\n2\na\nb\n")
        expect_equal(run(server.port, "--json", "LRANGE", "q", "0", "-1").stdout, b'["a","b"]\n')
        with Terminal(server.port, columns=160) as terminal:
            terminal.wait(r">$")
            terminal.type("set name ")
            terminal.wait(r"> set name value .*NX\|XX")
            terminal.enter("\x15help set", r"^SET key value (.*\n)+ +module +geomys\.kv")
            terminal.enter("get name", r'^"john doe"$')
            terminal.enter("lpush", r"^\(not sent\) wrong number of arguments for 'lpush' command$")
            terminal.enter("multi", r"\(MULTI\)>$")
            terminal.enter("discard", r"^OK\n127\.0\.0\.1:\d+>$")
            terminal.type("client set\t")
            terminal.wait(r"> client set")
            terminal.type("\x15blpop empty 0\r")
            terminal.wait(r"> blpop empty 0$")
            # Before it is sent, Ctrl-C would only abandon the line.
            terminal.wait_until(lambda: client.info("clients")["blocked_clients"] == "1", "it shall wait")
            terminal.type("\x03")
            terminal.wait(r"^\(cancelled")
            expect_equal(terminal.leave(), 0)


if __name__ == "__main__":
    sys.exit(main(globals()))
