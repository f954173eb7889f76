#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Modules that are wrong, each in one way: what the server says of each, and that nothing acknowledged is lost.

Idea    One source, tests/integration/modules/wrong.c. What is wrong with a descriptor is defined when it is compiled
        (-DTYPE_FLAGS=1), what is wrong at run time is a command's word (WRONG.WRITE silent key). At load the server
        refuses with one sentence. At run time the client has an error that names module and command, and the log one
        line; the process ends only where the module's own code crashed, exited or does not return, with a sentence of
        its own, and what was acknowledged before is there again."""

import os
import shutil
import signal
import subprocess

from refusals_test import base, refused
from support.client import Error
from support.runner import Skip, equal, run
from support.server import BUILD, MODULES, PATIENCE_S, ROOT, SANITIZED, Folder, Server, run_refused, wait_until

SOURCE = os.path.join(ROOT, "tests", "integration", "modules", "wrong.c")
MODULE = os.path.join(BUILD, "tests", "modules", "wrong.so")

# A sanitizer would take these faults for bugs of the server's, and report them.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0:handle_sigill=0:handle_abort=0"

REMEDY = "build it with this server's headers"

# What is defined, and what the sentence has in it beside the file's name.
LOADS = {
    "MODULE_SIZE=8": ["descriptor has the size 8", REMEDY],
    "MODULE_SIZE=4096": ["descriptor has the size 4096", REMEDY],
    "MODULE_RESERVED=1": ["reserved field", "not zero"],
    "ABI_MAJOR=7": ["built for module ABI 7.", "geomys/version.h"],
    "ABI_MINOR=1": ["built for module ABI 0.1", "geomys/version.h"],
    "ABI_MINOR=99": ["built for module ABI 0.99", "newer server"],
    'MODULE_NAME="wrong"': ["its name, 'wrong'", '"vendor.name"'],
    "MODULE_NAME=NULL": ["its name, 'NULL'"],
    'MODULE_VERSION="1.0"': ["its version, '1.0'", '"1.2.3"'],
    'MODULE_GROUP="two words"': ["its group, 'two words'"],
    'MODULE_SUMMARY="two\\nlines"': ["summary", "one line"],
    "TYPE_COUNT=100000": ["100000 types (at most 256)"],
    "COMMAND_COUNT=100000": ["100000 commands (at most 4096)"],
    "NEED_COUNT=1000": ["1000 needs (at most 64)"],
    'NEED="teleport/7"': ["the interface 'teleport/7'", "this server has wait/"],
    'NEED="call/1"': ["the interface 'call/1'", "to come", "reserved"],
    'NEED="observe/1"': ["the interface 'observe/1'", "to come", "reserved"],
    'NEED="Wait"': ["need number 0", '"wait/'],
    "TYPE_SIZE=8": ["type number 0 has the size 8", REMEDY],
    "TYPE_SIZE=4096": ["type number 0 has the size 4096", REMEDY],
    "TYPE_FLAGS=1": ["'test.wrong/1' has the flags 0x1"],
    'TYPE_ID="test.wrong"': ["'test.wrong'", '"vendor.name/1"'],
    'TYPE_ID="test.wrong/0"': ["'test.wrong/0'", '"vendor.name/1"'],
    'TYPE_ID="geomys.wrong/1"': ["'geomys.wrong/1' has another vendor's name", "begins with 'test.'"],
    'TYPE_ID="testify.wrong/1"': ["'testify.wrong/1' has another vendor's name"],
    'TYPE_NAME=""': ["'test.wrong/1' has no name"],
    "TYPE_APPLY=NULL": ["'test.wrong/1' has no apply"],
    "TYPE_DUMP=NULL": ["'test.wrong/1' has no dump"],
    "TYPE_FREE_SOME=free_some": ["'test.wrong/1' has free_some, but no free"],
    "TYPE_DUE=NULL": ["'test.wrong/1' has plan_due, but no due"],
    "TYPE_PLAN_DUE=NULL": ["'test.wrong/1' has due, but no plan_due"],
    "TYPE_REVISION=2": ["'test.wrong/1' is of revision 2", "no operation came with it", "leave the revision at 1"],
    "TYPE_REVISION=256": ["revision 256", "at most 255"],
    "LATER_COUNT=5000": ["5000 later operations", "1024"],
    "TYPE_LATER={MISDO,2}": ["operation 2 since revision 2", "that of the type, 0"],
    "TYPE_LATER={PUT,1},{MISDO,2} -DTYPE_REVISION=2": ["operation 1 since revision 1", "from 2 on"],
    "TYPE_LATER={MISDO,2},{MISDO,2} -DTYPE_REVISION=2": ["operation 2 twice"],
    "TYPE_LATER={MISDO,2} -DTYPE_REVISION=3": ["is of revision 3", "leave the revision at 2"],
    "LATER=NULL -DLATER_COUNT=2": ["2 operations came later, and names none"],
    'BEFORE="test.wrong/1",0,0,apply_record': ["'test.wrong/1' succeeds 'test.wrong/1'", "lower number"],
    'BEFORE="test.wrong/3",0,0,apply_record -DTYPE_ID="test.wrong/2"': ["succeeds 'test.wrong/3'", "lower number"],
    'BEFORE="test.other/1",0,0,apply_record -DTYPE_ID="test.wrong/2"': ["succeeds 'test.other/1'", "the same name"],
    'BEFORE="wrong",0,0,apply_record -DTYPE_ID="test.wrong/2"': ["succeeds number 0", "vendor.name/1"],
    'BEFORE="test.wrong/1",0,0,NULL -DTYPE_ID="test.wrong/2"': ["has no apply for the records of that"],
    'BEFORE="test.wrong/1",256,0,apply_record -DTYPE_ID="test.wrong/2"': ["a field out of range"],
    'BEFORE="test.wrong/1",0,0,apply_record},{"test.wrong/1",0,0,apply_record -DTYPE_ID="test.wrong/2"': ["twice"],
    "SUCCEEDS_COUNT=17": ["it succeeds 17 others (at most 16"],
    'BEFORE="test.wrong/1",0,0,apply_record -DTYPE_ID="test.wrong/2" -DTYPE_COUNT=2 -DBESIDE=.id="test.wrong/1"':
        ["'test.wrong/1'", "'test.wrong/2'", "cannot be loaded together"],
    'BEFORE="test.wrong/1",0,0,apply_record -DTYPE_ID="test.wrong/2" -DTYPE_COUNT=2 '
    '-DBESIDE=.id="test.wrong/3",.succeeds=predecessors,.succeeds_count=1':
        ["succeeds 'test.wrong/1', and so does", "there is one successor"],
    "COMMAND_SIZE=8": ["command number 0 has the size 8", REMEDY],
    "COMMAND_SIZE=4096": ["command number 0 has the size 4096", REMEDY],
    "COMMAND_USAGE=NULL": ["command number 0 has no usage line"],
    'COMMAND_USAGE="WRONG.PUT key [A|A]"': ['usage line "WRONG.PUT key [A|A]"', "column"],
    'COMMAND_USAGE="WRONG.PUT key [A"': ["column 15"],
    'COMMAND_USAGE="WRONG.PUT word"': ["'wrong.put' is GM_WRITE", "no key that it could change"],
    'COMMAND_USAGE="WRONG.PUT key:rkey"': ["'wrong.put' is GM_WRITE", "no key that it could change"],
    'SECOND_USAGE="WRONG.PUT key"': ["the command 'wrong.put' twice"],
    'SECOND_USAGE="GET key"': ["'get'", "is there already", "geomys.kv"],
    'COMMAND_SUMMARY=""': ['"WRONG.PUT key text" has no summary'],
    "COMMAND_COMPLEXITY=NULL": ['"WRONG.PUT key text" has no complexity'],
    'COMMAND_EVENT="Two Words"': ["event of its command number 0"],
    'COMMAND_GROUP="two words"': ["group of its command number 0"],
    'COMMAND_UNFIT="\\n"': ["command number 0", "no line"],
    "COMMAND_FLAGS=0": ['"WRONG.PUT key text"', "exactly one of GM_READ and GM_WRITE"],
    "COMMAND_FLAGS=(GM_READ|GM_WRITE)": ["exactly one of GM_READ and GM_WRITE"],
    "COMMAND_FLAGS=(GM_WRITE|1u<<20)": ["does not know 0x100000"],
    "COMMAND_FLAGS=(GM_WRITE|GM_BLOCKS)": ["GM_BLOCKS", "does not need"],
    "COMMAND_TYPE=NULL": ["'wrong.put' has keys but no type"],
    "COMMAND_TYPE=&stranger": ['"WRONG.PUT key text" is not one of its types'],
    "COMMAND_PLAN=NULL": ["'wrong.put' has no plan"],
    "SETTING_COUNT=1000": ["1000 settings (at most 64)"],
    "SETTINGS=NULL": ["it says that it has 2 settings"],
    'SETTING=SAYS("first","Help."),.size=8': ["setting number 0 has the size 8", REMEDY],
    'SETTING=SAYS("First","Help.")': ["setting number 0, 'First'", "a-z"],
    'SETTING=SAYS("",  "Help.")': ["setting number 0, ''"],
    'SETTING=SAYS(NULL,"Help.")': ["setting number 0, 'NULL'"],
    'SETTING=SAYS("second","Help."),.max=1': ["the setting 'second' twice"],
    'SETTING=SAYS("first",NULL),.max=1': ["'first' has no help of one line"],
    'SETTING=SAYS("first","two\\nlines"),.max=1': ["'first' has no help of one line"],
    "SETTING=WHOLE((enum gm_setting_kind)6,0,0,0)": ["'first' is of the kind 6"],
    "SETTING=WHOLE(GM_SETTING_INT,9,1,5)": ["range of its setting 'first', 9 to 1, is none"],
    "SETTING=WHOLE(GM_SETTING_INT,1,9,10)": ["default of its setting 'first', 10, is not between 1 and 9"],
    "SETTING=WHOLE(GM_SETTING_BYTES,-1,9,5)": ["range of its setting 'first', -1 to 9, goes below 0"],
    "SETTING=WHOLE(GM_SETTING_BOOL,0,0,2)": ["default of its setting 'first', number 2, is none of its 2 words"],
    "SETTING=WHOLE(GM_SETTING_BOOL,0,1,1)": ["'first' has a range", "of another kind"],
    "SETTING=DOUBLE(1,0,0.5)": ["range of its setting 'first', 1 to 0, is none"],
    "SETTING=DOUBLE(0,1,2)": ["default of its setting 'first', 2, is not between 0 and 1"],
    "SETTING=DOUBLE(0,1.0/0,1)": ["range of its setting 'first', 0 to inf, is none"],
    'SETTING=CHOICE("one",0)': ["the words of its setting 'first'"],
    'SETTING=CHOICE("one  two",0)': ["the words of its setting 'first'"],
    'SETTING=CHOICE("one two one",0)': ["the words of its setting 'first'"],
    'SETTING=CHOICE("one Two",0)': ["the words of its setting 'first'"],
    "SETTING=CHOICE(NULL,0)": ["the words of its setting 'first'"],
    'SETTING=CHOICE("one two",2)': ["default of its setting 'first', number 2, is none of its 2 words"],
    'SETTING=CHOICE("one two",0),.max=1': ["'first' has a range", "of another kind"],
    "NO_ENTRY": ["no function 'geomys_module'", "GM_MODULE"],
    "NULL_ENTRY": ["'geomys_module' returned no descriptor"],
    "MANGLED": ["'geomys_module' has a name of C++", 'extern "C"'],
    "UNRESOLVED": ["nobody_has_this_function", "nothing that it is linked with defines"],
}

# Those that end the process while it is loaded: by the signal, or with the code.
ENDS_EARLY = {"CRASH_EARLY": (-signal.SIGILL, "crashed while it was loaded"),
              "CRASH_ENTRY": (-signal.SIGILL, "crashed while it was loaded"),
              "EXIT_EARLY": (1, "called exit() while it was loaded")}

READS = {
    "silent": "gave no answer",
    "few": "left out 2 of the elements that it announced",
    "many": "went on answering though its answer was whole",
    "twice": "went on answering though its answer was whole",
    "endless-array": "announced more elements than there can be",
    "endless-map": "announced more elements than there can be",
    "endless-bytes": "answered with more bytes than there can be",
    "no-bytes": "answered with 3 bytes at NULL",
    "empty-error": "gave an error without a text",
    "no-error": "gave an error without a text",
    "no-status": "gave a status without a text",
    "after-error": "went on answering though its answer was whole",
    "far-setting": "asks for its module's setting number 7, of 2",
    "setting-int": "asks for the setting 'second' by gm_setting_int, which is for other kinds",
    "setting-number": "asks for the setting 'first' by gm_setting_number, which is for other kinds",
    "emits": "changes values, though it declares the command as reading",
}

WRITES = {
    "silent": "gave no answer",
    "few": "left out 2 of the elements that it announced",
    "empty-error": "gave an error without a text",
    "far-key": "emitted a record for its key number 7, but the call has 2",
    "far-delete": "emitted a record for its key number 7, but the call has 2",
    "far-expire": "emitted a record for its key number 7, but the call has 2",
    "far-miss": "says that a key is missing which it does not have",
    "rkey": "emitted a record for its key number 1, which its usage line declares as only read (rkey)",
    "rkey-delete": "emitted a record for its key number 1, which its usage line declares as only read (rkey)",
    "small-emission": "emitted a record of the size 8, this server knows",
    "large-emission": "emitted a record of the size 4096, this server knows",
    "new-flag": "emitted a record with the flags 0x10000, of which this server does not know 0x10000",
    "reserved": "emitted a record whose reserved fields are not zero",
    "endless-body": "emitted a record of more than 512 MiB",
    "strange-type": "emitted a record of a type that is not one of its own",
    "two-ways": "went on answering though its answer was whole",
}


DUES = {
    "nothing": 'emits nothing, though something is due in the value of key "nothing"',
    "few": "answers, though nobody has called it",
    "empty-error": "gave an error without a text",
    "far-key": "emitted a record for its key number 1, but the call has 1",
    "same": 'has emitted 65536 times in a row what leaves the value of key "same" as due as it was',
}


def compiler():
    for name in ("gcc", "clang", "cc"):
        if shutil.which(name):
            return name
    raise Skip("there is no C compiler")


def build(folder, define, *more):
    path = os.path.join(folder, "wrong.so")
    defines = [f"-D{part}" for part in define.split(" -D")]
    done = subprocess.run([compiler(), "-std=c17", "-D_GNU_SOURCE", "-w", *defines, "-fPIC", "-shared",
                           "-fvisibility=hidden", "-I", os.path.join(ROOT, "include"), SOURCE, "-o", path, *more],
                          capture_output=True, text=True, check=False)
    equal((define, done.returncode, done.stderr), (define, 0, ""))
    return path


def modules(folder, *paths):
    """A folder with all modules, and those."""
    where = os.path.join(folder, "modules")
    shutil.copytree(MODULES, where)
    for path in paths or [MODULE]:
        if not os.path.exists(path):
            raise Skip(f"{path} is not built: cmake --build {BUILD} --target tests")
        shutil.copy(path, where)
    return where


# ---- at load ----


def test_wrong_descriptors():
    for define, parts in LOADS.items():
        with Folder() as folder:
            path = build(folder, define)
            where = modules(folder, path)
            sentence = refused(1, ["module ", "/wrong.so: ", *parts], *base(folder, module_folder=where))
            assert len(sentence) < 700, sentence
            assert not os.path.exists(os.path.join(folder, "data")), f"{define}: refused, yet there is a data folder"
    assert len(LOADS) >= 50, len(LOADS)


def test_ends_while_it_is_loaded():
    for define, (code, words) in ENDS_EARLY.items():
        with Folder() as folder:
            path = modules(folder, build(folder, define))
            found, text = run_refused(*base(folder, module_folder=path))
            equal((define, found), (define, code), text)
            [line] = [line for line in text.splitlines() if line.startswith("geomys-server: ")]
            assert f"the module {path}/wrong.so {words}" in line, line


def test_what_is_no_module_at_all():
    with open(MODULE, "rb") as file:
        whole = file.read()
    other = b"\x3e\0" if whole[18:20] != b"\x3e\0" else b"\xb7\0"
    cases = {"empty": (b"", "is empty"), "text": (b"#!/bin/sh\necho no module\n", "something else"),
             "one byte": (b"\x7f", "something else"), "cut": (whole[:50], "cut short"),
             "half": (whole[:4096], "cut short"),
             "other processor": (whole[:18] + other + whole[20:], "another processor"),
             "32 bits": (whole[:4] + b"\x01" + whole[5:], "another processor"),
             "object": (whole[:16] + b"\x01\0" + whole[18:], "link it with -shared")}
    for name, (content, words) in cases.items():
        with Folder() as folder:
            path = os.path.join(folder, "odd.so")
            with open(path, "wb") as file:
                file.write(content)
            refused(1, [f"module {path}: ", words], *base(folder, modules=path))


def test_the_same_module_twice():
    with Folder() as folder:
        path = modules(folder, MODULE, build(folder, 'MODULE_VERSION="2.0.0"'))
        shutil.copy(MODULE, os.path.join(path, "first.so"))
        parts = ["/wrong.so: there is a module test.wrong already, version 1.0.0", "/first.so)", "its version 2.0.0"]
        refused(1, parts, *base(folder, module_folder=path))


# ---- at run time ----


def refusal(client, *words):
    answer = client.call(*words)
    assert isinstance(answer, Error), f"no error but {answer}"
    return str(answer)


def test_wrong_plans():
    with Folder() as folder, Server(folder, modules=modules(folder)) as server, server.client() as client:
        equal(client.call("WRONG.PUT", "key", "kept"), b"OK")
        told = []
        for command, faults in (("READ", READS), ("WRITE", WRITES)):
            for how, words in faults.items():
                call = [f"WRONG.{command}", how, "key"] + (["other"] if command == "WRITE" else [])
                error = refusal(client, *call)
                assert error.startswith(f"ERR the module test.wrong {words}"), (how, error)
                assert f", in 'wrong.{command.lower()}': nothing was changed by it" in error, (how, error)
                equal(client.call("PING"), b"PONG", f"the next answer after {how}")
                equal(client.call("WRONG.GET", "key"), b"kept", how)
                equal(client.call("EXISTS", "other"), 0, how)
            told.append(f"the module test.wrong {next(iter(faults.values()))}")
        lines = [line for line in server.text().splitlines() if "the module test.wrong " in line]
        equal(len(lines), 2, f"one line of the log for each command: {lines}")
        for line, words in zip(lines, told):
            assert words in line, (line, words)
        equal(refusal(client, "WRONGS", "TWO"), "ERR unknown subcommand 'TWO'.")
        equal(refusal(client, "CLIENT", "TWO"), "ERR unknown subcommand 'TWO'. Try CLIENT HELP.")
        # A type that does not take what its own module emitted: the key is damaged, and nothing else.
        error = refusal(client, "WRONG.APPLY", "odd", "refuse")
        assert error.startswith("DAMAGED the module test.wrong planned a change that its own type refuses: "
                                "test.wrong/1, in 'wrong.apply'"), error
        damaged = [line for line in server.text().splitlines() if 'key "odd" is damaged' in line]
        equal(len(damaged), 1, server.tail())
        assert "test.wrong/1, operation 2" in damaged[0], damaged
        for how, words in (("undumped", "it refuses to"), ("endless", "cursor")):
            equal(client.call("WRONG.PUT", "fine", how), b"OK")
            error = refusal(client, "COPY", "fine", "copied")
            sentence = 'the type test.wrong/1 of the module test.wrong does not dump the value of key "fine"'
            assert sentence in error and words in error, (how, error)
            equal(client.call("EXISTS", "copied"), 0)
        equal(client.call("WRONG.PUT", "fine", "misdumped"), b"OK")
        error = refusal(client, "COPY", "fine", "copied")
        sentence = "ERR the type test.wrong/1 of the module test.wrong does not accept what it dumped itself of the"
        assert error.startswith(sentence + ' value of key "fine"; nothing was changed'), error
        equal(client.call("EXISTS", "copied"), 0)
        equal(client.call("WRONG.GET", "fine"), b"misdumped")
        equal(client.call("DEL", "fine", "odd"), 2)
    assert len(READS) + len(WRITES) >= 28


def last_words(server):
    lines = [line for line in server.text().splitlines() if line.startswith("geomys-server: ")]
    assert lines, server.tail()
    return lines


def ends(server, *call):
    with server.client() as client:
        equal(client.call("INCR", "count") > 0, True)
        client.send(*call)
        try:
            raise AssertionError(f"{call} was answered: {client.receive()}")
        except (ConnectionError, OSError):
            pass
    return server.process.wait(PATIENCE_S)


def test_exit_and_crash():
    with Folder() as folder, Server(folder, modules=modules(folder)) as server:
        cases = [(("WRONG.READ", "exit", "key"), 1, "the module test.wrong called exit() in 'wrong.read'"),
                 (("WRONG.READ", "crash", "key"), -signal.SIGILL, "the module test.wrong crashed in 'wrong.read'"),
                 (("WRONG.APPLY", "key", "exit"), 1,
                  'the type test.wrong/1 called exit() while applying a record to the value of key "key"; the command '
                  "under way was 'wrong.apply' of the module test.wrong")]
        for count, (call, code, words) in enumerate(cases, 1):
            equal((call, ends(server, *call)), (call, code), server.tail())
            assert words in last_words(server)[-1], last_words(server)
            server.restart()
            with server.client() as client:
                equal(client.call("GET", "count"), str(count).encode(), "what was acknowledged")
                equal(client.call("EXISTS", "key"), 0, "what was not")


def test_wrong_plans_of_what_is_due():
    """Named once for each type, and let alone: the server is not busy with it."""
    for how, words in DUES.items():
        with Folder() as folder, Server(folder, modules=modules(folder)) as server, server.client() as client:
            equal(client.call("WRONG.PUT", "fine", "due:well"), b"OK")
            wait_until(lambda client=client: client.call("WRONG.GET", "fine") == b"wrong", "what is due is done")
            equal(client.call("WRONG.PUT", how, f"due:{how}"), b"OK")
            wait_until(lambda server=server, words=words: words in server.text(), f"it is told: {words}")
            [line] = [line for line in server.text().splitlines() if "the module test.wrong " in line]
            assert f"the module test.wrong {words}, in 'plan_due of test.wrong/1': " in line, line
            equal(client.call("WRONG.GET", how), f"due:{how}".encode())
            planned = int(client.info("stats")["due_planned"])
            wait_until(lambda client=client, planned=planned: int(client.info("stats")["due_planned"]) > planned,
                       "it is tried again")
            assert int(client.info("stats")["due_planned"]) <= planned + 2, "not often"
            equal(client.info("keyspace")["due_keys"], "1")
            equal(client.call("DEL", how), 1)
            equal(server.text().count("the module test.wrong "), 1)
    with Folder() as folder, Server(folder, modules=modules(folder)) as server, server.client() as client:
        equal(client.call("WRONG.PUT", "key", "due:refused"), b"OK")
        wait_until(lambda: 'key "key" is damaged' in server.text(), "its own type refuses it")
        equal(str(client.call("WRONG.GET", "key")).split()[0], "DAMAGED")


def test_what_is_due_ends_the_process():
    """So it does at the next start; without the module all that was acknowledged is there."""
    cases = {"due:exit": (1, "the module test.wrong called exit() in 'plan_due of test.wrong/1'"),
             "due:crash": (-signal.SIGILL, "the module test.wrong crashed in 'plan_due of test.wrong/1'"),
             "due!": (-signal.SIGILL, 'the type test.wrong/1 crashed while asking for the due time of the value of key '
                                      '"key"')}
    for text, (code, words) in cases.items():
        with Folder() as folder, Server(folder, modules=modules(folder), persistence="bufferedwrite") as server:
            equal((text, ends(server, "WRONG.PUT", "key", text)), (text, code), server.tail())
            assert words in last_words(server)[-1], last_words(server)
            server.restart(module_folder=MODULES)
            with server.client() as client:
                equal(client.call("GET", "count"), b"1")


def test_a_plan_that_does_not_return():
    """Named after a second, once; SIGTERM ends the server although it is never read."""
    cases = [(("WRONG.READ", "hang", "key"), "the module test.wrong has not returned for a second in 'wrong.read'"),
             (("WRONG.APPLY", "key", "hang"),
              "the type test.wrong/1 has not returned for a second while applying a record"),
             (("WRONG.PUT", "key", "due:hang"),
              "the module test.wrong has not returned for a second in 'plan_due of test.wrong/1'")]
    with Folder() as folder, Server(folder, modules=modules(folder)) as server:
        for count, (call, words) in enumerate(cases, 1):
            with server.client() as client:
                equal(client.call("INCR", "count"), count)
                client.send(*call)
                wait_until(lambda words=words: words in server.text(), f"it is told: {words}")
                equal(server.alive(), True)
                server.process.send_signal(signal.SIGTERM)
                equal(server.process.wait(PATIENCE_S), 1, server.tail())
            lines = last_words(server)
            equal(len(lines), 2, lines)
            assert "does not return" in lines[1] and "a signal asked for the end" in lines[1], lines
            server.restart()
            with server.client() as client:
                equal(client.call("GET", "count"), str(count).encode(), "what was acknowledged")
                equal(client.call("EXISTS", "key"), 0)


if __name__ == "__main__":
    run(globals())
