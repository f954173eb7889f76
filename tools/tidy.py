#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house rules that a program can check. Usage: tools/tidy.py [--remaining | --remaining-all] [build folder]

Why     A rule that nobody checks is a wish. Each one here was chosen because breaking it is cheap on the day and dear
        later: an arrow upwards, a hidden static that two nodes in one process share, a clock read below the node.

Rules   text      first line names the licence; no tabs, no trailing blanks, no carriage returns, at most 120 columns, a
                  line break at the end; no absolute path of somebody's machine
        format    clang-format has nothing to change
        includes  a folder of core or of tools/cli sees those below it (LEVELS of structure.py). A module sees geomys/,
                  its own folder and the C library; the ABI sees itself and the C library
        names     no typedef of a struct, union or enum in core
        calls     no unbounded string functions and no hidden state (strtok, rand), tests aside; in core, outside os
                  and main.c, no clock, thread, file or socket; allocation through base/memory.c alone
        promises  each numbered promise is cited where it holds (promises.py), and what is cited is promised
        With a build folder, one without sanitizers and just built:
        statics   nothing writable in .data, .bss, .tdata, .tbss of core (except os) and of the modules, and no object
                  of core may refer to what "calls" forbids
        arrows    no object refers to a symbol that is defined in a folder which is not below
        knots     at most six units of a folder need each other in a circle (structure.py)

Lists   What does not hold yet is on a list that only shrinks: arrows.txt, knots.txt, promises.txt. What is not on it is
        refused, and so is a line of it that nothing needs any more: --remaining takes such lines away, and nothing
        else. --remaining-all writes down what is new too, for the day when two branches meet: the difference shows it.

