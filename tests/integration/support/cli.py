# SPDX-License-Identifier: MIT
"""What the tests of geomys-cli share: a scripted server, a terminal with a screen behind it, a run of the program.

Idea    The server answers in the protocol as it is told to, so each oddity of a server can be produced at will; the
        terminal is a pty whose screen is our own."""

import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import traceback

CLI = os.environ.get("GEOMYS_CLI", "build/release/geomys-cli")
SLOW = 4 if os.environ.get("GEOMYS_SANITIZED") == "1" else 1
PATIENCE_S = 20 * SLOW


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


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        expect(time.monotonic() < deadline, f"waited in vain: {what}")
        time.sleep(0.005)


def environment(**more):
    ours = ("GEOMYS_", "REDISCLI_", "LC_", "LANG", "NO_COLOR")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours) or k == "GEOMYS_MUTANT"}
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
        elif final == "K":
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
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
        ready, begin = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.close(begin)
            os.read(ready, 1)  # until the terminal has its size and its modes are known
            os.execve(CLI, [CLI, "-p", str(port), *words], environment(**env))
        os.close(ready)
        self.resize(24, columns, False)
        self.modes = termios.tcgetattr(self.fd)
        os.close(begin)
        self.decoder_rest = b""
        self.bytes_read = 0
        self.gone = False
        self.pasting = False  # the terminal has been asked to mark pastes

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
        self.bytes_read += len(data)
        data = self.decoder_rest + data
        whole = len(data)
        while whole > 0 and whole > len(data) - 4:
            try:
                data[:whole].decode()
                break
            except UnicodeDecodeError:
                whole -= 1
        self.decoder_rest = data[whole:]
        text = data[:whole].decode()
        if "\x1b[?2004" in text:
            self.pasting = text.rindex("\x1b[?2004") == text.rfind("\x1b[?2004h")
        self.screen.feed(text)
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

    def wait_until(self, condition, what):
        """Until something else is so; meanwhile the screen is kept."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if self.gone or time.monotonic() > deadline:
                raise Failure(f"waited in vain: {what}; on the screen:\n{self.screen.text()}")
            self.read(0.02)

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

    def leave_quietly(self):
        """The exit code of a program that ends by itself; negative: the number of the signal that ended it."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.gone and time.monotonic() < deadline:
            self.read(0.1)
        return self.end()

    def leave_restored(self):
        """The same; the terminal must be as it was."""
        code = self.leave_quietly()
        expect_equal(self.modes_after, self.modes, "the modes of the terminal")
        expect(not self.pasting, "the terminal still marks pastes")
        return code

    def end(self):
        if self.pid:
            if not self.gone:
                os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            self.modes_after = termios.tcgetattr(self.fd)
            os.close(self.fd)
            self.pid = 0
            return os.waitstatus_to_exitcode(status)
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def main(namespace):
    """Runs the tests; the exit code."""
    if not os.access(CLI, os.X_OK):
        print(f"there is no {CLI}")
        return 77
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError as problem:
        print(f"SKIPPED: there are no terminals here ({problem}); is /dev/pts mounted?")
        return 77
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    passed = failed = 0
    for name, test in list(namespace.items()):
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
