#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What include/geomys/ helps a module with: numbers as redis-server reads and writes them, patterns as it matches them,
and a module that is built as C++.

Idea    The module is tests/integration/modules/helpers.c, which is C and C++ alike. Texts at random are asked of it and
        of redis-server: as a score (double), as an increment (long double, integer), as a pattern of KEYS."""

import math
import os
import random
import shutil
import subprocess

from compatibility_test import redis
from support.client import Client, Error
from support.runner import Skip, equal, run, seed
from support.server import BUILD, ROOT, SANITIZED, Folder, Server

HELPERS = os.path.join(BUILD, "tests", "modules", "helpers.so")


def modules(folder, module=HELPERS):
    """A folder with that module alone."""
    if not os.path.exists(module):
        raise Skip(f"{module} is not built: cmake --build {BUILD} --target tests")
    path = os.path.join(folder, "modules")
    os.mkdir(path)
    shutil.copy(module, path)
    return path


KNOWN = ["", "0", "-0", "+0", "1", "-1", "+1", "01", "-01", "00", " 1", "1 ", "\t1", "1\0", "1.", ".5", "-.5",
         "1.5", "1.50", "1e3", "1E3", "1e+3", "1e-3", "1e", "e1", "0x10", "0x1p-3", "0X.8", "inf", "-inf", "+inf",
         "Infinity", "infinit", "nan", "-nan", "NaN(1)", "1e308", "1e309", "-1e309", "1e-307", "1e-320", "1e-400",
         "1e4000", "1e4932", "1e5000", "1e-4950", "1e-5000", "9223372036854775807", "9223372036854775808",
         "-9223372036854775808", "-9223372036854775809", "18446744073709551616", "0.1", "0.2",
         "0.30000000000000004", "3.3", "123456789.123", "1e15", "1e16", "1e17", "1e21", "1e22", "5e-324",
         "2.2250738585072014e-308", "100000000000000000000", "1,5", "--1", "1-", "one", "0b1", "1_000", "9" * 30,
         "0." + "0" * 40 + "1", "1" + "0" * 200]


def text(chance):
    kind = chance.randrange(6)
    if kind == 0:
        return str(chance.randrange(-(1 << chance.randrange(1, 66)), 1 << chance.randrange(1, 66)))
    if kind == 1:
        return repr(chance.uniform(-10, 10) * 10 ** chance.randrange(-20, 20))
    if kind == 2:
        return "%.*f" % (chance.randrange(20), chance.uniform(-1000, 1000))
    if kind == 3:
        return repr(math.ldexp(chance.random(), chance.randrange(-1073, 1023)))
    return "".join(chance.choice("0123456789+-.eExXp infa") for _ in range(chance.randrange(1, 9)))


def said(client, *words):
    answer = client.call(*words)
    return None if isinstance(answer, Error) else answer


def as_redis_has_it(theirs, name, word):
    if name == "HELP.DOUBLE":
        said(theirs, "DEL", "z")
        return None if said(theirs, "ZADD", "z", word, "m") is None else theirs.call("ZSCORE", "z", "m")
    if name == "HELP.LONG":
        theirs.call("SET", "n", "0")
        return said(theirs, "INCRBYFLOAT", "n", word)
    theirs.call("SET", "n", "0")
    sum_of = said(theirs, "INCRBY", "n", word)
    return None if sum_of is None else str(sum_of).encode()


def test_numbers_are_those_of_redis():
    chance = random.Random(seed())
    words = KNOWN + [text(chance) for _ in range(300 if SANITIZED else 2000)]
    with Folder() as folder, Server(folder, persistence="none", modules=modules(folder)) as server, \
            redis(folder, "--save", "", "--zset-max-listpack-entries", "0") as port:  # scores are doubles, not texts
        with server.client() as ours, Client(port) as theirs:
            for word in words:
                for name in ("HELP.INT", "HELP.DOUBLE", "HELP.LONG"):
                    found, wanted = ours.call(name, word), as_redis_has_it(theirs, name, word)
                    if name == "HELP.LONG" and found in (b"inf", b"-inf"):
                        found = None  # taken for a number there too, but the sum is refused
                    equal((name, word, found), (name, word, wanted))


def test_patterns_are_those_of_redis():
    chance = random.Random(seed())
    with Folder() as folder, Server(folder, persistence="none", modules=modules(folder)) as server, \
            redis(folder, "--save", "") as port:
        with server.client() as ours, Client(port) as theirs:
            for _ in range(100 if SANITIZED else 1000):
                key = "".join(chance.choice("abc]-^*?\\") for _ in range(chance.randrange(1, 7)))
                pattern = "".join(chance.choice("abc**??[]-^\\") for _ in range(chance.randrange(1, 9)))
                theirs.call("SET", key, "")
                wanted = 1 if theirs.call("KEYS", pattern) == [key.encode()] else 0
                theirs.call("DEL", key)
                equal((pattern, key, ours.call("HELP.GLOB", pattern, key)), (pattern, key, wanted))
            equal(ours.call("HELP.GLOB", "*a" * 200 + "b", "a" * 50000), 0, "and none takes long")


def test_a_number_below():
    with Folder() as folder, Server(folder, persistence="none", modules=modules(folder)) as server:
        with server.client() as client:
            equal({client.call("HELP.BELOW", "3") for _ in range(200)}, {0, 1, 2})


def test_a_module_in_c_plus_plus():
    """Each compiler that is here, each standard: built without a warning, loaded, and its values come back."""
    compilers = [name for name in ("g++", "clang++") if shutil.which(name)]
    if not compilers:
        raise Skip("there is no g++ and no clang++")
    source = os.path.join(ROOT, "tests", "integration", "modules", "helpers.c")
    built = 0
    for compiler in compilers:
        for standard in ("c++17", "c++20"):
            with Folder() as folder:
                module = os.path.join(folder, "helpers.so")
                done = subprocess.run(
                    [compiler, "-x", "c++", f"-std={standard}", "-O2", "-fPIC", "-shared", "-fvisibility=hidden",
                     "-Wall", "-Wextra", "-Wconversion", "-Werror", "-I", os.path.join(ROOT, "include"), source, "-o",
                     module],
                    capture_output=True, text=True, check=False)
                equal((compiler, standard, done.returncode, done.stderr), (compiler, standard, 0, ""))
                with Server(folder, modules=modules(folder, module)) as server:
                    with server.client() as client:
                        equal(client.call("HELP.ADD", "key", "a", "bc"), 2)
                        equal(client.call("HELP.ADD", "key", "def"), 1)
                        equal(client.call("HELP.GET", "key"), [3, b"def"])
                        equal(client.call("HELP.DOUBLE", "1e3"), b"1000")
                    server.restart()
                    with server.client() as client:
                        equal(client.call("HELP.GET", "key"), [3, b"def"])
                built += 1
    assert built >= 2


if __name__ == "__main__":
    run(globals())
