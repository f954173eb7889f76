#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages, made from what the programs say of themselves: --help, and the usage lines of the commands.

    man.py --programs FOLDER --modules FOLDER --out FOLDER

Why     A page that somebody writes beside the program is wrong a year later. So: geomys-server(1), geomys-cli(1) and
        geomys-log(1) are their --help; geomys-commands(7) are the commands of the host, and each module's own,
        geomys-kv(7), are what a server that has loaded it answers to COMMAND USAGE and COMMAND DOCS.
Idea    The server that is asked listens on a Unix socket in a folder of its own, keeps nothing, and is ended by its
        process id."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

PATIENCE_S = 60


def escape(text):
    """As a text line of roff: nothing in it is a request."""
    for plain, name in (("\\", "(rs"), ("-", "-"), ("'", "(aq"), ("^", "(ha"), ("~", "(ti")):
        text = text.replace(plain, "\\" + name)
    return ("\\&" + text if text.startswith(".") else text).replace("\t", "    ")


def page(name, section, version, summary, body):
    """A whole page. `body` holds lines that are roff already."""
    head = [f'.TH "{name.upper()}" "{section}" "" "Geomys {escape(version)}" "Geomys"',
            ".SH NAME", f"{escape(name)} \\- {escape(summary)}"]
    return "\n".join(head + body) + "\n"


def literal(text):
    return [".nf", *(escape(line) for line in text.rstrip("\n").split("\n")), ".fi"]


# ---- programs ----

OPTION = re.compile(r"^  (--?\S+(?: <[^>]+>)?)(?:\s{2,}(.*))?$")


def of_help(text):
    """Options become tagged paragraphs, all else stays as it stands."""
    body, plain = [".SH DESCRIPTION"], []
    for line in text.split("\n"):
        option = OPTION.match(line)
        if option is None and not (body[-1].startswith(".BR") and line.startswith("      ")):
            plain.append(line)
            continue
        if any(item.strip() for item in plain):
            body += [".PP", *literal("\n".join(plain).strip("\n"))]
        plain = []
        if option is None:
            body[-1:] = [body[-1], escape(line.strip())]
            continue
        body += [".TP", f'.BR "{escape(option[1])}"']
        if option[2]:
            body.append(escape(option[2]))
    if any(item.strip() for item in plain):
        body += [".PP", *literal("\n".join(plain).strip("\n"))]
    return body


def printed(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


PROGRAMS = {
    "geomys-server": "a store that knows no data type: each is a module",
    "geomys-cli": "talk to a Geomys server, or any that speaks its protocol",
    "geomys-log": "look at the files of a Geomys log",
}


def pages_of_programs(folder, version):
    for name, summary in PROGRAMS.items():
        text = printed(os.path.join(folder, name), "--help")
        others = [f"{other}(1)" for other in PROGRAMS if other != name]
        more = [".SH SEE ALSO", escape(", ".join([*others, "geomys-commands(7)"]))]
        yield f"{name}.1", page(name, 1, version, summary, of_help(text) + more)


# ---- commands ----


class Asked:
    """with Asked(programs, modules) as ask: ask("COMMAND", "DOCS")"""

    def __init__(self, programs, modules):
        self.programs = programs
        self.folder = tempfile.TemporaryDirectory(prefix="geomys-man-")
        self.socket = os.path.join(self.folder.name, "socket")
        self.process = subprocess.Popen(
            [os.path.join(programs, "geomys-server"), "--external-port=0", f"--unix-socket={self.socket}",
             "--persistence=none", f"--data-folder={self.folder.name}/data", f"--module-folder={modules}",
             "--log-level=warning"], stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.folder.name})

    def __enter__(self):
        deadline = time.monotonic() + PATIENCE_S
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                sys.exit("man.py: the server that was to be asked did not start; it says why above")
            time.sleep(0.01)
        return self.ask

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.folder.cleanup()

    def ask(self, *command):
        return json.loads(printed(os.path.join(self.programs, "geomys-cli"), "-s", self.socket, "--json", *command))


def flat(docs):
    """Name -> what is known of it, sub-commands as "config|get"."""
    found = {}
    for name, entry in docs.items():
        found[name] = entry
        found.update(flat(entry.get("subcommands", {})))
    return found


def of_command(usage, entry):
    body = [".TP", f'.B "{escape(usage)}"', escape(entry["summary"])]
    if entry.get("complexity"):
        body += [".br", f"Complexity: {escape(entry['complexity'])}"]
    return body


def pages_of_commands(ask, version):
    usages, docs = ask("COMMAND", "USAGE"), flat(ask("COMMAND", "DOCS"))
    rooms = {}
    for name, told in usages.items():
        usage = told["usage"] if isinstance(told, dict) else told
        entry = docs[name]
        module = entry.get("module", "")
        rooms.setdefault(module, {}).setdefault(entry.get("group", "generic"), []).append((usage, entry))
    for module, groups in sorted(rooms.items()):
        name = f"geomys-{module.split('.')[-1]}" if module else "geomys-commands"
        body = [".SH DESCRIPTION",
                "One paragraph for each command: its usage line, what it does, and what it costs. "
                "In a usage line, words in capitals are typed as they stand, [ ] may be left out, < > holds a choice, "
                "and ... repeats."]
        for group, commands in sorted(groups.items()):
            body.append(f'.SH "{escape(group.upper())}"')
            for usage, entry in sorted(commands, key=lambda item: item[0]):
                body += of_command(usage, entry)
        summary = f"the commands of the module {module}" if module else "the commands that every Geomys server has"
        yield f"{name}.7", page(name, 7, version, summary, body)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", required=True)
    parser.add_argument("--modules", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    version = printed(os.path.join(options.programs, "geomys-server"), "--version").split()[1]
    pages = dict(pages_of_programs(options.programs, version))
    with Asked(options.programs, options.modules) as ask:
        pages.update(pages_of_commands(ask, version))
    os.makedirs(options.out, exist_ok=True)
    for name, text in pages.items():
        with open(os.path.join(options.out, name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
