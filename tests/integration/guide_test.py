#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What docs/module-guide.md shows is so: each block of code is built without a warning, and the modules do what the
text says.

Idea    A block with GM_MODULE is a whole file, ```c or ```c++; any other is the inside of a plan."""

import os
import random
import re
import shutil
import subprocess

from support.runner import Skip, equal, run, seed
from support.server import BUILD, MODULES, ROOT, SANITIZED, Folder, Server, wait_until

GUIDE = os.path.join(ROOT, "docs", "module-guide.md")
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]

FRAGMENT = """#include <geomys/codec.h>
#include <geomys/glob.h>
#include <geomys/hash.h>
#include <geomys/module.h>
#include <geomys/number.h>
void plan(struct gm_call *call, size_t size);
void plan(struct gm_call *call, size_t size)
{
%s
}
"""


def blocks():
    with open(GUIDE, encoding="utf-8") as file:
        return re.findall(r"^```(c|c\+\+)\n(.*?)^```$", file.read(), re.M | re.S)


def compilers(language):
    found = [name for name in (("gcc", "clang") if language == "c" else ("g++", "clang++")) if shutil.which(name)]
    if not found:
        raise Skip(f"there is no compiler for {language}")
    return found


def build(compiler, language, code, where):
    standard = "c17" if language == "c" else "c++17"
    source = where + (".c" if language == "c" else ".cc")
    with open(source, "w", encoding="utf-8") as file:
        file.write(code)
    done = subprocess.run([compiler, f"-std={standard}", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", *WARNINGS,
                           "-I", os.path.join(ROOT, "include"), source, "-o", where + ".so"],
                          capture_output=True, text=True, check=False)
    equal((compiler, done.returncode, done.stderr), (compiler, 0, ""))


def test_each_block_is_built():
    found = blocks()
    equal(len(found), open(GUIDE, encoding="utf-8").read().count("```") // 2, "blocks that are code")
    assert len(found) >= 4, len(found)
    with Folder() as folder:
        for number, (language, code) in enumerate(found):
            for compiler in compilers(language):
                whole = code if "GM_MODULE(" in code else FRAGMENT % code
                build(compiler, language, whole, os.path.join(folder, f"block{number}"))


def modules(folder, *names):
    """A folder with the modules of the guide that have these names."""
    where = os.path.join(folder, "modules")
    os.mkdir(where)
    for language, code in blocks():
        for name in names:
            if f'GM_MODULE(.name = "acme.{name}"' in code:
                build(compilers(language)[0], language, code, os.path.join(where, name))
    equal(sorted(name for name in os.listdir(where) if name.endswith(".so")), sorted(f"{name}.so" for name in names))
    return where


def test_the_first_module():
    with Folder() as folder, Server(folder, modules=modules(folder, "high")) as server:
        with server.client() as client:
            equal([client.call("HIGH.PUT", "game", text) for text in ("12", "7", "-3", "13")], [12, 12, 12, 13])
            equal(client.call("HIGH.GET", "none"), None)
        server.restart()
        with server.client() as client:
            equal(client.call("HIGH.GET", "game"), 13)


def test_the_lines_that_load_it():
    """As the guide has them, but for the port and the folders."""
    with Folder() as folder:
        where = modules(folder, "high")
        with open(GUIDE, encoding="utf-8") as file:
            text = file.read()
        lines = re.search(r"^    geomys-server --modules=\./high\.so\n((?:    geomys-cli .*\n)+)", text, re.M).group(1)
        client = os.environ.get("GEOMYS_CLI", os.path.join(BUILD, "geomys-cli"))
        with Server(folder, **{"modules": None, "persistence": "none"}) as server:
            server.restart(modules=os.path.join(where, "high.so"))
            said = [subprocess.run([client, "-p", str(server.port), *line.split()[1:]], capture_output=True, text=True,
                                   check=True).stdout.strip() for line in lines.splitlines()]
            equal(said, ["12", "12"])


def text_in(path, folder):
    """What a module's file says of itself, read as a tool would: nothing of it is run."""
    out = os.path.join(folder, "text")
    subprocess.run(["objcopy", "-O", "binary", "--only-section=.geomys.module", path, out], check=True)
    with open(out, "rb") as file:
        return file.read().decode()


