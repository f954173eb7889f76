# SPDX-License-Identifier: MIT
"""Which unit needs which: arrows between folders, and knots. For tools/tidy.py and tools/figures.py.

Why     A folder is a room only if the others can be left out while reading it, and a unit can be understood alone
        only if it does not need, by way of others, whatever needs it.

Idea    A unit is x.c with x.h. It needs another one if it includes that one's header, or if its object file refers
        to a symbol that the other one's object file defines: includes alone hide a circle whenever one header
        declares what several files define.

          arrow   a file that needs what stands in another folder; it points up if LEVELS does not have that folder
                  below
          knot    units each of which needs each other one (a strongly connected component), within a folder or
                  across all of them

Limits  What is called through a pointer is no need: that is how a lower folder calls a higher one.
"""

import os
import re
import subprocess

KNOT = 6  # units; a larger knot is a finding

# What the files of a folder may include beside their own; what these may include comes with it.
BELOW = {
    "base": "",
    "env": "base",
    "wire": "env",
    "store": "env",
    "module/usage": "env",
    "module": "module/usage",
    "log": "env",
    "meter": "env",
    "config": "env",
    "shard": "wire store module log meter",
    "serve": "shard",
    "replica": "shard",
    "command": "serve",
    "cluster": "replica",
    "node": "command cluster config",
    "os": "env",
    "host": "node os",
    "main.c": "host",
    # tools/cli
    "cli/text": "wire",
    "cli/terminal": "cli/text",
    "cli/talk": "module/usage",
    "cli/show": "cli/terminal cli/talk",
    "cli/edit": "cli/text",
    "cli/options": "cli/show",
    "cli/tools": "cli/options",
    "cli/interactive": "cli/tools cli/edit",
    "cli/main.c": "cli/interactive",
}


def closure(below):
    """folder -> all folders below it."""
    levels = {}

    def descend(folder):
        if folder not in levels:
            levels[folder] = set()
            for next_folder in below[folder].split():
                levels[folder] |= {next_folder} | descend(next_folder)
        return levels[folder]

    for folder in below:
        descend(folder)
    return levels


LEVELS = closure(BELOW)

# Where includes are looked for, beside the folder of the including file.
SCOPES = {"core": ["core"], "tools/cli": ["tools", "core"]}


# ---- files and units -------------------------------------------------------------------------------------------------


def sources(root, scope):
    """The .c and .h below a folder, as paths from the root."""
    for where, folders, names in os.walk(os.path.join(root, scope)):
        folders.sort()
        for name in sorted(names):
            if name.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(where, name), root).replace(os.sep, "/")


def unit_of(path):
    return os.path.splitext(path)[0]


def folder_of(path):
    """The folder's name in LEVELS: core/log/wal.c is in log, core/main.c in main.c, tools/cli/show/pager.h in cli/show,
    tools/cli/main.c in cli/main.c."""
    inside = path.split("/", 1)[1]
    return inside if inside in LEVELS else os.path.dirname(inside)


# ---- includes --------------------------------------------------------------------------------------------------------

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def resolve(root, scope, path, header):
    """The path of an included file of ours, None if it is not one."""
    for folder in [os.path.dirname(path)] + SCOPES[scope]:
        target = folder + "/" + header
        if os.path.exists(os.path.join(root, target)):
            return target
    return None


def included(root, scope, path):
    """The files of ours that a file includes -> the line."""
    result = {}
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            target = resolve(root, scope, path, match.group(2)) if match and match.group(1) == '"' else None
            if target is not None:
                result[target] = number
    return result


# ---- symbols ---------------------------------------------------------------------------------------------------------

SYMBOL = re.compile(r"^[0-9a-f]{8,16} (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.hidden |\.internal |\.protected )?(\S+)$")

# Sections of what can be written to.
WRITABLE = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")


class Symbols:
    """What an object file defines for others, what it refers to, and all its sections' symbols."""

    def __init__(self):
        self.defined, self.undefined, self.all = set(), set(), []

    def add(self, flags, section, size, name):
        self.all.append((section, size, name))
        if section == "*UND*":
            self.undefined.add(name)
        elif flags[0] in "gu":
            self.defined.add(name)


def read_symbols(objects):
    """object -> Symbols."""
    result = {path: Symbols() for path in objects}
    if not result:
        return result
    run = subprocess.run(["objdump", "-t"] + list(result), capture_output=True, text=True, check=True)
    current = None
    for line in run.stdout.split("\n"):
        if ":     file format " in line:
            current = result[line.split(":     file format ")[0]]
            continue
        match = SYMBOL.match(line)
        if match:
            current.add(match.group(1), match.group(2), int(match.group(3), 16), match.group(4))
    return result


