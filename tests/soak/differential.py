#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random commands, sent to Geomys and to redis-server alike: every answer is compared, and now and then all that is
stored. Usage: differential.py [SECONDS] (GEOMYS_SEED gives the seed)

Idea    A command is a line with letters for its words (WORDS), so that every combination of options, of types and of
        mistakes comes up sooner or later: a few keys, values that collide, numbers at the edges. Times to live are
        either far away or long past, so that no answer depends on how fast the servers are. Each round has a seed of
        its own, one more than the last one's: `GEOMYS_SEED=<seed>` begins with that one.

Limits  What differs by intent (docs/compatibility.md) is not sent, or brought to one form (`alike`)."""

import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from support.client import Client, Error
from support.server import Folder, Server, free_port, wait_until

FAR = 9999999999
KEYS = ["a", "b", "c", "d", "l", "m", "n", "o", ""]
VALUES = ["", "x", "y", "abc", "ohmytext", "mynewtext", "0", "1", "-1", "10", "3.0", "2.5", " 1", "1e3", "007", "nan",
          "9223372036854775807", "-9223372036854775808", "\x01\xff", "hello world", "a" * 70]
NUMBERS = ["0", "1", "-1", "2", "-2", "3", "5", "-7", "100", "1000", "9223372036854775807", "-9223372036854775808",
           "x", "1.5"]
SMALL = ["0", "1", "2", "3", "-1", "-2", "7", "9"]
FLOATS = ["0.5", "-1.25", "3", "1e2", "x", "inf", "-0.5", "10.1"]
BITS = ["0", "1", "7", "8", "31", "100", "-1"]

WORDS = {
    "K": lambda r: r.choice(KEYS[:8]) if r.random() < 0.98 else r.choice(KEYS),
    "V": lambda r: r.choice(VALUES),
    "I": lambda r: r.choice(NUMBERS),
    "S": lambda r: r.choice(SMALL),
    "F": lambda r: r.choice(FLOATS),
    "B": lambda r: r.choice(BITS),
    "T": lambda r: r.choice([str(FAR), str(FAR + 7), "1", "-1", "0"]),
    "M": lambda r: r.choice([str(FAR * 1000), str(FAR * 1000 + 7), "1", "-1", "0"]),
    "P": lambda r: r.choice(["0", "-1", "-100"]),  # a time to live that is none
    "D": lambda r: r.choice(["LEFT", "RIGHT", "left"]),
    "Y": lambda r: r.choice(["u8", "i8", "u4", "i5", "u63", "i64", "u64", "i1"]),
    "G": lambda r: r.choice(["*", "a*", "?", "[a-c]", "[^a]*", "\\a", "x"]),
}

LINES = """
SET K V | SET K V NX | SET K V XX | SET K V GET | SET K V KEEPTTL | SET K V EXAT T | SET K V PXAT M | SET K V XX GET
SET K V EX P | SET K V NX GET | SET K V XX KEEPTTL GET | SET K V NX XX | SET K
GET K | GET K | GETDEL K | GETSET K V | GETEX K | GETEX K PERSIST | GETEX K EXAT T | GETEX K PXAT M | GETEX K EX P
SETNX K V | SETEX K P V | PSETEX K P V | MSET K V | MSET K V K V K V | MSETNX K V K V | MGET K K K | MSET K V K
APPEND K V | STRLEN K | GETRANGE K S S | SUBSTR K S S | SETRANGE K S V | SETRANGE K I V | LCS K K | LCS K K LEN
LCS K K IDX | LCS K K IDX MINMATCHLEN S WITHMATCHLEN
SETBIT K B S | GETBIT K B | BITCOUNT K | BITCOUNT K S S | BITCOUNT K S S BIT | BITPOS K S | BITPOS K S S S
BITPOS K S S S BIT | BITOP AND K K K | BITOP OR K K K | BITOP XOR K K K | BITOP NOT K K
BITFIELD K SET Y B I GET Y B | BITFIELD K OVERFLOW SAT INCRBY Y B I | BITFIELD K OVERFLOW FAIL INCRBY Y B I
BITFIELD K INCRBY Y #S I | BITFIELD_RO K GET Y B
INCR K | DECR K | INCRBY K I | DECRBY K I | INCRBYFLOAT K F
LPUSH K V | RPUSH K V V V | LPUSHX K V | RPUSHX K V V | LPOP K | RPOP K | LPOP K S | RPOP K S | LLEN K
LRANGE K S S | LRANGE K 0 -1 | LINDEX K S | LSET K S V | LINSERT K BEFORE V V | LINSERT K AFTER V V | LREM K S V
LTRIM K S S | LPOS K V | LPOS K V RANK S | LPOS K V COUNT S | LPOS K V RANK S COUNT S MAXLEN S
SORT K | SORT K DESC | SORT K ALPHA | SORT K ALPHA DESC LIMIT S S | SORT K LIMIT S S | SORT K BY nosort | SORT K BY *
SORT K BY * GET # GET * | SORT K ALPHA GET *->x GET n* GET x | SORT K STORE K | SORT K ALPHA LIMIT S S STORE K
SORT K BY nosort DESC LIMIT S S GET * | SORT_RO K ALPHA | SORT K ALPHA GET * STORE K | RPUSH K K K K | SORT K LIMIT I S
LMOVE K K D D | RPOPLPUSH K K | LMPOP S K K D | LMPOP 2 K K D COUNT S | LMPOP 1 K D
DEL K | DEL K K | UNLINK K | EXISTS K K | TOUCH K K | RENAME K K | RENAMENX K K | COPY K K | COPY K K REPLACE
EXPIREAT K T | PEXPIREAT K M | EXPIREAT K T NX | EXPIREAT K T XX | EXPIREAT K T GT | EXPIREAT K T LT | EXPIRE K P
EXPIREAT K T XX GT | EXPIREAT K T NX GT | PERSIST K | EXPIRETIME K | PEXPIRETIME K | KEYS G
OBJECT REFCOUNT x | FLUSHALL
"""

TEMPLATES = [line.split() for line in LINES.replace("\n", "|").split("|") if line.strip()]
RARE = {"FLUSHALL": 0.01, "KEYS": 0.1, "OBJECT": 0.1}


def command(r):
    template = r.choice(TEMPLATES)
    while r.random() > RARE.get(template[0], 1):
        template = r.choice(TEMPLATES)
    words = [WORDS[word](r) if word in WORDS else word for word in template]
    words = ["#" + WORDS["S"](r) if word == "#S" else word for word in words]
    words[0] = words[0].lower() if r.random() < 0.1 else words[0]
    return [word.encode("latin-1") for word in words]


def alike(words, answer):
    """Without what may differ: the order of sets of keys; what an error says behind the words that clients match."""
    if words[0].upper() == b"KEYS" and isinstance(answer, list):
        return sorted(answer)
    return answer


def shown(words):
    return " ".join(re.sub(r"^b", "", repr(word)) for word in words)


SEVERAL = {b"BITFIELD", b"BITFIELD_RO", b"EXEC"}  # one of these is often wrong in two ways


def same(words, ours, theirs):
    """Which of two mistakes is told first is nobody's promise."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(same(words, *each) for each in zip(ours, theirs))
    if isinstance(ours, Error) and isinstance(theirs, Error):
        return ours == theirs or "WRONGTYPE" in (ours.code, theirs.code) or words[0].upper() in SEVERAL
    return ours == theirs and isinstance(ours, Error) == isinstance(theirs, Error)


