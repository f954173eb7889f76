# SPDX-License-Identifier: MIT
"""The list of faults in tests/mutants, and a copy of the tree that holds all of them, chosen by a number.

Idea    A fault is written as a small difference: a line `path: what is wrong`, then lines that go (-), lines that come
        (+), and lines around them (blank) that say which place is meant. How they are indented does not matter. The
        copy has both: `if (mutant == N) { + } else { - }`, or in a condition and on the right of an assignment
        `mutant == N ? + : -`. So one build holds them all, and a test program is asked again with another number in
        its environment (GEOMYS_MUTANT).

        A fault that cannot be told from the original has a line `= why`: it is not run, but counted.

Promises
        P1  Each fault names one place of the tree as it is; one that does not is an error, so the list cannot rot.
        P2  With no number the copy behaves as the tree does."""

import glob
import os
import re
from dataclasses import dataclass, field

HEADER = """/* Which fault is in force: see tests/mutants. */
#ifndef GEOMYS_MUTANT_H
#define GEOMYS_MUTANT_H
#include <stdlib.h>
__attribute__((weak, visibility("hidden"))) int geomys_mutant;
__attribute__((constructor, weak, visibility("hidden"))) void geomys_mutant_read(void)
{
    const char *number = getenv("GEOMYS_MUTANT");
    geomys_mutant = number == NULL ? 0 : atoi(number);
}
#endif
"""


@dataclass
class Mutant:
    path: str
    what: str
    place: str  # file and line of the list
    lines: list = field(default_factory=list)  # (sign, text)
    equal: str = ""
    number: int = 0

    def side(self, sign):
        return [text for mark, text in self.lines if mark == sign]


class Wrong(Exception):
    """The list says something that the tree does not bear out; the text says where."""


def read(text, name):
    found, mutant = [], None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            mutant = mutant if line.startswith("#") else None
        elif line[0] in "-+= ":
            if mutant is None:
                raise Wrong(f"{name}:{number}: belongs to nothing: a fault begins with 'path: what is wrong'")
            if line[0] == "=":
                mutant.equal = line[1:].strip()
            else:
                mutant.lines.append((line[0], line[1:].strip()))
        else:
            path, colon, what = line.partition(": ")
            if not colon:
                raise Wrong(f"{name}:{number}: not 'path: what is wrong'")
            mutant = Mutant(path, what.strip(), f"{name}:{number}")
            found.append(mutant)
    return found


def read_all(root):
    found = []
    for path in sorted(glob.glob(os.path.join(root, "tests", "mutants", "*.txt"))):
        with open(path, encoding="utf-8") as file:
            found += read(file.read(), os.path.relpath(path, root))
    for number, mutant in enumerate(found, 1):
        mutant.number = number
    return found


def locate(mutant, lines):
    """First and last line (counted from 0, the last not included) that the fault replaces."""
    wanted = [(sign, text) for sign, text in mutant.lines if sign != "+"]
    texts = [text for _, text in wanted]
    signs = [sign for sign, _ in wanted]
    if "-" not in signs:
        raise Wrong(f"{mutant.place}: no line goes: say which with '-'")
    stripped = [line.strip() for line in lines]
    places = [at for at in range(len(lines) - len(texts) + 1) if stripped[at:at + len(texts)] == texts]
    if len(places) != 1:
        raise Wrong(f"{mutant.place}: its lines stand in {mutant.path} {len(places)} times, not once")
    first = signs.index("-")
    last = len(signs) - signs[::-1].index("-")
    before = bare(lines[:places[0] + first][-1:])
    if before and not before.endswith((";", "{", "}", ":", "*/")):
        raise Wrong(f"{mutant.place}: what goes begins in the midst of a statement")
    if " " in signs[first:last]:
        raise Wrong(f"{mutant.place}: what goes is not in one piece")
    return places[0] + first, places[0] + last


