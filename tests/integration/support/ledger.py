# SPDX-License-Identifier: MIT
"""What one writer has asked for and been promised, and what may therefore be found after a crash.

Idea    A writer has keys of its own and one connection, so the server carries its operations out in the order sent.
        Operation number n follows from the seed, the writer and n. The ledger keeps a model of the values after the
        last acknowledged operation, and the operations sent since. What is found after a crash must be the model after
        some number of those: fewer means that an acknowledged write was lost, anything else that one was torn, doubled
        or reordered. A MULTI/EXEC is one operation, so half of one fits nowhere.

        operations  1 2 3 ... acknowledged | sent, no answer yet |
                                           ^.....................^  one of these states, exactly
"""

import random

LIST_MAX = 120


class Ledger:
    def __init__(self, seed, writer):
        self.seed = seed
        self.writer = writer
        self.values = {}  # key: bytes, int or list, after the acknowledged operations
        self.acknowledged = 0
        self.sent = []  # operations without an answer
        self.ahead = {}  # the values as they will be after those

    def key(self, name):
        return b"%s:%d" % (name, self.writer)

    def keys(self):
        names = [b"set%d" % i for i in range(8)] + [b"sum", b"list", b"text", b"left", b"right", b"times", b"moves"]
        return [self.key(name) for name in names]

    # ---- asking ----

    def next(self):
        """One more operation, as a list of calls to be sent: one, or MULTI ... EXEC."""
        number = self.acknowledged + len(self.sent) + 1
        calls = self.operation(number, random.Random(f"{self.seed}/{self.writer}/{number}"))
        answers = [apply(self.ahead, call) for call in calls]
        self.sent.append((calls, answers))
        return calls if len(calls) == 1 else [(b"MULTI",), *calls, (b"EXEC",)]

    def operation(self, number, dice):
        text = b"%d:" % number + bytes([97 + number % 26]) * dice.choice([0, 3, 20, 90, 700, 3000])
        kind = dice.randrange(10)
        if kind < 3:
            return [(b"SET", self.key(b"set%d" % dice.randrange(8)), text)]
        if kind == 3:
            return [(b"DEL", self.key(b"set%d" % dice.randrange(8)), self.key(b"set%d" % dice.randrange(8)))]
        if kind == 4:
            return [(b"INCRBY", self.key(b"sum"), dice.randrange(-5, 1000))]
        if kind == 5:
            if len(self.ahead.get(self.key(b"list"), [])) > LIST_MAX:
                return [(b"RPOP", self.key(b"list"), LIST_MAX // 2)]
            return [(b"LPUSH", self.key(b"list"), text, b"%d" % number)]
        if kind == 6:
            if len(self.ahead.get(self.key(b"text"), b"")) > 4000:
                return [(b"SET", self.key(b"text"), b"")]
            return [(b"APPEND", self.key(b"text"), b"%d," % number)]
        transaction = [(b"SET", self.key(b"left"), text), (b"SET", self.key(b"right"), text),
                       (b"INCRBY", self.key(b"times"), 1), (b"RPUSH", self.key(b"moves"), b"%d" % number)]
        if len(self.ahead.get(self.key(b"moves"), [])) > LIST_MAX:
            transaction.append((b"LPOP", self.key(b"moves"), LIST_MAX // 2))
        return transaction

    # ---- being answered ----

    def answered(self, receive):
        """Takes the answer to the oldest open operation; an answer that the model did not foresee is a failure."""
        calls, wanted = self.sent[0]
        if len(calls) == 1:
            found = receive()
            assert found == wanted[0], f"{calls[0]!r}: {found!r} instead of {wanted[0]!r}"
        else:
            for queued in [receive() for _ in range(len(calls) + 1)]:
                assert queued in (b"OK", b"QUEUED"), queued
            found = receive()
            assert found == wanted, f"EXEC of {calls!r}: {found!r} instead of {wanted!r}"
        for call in calls:
            apply(self.values, call)
        del self.sent[0]
        self.acknowledged += 1

    # ---- after a crash ----

    def settle(self, found):
        """`found`: what is in the store now, as {key: value}. Returns how many unacknowledged operations have
        survived; goes on from there."""
        survived = 0
        while self.values != found:
            if survived == len(self.sent):
                raise AssertionError(self.explain(found))
            for call in self.sent[survived][0]:
                apply(self.values, call)
            survived += 1
        self.acknowledged += survived
        self.sent = []
        self.ahead = {key: list(value) if isinstance(value, list) else value for key, value in self.values.items()}
        return survived

    def explain(self, found):
        lines = [f"writer {self.writer}: what is found is no state after {self.acknowledged} acknowledged and up to "
                 f"{len(self.sent)} open operations; against the last of these states:"]
        for key in sorted({*found, *self.values}):
            if found.get(key) != self.values.get(key):
                lines.append(f"  {key!r}: {str(found.get(key))[:200]} instead of {str(self.values.get(key))[:200]}")
        return "\n".join(lines)


def apply(values, call):
    """The model: what a call does to the values, and its answer."""
    name, key, *rest = call
    if name == b"SET":
        values[key] = rest[0]
        return b"OK"
    if name == b"DEL":
        return sum(values.pop(one, None) is not None for one in {key, *rest})
    if name == b"INCRBY":
        values[key] = values.get(key, 0) + rest[0]
        return values[key]
    if name == b"APPEND":
        values[key] = values.get(key, b"") + rest[0]
        return len(values[key])
    if name in (b"LPUSH", b"RPUSH"):
        values[key] = [*reversed(rest), *values.get(key, [])] if name == b"LPUSH" else values.get(key, []) + rest
        return len(values[key])
    count = rest[0]
    popped = values[key][:count] if name == b"LPOP" else values[key][-count:][::-1]
    values[key] = values[key][count:] if name == b"LPOP" else values[key][:-count]
    return popped


def read(client, keys):
    """What the store holds of these keys. Counters come as numbers."""
    found = {}
    kinds = client.pipeline((b"TYPE", key) for key in keys)
    for key, kind in zip(keys, kinds):
        if kind == b"list":
            found[key] = client.call(b"LRANGE", key, 0, -1)
        elif kind == b"string":
            value = client.call(b"GET", key)
            found[key] = int(value) if key.startswith((b"sum", b"times")) else value
        else:
            assert kind == b"none", (key, kind)
    return found
