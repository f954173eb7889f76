#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The first five minutes: which modules a server finds by itself, and what is where once it is installed.

Idea    What the build folder would install goes into a folder of the test's own, and is used from there as a person
        would use it: no flag names a module, a header or a folder."""

import os
import re
import shutil
import subprocess

from support.client import Client
from support.runner import Skip, equal, run
from support.server import BUILD, MODULES, PATIENCE_S, PROGRAM, SANITIZED, Folder, free_port, wait_until


class Started:
    """with Started(program, folder, *flags) as server: text() is what it has said once it serves"""

    def __init__(self, program, folder, *flags):
        self.port = free_port()
        self.output = os.path.join(folder, "said.txt")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([program, f"--port={self.port}", *flags], stdin=subprocess.DEVNULL,
                                            stderr=output, env={**os.environ, "HOME": folder}, cwd=folder)

    def text(self):
        with open(self.output, encoding="utf-8") as output:
            return output.read()

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server has ended instead\n{self.text()}")
        return re.search(r"ready: (\d+) modules, (\d+) commands, (\d+) keys", self.text())

    def __enter__(self):
        try:
            self.counts = [int(count) for count in wait_until(self.ready, "ready").groups()]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            self.process.wait()


def placed(folder):
    """The server alone, in bin/ of a new folder."""
    programs = os.path.join(folder, "bin")
    os.mkdir(programs)
    return shutil.copy(PROGRAM, programs)


def some(folder, *names):
    os.makedirs(folder)
    for name in names:
        shutil.copy(os.path.join(MODULES, f"{name}.so"), folder)


# ---- which modules ----


def test_no_modules_beside_it():
    with Folder() as folder:
        program = placed(folder)
        with Started(program, folder) as server:
            equal(server.counts[0], 0)
            warnings = [line for line in server.text().splitlines() if " warn " in line]
            equal(len(warnings), 1)
            assert "--module_folder" in warnings[0] and "--modules" in warnings[0], warnings
            with Client(server.port) as client:
                equal(client.call("DBSIZE"), 0)


def test_none_on_purpose():
    for flags, file in ((["--modules="], None), ([], '{ "modules": [] }'), (["--module_folder="], None)):
        with Folder() as folder:
            program = placed(folder)
            some(os.path.join(folder, "bin", "modules"), "kv")
            if file is not None:
                os.mkdir(os.path.join(folder, ".geomys"))
                with open(os.path.join(folder, ".geomys", "geomys.conf"), "w", encoding="ascii") as settings:
                    settings.write(file)
            with Started(program, folder, *flags) as server:
                equal((flags, file, server.counts[0]), (flags, file, 0))
                assert " warn " not in server.text(), server.text()


def test_modules_beside_it():
    with Folder() as folder:
        program = placed(folder)
        some(os.path.join(folder, "bin", "modules"), "kv")
        with Started(program, folder) as server:
            equal(server.counts[0], 1)
            with Client(server.port) as client:
                equal(client.call("CONFIG", "GET", "module_folder")[1].decode(),
                      os.path.realpath(os.path.join(folder, "bin", "modules")))
                equal(client.call("SET", "key", "value"), b"OK")
        # What is installed comes before what was built.
        some(os.path.join(folder, "lib", "geomys", "modules"), "kv", "counter")
        with Started(program, folder) as server:
            equal(server.counts[0], 2)
            equal(server.counts[2], 1)
        # Through a link, as in ~/bin.
        os.symlink(program, os.path.join(folder, "linked"))
        with Started(os.path.join(folder, "linked"), folder) as server:
            equal(server.counts[0], 2)
        # A person's own choice comes before either.
        with Started(program, folder, f"--modules={MODULES}/kv.so,{MODULES}/counter.so,{MODULES}/deque.so") as server:
            equal(server.counts[0], 3)


# ---- what is installed ----


def tool(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def need(*programs):
    if SANITIZED:
        raise Skip("a build with sanitizers is not installed")
    for program in programs:
        if shutil.which(program) is None:
            raise Skip(f"there is no {program}")


def installed(folder):
    prefix = os.path.join(folder, "prefix")
    tool("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


MODULE = """
#include <geomys/module.h>
static void plan_hello(struct gm_call *call) { gm_reply_status(call, "hello"); }
static const struct gm_command commands[] = {{.size = sizeof (struct gm_command), .usage = "HI", .flags = GM_READ,
    .summary = "Says hello.", .complexity = "O(1)", .plan = plan_hello}};
