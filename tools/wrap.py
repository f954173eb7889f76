#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Carries the words of comment lines that are too long over to the next line. Usage: tools/wrap.py FILE.c...

Why     clang-format either reflows every comment, drawings and tables included, or none. Only lines beyond the limit
        are touched here, and what follows them in the same paragraph. Drawings, tables and comments behind code are
        left to a person; tools/tidy.py names them.
"""

import re
import sys

COLUMNS = 120

LINE = re.compile(r"^(\s*(?:/\*|\*) ?)(.*)$")
LABEL = re.compile(r"^(\s*(?:[A-Z]\d+|[A-Z][a-z]+|\S{1,30}  +)\s{1,}(?<=\s\s))(?=\S)")


def text_column(prefix, text):
    """Where the continuation of this line begins: behind a label such as "Why      ", else under its first word."""
    label = LABEL.match(text)
    return len(prefix) + (label.end() if label else len(text) - len(text.lstrip()))


def is_drawn(text):
    body = text[LABEL.match(text).end() :] if LABEL.match(text) else text.lstrip()
    return re.search(r"\S {3,}\S|[─-╿│►▼]|--->", body) is not None


def wrap(lines):
    out = list(lines)
    inside = False
    i = 0
    while i < len(out):
        line = out[i]
        begins = line.lstrip().startswith("/*")
        match = LINE.match(line) if begins or inside else None
        ends = "*/" in line
        if match and len(line) > COLUMNS and not is_drawn(match.group(2)):
            prefix, text = match.groups()
            column = text_column(prefix, text)
            cut = line.rfind(" ", column + 1, COLUMNS + 1)
            if line[cut + 1 :].strip() == "*/":
                cut = line.rfind(" ", column + 1, cut)  # the end of a comment is no line of its own
            if cut > column:
                head, tail = line[:cut].rstrip(), line[cut + 1 :]
                stem = prefix.replace("/*", " *")
                blank = stem + " " * (column - len(stem))
                following = LINE.match(out[i + 1]) if not ends and i + 1 < len(out) else None
                joins = (
                    following is not None
                    and following.group(2).strip() not in ("", "/")
                    and text_column(*following.groups()) == column
                    and not LABEL.match(following.group(2))
                    and not is_drawn(following.group(2))
                )
                out[i] = head
                if joins:
                    out[i + 1] = blank + tail + " " + following.group(2).strip()
                else:
                    out.insert(i + 1, blank + tail)
                ends = False
        inside = (inside or begins) and not ends
        i += 1
    return out


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            before = file.read()
        after = "\n".join(wrap(before.split("\n")))
        if after != before:
            with open(path, "w", encoding="utf-8") as file:
                file.write(after)


if __name__ == "__main__":
    main()