CONDITION = re.compile(r"^(?P<head>.*?\b(?:if|while) \()(?P<middle>.*)(?P<tail>\)(?: \{|;))$", re.S)
LOOP = re.compile(r"^(?P<head>for \([^;]*; )(?P<middle>[^;]*)(?P<tail>; [^;]*\) \{)$", re.S)
ASSIGNMENT = re.compile(r"^(?P<head>[^=(]*[^=!<>(]= )(?P<middle>[^=].*)(?P<tail>;)$", re.S)


def bare(lines):
    """Without what stands around: blanks, and a comment at the end."""
    return "\n".join(re.sub(r"\s*/\*[^*]*\*/$", "", line.strip()) for line in lines)


def whole(text):
    """Whether the text is made of whole statements."""
    depth = 0
    for letter in text:
        depth += (letter in "{(") - (letter in "})")
        if depth < 0:
            return False
    return depth == 0 and text.rstrip().endswith((";", "}")) and not text.startswith(("case ", "default:"))


def is_one(text):
    """Whether the text can stand in parentheses: one expression, nothing of what is around it."""
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0 or letter in "{};":
            return False
    return depth == 0


DECLARATION = re.compile(r"^(?!(?:return|goto) )(?:(?:const|static|unsigned) )*(?:(?:struct|enum) )?\w+ \*{0,2}\w+"
                         r"(?:\[[^\]]*\])?(?: = |;)")


def is_declaration(text):
    return DECLARATION.match(text) is not None


def both(old, mutants):
    """The C text that is `old`, or one of the mutants (number, text)."""
    for shape in (CONDITION, LOOP, ASSIGNMENT):
        match = shape.match(old)
        if match is None or not is_one(match["middle"]) or (shape is ASSIGNMENT and not is_declaration(old)):
            continue
        others = [(number, shape.match(new)) for number, new in mutants]
        if all(other and other["head"] == match["head"] and other["tail"] == match["tail"] for _, other in others):
            middle = f"({match['middle']})"
            for number, other in others:
                middle = f"(geomys_mutant == {number} ? ({other['middle']}) : {middle})"
            return match["head"] + middle + match["tail"]
    if is_declaration(old):
        raise Wrong("a declaration must stay, with another value")
    if not whole(old) or not all(new == "" or whole(new) for _, new in mutants):
        raise Wrong("neither whole statements nor one condition or one value")
    text = f"{{\n{old}\n}}"
    for number, new in mutants:
        text = f"if (geomys_mutant == {number}) {{\n{new}\n}} else {text}"
    return text


def apply(mutants, path, source):
    """The source with all the mutants of that path in it."""
    lines = source.split("\n")
    places = {}
    for mutant in mutants:
        places.setdefault(locate(mutant, lines), []).append(mutant)
    ends = sorted(places)
    for before, after in zip(ends, ends[1:]):
        if before[1] > after[0]:
            raise Wrong(f"{places[after][0].place}: overlaps with {places[before][0].place}, and is not the same lines")
    for (first, last), found in sorted(places.items(), reverse=True):
        try:
            text = both(bare(lines[first:last]),
                        [(mutant.number, bare(mutant.side("+"))) for mutant in found if not mutant.equal])
        except Wrong as wrong:
            raise Wrong(f"{found[0].place}: {wrong}") from None
        if any(not mutant.equal for mutant in found):
            lines[first:last] = [f'#line {first + 1} "{path}"', text, f'#line {last + 1} "{path}"']
    return "\n".join(lines)


def check(root, mutants):
    """Sentences about faults that are not in the tree as it is."""
    wrong = []
    for path in sorted({mutant.path for mutant in mutants}):
        here = [mutant for mutant in mutants if mutant.path == path]
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                apply(here, path, file.read())
        except FileNotFoundError:
            wrong.append(f"{here[0].place}: there is no {path}")
        except Wrong as error:
            wrong.append(str(error))
    return wrong
