# SPDX-License-Identifier: MIT
"""What makes a program that has ended a success: its exit code, or a closing line that says how many tests there were.

A closing line counts for itself; a code that contradicts it is one failure more."""

import re

CLOSING = re.compile(r"^([0-9]+) passed, ([0-9]+) failed$", re.M)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LEFT_OUT = 77


def by_code(tally, ended):
    """One thing that passes or fails as a whole."""
    if ended.code == 0:
        tally.ok(f"{ended.job.name} ({ended.seconds} s)")
    else:
        tally.fail(ended.job.name, text=ended.text)


def counted(tally, ended, passed, failed):
    """`passed` and `failed` as it says itself."""
    name = ended.job.name
    if failed > 0 or ended.code != 0:
        tally.passed += passed
        tally.fail(name if failed else f"{name}: code {ended.code}", max(failed, 1), ended.text)
    else:
        tally.ok(f"{name}: {passed} ({ended.seconds} s)", passed)


def by_criterion(tally, ended):
    """No summary, or nothing tested, is a failure: an empty filter passes for Criterion."""
    lines = [line for line in COLOURS.sub("", ended.text).splitlines() if "Synthesis:" in line]
    counts = [int(number) for number in re.findall(r"[0-9]+", lines[-1])] if lines else []
    if len(counts) != 4:
        tally.fail(f"{ended.job.name}: ended without a summary, code {ended.code}", text=ended.text)
    elif counts[0] == 0:
        tally.fail(f"{ended.job.name}: nothing was tested", text=ended.text)
    else:
        counted(tally, ended, counts[1], counts[0] - counts[1])


def by_closing_line(tally, ended):
    """The last line "N passed, N failed"; without one it has failed."""
    found = CLOSING.findall(ended.text)
    passed, failed = (int(number) for number in found[-1]) if found else (0, 0)
    if passed + failed == 0:
        what = "nothing was tested" if found else f"ended without a closing line, code {ended.code}"
        tally.fail(f"{ended.job.name}: {what}", text=ended.text)
    else:
        counted(tally, ended, passed, failed)


def by_closing_line_or_code(tally, ended):
    """As a program of tests/integration: what it counts counts, else its code; 77: left out."""
    if ended.code == LEFT_OUT:
        tally.say(f"left out: {ended.job.name}: {(ended.text.splitlines() or [''])[-1]}")
        return
    if CLOSING.search(ended.text):
        by_closing_line(tally, ended)
    else:
        by_code(tally, ended)
    for line in ended.text.splitlines():
        if "skipped" in line.lower() and " 0 skipped" not in line:
            tally.say(f"    {line}")
