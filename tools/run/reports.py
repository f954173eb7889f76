# SPDX-License-Identifier: MIT
"""Reports of sanitizers, as files: a leak does not change an exit code, a file that appears is seen.

A leak within the test framework is none of ours: Criterion forgets 48 bytes now and then when a test ends. It is told
by its stacks, all of which have no frame but the allocator's and the library's; one of ours would stand between them,
since all is built with frame pointers. A suppression would not do: every test is called by that library."""

import os
import re
import shutil

# A process that is killed while it looks for leaks leaves a line about its own threads, which says nothing.
NOTHING = re.compile(r"==[0-9]+==Unable to get registers from thread")

LEAKS = re.compile(r"==[0-9]+==ERROR: LeakSanitizer: detected memory leaks")
LEAK = re.compile(r"(Direct|Indirect) leak of ")
ERROR = re.compile(r"==[0-9]+==ERROR: |runtime error: |WARNING: ThreadSanitizer")
FRAME = re.compile(r"\s+#[0-9]+ ")
FOREIGN = re.compile(r"\s+#[0-9]+ 0x[0-9a-f]+ (in __interceptor_\w+ |in \w+ )?.*"
                     r"(asan_malloc_linux\.cpp:[0-9]+|\(\S*/lib(criterion|boxfort)\.so\S*\))( \(BuildId: \w+\))?$")


def is_foreign(text):
    """Whether it tells of leaks within the test framework, and of nothing else."""
    lines = text.splitlines()
    frames = [line for line in lines if FRAME.match(line)]
    errors = [line for line in lines if ERROR.search(line)]
    leaks = [line for line in lines if LEAK.match(line)]
    library = [line for line in frames if ".so" in line]
    return (0 < len(leaks) <= len(library) and all(FOREIGN.match(line) for line in frames) and
            len(errors) == 1 and bool(LEAKS.match(errors[0])))


def environment(folder):
    """Makes the folder, and says what a program needs to write its reports there."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    path = f"log_path={folder}/report"
    return {
        "ASAN_OPTIONS": f"detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:{path}",
        "UBSAN_OPTIONS": f"print_stacktrace=1:{path}",
        "TSAN_OPTIONS": path,
        "LSAN_OPTIONS": "report_objects=0:exitcode=0",
    }


def collect(folder):
    """The texts of all that say something. The folder is gone afterwards."""
    found = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            text = file.read()
        if any(line and not NOTHING.match(line) for line in text.splitlines()) and not is_foreign(text):
            found.append(text)
    shutil.rmtree(folder, ignore_errors=True)
    return found