GM_MODULE(.name = "acme.hi", .version = "1.0.0", .commands = commands, .command_count = 1)
"""


def test_an_installed_server():
    need("cmake", "pkg-config", "gcc")
    with Folder() as folder:
        prefix = installed(folder)
        with Started(os.path.join(prefix, "bin", "geomys-server"), folder) as server:
            equal(server.counts[0], 3)
            cli = os.path.join(prefix, "bin", "geomys-cli")
            equal(tool(cli, "-p", str(server.port), "PUSH", "list", "a", "b").strip(), "2")
        # A module author has nothing but what is installed.
        environment = {**os.environ, "PKG_CONFIG_PATH": os.path.join(prefix, "lib", "pkgconfig")}
        flags = tool("pkg-config", "--cflags", "geomys", env=environment).split()
        assert any(os.path.samefile(flag[2:], os.path.join(prefix, "include")) for flag in flags), flags
        source, module = os.path.join(folder, "hi.c"), os.path.join(folder, "hi.so")
        with open(source, "w", encoding="ascii") as file:
            file.write(MODULE)
        tool("gcc", "-shared", "-fPIC", "-Wall", "-Werror", *flags, source, "-o", module)
        with Started(os.path.join(prefix, "bin", "geomys-server"), folder, f"--modules={module}") as server:
            with Client(server.port) as client:
                equal(client.call("HI"), b"hello")
        where = tool("pkg-config", "--variable=moduledir", "geomys", env=environment).strip()
        equal(sorted(os.listdir(where)), ["counter.so", "deque.so", "kv.so"])


def test_manual_pages():
    """Each program and each command has its words in one, and nothing in them is taken for a request."""
    need("cmake")
    with Folder() as folder:
        prefix = installed(folder)
        pages = {}
        for section in ("man1", "man7"):
            place = os.path.join(prefix, "share", "man", section)
            for name in os.listdir(place):
                with open(os.path.join(place, name), encoding="utf-8") as page:
                    pages[name] = page.read()
        equal(sorted(pages), ["geomys-cli.1", "geomys-commands.7", "geomys-counter.7", "geomys-deque.7", "geomys-kv.7",
                              "geomys-log.1", "geomys-server.1"])
        for name, text in pages.items():
            for line in text.splitlines():
                assert not line.startswith("'") and (not line.startswith(".") or re.match(
                    r"\.(TH|SH|PP|TP|B|BR|br|nf|fi)( |$)", line)), f"{name}: {line}"
            assert len(text) > 500, f"{name} says nothing"
        assert "\\-\\-maxmemory=SIZE" in pages["geomys-server.1"]
        assert ".B \"LPUSH key element...\"" in pages["geomys-deque.7"], pages["geomys-deque.7"]
        for name in pages:
            if shutil.which("groff") is not None:
                said = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=pages[name], text=True,
                                      capture_output=True, check=False)
                equal((name, said.stderr), (name, ""))


def test_the_package():
    """The .deb, taken apart: its settings, its unit's line, and a server that runs from where it lies."""
    need("cpack", "dpkg-deb", "dpkg-shlibdeps")
    with Folder() as folder:
        tool("cpack", "-B", os.path.join(folder, "made"), "--config", os.path.join(BUILD, "CPackConfig.cmake"),
             cwd=folder)
        [package] = [name for name in os.listdir(os.path.join(folder, "made")) if name.endswith(".deb")]
        package = os.path.join(folder, "made", package)
        root = os.path.join(folder, "root")
        tool("dpkg-deb", "-x", package, root)
        tool("dpkg-deb", "-e", package, os.path.join(root, "DEBIAN"))
        control = tool("dpkg-deb", "-f", package, "Depends")
        for library in ("libcjson1", "libjemalloc2", "libzstd1", "passwd"):
            assert library in control, control
        with open(os.path.join(root, "DEBIAN", "conffiles"), encoding="ascii") as files:
            equal(files.read(), "/etc/geomys/geomys.conf\n")
        for script in ("postinst", "prerm", "postrm"):
            tool("sh", "-n", os.path.join(root, "DEBIAN", script))
        unit = os.path.join(root, "usr", "lib", "systemd", "system", "geomys.service")
        with open(unit, encoding="ascii") as file:
            [line] = re.findall(r"^ExecStart=(.*)$", file.read(), re.M)
        words = [re.sub(r"(^|=)/", rf"\1{root}/", word) for word in line.split()]
        with Started(words[0], folder, *words[1:], f"--data_folder={folder}/data") as server:
            equal(server.counts[0], 3)
            with Client(server.port) as client:
                equal(client.call("CONFIG", "GET", "persistence")[1], b"writethroughdisk")
        if shutil.which("systemd-analyze") is not None:
            # Rooted there, so that it looks for the programs where they lie.
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
                                  check=False).stderr
            wrong = [line for line in said.splitlines() if "geomys.service" in line and "is not executable" not in line]
            equal(wrong, [])


if __name__ == "__main__":
    run(globals())
