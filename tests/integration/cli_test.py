#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""geomys-cli from outside: as a command, in a pipe, and at a terminal.

Why     What a person and a script see of the program is its contract: output, exit codes, and the screen.
Idea    A small scripted server answers in the protocol, so each oddity of a server can be produced at will; the
        terminal is a pty with a screen of our own behind it. What depends on the real server's commands is tried on the
        real server, if it is there.
Usage   cli_test.py [word]     only the tests whose name has that word in it
        GEOMYS_CLI, GEOMYS_SERVER, GEOMYS_MODULES name the programs and the folder of modules.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

CLI = os.environ.get("GEOMYS_CLI", "build/release/geomys-cli")
SERVER = os.environ.get("GEOMYS_SERVER", "build/release/geomys-server")
MODULES = os.environ.get("GEOMYS_MODULES", "build/release/modules")
SLOW = 4 if os.environ.get("GEOMYS_SANITIZED") == "1" else 1
PATIENCE_S = 10 * SLOW


class Failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failure(text)


def expect_equal(found, wanted, what=""):
    if found != wanted:
        raise Failure(f"{what}: {found!r} instead of {wanted!r}")


# ---- the scripted server ------------------------------------------------------------------------------------------


def bulk(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def usage_map(entries, resp3):
    out = b"%%%d\r\n" % len(entries) if resp3 else b"*%d\r\n" % (2 * len(entries))
    for name, usage, flags in entries:
        fields = [("usage", bulk(usage)), ("summary", bulk("Does it.")), ("complexity", bulk("O(1)")),
                  ("flags", b"*%d\r\n" % len(flags) + b"".join(b"+%s\r\n" % f.encode() for f in flags)),
                  ("group", bulk("test")), ("module", bulk("acme.test")), ("since", b"_\r\n" if resp3 else b"$-1\r\n"),
                  ("example", bulk("GET key"))]
        out += bulk(name) + (b"%%%d\r\n" % len(fields) if resp3 else b"*%d\r\n" % (2 * len(fields)))
        for key, value in fields:
            out += bulk(key) + value
    return out


COMMANDS = [
    ("set", "SET key value [NX|XX] [GET] [EX seconds:int|PX milliseconds:int]", ["write"]),
    ("get", "GET key", ["readonly"]),
    ("getdel", "GETDEL key", ["write"]),
    ("wipe", "WIPE [ASYNC|SYNC]", ["dangerous"]),
    ("wait", "WAIT", []),
    ("client|id", "CLIENT|ID", []),
    ("client|list", "CLIENT|LIST", []),
    ("open", "OPEN name password", []),
]

DOCS = (b"*4\r\n" + bulk("get") + b"*6\r\n" + bulk("summary") + bulk("Gets.") + bulk("group") + bulk("string")
        + bulk("arguments") + b"*1\r\n*4\r\n" + bulk("name") + bulk("the-key") + bulk("type") + bulk("key")
        + bulk("ping") + b"*2\r\n" + bulk("summary") + bulk("Pings."))


class Server:
    """Answers on a port of its own. `log` holds the commands that came, `replies` what to say to a name."""

    def __init__(self, replies=None, catalog="usage", resp3=True, password=None):
        self.replies = replies or {}
        self.catalog = catalog
        self.resp3 = resp3
        self.password = password
        self.log = []
        self.data = {}
        self.clients = []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for port in range(21500 + os.getpid() % 5000, 32000):
            try:
                self.listener.bind(("127.0.0.1", port))
                break
            except OSError:
                continue
        self.port = self.listener.getsockname()[1]
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        state = {"resp3": False, "known": self.password is None}
        stream = client.makefile("rb")
        try:
            while True:
                head = stream.readline()
                if not head:
                    return
                argv = []
                for _ in range(int(head[1:])):
                    size = int(stream.readline()[1:])
                    argv.append(stream.read(size))
                    stream.read(2)
                self.log.append([word.decode("latin-1") for word in argv])
                answer = self.answer(argv, state)
                if answer is None:
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(answer)
        except (OSError, ValueError):
            pass

    def answer(self, argv, state):
        name = argv[0].decode("latin-1").upper()
        second = argv[1].decode("latin-1").upper() if len(argv) > 1 else ""
        if name == "AUTH":
            state["known"] = argv[-1].decode() == self.password
            return b"+OK\r\n" if state["known"] else b"-WRONGPASS invalid username-password pair\r\n"
        if not state["known"]:
            return b"-NOAUTH Authentication required.\r\n"
        if name in self.replies:
            reply = self.replies[name]
            return reply(argv) if callable(reply) else reply
        if name == "HELLO" and self.resp3:
            state["resp3"] = True
            return b"%1\r\n+proto\r\n:3\r\n"
        if name == "COMMAND" and second == "USAGE" and self.catalog == "usage":
            return usage_map(COMMANDS, state["resp3"])
        if name == "COMMAND" and second == "DOCS" and self.catalog == "docs":
            return DOCS
        if name in ("SET", "GET") and len(argv) < 2:
            return b"-ERR wrong number of arguments\r\n"
        if name == "SET":
            self.data[argv[1]] = argv[2]
            return b"+OK\r\n"
        if name == "GET":
            value = self.data.get(argv[1])
            return b"$-1\r\n" if value is None else bulk(value)
        if name == "MULTI" or name == "WIPE":
            return b"+OK\r\n"
        if name == "WAIT":
            return b""  # never
        return b"-ERR unknown command '%s', with args beginning with: \r\n" % argv[0]

    def seen(self, name):
        return [words for words in self.log if words[0].upper() == name.upper()]

    def push(self, data):
        self.clients[-1].sendall(data)

    def hang_up(self):
        for client in self.clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
                client.close()
            except OSError:
                pass
        self.clients = []

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.hang_up()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def environment(**more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GEOMYS_", "REDISCLI_", "LC_", "LANG", "NO_COLOR"))}
    env.update(GEOMYS_HISTORY="", TERM="xterm", LANG="C.UTF-8")
    env.update(more)
    return env


def run(port, *words, stdin=b"", env=None):
    done = subprocess.run([CLI, "-p", str(port), *words], input=stdin, capture_output=True, timeout=PATIENCE_S * 3,
                          env=env or environment())
    expect(b"Sanitizer" not in done.stderr and b"runtime error" not in done.stderr, done.stderr.decode("latin-1"))
    expect(done.returncode in (0, 1, 2, 3), f"code {done.returncode}: {done.stderr}")
    return done


# ---- the terminal -------------------------------------------------------------------------------------------------


class Screen:
    """What a terminal would show. An escape sequence that the program has no business to send is a failure."""

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0
        self.rest = ""

    def line_feed(self):
        if self.row == self.rows - 1:
            self.cells = self.cells[1:] + [[" "] * self.columns]
        else:
            self.row += 1

    def sequence(self, parameters, final):
        number = int(parameters) if parameters.isdigit() else 1
        if final == "A":
            self.row = max(0, self.row - number)
        elif final == "C":
            self.column = min(self.columns - 1, self.column + number)
        elif final == "H":
            self.row = self.column = 0
        elif final == "J" and parameters == "2":
            self.cells = [[" "] * self.columns for _ in range(self.rows)]
        elif final == "J":
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
            for row in range(self.row + 1, self.rows):
                self.cells[row] = [" "] * self.columns
        elif final == "m" or (final in "hl" and parameters == "?2004"):
            pass
        else:
            raise Failure(f"the terminal got ESC [ {parameters} {final}")

    def feed(self, text):
        text = self.rest + text
        self.rest = ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = re.match(r"\x1b\[([?0-9;]*)([A-Za-z])", text[at:])
                if match is None:
                    expect(len(text) - at < 12, f"the terminal got {text[at:at + 12]!r}")
                    self.rest = text[at:]
                    return
                self.sequence(*match.groups())
                at += match.end()
                continue
            if text[at] == "\r":
                self.column = 0
            elif text[at] == "\n":
                self.line_feed()
            elif text[at] != "\a":
                expect(text[at].isprintable(), f"the terminal got {text[at]!r}")
                if self.column == self.columns:
                    self.column = 0
                    self.line_feed()
                self.cells[self.row][self.column] = text[at]
                self.column += 1
            at += 1

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells).rstrip()


class Terminal:
    """geomys-cli at a terminal of 24 rows."""

    def __init__(self, port, *words, columns=100, **env):
        self.screen = Screen(24, columns)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(CLI, [CLI, "-p", str(port), *words], environment(**env))
        self.resize(24, columns, False)
        self.decoder_rest = b""
        self.gone = False

    def resize(self, rows, columns, tell=True):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.screen = Screen(rows, columns)
            os.kill(self.pid, signal.SIGWINCH)

    def read(self, patience_s):
        if not select.select([self.fd], [], [], patience_s)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        if not data:
            self.gone = True
            return False
        data = self.decoder_rest + data
        whole = len(data)
        while whole > 0 and whole > len(data) - 4:
            try:
                data[:whole].decode()
                break
            except UnicodeDecodeError:
                whole -= 1
        self.decoder_rest = data[whole:]
        self.screen.feed(data[:whole].decode())
        return True

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern, what=""):
        """Until the screen matches."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.screen.text(), re.M):
            if self.gone or time.monotonic() > deadline:
                raise Failure(f"{what} no {pattern!r} on the screen:\n{self.screen.text()}")
            self.read(0.1)

    def enter(self, text, pattern):
        self.type(text + "\r")
        self.wait(pattern, text)

    def leave(self):
        """The exit code, after Ctrl-D."""
        self.type("\x15\x04")
        deadline = time.monotonic() + PATIENCE_S
        while not self.gone and time.monotonic() < deadline:
            self.read(0.1)
        return self.end()

    def end(self):
        if self.pid:
            if not self.gone:
                os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            os.close(self.fd)
            self.pid = 0
            return os.waitstatus_to_exitcode(status)
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


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
        expect(done.stderr.startswith(b"ERR unknown command 'NOSUCH'"), done.stderr)
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
        expect_equal(lines[1], "line 5: column 8: a closing quote must be followed by a blank")
        expect_equal(done.returncode, 1)
        expect_equal(run(server.port, stdin=b"get 'a\n").returncode, 2)
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


def test_history_is_private():
    folder = tempfile.mkdtemp(prefix="geomys-cli-")
    try:
        path = os.path.join(folder, "sub", "cli_history")
        with Server(password="sesame") as server:
            with Terminal(server.port, GEOMYS_HISTORY=path) as terminal:
                terminal.wait(r">$")
                terminal.enter("auth sesame", r"^OK$")
                terminal.enter("set a 1", r"OK\n.*OK$|OK\n.*>.*\nOK")
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
        deadline = time.monotonic() + PATIENCE_S
        while not server.seen("wait") and time.monotonic() < deadline:
            terminal.read(0.05)
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
        expect_equal(len(server.seen("set")), 1, "sent once")
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
    huge = b"*2\r\n$1\r\na\r\n$9000000\r\n" + b"x" * 9000000 + b"\r\n"
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
        terminal.read(0.2)
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


class RealServer:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="geomys-cli-")
        with socket.socket() as probe:
            for port in range(26500 + os.getpid() % 2000, 32000):
                try:
                    probe.bind(("127.0.0.1", port))
                    break
                except OSError:
                    continue
            self.port = port
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(
            [SERVER, f"--port={self.port}", f"--data_folder={self.folder}", f"--module_folder={MODULES}"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, env=environment(HOME=self.folder))
        deadline = time.monotonic() + PATIENCE_S
        while run(self.port, "PING").returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = open(self.log.name, encoding="utf-8", errors="replace").read()
                self.close()
                raise Failure("the server does not start:\n" + text[-2000:])
            time.sleep(0.1)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_the_real_server():
    if not os.access(SERVER, os.X_OK):
        print("    (left out: there is no server)")
        return
    with RealServer() as server:
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
            terminal.read(0.5)
            terminal.type("\x03")
            terminal.wait(r"^\(cancelled")
            expect_equal(terminal.leave(), 0)


def main():
    if not os.access(CLI, os.X_OK):
        print(f"there is no {CLI}")
        return 77
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_") or word not in name:
            continue
        started = time.monotonic()
        try:
            test()
            passed += 1
            print(f"ok   {name} ({time.monotonic() - started:.1f} s)")
        except Exception as problem:  # whatever went wrong, the other tests go on
            failed += 1
            print(f"FAIL {name}: {problem}")
            if not isinstance(problem, Failure):
                traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
