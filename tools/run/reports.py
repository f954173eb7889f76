# SPDX-License-Identifier: MIT
"""Reports of sanitizers, as files: a leak does not change the exit code of everything, a file that appears is seen."""

import os
import re
import shutil

# A process that is killed while it looks for leaks leaves a line about its own threads, which says nothing.
NOTHING = re.compile(r"==[0-9]+==Unable to get registers from thread")


def environment(folder):
    """Makes the folder, and says what a program needs to write its reports there."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    path = f"log_path={folder}/report"
    return {
        "ASAN_OPTIONS": f"detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:{path}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:{path}",
        "TSAN_OPTIONS": path,
        "LSAN_OPTIONS": "report_objects=0",
    }


def collect(folder):
    """The texts of all that say something. The folder is gone afterwards."""
    found = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            text = file.read()
        if any(line and not NOTHING.match(line) for line in text.splitlines()):
            found.append(text)
    shutil.rmtree(folder, ignore_errors=True)
    return found
