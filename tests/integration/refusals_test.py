#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every refusal at start: the right exit code, one sentence on standard error that helps, and nothing touched.

Idea    Standard error also carries the server's log, whose lines begin with a time. Of the other lines there must be
        exactly one, "geomys-server: ...". Exit code 1: the world refuses; 2: the arguments or the settings are wrong.
"""

import os
import re
import resource
import shutil
import socket
import subprocess
import sys

from support.client import Error
from support.runner import Skip, equal, run
from support.server import BUILD, LOG_PROGRAM, MODULES, PROGRAM, Folder, Server, free_port, run_refused

BROKEN = os.path.join(BUILD, "tests", "broken")
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z (debug|info |warn |error) ")


def refused(code, parts, *args, **options):
    """Asserts the code, the one sentence and that it holds each of the parts; returns it."""
    found, text = run_refused(*args, **options)
    lines = [line for line in text.splitlines() if not LOG_LINE.match(line)]
    what = f"{' '.join(args)}\n{text}"
    assert found == code, f"exit code {found} instead of {code}: {what}"
    assert len(lines) == 1 and lines[0].startswith("geomys-server: "), f"not one sentence: {what}"
    sentence = lines[0][len("geomys-server: "):]
    for part in parts:
        assert part in sentence, f"'{part}' is not in: {sentence}"
    assert len(sentence) > 10 and "%" not in sentence and "(null)" not in sentence, sentence
    return sentence


def base(folder, **settings):
    settings = {"port": free_port(), "data_folder": os.path.join(folder, "data"), **settings}
    return [f"--{name}={value}" for name, value in settings.items()]


# ---- modules ----


def test_broken_modules():
    if not os.path.isdir(BROKEN):
        raise Skip(f"there is no {BROKEN}: build the target 'tests'")
    companions = {"same_command": "fine", "same_type": "fine"}
    parts = {"abi_major": ["ABI", "this server has"], "abi_minor": ["newer server"], "abi_older": ["geomys/version.h"],
             "bad_usage": ["column 13"],
             "needs": ["teleport/7", "wait/2"], "unresolved": ["no_host_has_this_function"], "twice": ["twice"],
             "same_command": ["odd.get", "odd.fine 1.2.3"], "same_type": ["odd.fine/1"]}
    count = 0
    for name in sorted(name[:-3] for name in os.listdir(BROKEN) if name.endswith(".so")):
        if name == "fine":
            continue
        with Folder() as folder:
            modules = os.path.join(folder, "modules")
            os.mkdir(modules)
            for one in [name, companions.get(name, name)]:
                shutil.copy(os.path.join(BROKEN, one + ".so"), modules)
            refused(1, ["module ", f"/{name}.so: ", *parts.get(name, [])], *base(folder, module_folder=modules))
            assert not os.path.exists(os.path.join(folder, "data")), f"{name}: refused, yet there is a data folder"
        count += 1
    assert count >= 15, count


def test_what_is_no_module():
    with Folder() as folder:
        with open(os.path.join(MODULES, "kv.so"), "rb") as file:
            whole = file.read()
        cases = [("text", b"not a shared object at all\n" * 10), ("empty", b""), ("one", b"\x7f")]
        cases += [(f"cut{size}", whole[:size]) for size in (20, 63, 64, 100, 600, 3000, 5000, 9000)]
        cases.append(("other machine", whole[:18] + b"\xb7\0" + whole[20:]))
        for name, text in cases:
            path = os.path.join(folder, f"{name}.so")
            with open(path, "wb") as file:
                file.write(text)
            refused(1, [f"{name}.so"], *base(folder, modules=path))
        refused(1, ["no-such.so"], *base(folder, modules=os.path.join(folder, "no-such.so")))
        refused(1, [os.path.join(folder, "nowhere")], *base(folder, module_folder=os.path.join(folder, "nowhere")))
        file = os.path.join(folder, "file")
        open(file, "w").close()
        refused(1, [file], *base(folder, module_folder=file))
        many = os.path.join(folder, "many")
        os.mkdir(many)
        for number in range(257):
            open(os.path.join(many, f"m{number}.so"), "wb").close()
        refused(1, [many, "more than 256 modules"], *base(folder, module_folder=many))


def test_more_modules_than_a_folder_may_have():
    """None is left out in silence. 256 are looked at: then the first, which is empty, is what is refused."""
    with Folder() as folder:
        for number in range(256):
            open(os.path.join(folder, f"{number:03}.so"), "w").close()
        refused(1, ["000.so", "the file is empty"], *base(folder, module_folder=folder))
        open(os.path.join(folder, "256.so"), "w").close()
        refused(1, [folder, "more than 256 modules"], *base(folder, module_folder=folder))


def test_a_module_twice():
    with Folder() as folder:
        kv = os.path.join(MODULES, "kv.so")
        refused(1, ["kv.so", "loaded already"], *base(folder, modules=kv, module_folder=MODULES))
        refused(1, ["kv.so", "loaded already"], *base(folder, modules=f"{kv},{kv}"))
        copy = os.path.join(folder, "copied.so")
        shutil.copy(kv, copy)
        refused(1, ["copied.so"], *base(folder, modules=f"{kv},{copy}"))


# ---- settings ----


def config_refused(folder, text, *parts):
    path = os.path.join(folder, "geomys.conf")
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return refused(2, [path, *parts], f"--config={path}", *base(folder))


def test_settings_files():
    with Folder() as folder:
        config_refused(folder, '{\n  "persistance": "none"\n}', "2:3", '"persistence"')
        config_refused(folder, '{\n  "node_id": "one"\n}', "2:")
        config_refused(folder, '{ "node_id": 0 }', "1:")
        config_refused(folder, '{\n "node_id": 1,\n "node_id": 2 }', "3:2")
        config_refused(folder, '{ "persistence": "sometimes" }', "1:", "writethroughdisk")
        config_refused(folder, '{ "node_id": 1', "1:")
        config_refused(folder, "", "1:1")
        config_refused(folder, b"\xff\xfe\0{}", "1:1")
        config_refused(folder, "[" * 100000, "1:9")
        config_refused(folder, '{ "node_id": 1 } x', "1:18")
        refused(2, [os.path.join(folder, "absent.conf")], f"--config={os.path.join(folder, 'absent.conf')}")
        refused(2, [folder], f"--config={folder}", *base(folder))
        # The usual place counts, too.
        home = os.path.join(folder, "home")
        os.makedirs(os.path.join(home, ".geomys"))
        with open(os.path.join(home, ".geomys", "geomys.conf"), "w") as file:
            file.write('{\n\t"shards!": 1 }')
        refused(2, [".geomys/geomys.conf", "2:2"], home=home)


def test_flags():
    with Folder() as folder:
        refused(2, ["persistance", "persistence"], "--persistance=none")
        refused(2, ["port", "70000"], "--port=70000")
        refused(2, ["node_id"], "--node_id=abc")
        refused(2, ["persistence", "never"], "--persistence=never")
        refused(2, ["word"], "word")
        refused(2, ["port"], "--port")
        refused(2, ["wal_segment_size"], "--wal_segment_size=1kb")
        refused(2, [os.path.join(folder, "absent")], f"--password_file={os.path.join(folder, 'absent')}", *base(folder))


def test_other_addresses_need_a_password():
    with Folder() as folder:
        refused(2, ["0.0.0.0", "password", "allow_insecure"], *base(folder, bind="0.0.0.0"))
        refused(2, ["password"], *base(folder, bind="127.0.0.1,::"))
        assert not os.path.exists(os.path.join(folder, "data"))
        with Server(folder, persistence="none", bind="0.0.0.0", password="secret") as server:
            with server.client(password=None) as client:
                answer = client.call("DBSIZE")
                assert isinstance(answer, Error) and answer.code == "NOAUTH", answer
            with server.client() as client:
                equal(client.call("DBSIZE"), 0)
                answer = client.call("CONFIG", "SET", "password", "")
                assert isinstance(answer, Error), "the password of an open port cannot be taken away"
        with Server(folder, persistence="none", bind="0.0.0.0", allow_insecure=True) as server:
            with server.client() as client:
                equal(client.call("DBSIZE"), 0)
            assert "allow_insecure" in server.text()


# ---- the machine ----


def test_the_port_is_in_use():
    with Folder() as folder, socket.socket() as other:
        port = free_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        refused(1, [f"127.0.0.1:{port}", "in use"], *base(folder, port=port, persistence="none"))
        refused(1, ["192.0.2.1"], *base(folder, bind="192.0.2.1", password="x", persistence="none"))
        path = os.path.join(folder, "no", "socket")
        refused(1, [path], *base(folder, unix_socket=path))


def test_a_second_server_on_the_same_data():
    with Folder() as folder, Server(folder, persistence="writethroughdisk") as server:
        with server.client() as client:
            equal(client.call("SET", "k", "v"), b"OK")
        refused(1, [os.path.join(folder, "data"), "another"], *base(folder, module_folder=MODULES))
        with server.client() as client:
            equal(client.call("GET", "k"), b"v")
            equal(client.call("SET", "k", "w"), b"OK")
        server.restart()
        with server.client() as client:
            equal(client.call("GET", "k"), b"w")


def test_folders_that_can_not_be_used():
    with Folder() as folder:
        file = os.path.join(folder, "file")
        open(file, "w").close()
        refused(1, [file], *base(folder, data_folder=file))
        refused(1, [file], *base(folder, data_folder=os.path.join(file, "below")))
        refused(1, ["/proc/nowhere"], *base(folder, data_folder="/proc/nowhere"))
        if os.getuid() == 0:
            sys.stdout.write("(root: permissions are tried as another user)\n")
        closed = os.path.join(folder, "closed")
        os.mkdir(closed)
        os.chmod(closed, 0o555)
        os.chmod(folder, 0o755)

        def become_somebody():
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)

        for program_folder in (os.path.dirname(PROGRAM),):
            probe = subprocess.run(["test", "-x", PROGRAM], preexec_fn=become_somebody)
            if probe.returncode != 0:
                print(f"***** SKIPPED unwritable folder: {program_folder} cannot be read by others *****")
                return
        refused(1, [closed], *base(folder, data_folder=closed), before=become_somebody, home="/")
        equal(os.listdir(closed), [])


def test_few_descriptors():
    """Too few for what is needed is a sentence, not a crash."""
    with Folder() as folder:

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (6, 6))

        refused(1, [], *base(folder), before=few)


# ---- damage ----


def flip(path, offset, bit):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def untouched(folder, before, what):
    after = content(folder)
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    assert not changed, f"{what}: refused, yet touched: {changed}"


def content(folder):
    out = {}
    for name in sorted(os.listdir(folder)):
        if name == "lock":  # of whoever tried last
            continue
        with open(os.path.join(folder, name), "rb") as file:
            out[name] = file.read()
    return out


def test_a_damaged_log():
    """A flipped bit in what was acknowledged: refused with the names of the file and of the tool, nothing touched."""
    with Folder() as folder:
        with Server(folder, persistence="writethroughdisk", wal_segment_size="64kb") as server:
            with server.client() as client:
                for number in range(300):
                    equal(client.call("SET", f"k{number}", f"{number}" * 200), b"OK")
            first, *_, last = server.segments()
        assert first != last
        with Server(folder):  # an undamaged log is no reason to refuse
            pass
        for path, offset, bit in [(first, 20000, 3), (first, 9, 0), (first, 40000, 7), (last, 30, 1), (last, 900, 5)]:
            flip(path, offset, bit)
            before = content(os.path.join(folder, "data"))
            refused(1, [os.path.basename(path), "geomys-log verify"], *base(folder, module_folder=MODULES))
            untouched(os.path.join(folder, "data"), before, f"{path} at {offset}")
            if os.path.exists(LOG_PROGRAM):
                done = subprocess.run([LOG_PROGRAM, "verify", path], capture_output=True)
                assert done.returncode != 0, f"geomys-log verify {path}: no complaint about byte {offset}"
            flip(path, offset, bit)
        os.rename(first, first + ".away")
        before = content(os.path.join(folder, "data"))
        refused(1, ["missing"], *base(folder, module_folder=MODULES))
        untouched(os.path.join(folder, "data"), before, "a segment is missing")
        os.rename(first + ".away", first)
        with Server(folder) as server, server.client() as client:
            equal(client.call("DBSIZE"), 300)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_a_log_without_its_beginning():
    """The log has let go of what a snapshot holds, and the snapshot is gone: the log is whole, and yet not enough."""
    with Folder() as folder:
        with Server(folder, persistence="writethroughdisk", wal_segment_size="64kb") as server:
            with server.client() as client:
                for number in range(300):
                    equal(client.call("SET", f"k{number}", f"{number}" * 200), b"OK")
            first, second, *_ = server.segments()
        data = os.path.join(folder, "data")
        oldest = int(re.search(r"wal-(\d+)", second).group(1))
        with open(os.path.join(data, "wal.mark"), "r+b") as file:  # docs/formats/log.md
            for slot in (0, 512):
                file.seek(slot)
                bytes_ = bytearray(file.read(512))
                bytes_[32:40] = oldest.to_bytes(8, "little")
                bytes_[8:12] = crc32c(bytes_[12:]).to_bytes(4, "little")
                file.seek(slot)
                file.write(bytes_)
        os.remove(first)
        before = content(data)
        parts = [f"records 1 to {oldest - 1} ", "put the newest snapshot back"]
        refused(1, parts, *base(folder, module_folder=MODULES))
        untouched(data, before, "the snapshot is missing")
        if os.path.exists(LOG_PROGRAM):
            done = subprocess.run([LOG_PROGRAM, "verify", data], capture_output=True, text=True)
            said = done.stdout + done.stderr
            assert done.returncode == 1 and "put the newest snapshot back" in said, said
            os.remove(second)
            done = subprocess.run([LOG_PROGRAM, "verify", data], capture_output=True, text=True)
            said = done.stdout + done.stderr
            assert done.returncode == 1 and "put" in said and "back" in said, said


if __name__ == "__main__":
    run(globals())
