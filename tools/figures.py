#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The figures of core, for one tree or for two side by side. Usage: tools/figures.py [TREE[=BUILD]]...

Without an argument: this tree, with build/release if that is there. Another tree is another work tree of the
repository, measured by the same ruler: git worktree add ../before 193c298 && tools/figures.py ../before .
A commit that has a work tree is as good as its folder: tools/figures.py 193c298 .
A build folder adds what object files tell.

Ruler   functions     of core, those in headers too; from the first line of the signature to the closing brace. Read by
                      columns: clang-format puts the opening brace of a function, alone, at the beginning of a line
        lines         of a file: all of them
        assertions    uses of check(), check_slow() and _Static_assert in core, without those in comments, literals and
                      preprocessor lines
        knots         tools/structure.py, over all of core and within the folders; "by includes" leaves symbols out
        circles       files that include each other
        struct        the longest one of core by lines, from its head to its closing brace
        statics       symbols in writable sections of the objects of core, without os and main.c
        comments      characters of core inside comments, their marks included
        promises      tools/promises.py: those of core, modules and include; and how many of them somebody cites
"""

import os
import re
import statistics
import subprocess
import sys

import promises
import structure

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LONG = 70  # lines of a function
STATE = ("shard", "serve", "replica", "log", "store", "meter")  # the folders in which state is kept


def without_comments(text):
    """Comments and literals become blanks, and so do preprocessor lines; line breaks stay."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    text = re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)
    return re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def functions(lines):
    """The sizes in lines of a file's functions."""
    for at, line in enumerate(lines):
        if line == "{":
            start = at - 1
            while start > 0 and lines[start - 1].strip() and not lines[start - 1].rstrip().endswith((";", "}")):
                start -= 1
            yield next(i for i in range(at, len(lines)) if lines[i].startswith("}")) - start + 1


def structs(lines):
    """(lines, members, name) of each struct of a file."""
    for at, line in enumerate(lines):
        match = re.match(r"struct (\w+) \{$", line)
        if match:
            end = next(i for i in range(at, len(lines)) if lines[i].startswith("}"))
            yield end - at + 1, members("\n".join(lines[at + 1 : end])), match.group(1)


def members(body):
    """How many members a struct's body declares, those of its inner structs included."""
    count = 1
    while count > 0:  # parameters, from the inside
        body, count = re.subn(r"\([^()]*\)", "", body)
    return sum(piece.count(",") + 1 for piece in re.findall(r"[^;{}]*;", body) if re.search(r"\w", piece))


