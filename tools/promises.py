# SPDX-License-Identifier: MIT
"""Numbered promises, and where they are cited. For tools/tidy.py and tools/figures.py.

Why     A promise that nothing checks is a hope. So each is cited where an assertion holds it, or by the test that
        would fail: whoever changes the code there sees what it must keep, and whoever reads the promise can find what
        keeps it.

Idea    A promise is a line below "Promises" in the comment that opens a file: its name (a letter, a number), two
        blanks, a sentence. x.c and x.h are one; a name occurs once in the two.

            Promises                                    Promises C1  A name consists of letters
              I2  The header never ...                           C2  An entry that ...

        A citation is in another comment, anywhere in C or in the tests' Python and stories, and names the file:

            /* record I2 */      /* tail I1, I2 */      /* wal P3: why here */      (see wal P3)

        Where two files of the same name promise under the same letter and number, the folder is written too:
        /* serve/call P1 */. The rules of the cluster's protocol are cited in the same way, /* cluster C7 */: they stand
        in docs/cluster-protocol.md.
"""

import os
import re

WHERE_MADE = ("core", "include", "modules", "tools")
WHERE_CITED = WHERE_MADE + ("tests",)
PROTOCOL = "docs/cluster-protocol.md"

NOT_READ = ("corpus", "golden", "node_modules", "__pycache__", "build")

NAME = r"[A-Z]\d{1,2}"
COMMENT = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
HEADING = re.compile(r"^ \* (\S)|^/\*")
PROMISE = re.compile(r"^ \* +(?:Promises +)?(%s)  \S" % NAME)
CITATION = re.compile(r"(/\* )?\b((?:[a-z][a-z0-9_]*/)*[a-z][a-z0-9_]*) (%s(?:(?:, | and )%s)*)\b" % (NAME, NAME))


def files(root, folders, endings):
    for folder in folders:
        for where, inside, names in os.walk(os.path.join(root, folder)):
            inside[:] = sorted(name for name in inside if name not in NOT_READ)
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(where, name), root).replace(os.sep, "/")


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def comments(path, text):
    """(line, comment) of each comment; neighbouring # lines are one each."""
    if path.endswith((".c", ".h")):
        for match in COMMENT.finditer(text):
            if match.group(0).startswith("/*"):
                yield text.count("\n", 0, match.start()) + 1, match.group(0)
    else:
        for number, line in enumerate(text.split("\n"), 1):
            if "#" in line:
                yield number, line[line.index("#") :].replace("# ", "/* ", 1)


def made_in(comment):
    """(line within the comment, name) of each promise that a comment makes."""
    inside = False
    for number, line in enumerate(comment.split("\n")):
        if HEADING.match(line):
            inside = line.startswith(" * Promises")
        match = PROMISE.match(line)
        if inside and match:
            yield number, match.group(1)


class Promises:
    """made: (unit, name) -> (path, line); cited: the same keys -> places; wrong: (path, line, what is wrong)."""

    def __init__(self, root):
        self.root = root
        self.made, self.cited, self.wrong = {}, {}, []
        self.rules = set()  # of the protocol
        if os.path.exists(os.path.join(root, PROTOCOL)):
            self.rules = set(re.findall(r"\bC\d{1,2}\b", read(root, PROTOCOL)))
        self.units = {}  # a way to write a unit: "wal", "log/wal", "core/log/wal" -> units
        for path in files(root, WHERE_MADE, (".c", ".h")):
            self.read_made(path)
        for path in files(root, WHERE_CITED, (".c", ".h", ".py", ".txt")):
            if not path.endswith((".py", ".txt")) or path.startswith("tests/"):
                self.read_cited(path)

    def read_made(self, path):
        unit = os.path.splitext(path)[0]
        parts = unit.split("/")
        for i in range(len(parts)):
            self.units.setdefault("/".join(parts[i:]), set()).add(unit)
        for line, comment in comments(path, read(self.root, path)):
            for number, name in made_in(comment):
                if (unit, name) in self.made:
                    self.wrong.append((path, line + number, "there is a promise %s of %s already" % (name, unit)))
                self.made[unit, name] = (path, line + number)

    def read_cited(self, path):
        for line, comment in comments(path, read(self.root, path)):
            if any(made_in(comment)):
                continue
            for match in CITATION.finditer(comment):
                at_start, stem, names = match.groups()
                at = line + comment.count("\n", 0, match.start())
                if at_start or any(unit in self.units.get(stem, ()) for unit, _ in self.made):
                    self.cite(path, at, stem, re.findall(NAME, names))

    def cite(self, path, line, stem, names):
        for name in names:
            if stem == "cluster" and (name in self.rules or not self.rules):
                continue
            found = [(unit, name) for unit in sorted(self.units.get(stem, ())) if (unit, name) in self.made]
            if not found:
                self.wrong.append((path, line, "cites %s %s, and nobody makes such a promise" % (stem, name)))
            elif len(found) > 1:
                both = " or ".join("%s %s" % (unit, name) for unit, name in found)
                self.wrong.append((path, line, "cites %s %s, which may be %s: write the folder" % (stem, name, both)))
            else:
                self.cited.setdefault(found[0], []).append((path, line))

    def spelling(self, unit, name):
        """The shortest way to cite a promise."""
        parts = unit.split("/")
        for i in range(len(parts) - 1, 0, -1):
            stem = "/".join(parts[i:])
            if sum((other, name) in self.made for other in self.units[stem]) == 1:
                return "%s %s" % (stem, name)
        return "%s %s" % (unit, name)

    def uncited(self):
        """(how to cite it, path, line)"""
        for (unit, name), (path, line) in sorted(self.made.items()):
            if (unit, name) not in self.cited:
                yield self.spelling(unit, name), path, line
