#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house rules that a program can check. Usage: tools/tidy.py [build folder]

Why     A rule that nobody checks is a wish. Each one here was chosen because breaking it is cheap on the day and dear
        later: an arrow upwards, a hidden static that two nodes in one process share, a clock read below the node.

Rules   text      first line names the licence; no tabs, no trailing blanks, no carriage returns, at most 120 columns, a
                  line break at the end; no absolute path of somebody's machine
        format    clang-format has nothing to change
        includes  a folder of core sees those below it (BELOW); what points elsewhere and is not on the list
                  tools/arrows.txt is refused, and so is a line of that list that no file needs any more. A module sees
                  geomys/, its own folder and the C library; the ABI sees itself and the C library
        names     no typedef of a struct, union or enum in core
        calls     no unbounded string functions and no hidden state (strtok, rand), tests aside; in core, outside os
                  and main.c, no clock, thread, file or socket; allocation through base/memory.c alone
        statics   (with a build folder, one without sanitizers) nothing writable in .data, .bss, .tdata, .tbss of core
                  (except os) and of the modules, and no object of core may refer to what "calls" forbids

Prints FILE:LINE: REASON for each finding; exit code 1 if there is one.
"""

import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLUMNS = 120
LICENCE = "SPDX-License-Identifier: MIT"

# What the files of a folder may include beside their own.
BELOW = {
    "base": "",
    "env": "base",
    "wire": "env base",
    "store": "env base",
    "module": "env base",
    "log": "env base",
    "meter": "env base",
    "config": "env base",
    "shard": "wire store module log meter env base",
    "serve": "shard wire store module log meter env base",
    "replica": "shard wire store module log meter env base",
    "command": "serve shard wire store module log meter env base",
    "cluster": "replica shard wire store module log meter env base",
    "node": "command serve cluster replica config shard wire store module log meter env base",
    "os": "env base",
    "main.c": "node command serve cluster replica config shard wire store module log meter os env base",
}
LEVELS = {folder: set(below.split()) for folder, below in BELOW.items()}

# Includes that still point up: the list only shrinks.
REMAINING = "tools/arrows.txt"

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
remaining = {}  # arrow -> whether a file has it


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

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def is_libc(header):
    return header.endswith(".h") and header[:-2] in LIBC


def check_core_include(path, number, folder, kind, header):
    below = LEVELS.get(folder, set())
    world = folder in ("os", "main.c")
    if kind == "<":
        if WORLD_HEADERS.match(header) and not world and header not in exceptions_of(path):
            found(path, number, "<%s> brings the outside world in: only core/os and core/main.c may" % header)
        if header.startswith("geomys/"):
            found(path, number, 'written as "%s", since it is ours' % header)
        return
    target = header.split("/")[0]
    if target == "geomys":
        return
    if "/" not in header or target not in LEVELS:
        found(path, number, 'includes are written from core/ ("base/buf.h"), not "%s"' % header)
    elif target != folder and target not in below:
        arrow = "%s -> %s" % (os.path.relpath(path, ROOT), header)
        if arrow in remaining:
            remaining[arrow] = True
        else:
            found(path, number, "%s/ may not include %s/: arrows point down only" % (folder, target))


def read_remaining():
    path = os.path.join(ROOT, REMAINING)
    with open(path, encoding="utf-8") as file:
        return {line.strip(): False for line in file if line.strip() and not line.startswith("#")}


def check_remaining():
    for arrow, met in remaining.items():
        if not met:
            found(os.path.join(ROOT, REMAINING), 1, "no file needs '%s' any more: take the line away" % arrow)


def check_includes(path, lines):
    parts = os.path.relpath(path, ROOT).split(os.sep)
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        if parts[0] == "core":
            check_core_include(path, number, parts[1], kind, header)
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

WRITABLE = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")


def symbols(archive):
    """(member, section, size, name) of each symbol."""
    run = subprocess.run(["objdump", "-t", archive], capture_output=True, text=True, check=True)
    member = os.path.basename(archive)
    for line in run.stdout.split("\n"):
        head = re.match(r"^(\S+):\s+file format", line)
        if head:
            member = head.group(1)
            continue
        # address, seven flag characters, section, size, name (with visibility before it)
        match = re.match(r"^[0-9a-f]{8,16} (.{7}) (\S+)\s+([0-9a-f]+)\s+(.*)$", line)
        if match:
            name = match.group(4).split()[-1] if match.group(4).split() else ""
            yield member, match.group(2), int(match.group(3), 16), name


def source_of(build_object):
    """The path of the source of an object below a CMakeFiles/<target>.dir folder, as CMake mirrors it."""
    inside = build_object.split(".dir" + os.sep, 1)[-1]
    return os.path.join(ROOT, inside[:-2] if inside.endswith(".o") else inside)


def objects_below(build, target):
    folder = os.path.join(build, "CMakeFiles", target + ".dir")
    for where, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(where, name)
            if name.endswith(".o") and os.path.exists(source_of(path)):  # not those of sources that are gone
                yield path


def check_objects(build):
    core = ["core-" + folder for folder in list(LEVELS) + ["module-usage"] if folder not in ("os", "main.c")]
    modules_folder = os.path.join(ROOT, "modules")
    modules = ["module-" + name for name in sorted(os.listdir(modules_folder))] if os.path.isdir(modules_folder) else []
    count = 0
    for target in core + modules:
        for path in objects_below(build, target):
            count += 1
            source = source_of(path)
            allowed = exceptions_of(source)
            for _, section, size, name in symbols(path):
                if WRITABLE.match(section) and size > 0:
                    found(source, 1, "%s is a writable static (%s)" % (name, section))
                if section != "*UND*" or name in allowed:
                    continue
                if target in core and name in ALLOCATION:
                    found(source, 1, "refers to %s(): memory comes from base/memory.h" % name)
                if name in WORLD or name.startswith("pthread_"):
                    found(source, 1, "refers to %s(): the outside world comes through env" % name)
    if count == 0:
        found(build, 1, "no object files there: nothing was checked for writable statics")


def main():
    remaining.update(read_remaining())
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
    check_remaining()
    check_format(c_files)
    if len(sys.argv) > 1:
        check_objects(os.path.abspath(sys.argv[1]))
    for path, line, reason in sorted(set(findings)):
        print("%s:%d: %s" % (path, line, reason))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
