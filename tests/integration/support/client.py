# SPDX-License-Identifier: MIT
"""A client of the tests' own, so that what they see is what was on the wire.

Values  Status and bulk strings are bytes, integers are int, an error reply is an Error (returned, never raised),
        nothing is None, arrays and sets are lists, maps are dicts, doubles are floats, booleans are bool.
Limits  No retry, no reconnect: whoever tests crashes must see them. ConnectionError when the peer has closed."""

import socket


class Error(str):
    """An error reply, without its '-'."""

    @property
    def code(self):
        return self.split(" ", 1)[0]


def encode(*args):
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = arg if isinstance(arg, (bytes, bytearray)) else str(arg).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(out)


class Client:
    def __init__(self, port=None, path=None, timeout_s=30, password=None, receive_bytes=None):
        if path is not None:
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(timeout_s)
        self.socket.connect(path if path is not None else ("127.0.0.1", port))
        if path is None:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.at = 0  # what stands before it has been taken
        if password is not None:
            reply = self.call("AUTH", password)
            assert reply == b"OK", reply

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass

    # ---- bytes ----

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, *args):
        self.socket.sendall(encode(*args))

    def more(self):
        """Reads what there is. False: the peer has closed."""
        if self.at > 0:
            del self.buffer[: self.at]
            self.at = 0
        data = self.socket.recv(256 * 1024)
        self.buffer += data
        return len(data) > 0

    def receive_all(self):
        """Everything until the peer closes; a reset counts as a close."""
        try:
            while self.more():
                pass
        except ConnectionError:
            pass
        out = bytes(self.buffer)
        self.buffer.clear()
        return out

    def line(self):
        looked = self.at
        while (end := self.buffer.find(b"\r\n", max(looked - 1, self.at))) < 0:
            looked = len(self.buffer) - self.at
            if not self.more():
                raise ConnectionError("the server has closed the connection")
        line = bytes(self.buffer[self.at : end])
        self.at = end + 2
        return line

    def exactly(self, size):
        while len(self.buffer) - self.at < size:
            if not self.more():
                raise ConnectionError("the server has closed the connection")
        data = bytes(self.buffer[self.at : self.at + size])
        self.at += size
        return data

    # ---- replies ----

    def receive(self):
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind in (b"$", b"=", b"!"):
            if rest == b"-1":
                return None
            data = self.exactly(int(rest) + 2)[:-2]
            return data[4:] if kind == b"=" else Error(data.decode()) if kind == b"!" else data
        return self.simple(kind, rest)

    def simple(self, kind, rest):
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"-":
            return Error(rest.decode("utf-8", "backslashreplace"))
        if kind in (b"*", b"~", b">"):
            return None if rest == b"-1" else [self.receive() for _ in range(int(rest))]
        if kind == b"%":
            return {self.hashable(self.receive()): self.receive() for _ in range(int(rest))}
        if kind == b"_":
            return None
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        raise AssertionError(f"no reply begins like this: {kind + rest!r}")

    @staticmethod
    def hashable(value):
        return tuple(value) if isinstance(value, list) else value

    def call(self, *args):
        self.send(*args)
        return self.receive()

    def pipeline(self, calls):
        """Sends all of them in one write, then reads the answers. What is on its way must fit the socket's buffers and
        the server's limit of held output."""
        calls = list(calls)
        self.socket.sendall(b"".join(encode(*call) for call in calls))
        return [self.receive() for _ in calls]

    def info(self, section="everything"):
        out = {}
        for line in self.call("INFO", section).decode().splitlines():
            name, colon, value = line.partition(":")
            if colon and not line.startswith("#"):
                out[name] = value
        return out