def objects(root, build, scopes):
    """source -> object, of the sources below the scopes, as CMake mirrors them below CMakeFiles/<target>.dir. A source
    that several programs compile is taken from its library."""
    result = {}
    top = os.path.join(build, "CMakeFiles")
    targets = [name for name in os.listdir(top) if name.endswith(".dir")] if os.path.isdir(top) else []
    for target in sorted(targets):
        folder = os.path.join(top, target)
        for where, _, names in os.walk(folder):
            for name in names:
                source = os.path.relpath(os.path.join(where, name), folder).replace(os.sep, "/")[:-2]
                ours = name.endswith(".o") and any(source.startswith(scope + "/") for scope in scopes)
                if ours and os.path.exists(os.path.join(root, source)):  # not those of sources that are gone
                    result.setdefault(source, os.path.join(where, name))
    return result


# ---- who needs whom --------------------------------------------------------------------------------------------------


class Structure:
    """files: path -> {path that it includes: line}; calls: path of a .c -> {path of a .c: a symbol}, empty without a
    build folder; missing: sources without an object in it."""

    def __init__(self, root, build=None):
        self.root = root
        self.files, self.calls, self.missing = {}, {}, []
        for scope in SCOPES:
            for path in sources(root, scope):
                self.files[path] = included(root, scope, path)
        if build is not None:
            self.read_objects(build)

    def read_objects(self, build):
        of_source = objects(self.root, build, SCOPES)
        self.missing = [path for path in self.files if path.endswith(".c") and path not in of_source]
        table = read_symbols(of_source.values())
        home = {}  # (scope, symbol) -> source
        for source, path in of_source.items():
            for name in table[path].defined:
                home[self.scope(source), name] = source
        for source, path in of_source.items():
            needs = {}
            for name in sorted(table[path].undefined):
                target = home.get((self.scope(source), name)) or home.get(("core", name))
                if target is not None and target != source:
                    needs.setdefault(target, name)
            self.calls[source] = needs

    def scope(self, path):
        return next(scope for scope in SCOPES if path.startswith(scope + "/"))

    def needs(self):
        """unit -> units."""
        result = {unit_of(path): set() for path in self.files}
        for path, targets in list(self.files.items()) + list(self.calls.items()):
            result[unit_of(path)] |= {unit_of(target) for target in targets}
        return {unit: {n for n in needed if n != unit and n in result} for unit, needed in result.items()}

    def arrows_up(self, levels=None):
        """(file, line, needed file, symbol or None): what points to a folder that is not below. A symbol's arrow is
        left out if the file includes the header of where it is defined: that is the same arrow."""
        levels = LEVELS if levels is None else levels

        def up(path, target):
            here, there = folder_of(path), folder_of(target)
            return here != there and there not in levels.get(here, ())

        for path, targets in self.files.items():
            for target, line in sorted(targets.items()):
                if up(path, target):
                    yield path, line, target, None
        for path, calls in self.calls.items():
            for target, name in sorted(calls.items()):
                if up(path, target) and unit_of(target) + ".h" not in self.files[path]:
                    yield path, 1, target, name

    def knots(self, least=2):
        """(where, units) of each knot: within each folder ("core/log": the units' bare names), and across several
        folders ("core": with their folders)."""
        needs = self.needs()
        folders = {os.path.dirname(unit) for unit in needs}
        for folder in sorted(folders):
            inside = {unit for unit in needs if os.path.dirname(unit) == folder}
            for knot in components({unit: needs[unit] & inside for unit in inside}):
                if len(knot) >= least:
                    yield folder, sorted(os.path.basename(unit) for unit in knot)
        for knot in components(needs):
            if len(knot) >= least and len({os.path.dirname(unit) for unit in knot}) > 1:
                scope = self.scope(knot[0] + ".c")
                yield scope, sorted(unit[len(scope) + 1 :] for unit in knot)


def components(needs):
    """The strongly connected components of a graph (Tarjan, without recursion)."""
    index, low, on_stack, stack, result = {}, {}, set(), [], []
    for start in sorted(needs):
        if start in index:
            continue
        path = [(start, iter(sorted(needs[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while path:
            node, following = path[-1]
            target = next(following, None)
            if target is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    result.append(sorted(stack[at:]))
                    on_stack.difference_update(stack[at:])
                    del stack[at:]
            elif target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                on_stack.add(target)
                path.append((target, iter(sorted(needs[target]))))
            elif target in on_stack:
                low[node] = min(low[node], index[target])
    return result