class Difference(Exception):
    """What one said and what the other did."""


class Pair:
    def __init__(self, ours, theirs, resp3):
        self.clients = [Client(port) for port in (ours, theirs)]
        self.past = []
        if resp3:
            for client in self.clients:
                client.call("HELLO", "3")

    def both(self, words):
        self.past.append(words)
        for client in self.clients:
            client.send(*words)
        ours, theirs = (alike(words, client.receive()) for client in self.clients)
        if not same(words, ours, theirs):
            told = "\n  ".join(shown(each) for each in self.past[-25:])
            raise Difference(f"  {told}\ngeomys: {ours!r}\nredis:  {theirs!r}")
        return ours

    def group(self, r):
        """A transaction, at times watched, at times given up."""
        if r.random() < 0.3:
            self.both([b"WATCH", r.choice(KEYS[:8]).encode()])
            if r.random() < 0.3:  # what changes nothing is another matter: events-of-no-change of compatibility.md
                self.both([b"SET", r.choice(KEYS[:8]).encode(), str(len(self.past)).encode()])
        self.both([b"MULTI"])
        for _ in range(r.randrange(6)):
            words = command(r)
            if words[0].upper() != b"KEYS":  # in an order of its own
                self.both(words)
        self.both([b"EXEC"] if r.random() < 0.9 else [b"DISCARD"])

    def look(self):
        """All that is stored."""
        for key in sorted(self.both([b"KEYS", b"*"])):
            kind = self.both([b"TYPE", key])
            self.both([b"LRANGE", key, b"0", b"-1"] if kind == b"list" else [b"GET", key])
            self.both([b"PEXPIRETIME", key])

    def close(self):
        for client in self.clients:
            client.close()


def play(seed, ours, theirs, count):
    r = random.Random(seed)
    pair = Pair(ours, theirs, resp3=r.random() < 0.5)
    try:
        pair.both([b"FLUSHALL"])
        for _ in range(count):
            if r.random() < 0.05:
                pair.group(r)
            else:
                pair.both(command(r))
        pair.look()
    finally:
        pair.close()
    return len(pair.past)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = os.environ.get("GEOMYS_SEED")
    program = shutil.which("redis-server")
    if program is None:
        print("left out: there is no redis-server to compare with")
        return 77
    first = int(seed) if seed else random.SystemRandom().randrange(1 << 48)
    print(f"seed {first}", flush=True)
    port = free_port()
    with Folder() as folder, Server(folder, persistence="none") as server:
        redis = subprocess.Popen([program, "--port", str(port), "--save", "", "--appendonly", "no"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: answers(port), "redis-server shall answer")
            return compare(first, server.port, port, time.monotonic() + seconds)
        finally:
            redis.terminate()
            redis.wait()


def answers(port):
    try:
        with Client(port) as client:
            return client.call("PING") == b"PONG"
    except OSError:
        return False


def compare(first, ours, theirs, until):
    rounds, commands = 0, 0
    while rounds == 0 or time.monotonic() < until:
        try:
            commands += play(first + rounds, ours, theirs, 300)
        except Difference as difference:
            print(f"{difference}\nGEOMYS_SEED={first + rounds} shows it again\n{rounds} passed, 1 failed")
            return 1
        rounds += 1
    print(f"{commands} commands\n{rounds} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
