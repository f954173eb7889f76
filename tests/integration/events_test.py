#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What listeners hear of every command that has keys, compared with redis-server 7.0: names, channels, order.

Idea    Each case prepares keys in silence, then runs its commands on both servers while somebody listens to everything.
        The servers are each other's oracle: the test has no list of events. Which commands there are is asked of the
        server, so one without a case fails (`DIFFERENT` says which differ by intent, and how)."""

import shutil
import subprocess

from support.client import Client
from support.runner import Skip, equal, run
from support.server import Folder, Server, free_port, wait_until

CLASSES = "KEAnm"
LIST = ["RPUSH l a b c b"]
FAR = "9999999999"

# (what is there, what is run)
CASES = [
    # ---- strings
    ([], ["SET a 1", "SET a 2", "SET a 3 EX 100", "SET a 4 KEEPTTL", "SET a 5 GET", "SET a 6 NX", "SET b 7 XX"]),
    ([], ["SET a 1 GET", "SET a 1 XX GET", "SET b 1 XX GET", f"SET c 1 PXAT {FAR}000", f"SET c 1 EXAT {FAR}"]),
    (LIST, ["SET l 1"]),
    ([], ["GET a", "SET a 1", "GET a", "STRLEN a", "STRLEN b"]),
    ([], ["GETSET a 1", "GETSET a 2"]),
    (["SET a 1"], ["GETDEL a", "GETDEL a"]),
    (["SET a 1"], ["GETEX a EX 10", "GETEX a PERSIST", "GETEX a", "GETEX b EX 1", "GETEX a PXAT 1"]),
    ([], ["SETNX a 1", "SETNX a 2"]),
    ([], ["SETEX a 100 1", "SETEX a 100 2", "PSETEX b 100000 1"]),
    (["SET a 1"], ["MSET a 1 b 2 c 3", "MSET d 1 d 2", "MGET a x b x"]),
    (["SET a 1"], ["MSETNX a 1 b 2", "MSETNX x 1 y 2"]),
    ([], ["APPEND a x", "APPEND a y"]),
    (["INCR n"], ["APPEND n x", "APPEND n y"]),
    (["SET a hello"], ["GETRANGE a 0 1", "SUBSTR a 0 1", "GETRANGE b 0 1", "SUBSTR b 0 1", "SETRANGE a 1 x",
                       "SETRANGE b 2 x"]),
    (["INCR n"], ["SETRANGE n 1 0"]),
    # ---- numbers
    ([], ["INCR a", "INCR a", "DECR a", "INCRBY a 5", "DECRBY a 3", "INCRBYFLOAT a 0.5", "INCRBYFLOAT a 0.5"]),
    ([], ["DECR a", "INCRBYFLOAT b 1", "DECRBY c 3"]),
    (["SET a 10"], ["INCR a", "INCRBYFLOAT a 1.5"]),
    (["SET a x"], ["INCR a", "INCRBYFLOAT a 1"]),
    # ---- bits
    ([], ["SETBIT a 7 1", "GETBIT a 7", "BITCOUNT a", "BITPOS a 1", "GETBIT b 7", "BITCOUNT b", "BITPOS b 1"]),
    (["SET a abc", "SET b abd"], ["BITOP AND c a b", "BITOP XOR c a b", "BITOP OR c a x", "BITOP NOT a b",
                                  "BITOP AND c x y", "BITOP AND z x y"]),
    ([], ["BITFIELD a SET u8 0 7 INCRBY u8 8 1", "BITFIELD a GET u8 0", "BITFIELD_RO a GET u8 0",
          "BITFIELD_RO b GET u8 0"]),
    (["SET a abc", "SET b abd"], ["LCS a b", "LCS a x"]),
    # ---- lists
    ([], ["LPUSH l a", "LPUSH l b c", "RPUSH l a", "RPUSH m b c"]),
    (LIST, ["LPUSHX l a", "RPUSHX l a b", "LPUSHX x a", "RPUSHX x a"]),
    (LIST, ["LPOP l", "RPOP l", "LPOP l 2", "LPOP l", "RPOP l 2"]),
    (LIST, ["RPOP l 2", "LPOP l 10"]),
    (LIST, ["LLEN l", "LRANGE l 0 -1", "LINDEX l 0", "LPOS l a", "LLEN x", "LRANGE x 0 -1", "LINDEX x 0", "LPOS x a"]),
    (LIST, ["LSET l 0 z", "LSET l 9 z", "LINSERT l BEFORE b z", "LINSERT l BEFORE q z", "LINSERT x AFTER a z"]),
    (LIST, ["LREM l 1 b", "LREM l 0 q", "LREM l -1 b", "LREM l 0 a", "LREM l 0 c"]),
    (["RPUSH l a"], ["LTRIM l 5 6"]),
    (LIST, ["LTRIM l 1 2", "LTRIM l 1 0", "LTRIM x 0 1"]),
    (LIST, ["LMOVE l m LEFT RIGHT", "LMOVE l m RIGHT LEFT", "LMOVE l l LEFT RIGHT", "LMOVE l m LEFT LEFT",
            "LMOVE l m LEFT LEFT", "LMOVE l m LEFT LEFT", "LMOVE m m LEFT LEFT"]),
    (LIST, ["RPOPLPUSH l m", "RPOPLPUSH l l", "RPOPLPUSH x m"]),
    (["RPUSH l a"], ["RPOPLPUSH l l", "RPOPLPUSH l m"]),
    (LIST, ["LMPOP 2 x l LEFT", "LMPOP 1 l RIGHT COUNT 2", "LMPOP 1 l RIGHT COUNT 2"]),
    (LIST, ["BLPOP x l 1", "BRPOP l 1", "BLMPOP 1 1 l LEFT COUNT 9"]),
    (LIST, ["BLMOVE l m LEFT RIGHT 1", "BRPOPLPUSH l m 1", "BRPOPLPUSH l l 1"]),
    # ---- every type
    (["SET a 1", "RPUSH l a", "INCR n"], ["DEL a x", "UNLINK l", "DEL n n"]),
    (["SET a 1"], ["EXISTS a x", "TOUCH a x", "TYPE a", "TYPE x"]),
    (["SET a 1"], ["RENAME a b", "RENAME x b", "RENAMENX b c"]),
    (["SET a 1 EX 100", "SET b 1"], ["RENAME a b", "RENAMENX b b"]),
    (["SET a 1", "RPUSH l a"], ["RENAMENX a l", "RENAME l a"]),
    (["SET a 1 EX 100", "SET b 1"], ["COPY a b", "COPY a b REPLACE", "COPY a c", "COPY x y"]),
    (["RPUSH l 2 1 3", "SET w_1 5", "SET s x"],
     ["SORT l", "SORT_RO l BY w_* GET w_*", "SORT l STORE d", "SORT l STORE l", "SORT l BY w_* GET # GET w_* STORE s",
      "SORT x STORE d", "SORT x STORE d", "SORT x"]),
    (["SET a 1"], ["EXPIRE a 100", "PEXPIRE a 100000", f"EXPIREAT a {FAR}", f"PEXPIREAT a {FAR}001", "EXPIRE x 1",
                   "TTL a", "PTTL a", "EXPIRETIME a", "PEXPIRETIME a", "PERSIST a", "PERSIST a", "TTL x", "PTTL x",
                   "EXPIRETIME x", "PEXPIRETIME x"]),
    (["SET a 1", "SET b 1", "SET c 1", "SET d 1"], ["EXPIRE a -1", "PEXPIRE b -1", "EXPIREAT c 1", "PEXPIREAT d 1"]),
    (["SET a 1"], ["EXPIRE a 100 XX", "EXPIRE a 100 NX", "EXPIRE a 200 GT", "EXPIRE a 300 LT"]),
    (["SET a 1"], ["OBJECT ENCODING a", "OBJECT ENCODING x", "OBJECT REFCOUNT x", "OBJECT IDLETIME x",
                   "MEMORY USAGE a", "WATCH a x", "UNWATCH"]),
    (["SET a 1", "SET b 2"], ["FLUSHALL", "SET a 1", "FLUSHDB"]),
    (["SET a 1 EX 100", "SET b 1"], ["MOVE a 1", "MOVE a 1", "MOVE x 1", "SELECT 1", "PERSIST a", "SET b 2", "MOVE b 0",
                                     "MOVE a 0", "SELECT 0", "COPY a a DB 1", "COPY a a DB 1", "COPY a a DB 1 REPLACE",
                                     "COPY b c DB 2", "SWAPDB 0 1", "DEL a", "SELECT 2", "DEL c", "SELECT 0"]),
    # ---- what changes nothing
    (["SETBIT a 0 1", "SET b 1", f"SET c 1 EXAT {FAR}"], ["SETBIT a 0 1", "BITFIELD b SET u8 0 49",
                                                               f"EXPIREAT c {FAR}"]),
    # ---- in transactions
    ([], ["MULTI", "SET a 1", "RPUSH l a", "LPOP l", "GET x", "DEL a", "EXEC"]),
    (LIST, ["MULTI", "BLPOP l 0", "BLMOVE l m LEFT LEFT 0", "EXEC"]),
    # ---- what is refused
    (LIST + ["SET a x"], ["INCR l", "LPUSH a b", "INCR a", "GET l", "SETBIT a x 1", "LSET x 0 a"]),
]

# Commands with keys that have no case, and why.
DIFFERENT = {"peek": "Redis has no such command", "push": "as peek", "object|freq": "an error without an LFU policy",
             "debug|digest-value": "Redis allows DEBUG only if it is asked to"}

# What Geomys tells otherwise by intent (docs/operations.md), as (there, run, what Redis tells, what Geomys tells).
BY_INTENT = [
    (["SET a x"], "APPEND a ''", ["append"], []),
    (["SET a xyz"], "SETRANGE a 0 xy", ["setrange"], []),
    (LIST, "LTRIM l 0 -1", ["ltrim"], []),
    (["SET b 1"], "SET b 1 PXAT 1", ["set", "expire"], ["del"]),
]


class Redis:
    """A redis-server of the test's own."""

    def __enter__(self):
        program = shutil.which("redis-server")
        if program is None:
            raise Skip("there is no redis-server")
        self.folder = Folder()
        self.port = free_port()
        self.process = subprocess.Popen([program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                                         "--dir", self.folder.__enter__()], stdout=subprocess.DEVNULL)
        wait_until(self.answers, "redis-server answers")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.folder.__exit__()

    def client(self):
        return Client(self.port)

    def answers(self):
        try:
            with self.client() as client:
                return client.call("PING") == b"PONG"
        except OSError:
            return False