class Figures:
    def __init__(self, root, build=None):
        self.root = root
        self.sizes, self.structs = {}, []  # folder -> sizes of its functions
        self.asserted = {}  # folder -> [check, check_slow, _Static_assert]
        self.files = {".c": [], ".h": []}
        self.characters = self.commented = 0
        for path in structure.sources(root, "core"):
            self.read(path)
        self.shape = structure.Structure(root, build)
        self.by_includes = structure.Structure(root) if build else self.shape
        self.writable = None if build is None else self.count_writable(build)
        self.book = promises.Promises(root)

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            text = file.read()
        code = without_comments(text)
        lines = code.split("\n")
        folder = os.path.dirname(path)[len("core/") :] or "main.c"
        self.sizes.setdefault(folder, []).extend(functions(lines))
        self.structs += structs(lines)
        counts = self.asserted.setdefault(folder, [0, 0, 0])
        for i, word in enumerate((r"\bcheck\(", r"\bcheck_slow\(", r"\b_Static_assert\(")):
            counts[i] += len(re.findall(word, code))
        self.files[os.path.splitext(path)[1]].append(text.count("\n"))
        self.characters += len(text)
        self.commented += sum(len(comment) for comment in re.findall(r"/\*.*?\*/", text, re.S))

    def count_writable(self, build):
        sources = structure.objects(self.root, build, ["core"])
        table = structure.read_symbols(sources.values())
        inside = (path for source, path in sources.items() if not source.startswith(("core/os/", "core/main.c")))
        return sum(structure.WRITABLE.match(section) is not None and size > 0
                   for path in inside for section, size, _ in table[path].all)

    def knots_of(self, shape):
        """The largest of all of core; the largest within a folder."""
        needs = {unit: needed for unit, needed in shape.needs().items() if unit.startswith("core/")}
        whole = max(len(knot) for knot in structure.components(needs))
        inside = [(len(knot), where) for where, knot in shape.knots() if where.startswith("core/")]
        return "%d of %d; within a folder %d (%s)" % (whole, len(needs), *max(inside, default=(1, "any")))

    def circles(self):
        files = self.by_includes.files
        return sum(len(knot) > 1 for knot in structure.components({path: set(files[path]) for path in files}))

    def per_function(self):
        """"0.08 (log 0.19, ...)"."""
        count = {folder: len(sizes) for folder, sizes in self.sizes.items()}
        rate = {folder: sum(self.asserted[folder]) / count[folder] for folder in count if count[folder] > 0}
        parts = ", ".join("%s %.2f" % (folder, rate[folder]) for folder in sorted(rate, key=rate.get, reverse=True))
        return "%.2f (%s)" % (sum(map(sum, self.asserted.values())) / sum(count.values()), parts)

    def rows(self):
        sizes = sorted(size for folder in self.sizes.values() for size in folder)
        lines, count, name = max(self.structs)
        ours = {promise for promise in self.book.made if not promise[0].startswith("tools/")}
        kinds = [sum(counts[i] for counts in self.asserted.values()) for i in range(3)]
        yield "functions", "%d" % len(sizes)
        yield "lines per function, median / p95 / max", "%.0f / %d / %d" % (
            statistics.median(sizes), sizes[len(sizes) * 95 // 100], sizes[-1])
        yield "over %d lines" % LONG, "%.1f %%" % (100 * sum(size > LONG for size in sizes) / len(sizes))
        yield "largest .c / median .c", "%d / %.0f" % (max(self.files[".c"]), statistics.median(self.files[".c"]))
        yield "largest header", "%d" % max(self.files[".h"])
        yield "assertions per function", self.per_function()
        inside = [folder for folder in STATE if folder in self.sizes]
        asserted = sum(sum(self.asserted[folder]) for folder in inside)
        yield "the same, over " + ", ".join(STATE), "%.2f" % (asserted / sum(len(self.sizes[f]) for f in inside))
        yield "check / check_slow / _Static_assert", "%d / %d / %d" % tuple(kinds)
        yield "circles of includes", "%d" % self.circles()
        yield "biggest knot of units, by includes", self.knots_of(self.by_includes)
        if self.writable is not None:
            yield "biggest knot, with symbols", self.knots_of(self.shape)
            yield "writable statics", "%d" % self.writable
        yield "biggest struct, lines / members", "%s %d / %d" % (name, lines, count)
        yield "comments, share of characters", "%.0f %%" % (100 * self.commented / self.characters)
        yield "promises / cited", "%d in %d files / %d" % (
            len(ours), len({self.book.made[p][0] for p in ours}), len(ours & set(self.book.cited)))


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False).stdout


def folder_of(tree):
    """Of a folder, or of a commit that has a work tree."""
    if os.path.isdir(os.path.join(tree, "core")):
        return os.path.abspath(tree)
    commit = git("rev-parse", "--verify", "--quiet", tree + "^{commit}").strip()
    for entry in git("worktree", "list", "--porcelain").split("\n\n"):
        lines = entry.split("\n")
        if commit and "HEAD " + commit in lines and not any(line.startswith("prunable") for line in lines):
            return lines[0].partition(" ")[2]
    sys.exit("%s is neither a tree with a folder core nor a commit with a work tree: git worktree add" % tree)


def main():
    trees = sys.argv[1:]
    if any(word.startswith("-") for word in trees):
        sys.exit(__doc__)
    if not trees:
        build = os.path.join(ROOT, "build", "release")
        trees = [ROOT + ("=" + build if os.path.isdir(build) else "")]
    tables = []
    for word in trees:
        root, _, build = word.partition("=")
        tables.append(list(Figures(folder_of(root), os.path.abspath(build) if build else None).rows()))
    names = list(dict.fromkeys(name for table in tables for name, _ in table))
    heads = [os.path.basename(os.path.abspath(word.partition("=")[0])) for word in trees]  # a commit as it was written
    print("| | %s |\n|---|%s" % (" | ".join(heads), "---|" * len(trees)))
    for name in names:
        print("| %s | %s |" % (name, " | ".join(dict(table).get(name, "") for table in tables)))


if __name__ == "__main__":
    main()
