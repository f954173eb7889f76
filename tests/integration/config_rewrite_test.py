#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""CONFIG REWRITE on real files: what the file is then, who may read it, and what a restart makes of it.

What becomes of the text itself is in tests/unit/node/test_config_rewrite.c."""

import json
import os
import stat

from support.client import Error
from support.runner import equal, run
from support.server import Folder, Server


def write(path, text, mode=0o640):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_the_settings_of_now_are_there_after_a_restart():
    with Folder() as folder:
        etc = os.path.join(folder, "etc")
        os.mkdir(etc)
        path = os.path.join(etc, "geomys.conf")
        link = os.path.join(folder, "link.conf")
        os.symlink(path, link)
        write(path, '{\n  "maxclients": 50,\n  "max_bulk": "1mb",\n  "password": "old"\n}\n')
        with Server(folder, wait=None, config=link) as server:
            server.password = "old"
            server.wait()
            with server.client() as client:
                equal(client.info("server")["config_file"], os.path.realpath(path))
                equal(client.call("CONFIG", "REWRITE"), b"OK")
                equal(read(path), '{\n  "maxclients": 50,\n  "max_bulk": "1mb",\n  "password": "old"\n}\n', "unchanged")
                call = ["maxclients", "60", "slowlog-max-len", "7", "requirepass", "new"]
                equal(client.call("CONFIG", "SET", *call), b"OK")
                equal(client.call("CONFIG", "REWRITE"), b"OK")
            equal(read(path), '{\n  "maxclients": 60,\n  "max_bulk": "1mb",\n  "password": "new",\n'
                  '  "slowlog_max_len": 7\n}\n')
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o640)
            equal(os.listdir(etc), ["geomys.conf"], "nothing is left beside it")
            assert os.path.islink(link)
            server.password = "new"
            server.restart()
            with server.client() as client:
                equal(client.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"60"])
                equal(client.call("CONFIG", "GET", "slowlog-max-len"), [b"slowlog-max-len", b"7"])


def test_flags_and_what_can_not_change():
    with Folder() as folder:
        path = os.path.join(folder, "geomys.conf")
        write(path, '{"node_id": 3}')
        with Server(folder, config=path, maxclients=77) as server, server.client() as client:
            equal(client.call("CONFIG", "REWRITE"), b"OK")
            equal(json.loads(read(path)), {"node_id": 3, "maxclients": 77}, "as Redis: a flag's value is one of now")


def test_refusals_leave_the_file_alone():
    with Folder() as folder:
        etc = os.path.join(folder, "etc")
        os.mkdir(etc)
        path = os.path.join(etc, "geomys.conf")
        write(path, "{}")
        with Server(folder, config=path) as server, server.client() as client:
            equal(client.call("CONFIG", "SET", "maxclients", "60"), b"OK")
            write(path, '{"maxclients" 5}')
            answer = client.call("CONFIG", "REWRITE")
            assert isinstance(answer, Error) and answer.startswith("ERR Rewriting config file: "), answer
            assert f"{os.path.realpath(path)}:1:15: a colon is expected" in answer, answer
            equal(read(path), '{"maxclients" 5}')
            os.remove(path)
            answer = client.call("CONFIG", "REWRITE")
            assert isinstance(answer, Error) and "cannot read" in answer, answer
            equal(os.listdir(etc), [])
            os.mkdir(path)
            answer = client.call("CONFIG", "REWRITE")
            assert isinstance(answer, Error) and "not a regular file" in answer, answer
            os.rmdir(path)
            write(path, "{}")
            equal(client.call("CONFIG", "REWRITE"), b"OK")
            equal(json.loads(read(path)), {"maxclients": 60})


def test_without_a_file():
    with Folder() as folder:
        with Server(folder) as server, server.client() as client:
            answer = client.call("CONFIG", "REWRITE")
            equal(answer, "ERR The server is running without a config file")
            assert isinstance(answer, Error)
            equal(client.info("server")["config_file"], "")


def test_the_file_in_the_usual_place():
    with Folder() as folder:
        os.mkdir(os.path.join(folder, ".geomys"))
        path = os.path.join(folder, ".geomys", "geomys.conf")
        write(path, "{}")
        with Server(folder) as server, server.client() as client:
            equal(client.call("CONFIG", "SET", "timeout", "600"), b"OK")
            equal(client.call("CONFIG", "REWRITE"), b"OK")
            equal(json.loads(read(path)), {"timeout_s": 600})
            assert "is not written" not in server.text()
            equal(client.call("CONFIG", "SET", "requirepass", "new"), b"OK")
            equal(client.call("CONFIG", "REWRITE"), b"OK")
            equal(json.loads(read(path)), {"timeout_s": 600})
            assert "the password was set while the server ran and is not written" in server.text(), server.tail()


if __name__ == "__main__":
    run(globals())