def test_a_file_says_what_it_is_and_nothing_is_run():
    if shutil.which("objcopy") is None:
        raise Skip("there is no objcopy")
    with Folder() as folder:
        for language, code in blocks():
            if "GM_MODULE" not in code:
                continue
            for compiler in compilers(language):
                where = os.path.join(folder, compiler.replace("+", "x"))
                build(compiler, language, code, where)
                text = text_in(where + ".so", folder)
                assert text.startswith("geomys module ABI 0.2\n.name = \"acme."), text
                assert '.version = "1.0.0"' in text and text.endswith("\0"), text
        for name in ("kv", "counter", "deque"):
            text = text_in(os.path.join(MODULES, f"{name}.so"), folder)
            assert f'.name = "geomys.{name}", .version = "' in text, text


def test_the_module_with_a_time():
    with Folder() as folder, Server(folder, modules=modules(folder, "seen")) as server:
        with server.client() as client:
            for name, ms in (("b", 40), ("late", 3000000), ("a", 20), ("c", 3000000), ("c", 30)):
                equal(client.call("SEEN.ADD", "k", ms, name), b"OK")
            equal(client.call("SEEN.HAS", "k", "late"), 1)
            wait_until(lambda: not any(client.call("SEEN.HAS", "k", name) for name in "abc"), "they are over")
            wait_until(lambda: int(client.info("stats")["due_planned"]) >= 1, "and go")
            equal(client.call("SEEN.HAS", "k", "late"), 1)
        server.restart()
        with server.client() as client:
            equal([client.call("SEEN.HAS", "k", name) for name in ("a", "late")], [0, 1])
            equal(client.call("SEEN.ADD", "k", 1, "late"), b"OK")
            wait_until(lambda: client.call("EXISTS", "k") == 0, "an empty value is none")


def scan(client, key):
    found, cursor = [], "0"
    while True:
        cursor, page = client.call("TAGS.SCAN", key, cursor)
        found += page
        if cursor == b"0":
            return found


def test_the_module_with_a_table():
    chance = random.Random(seed())
    count = 3000 if SANITIZED else 20000
    names = [b"%d-%s" % (number, b"x" * chance.randrange(60)) for number in range(count)]
    with Folder() as folder, Server(folder, modules=modules(folder, "tags")) as server:
        with server.client() as client:
            for at in range(0, count, 100):
                equal(client.call("TAGS.ADD", "all", *names[at:at + 100]), b"OK")
            chance.shuffle(names)
            for at in range(0, count, 7):  # another history, the same value
                equal(client.call("TAGS.ADD", "same", *names[at:at + 7], names[at]), b"OK")
            found = scan(client, "all")
            equal(sorted(found), sorted(names), "each once")
            equal(scan(client, "same"), found, "and in one order")
            equal([client.call("TAGS.HAS", "all", word) for word in (names[0], b"no", names[-1])], [1, 0, 1])
            equal(client.call("TAGS.HAS", "none", "a"), 0)
            equal(client.call("RENAME", "same", "all2"), b"OK")
            digest = client.call("DEBUG", "DIGEST")
            equal(client.call("SAVE"), b"OK")
            usage = client.call("MEMORY", "USAGE", "all")
        server.restart()
        with server.client() as client:
            equal(client.call("DEBUG", "DIGEST"), digest)
            equal(scan(client, "all"), found)
            assert abs(client.call("MEMORY", "USAGE", "all") - usage) <= usage // 4, usage
            equal(client.call("COPY", "all", "copied"), 1)
            equal(scan(client, "copied"), found)
            equal(client.call("UNLINK", "all", "all2", "copied"), 3)
            equal(client.call("DBSIZE"), 0)


def test_the_module_in_c_plus_plus():
    with Folder() as folder, Server(folder, modules=modules(folder, "blanks"), persistence="none") as server:
        with server.client() as client:
            equal([client.call("BLANKS", text) for text in ("  a", "a", "")], [3, 1, 0])


if __name__ == "__main__":
    run(globals())