Prints FILE:LINE: REASON for each finding; exit code 1 if there is one. Its own tests (tidy_test.py) run first.
"""

import os
import re
import shutil
import subprocess
import sys

import promises
import structure
import tidy_test
from remaining import Remaining

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLUMNS = 120
LICENCE = "SPDX-License-Identifier: MIT"

LISTS = {
    "arrows": "Includes, and calls (to a .c), that still point up.",
    "knots": "Units of a folder that still need each other in a circle: more than six.",
    "promises": "Promises that are not cited yet.",
}

LIBC = set(
    "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp stdalign stdarg stdatomic stdbool "
    "stddef stdint stdio stdlib stdnoreturn string tgmath uchar wchar wctype".split()
)

# Headers through which the real world comes in: for core/os and core/main.c alone.
WORLD_HEADERS = re.compile(
    r"^(pthread|threads|time|unistd|fcntl|poll|signal|dirent|netdb|sched|semaphore|aio|spawn|termios|"
    r"sys/(time|socket|stat|types|epoll|eventfd|timerfd|signalfd|mman|uio|un|file|ioctl|resource|random|statvfs|wait)|"
    r"netinet/.*|arpa/.*|linux/.*)\.h$"
)

# Libraries that one folder of core alone knows, by their headers' beginnings.
LIBRARIES = {"grpc/": "os", "protobuf-c/": "wire", "raft.h": "cluster", "raft/": "cluster", "openssl/": "os"}

UNSAFE = set(
    "sprintf vsprintf strcpy strcat strncat stpcpy gets strtok strtok_r rand srand random srandom drand48 rand_r "
    "tmpnam mktemp alloca setjmp longjmp system popen".split()
)
WORLD = set(
    "time gettimeofday clock_gettime clock ftime nanosleep clock_nanosleep usleep sleep localtime gmtime getenv getpid "
    "fopen fdopen freopen fread opendir readdir scandir open openat creat close read pread readv preadv write pwrite "
    "writev pwritev fsync fdatasync sync_file_range fallocate posix_fallocate ftruncate truncate rename renameat "
    "unlink mkdir rmdir stat fstat lstat mmap munmap msync socket socketpair bind listen accept accept4 connect send "
    "sendto sendmsg recv recvfrom recvmsg shutdown select poll epoll_create1 epoll_ctl epoll_wait eventfd "
    "timerfd_create signal sigaction fork execve getrandom getentropy arc4random".split()
)
# Told apart from our own bare names only by what the object file refers to.
WORLD_IN_TEXT = WORLD - set(
    "time clock sleep open close read write send recv bind listen accept connect select poll shutdown truncate rename "
    "unlink signal stat fork".split()
)
ALLOCATION = set(
    "malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf posix_memalign aligned_alloc".split()
)

EXCEPTIONS = {
    "core/base/memory.c": ALLOCATION,
    # A module is a file, and its loader has to look at it.
    "core/module/loader.c": set("sys/stat.h fcntl.h unistd.h stat fstat open pread close".split()),
}

NOT_OURS = ("corpus", "golden", "node_modules", "__pycache__", "build")

findings = []
remaining = {name: Remaining(os.path.join(ROOT, "tools", name + ".txt"), LISTS[name]) for name in LISTS}


def exceptions_of(path):
    return EXCEPTIONS.get(os.path.relpath(path, ROOT).replace(os.sep, "/"), set())


def found(path, line, reason):
    findings.append((os.path.relpath(path, ROOT), line, reason))


def files_under(folders, endings):
    for folder in folders:
        for where, folders_in, names in os.walk(os.path.join(ROOT, folder)):
            folders_in[:] = sorted(f for f in folders_in if f not in NOT_OURS)
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.join(where, name)


# ---- text ------------------------------------------------------------------------------------------------------------

MACHINE_PATH = re.compile(r"(?<![\w.~>}\)])/(work|root)/")


def check_text(path, lines):
    is_c = path.endswith((".c", ".h"))
    if is_c or path.endswith((".py", ".cmake", "CMakeLists.txt", "tools/dev")):
        head = lines[:1] if is_c else lines[:2]
        if not any(LICENCE in line for line in head):
            found(path, 1, "the first line is not the licence (%s)" % LICENCE)
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            found(path, number, "a tab")
        if "\r" in line:
            found(path, number, "a carriage return")
        if line.rstrip() != line and not path.endswith((".md", ".txt")):
            found(path, number, "blanks at the end of the line")
        if len(line) > COLUMNS and not path.endswith((".md", ".txt")):
            found(path, number, "%d columns, %d are the limit" % (len(line), COLUMNS))
        if MACHINE_PATH.search(line):
            found(path, number, "an absolute path of somebody's machine")


def without_comments(text):
    """The code alone: comments and the insides of literals become blanks, lines stay where they are."""

    def blank(match):
        piece = match.group(0)
        if piece[0] in "\"'":
            return piece[0] + " " * (len(piece) - 2) + piece[0]
        return re.sub(r"[^\n]", " ", piece)

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


# ---- includes --------------------------------------------------------------------------------------------------------


def is_libc(header):
    return header.endswith(".h") and header[:-2] in LIBC


def check_core_include(path, number, folder, kind, header):
    if kind == "<":
        world = folder in ("os", "main.c")
        if WORLD_HEADERS.match(header) and not world and header not in exceptions_of(path):
            found(path, number, "<%s> brings the outside world in: only core/os and core/main.c may" % header)
        if header.startswith("geomys/"):
            found(path, number, 'written as "%s", since it is ours' % header)
        for library, room in LIBRARIES.items():
            if header.startswith(library) and folder != room:
                found(path, number, "<%s> is for core/%s alone" % (header, room))
    elif header.endswith(".pb-c.h"):
        if folder != "wire":
            found(path, number, 'generated messages are for core/wire alone, not "%s"' % header)
    elif not header.startswith("geomys/") and os.path.dirname(header) not in structure.LEVELS:
        found(path, number, 'includes are written from core/ ("base/buf.h"), not "%s"' % header)


def check_includes(path, lines):
    parts = os.path.relpath(path, ROOT).split(os.sep)
    for number, line in enumerate(lines, 1):
        match = structure.INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        if parts[0] == "core":
            check_core_include(path, number, parts[1], kind, header)
        elif parts[:2] == ["tools", "cli"]:
            if kind == '"' and os.path.dirname(header) not in structure.LEVELS:
                found(path, number, 'includes are written from tools/ ("cli/show/output.h"), not "%s"' % header)
        elif parts[0] == "modules" or parts[0] == "include":
            beside = os.path.exists(os.path.join(os.path.dirname(path), header)) and "/" not in header
            ours = kind == '"' and (header.startswith("geomys/") or (parts[0] == "modules" and beside))
            if not ours and not (kind == "<" and is_libc(header)):
                what = "a module may include" if parts[0] == "modules" else "the ABI may include"
                more = ", its own folder" if parts[0] == "modules" else ""
                found(path, number, "%s only geomys/%s and the C library, not %s" % (what, more, header))


# ---- code ------------------------------------------------------------------------------------------------------------

CALL = re.compile(r"(?<![\w.])(?<!->)([A-Za-z_]\w*)\s*\(")


def check_code(path, text):
    parts = os.path.relpath(path, ROOT).split(os.sep)
    core, module = parts[0] == "core", parts[0] == "modules"
    world = core and parts[1] in ("os", "main.c")
    allowed = exceptions_of(path)
    for number, line in enumerate(without_comments(text).split("\n"), 1):
        if core and re.search(r"\btypedef\s+(const\s+)?(struct|union|enum)\b", line):
            found(path, number, "no typedef of a struct, union or enum: say what it is where it is used")
        for match in CALL.finditer(line):
            name = match.group(1)
            if name in allowed:
                continue
            if name in UNSAFE and parts[0] != "tests":
                found(path, number, "%s() is banned" % name)
            elif ((core and not world) or module) and (name in WORLD_IN_TEXT or name.startswith("pthread_")):
                found(path, number, "%s(): the outside world comes through env" % name)
            elif core and name in ALLOCATION:
                found(path, number, "%s(): memory comes from base/memory.h" % name)


# ---- structure and promises ------------------------------------------------------------------------------------------


def bare(path):
    """As it is written in an include."""
    return path.split("/", 1)[1]


def check_structure(tree, with_symbols):
    for path, line, target, symbol in tree.arrows_up():
        if not remaining["arrows"].allows("%s -> %s" % (path, bare(target))):
            how = "include" if symbol is None else "call %s() of" % symbol
            found(os.path.join(ROOT, path), line, "may not %s %s: arrows point down only" % (how, bare(target)))
    if not with_symbols:  # without symbols there are fewer, and smaller ones
        remaining["arrows"].keep(lambda line: line.endswith(".c"))
        remaining["knots"].keep(lambda line: True)
        return
    for path in tree.missing:
        found(os.path.join(ROOT, path), 1, "has no object file in the build folder: build first")
    for where, units in tree.knots(structure.KNOT + 1):
        check_knot(where, units)


def check_knot(where, units):
    knots = remaining["knots"]
    before = [set(line.split()[1:]) for line in knots.listed if line.split()[0] == where + ":"]
    smaller = any(set(units) < knot for knot in before)
    if not knots.allows("%s: %s" % (where, " ".join(units)), less=smaller):
        what = "less is left of a knot: tools/tidy.py --remaining" if smaller else "a knot of %d units" % len(units)
        found(os.path.join(ROOT, where), 1, "%s (%s)" % (what, " ".join(units)))


def check_promises():
    book = promises.Promises(ROOT)
    for path, line, reason in book.wrong:
        found(os.path.join(ROOT, path), line, reason)
    for promise, path, line in book.uncited():
        if not remaining["promises"].allows(promise):
            found(os.path.join(ROOT, path), line, "nobody cites it: /* %s */ where it holds" % promise)


def check_remaining():
    for name, list_of in remaining.items():
        for line in list_of.stale():
            found(list_of.path, 1, "nothing needs '%s' any more: tools/tidy.py --remaining takes it away" % line)


# ---- format ----------------------------------------------------------------------------------------------------------


def check_format(paths):
    program = shutil.which("clang-format")
    if program is None:
        print("tidy: clang-format is not installed, the format is not checked", file=sys.stderr)
        return
    if not paths:
        return
    command = [program, "--dry-run", "-Werror", "--Wno-error=unknown"] + paths
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    seen = {}
    for match in re.finditer(r"^(.+?\.[ch]):(\d+):\d+: (?:error|warning):", run.stderr, re.M):
        seen.setdefault(match.group(1), int(match.group(2)))
    for path, line in seen.items():
        found(path, line, "clang-format would change it (tools/dev format)")
    if run.returncode != 0 and not seen:
        found(".clang-format", 1, run.stderr.strip() or "clang-format failed")


# ---- object files ----------------------------------------------------------------------------------------------------

def check_objects(build):
    scopes = ["modules"] + ["core/" + folder for folder in structure.LEVELS if folder not in ("os", "main.c")]
    sources = structure.objects(ROOT, build, scopes)
    table = structure.read_symbols(sources.values())
    for source, path in sources.items():
        here = os.path.join(ROOT, source)
        allowed = exceptions_of(here)
        for section, size, name in table[path].all:
            if structure.WRITABLE.match(section) and size > 0:
                found(here, 1, "%s is a writable static (%s)" % (name, section))
            if section != "*UND*" or name in allowed:
                continue
            if source.startswith("core/") and name in ALLOCATION:
                found(here, 1, "refers to %s(): memory comes from base/memory.h" % name)
            if name in WORLD or name.startswith("pthread_"):
                found(here, 1, "refers to %s(): the outside world comes through env" % name)
    if not sources:
        found(build, 1, "no object files there: nothing was checked for writable statics")


def check_all(build):
    c_files = list(files_under(["core", "include", "modules", "tests", "tools"], (".c", ".h")))
    others = list(files_under(["docs", "tools", "tests", "modules", "proto"], (".md", ".py", ".txt", ".proto")))
    others += [os.path.join(ROOT, name) for name in sorted(os.listdir(ROOT)) if name.endswith((".md", ".txt"))]
    others += [os.path.join(ROOT, name) for name in ("tools/dev", ".ci/run")]
    for path in c_files + sorted(set(others)):
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            text = file.read()
        lines = text.split("\n")
        if text and lines[-1] != "":
            found(path, len(lines), "no line break at the end")
        check_text(path, lines)
        if path.endswith((".c", ".h")):
            check_includes(path, lines)
            check_code(path, text)
    check_format(c_files)
    check_structure(structure.Structure(ROOT, build), build is not None)
    check_promises()
    check_remaining()
    if build is not None:
        check_objects(build)


def main():
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    folders = [os.path.abspath(word) for word in sys.argv[1:] if not word.startswith("--")]
    if len(folders) > 1 or not set(options) <= {"--remaining", "--remaining-all"}:
        sys.exit(__doc__.split("\n")[0])
    for reason in tidy_test.failures():
        found(os.path.join(ROOT, "tools/tidy_test.py"), 1, reason)
    check_all(folders[0] if folders else None)
    if options:
        for name, list_of in remaining.items():
            print("tools/%s.txt: %d" % (name, list_of.rewrite("--remaining-all" in options)))
        return 0
    for path, line, reason in sorted(set(findings)):
        print("%s:%d: %s" % (path, line, reason))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