class Ear:
    """Runs commands on a server and hears what is published meanwhile."""

    def __init__(self, server):
        self.client = server.client()
        self.ender = server.client()  # not the first: that may be inside MULTI
        self.listener = server.client()
        self.listener.call("PSUBSCRIBE", "*")

    def hear(self):
        """(channel, message) of each event up to now."""
        self.ender.call("PUBLISH", "end", "")
        heard = []
        while True:
            _, _, channel, message = self.listener.receive()
            if channel == b"end":
                return heard
            heard.append((channel.decode(), message.decode()))

    def say(self, line):
        words = ["" if word == "''" else word for word in line.split(" ")]
        return self.client.call(*words)

    def prepare(self, lines):
        self.say("CONFIG SET notify-keyspace-events ''")
        self.say("FLUSHALL")
        for line in lines:
            self.say(line)
        self.hear()
        self.say(f"CONFIG SET notify-keyspace-events {CLASSES}")

    def close(self):
        self.client.close()
        self.ender.close()
        self.listener.close()


def events(heard):
    return [channel.split(":", 1)[1] for channel, _ in heard if channel.startswith("__keyevent")]


def test_events_are_those_of_redis():
    with Redis() as redis, Folder() as folder, Server(folder, persistence="none") as server:
        theirs, ours = Ear(redis), Ear(server)
        wrong = []
        for there, lines in CASES:
            theirs.prepare(there)
            ours.prepare(there)
            for line in lines:
                theirs.say(line)
                ours.say(line)
                want, got = theirs.hear(), ours.hear()
                if want != got:
                    wrong.append(f"{there} {line}: {events(got)} for {events(want)}\n   {got}\n   {want}")
        assert not wrong, "\n".join(wrong)
        for there, line, want, got in BY_INTENT:
            for ear, wanted in ((theirs, want), (ours, got)):
                ear.prepare(there)
                ear.say(line)
                heard = events(ear.hear())
                if heard != wanted:
                    wrong.append(f"{there} {line}: {heard} instead of {wanted}")
        assert not wrong, "\n".join(wrong)
        theirs.close()
        ours.close()


