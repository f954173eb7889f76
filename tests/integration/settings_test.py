#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Settings that a module declares: in the file under its name, as flags, by CONFIG GET, SET and REWRITE, read again
with SIGHUP, shown by --help; and what is said of those that are wrong.

The module is tests/integration/modules/table.c."""

import json
import os
import shutil
import signal
import subprocess

from support.client import Error
from support.runner import Skip, equal, run
from support.server import BUILD, PROGRAM, Folder, Server, run_refused, wait_until

MODULE = os.path.join(BUILD, "tests", "modules", "table.so")
DEFAULTS = [10, 65536, 250, 0, b"0.1", 1]


def module():
    if not os.path.exists(MODULE):
        raise Skip(f"{MODULE} is not built: cmake --build {BUILD} --target tests")
    return MODULE


def write(folder, text):
    path = os.path.join(folder, "geomys.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


def start(folder, text=None, **flags):
    if text is not None:
        flags["config"] = write(folder, text)
    where = os.path.join(folder, "modules")
    os.mkdir(where)
    shutil.copy(module(), where)
    return Server(folder, modules=where, **{"persistence": "none", **flags})


def got(client, pattern="test.table.*"):
    answer = client.call("CONFIG", "GET", pattern)
    return dict(zip(*[iter(word.decode() for word in answer)] * 2)) if isinstance(answer, list) else answer


def refused(folder, text, *parts, flags=()):
    path = write(folder, text)
    code, said = run_refused(f"--config={path}", f"--modules={module()}", f"--data_folder={folder}/data", "--port=0",
                             f"--unix_socket={folder}/s", *flags)
    assert code in (1, 2), (code, said)
    line = said.strip().splitlines()[-1]
    for part in parts:
        assert part in line, (part, line)
    assert not os.path.exists(os.path.join(folder, "data")), "refused, yet there is a data folder"


def test_defaults_file_and_flags():
    with Folder() as folder, start(folder) as server, server.client() as client:
        equal(client.call("TABLE.SETTINGS"), DEFAULTS)
        equal(got(client), {"test.table.page": "10", "test.table.room": "65536", "test.table.wait_ms": "250",
                            "test.table.loud": "false", "test.table.factor": "0.1", "test.table.order": "down"})
        equal(got(client, "test.table.ord?r"), {"test.table.order": "down"})
        assert "test.table.page" in got(client, "*")
    text = ('{ "modules": ["%s"], '
            '"test.table": { "page": -3, "room": "1mb", "loud": true, "factor": 1e-3, "order": "up" } }')
    with Folder() as folder:
        flags = {"module_folder": None, "test.table.order": "none-at-all", "test.table.wait-ms": "7"}
        with Server(folder, modules=None, config=write(folder, text % module()), persistence="none", **flags) as server:
            with server.client() as client:  # the file alone says which modules there are
                equal(client.call("TABLE.SETTINGS"), [-3, 1048576, 7, 1, b"0.001", 2], "a flag wins over the file")


def test_what_is_wrong_is_said_with_its_place():
    def inside(members):
        return '{ "port": 1,\n  "test.table": { %s } }'.replace('"port"', '"external_port"') % members

    with Folder() as folder:
        refused(folder, inside('"page": 2000'), "geomys.conf:2:27", '"test.table.page" must be between -5 and 1000')
        refused(folder, inside('"page": 1.5'), "geomys.conf:2:27", "a whole number")
        refused(folder, inside('"page": "5"'), "geomys.conf:2:27", "must be a whole number, not a text")
        refused(folder, inside('"loud": 1'), "must be true or false, not a number")
        refused(folder, inside('"order": "sideways"'), "must be one of: up down none-at-all", "sideways")
        refused(folder, inside('"factor": 0.6'), "must be between 1e-09 and 0.5", "0.6")
        refused(folder, inside('"factor": null'), "must be a number, a text, true or false")
        refused(folder, inside('"page": 1, "page": 2'), '"test.table.page" was already given')
        refused(folder, inside('"paeg": 1'), "geomys.conf:2:27", 'no setting "test.table.paeg"; the module test.table '
                "has: page, room, wait_ms, loud, factor, order")
        refused(folder, '{ "acme.bloom": { "size": 1 } }', "geomys.conf:1:27",
                'no setting "acme.bloom.size": no module acme.bloom that has settings is loaded')
        refused(folder, '{ "test.table": 5 }', "geomys.conf:1:17", '"test.table" must be an object')
        refused(folder, '{ "test.table": {}, "test.table": {} }', '"test.table" was already given')
        refused(folder, "{}", "--test.table.page", "must be a whole number", flags=["--test.table.page=many"])
        refused(folder, "{}", "--test.table.none", 'no setting "test.table.none"', flags=["--test.table.none", "5"])
        refused(folder, "{}", "--test.table.page needs a value", flags=["--test.table.page"])
        refused(folder, inside('"page": 2000'), "must be between", flags=["--test.table.page=1"])


def test_a_change_holds_from_the_next_command_on():
    with Folder() as folder, start(folder) as server, server.client() as client:
        client.call("TABLE.SET", "t", *[word for i in range(20) for word in (f"f{i:02}", "1")])
        equal(len(client.call("TABLE.PAGE", "t")), 10)
        equal(client.call("CONFIG", "SET", "test.table.page", "3", "test.table.factor", "0.25"), b"OK")
        equal(len(client.call("TABLE.PAGE", "t")), 3)
        equal(client.call("TABLE.SETTINGS")[4], b"0.25")
        answers = client.pipeline([("MULTI",), ("TABLE.PAGE", "t"), ("CONFIG", "SET", "test.table.page", "4"),
                                   ("TABLE.PAGE", "t"), ("EXEC",)])[-1]
        equal([len(answers[0]), answers[1], len(answers[2])], [3, b"OK", 4])
        for pairs, words in ((("test.table.page", "5000"), "must be between -5 and 1000"),
                             (("test.table.page", "5", "test.table.page", "6"), "duplicate parameter"),
                             (("maxclients", "77", "test.table.order", "left"), "must be one of"),
                             (("test.table.page", "5", "maxclients", "none"), "whole number"),
                             (("test.table.none", "5"), "the module test.table has: page"),
                             (("acme.bloom.size", "5"), "no module acme.bloom")):
            answer = client.call("CONFIG", "SET", *pairs)
            assert isinstance(answer, Error) and words in answer, (pairs, answer)
        equal(client.call("TABLE.SETTINGS"), [4, 65536, 250, 0, b"0.25", 1], "all or none")
        assert got(client, "maxclients")["maxclients"] != "77"


def test_it_is_rewritten_and_read_again():
    text = '{\n  "test.table": { "page": 3,\n     "room": "1mb" },\n  "maxclients": 50\n}\n'
    with Folder() as folder, start(folder, text) as server, server.client() as client:
        equal(client.call("CONFIG", "SET", "test.table.page", "4", "test.table.order", "up", "maxclients", "60"), b"OK")
        equal(client.call("CONFIG", "REWRITE"), b"OK")
        path = os.path.join(folder, "geomys.conf")
        with open(path, encoding="utf-8") as file:
            text = '{\n  "test.table": { "page": 4,\n     "room": "1mb", "order": "up" },\n  "maxclients": 60\n}\n'
            equal(file.read(), text)
        write(folder, '{ "test.table": { "page": 8, "loud": true } }')
        os.kill(server.pid, signal.SIGHUP)
        told = [8, 65536, 250, 1, b"0.1", 0]  # what left the file has its default, what it never said stays
        wait_until(lambda: client.call("TABLE.SETTINGS") == told, "the file was read again")
        assert "changed: " in server.text() and "test.table.page" in server.text()
        write(folder, '{ "test.table": { "page": 9000 } }')
        os.kill(server.pid, signal.SIGHUP)
        wait_until(lambda: "nothing is changed: " in server.text(), "it is refused")
        equal(client.call("TABLE.SETTINGS")[0], 8)
    with Folder() as folder, start(folder, "{}") as server, server.client() as client:
        equal(client.call("CONFIG", "SET", "test.table.factor", "0.125", "test.table.loud", "yes"), b"OK")
        equal(client.call("CONFIG", "REWRITE"), b"OK")
        with open(os.path.join(folder, "geomys.conf"), encoding="utf-8") as file:
            equal(json.load(file), {"test.table": {"loud": True, "factor": 0.125}})
        server.restart()
        with server.client() as again:
            equal(again.call("TABLE.SETTINGS"), [10, 65536, 250, 1, b"0.125", 1])


def test_help_shows_them_when_modules_are_given():
    def told(*args):
        return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60, check=False)

    text = told(f"--modules={module()}", "--help").stdout
    for part in ("of the modules, in the file under the name of the module",
                 "  --test.table.page=NUMBER\n      How many fields",
                 "--test.table.order=TEXT\n      A word, for the tests. One of: up down none-at-all. Default: down.",
                 "--test.table.factor=NUMBER\n      A number, for the tests. Default: 0.1."):
        assert part in text, text[-1500:]
    assert "test.table" not in told("--help").stdout
    with Folder() as folder:
        odd = shutil.copy(__file__, os.path.join(folder, "odd.so"))
        done = told(f"--modules={odd}", "--help")
        assert done.returncode == 1 and "odd.so" in done.stderr, done


if __name__ == "__main__":
    run(globals())