def test_who_waits_is_told_of_in_the_same_order():
    waits = [("BLPOP l 0", "RPUSH l a"), ("BRPOP l 0", "RPUSH l a b"), ("BLMPOP 0 1 l LEFT COUNT 5", "RPUSH l a b"),
             ("BLMOVE l m LEFT RIGHT 0", "RPUSH l a"), ("BRPOPLPUSH l m 0", "LPUSH l a b")]
    with Redis() as redis, Folder() as folder, Server(folder, persistence="none") as server:
        for waiting, command in waits:
            heard = []
            for at in (redis, server):
                ear = Ear(at)
                ear.prepare([])
                with at.client() as waiter:
                    waiter.send(*waiting.split())
                    wait_until(lambda: b"blocked_clients:1" in ear.say("INFO clients"), f"{waiting} waits")
                    ear.say(command)
                    waiter.receive()
                heard.append(ear.hear())
                ear.close()
            equal(heard[1], heard[0], f"what is heard of {waiting} and {command}")


def test_time_and_memory():
    """expired and evicted, and that a read which finds a key expired misses it."""
    with Redis() as redis, Folder() as folder, Server(folder, persistence="none") as server:
        heard = []
        for at in (redis, server):
            ear = Ear(at)
            ear.prepare([])
            ear.say("SET e 1 PX 1")
            wait_until(lambda: ear.say("EXISTS e") == 0, "it expires")
            heard.append(set(ear.hear()))
            ear.prepare([])
            ear.say("CONFIG SET maxmemory-policy allkeys-random")
            ear.say("SET victim 1")
            ear.say("CONFIG SET maxmemory 1")
            ear.say("SET other 1")
            said = ear.hear()
            assert ("__keyevent@0__:evicted", "victim") in said and ("__keyspace@0__:victim", "evicted") in said, said
            ear.close()
        equal(heard[1], heard[0])


def test_every_command_with_keys_has_a_case():
    with Folder() as folder, Server(folder, persistence="none") as server, server.client() as client:
        run_words = {word.lower() for _, lines in CASES for line in lines for word in line.split(" ")[:1]}
        run_words |= {"|".join(line.lower().split(" ")[:2]) for _, lines in CASES for line in lines}
        missing = []
        for command in client.call("COMMAND"):
            for one in [command, *command[9]]:
                keyed = one[3] != 0 or b"movablekeys" in one[2]
                name = one[0].decode()
                if keyed and name not in run_words and name not in DIFFERENT:
                    missing.append(name)
        assert not missing, f"commands with keys that no case runs: {missing}"


if __name__ == "__main__":
    run(globals())
