#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""geomys-log and snapshots: what it prints and says of good, damaged and missing ones. All but one need no server.

Idea    docs/formats is read a second time here, in another language: a small writer and reader of snapshots and
        segments that share no code with the program. So the pages are good enough to be reimplemented from.
"""

import os
import shutil
import struct
import subprocess
import threading

from support.runner import equal, run
from support.server import LOG_PROGRAM, ROOT, Folder, Server

GOLDEN = os.path.join(ROOT, "tests", "golden")
CUT = 123456789
NAME = f"snapshot-{CUT:020d}.snap"

TABLE = []
for value in range(256):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    TABLE.append(value)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


MORE, DUMP, LOCAL, FRESH, KEEP, EXPIRE, REMOVES, DAMAGED = (1 << bit for bit in range(8))


def record(sequence, epoch, time_ms, flags, op, type_, slot, key=b"", body=b"", expiry=0, database=0):
    rest = (struct.pack("<q", expiry) if flags & EXPIRE else b"") + key + body
    fields = (48 + len(rest), flags, op, sequence, epoch, time_ms, type_, slot, len(key), database)
    head = struct.pack("<IIHHQQqHHHH", crc32c(rest), *fields)
    return struct.pack("<I", crc32c(head)) + head + rest + bytes(-len(rest) % 8)


def snapshot_header(sequence, epoch, time_ms, features=0):
    rest = struct.pack("<HHIIIIQQqQ", 4, 0, features, 0, 0, 0, sequence, epoch, time_ms, 0)
    return b"geomyssn" + struct.pack("<I", crc32c(rest)) + rest


SECRET = b"sixteen bytes..."


def epochs(sequence, time_ms, *entries, secret=SECRET):
    """The data set's secret, and the table: (epoch, leader, first sequence) of each."""
    body = secret + b"".join(struct.pack("<QQQ", *entry) for entry in entries)
    return record(sequence, 0, time_ms, LOCAL, 10, 0, 0, body=body)


def epoch(sequence, number, time_ms, leader, replicas=(), flags=0):
    """The record that begins one."""
    body = struct.pack("<QII", leader, len(replicas), 0) + b"".join(struct.pack("<Q", node) for node in replicas)
    return record(sequence, number, time_ms, flags, 9, 0, 0, body=body)


def block(chain, kind, content, records):
    head = struct.pack("<IIHHIIII", crc32c(content), chain, kind, 0, len(content), len(content), records, 0)
    crc = crc32c(head)
    return struct.pack("<I", crc) + head + content, crc


def snapshot(sequence, number, time_ms, records, count, keys, types, table=None):
    header = snapshot_header(sequence, number, time_ms)
    records = epochs(sequence, time_ms, *(table or [(number, 1, 1)])) + records
    data, chain = block(struct.unpack_from("<I", header, 8)[0], 1, records, count + types + 1)
    counts = struct.pack("<QQQQQII", sequence, count, keys, len(records), 1, types, 0)
    return header + data + block(chain, 3, counts, 0)[0]


def golden_again():
    """The plain golden file, from docs/formats/snapshot.md and record.md alone."""
    where = (CUT, 4, 1700000000123)

    def declare(index, name):
        return record(CUT, 0, where[2], LOCAL, 1, 0, 0, body=struct.pack("<H", index) + name)

    records = b"".join(
        [
            declare(1, b"golden.text/1"),
            record(*where, DUMP | FRESH | EXPIRE, 1, 1, 7, b"alpha", b"one", 1800000000456),
            record(*where, DUMP | FRESH, 1, 1, 16383, b"beta", b"b" * 100),
            declare(700, b"golden.list/2"),
            record(*where, DUMP, 2, 1, 7, b"alpha"),
            record(*where, DUMP | FRESH | DAMAGED, 65535, 700, 0, b"gamma", b"b" * 50, database=65535),
        ]
    )
    return snapshot(*where, records, 4, 3, 2, [(1, 1, 1), (4, 3, 1000)])


def segment_header(first, number, salt=5):
    rest = struct.pack("<HHIIIIQQqQ", 4, 0, 0, 0, 0, 0, first, number, 0, salt)
    return b"geomyswl" + struct.pack("<I", crc32c(rest)) + rest


def segment(first, sequences, salt=5, secret=SECRET):
    """A table of epochs, records that declare a type and append to a key, and a mark that says that all is durable.
    Record 1 begins epoch 1; the others go on with it."""
    table = [(1, 1, 1)] if first > 1 else []
    parts = [segment_header(first, len(table), salt), epochs(first - 1, 0, *table, secret=secret)]
    parts.append(record(first - 1, 0, 0, LOCAL, 1, 0, 0, body=b"\1\0some.type/1"))
    for number in sequences:
        begins = epoch(1, 1, 1000, 1)
        parts.append(begins if number == 1 else record(number, 1, 1000, FRESH, 1, 1, 0, b"key", b"value"))
    parts.append(record(sequences[-1], 0, 1000, LOCAL, 2, 0, 0, body=struct.pack("<QQ", sequences[-1], salt)))
    return b"".join(parts)


def mark(durable, oldest, newest):
    rest = struct.pack("<HHQQQQ", 1, 0, 1, durable, oldest, newest)
    rest += bytes(500 - len(rest))
    return bytes(512) + b"geomysmk" + struct.pack("<I", crc32c(rest)) + rest


def small_snapshot(sequence):
    cut = (sequence, 1, 1000)
    records = record(sequence, 0, 1000, LOCAL, 1, 0, 0, body=b"\1\0some.type/1")
    records += record(*cut, DUMP | FRESH, 1, 1, 0, b"key", b"value")
    return snapshot(*cut, records, 1, 1, 1)


def write(folder, name, data):
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)
    return os.path.join(folder, name)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tool(code, *args):
    done = subprocess.run([LOG_PROGRAM, *args], capture_output=True, text=True, timeout=60)
    equal(done.returncode, code, f"geomys-log {' '.join(args)}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def test_the_page_is_enough_to_write_the_golden_file():
    equal(golden_again(), read(os.path.join(GOLDEN, "snapshot_v4.bin")), "the golden file")


def test_a_good_snapshot_is_printed_and_verified_whatever_its_compression():
    with Folder() as folder:
        for ending, beta in (("", 100), ("_lz4", 100000), ("_zstd", 100000)):
            path = os.path.join(folder, NAME)
            shutil.copy(os.path.join(GOLDEN, f"snapshot_v4{ending}.bin"), path)
            equal(tool(0, "verify", path), f"{path}: a good snapshot of record {CUT}: 3 keys in 4 records\n", ending)
            lines = tool(0, "print", path).splitlines()
            equal(lines[0], f"# {path}: snapshot of record {CUT}, epoch 4", ending)
            stamp = f"{CUT} 2023-11-14T22:13:20.123Z"
            table = f"{stamp} . file: epochs 1 of node 1 from 1 on, 4 of node 3 from 1000 on; secret: (16 bytes)"
            equal(lines.pop(1), table, ending)
            equal(lines[1], f'{stamp} . file: type 1 is "golden.text/1"', ending)
            expires = "expires 2027-01-15T08:00:00.456Z"
            equal(lines[2], f'{stamp} - golden.text/1 op-1 "alpha" dump fresh {expires} 3 bytes: 6f6e65', ending)
            bs = "62" * 24
            equal(lines[3], f'{stamp} - golden.text/1 op-1 "beta" dump fresh {beta} bytes: {bs}...', ending)
            equal(lines[5], f'{stamp} - golden.text/1 op-2 "alpha" dump', ending)
            told = f'{stamp} - db 65535 golden.list/2 op-65535 "gamma" dump fresh damaged 50 bytes: {bs}...'
            equal(lines[6], told, ending)
            assert lines[7].startswith("# footer: 3 keys in 4 records, 2 types, "), lines[7]
            equal(len(lines), 8, ending)
        named_otherwise = os.path.join(folder, "copy.of.it")
        shutil.copy(path, named_otherwise)
        assert "a good snapshot" in tool(0, "verify", named_otherwise)
        wrong = os.path.join(folder, f"snapshot-{5:020d}.snap")
        shutil.copy(path, wrong)
        assert "its header belongs to another snapshot" in tool(1, "verify", wrong)


def test_damage_is_found_and_what_is_behind_it_is_printed():
    with Folder() as folder:
        whole = read(os.path.join(GOLDEN, "snapshot_v4_lz4.bin"))
        last = whole.rindex(b"gamma")
        for at in list(range(0, len(whole), 23)) + [last]:
            damaged = bytearray(whole)
            damaged[at] ^= 0x55
            path = write(folder, NAME, damaged)
            assert f"{NAME} is damaged at byte " in tool(1, "verify", path), at
            tool(1, "print", path)
        for size in range(0, len(whole), 37):
            path = write(folder, NAME, whole[:size])
            tool(1, "verify", path)
            tool(1, "print", path)
        first = bytearray(whole)
        first[64 + 32 + 100] ^= 1
        text = tool(1, "print", write(folder, NAME, first))
        assert "cannot be read: the checksum of the block is wrong" in text, text
        assert '"beta" dump fresh 100000 bytes' in text and '"gamma" dump fresh damaged' in text, text
        head = bytearray(whole)
        head[64 + 20] ^= 1
        text = tool(1, "print", write(folder, NAME, head))
        assert "cannot be read: the checksum of the block's head is wrong" in text and '"beta"' in text, text
        future = bytearray(whole)
        struct.pack_into("<H", future, 12, 5)
        struct.pack_into("<I", future, 8, crc32c(future[12:64]))
        assert "format version 5" in tool(2, "verify", write(folder, NAME, future))
        struct.pack_into("<H", future, 12, 1)
        struct.pack_into("<I", future, 8, crc32c(future[12:64]))
        text = tool(2, "verify", write(folder, NAME, future))
        assert "go on with the program that wrote it, or begin with an empty data folder" in text, text


def test_a_folder_is_verified_as_a_chain_of_snapshots_and_segments():
    def build(folder, *names):
        every = {
            "snapshot-20": small_snapshot(20),
            "snapshot-35": small_snapshot(35),
            "wal-11": segment(11, range(11, 26)),
            "wal-26": segment(26, range(26, 41)),
            "wal-41": segment(41, range(41, 51)),
        }
        for name in names:
            kind, number = name.split("-")
            write(folder, f"{kind}-{int(number):020d}.{'snap' if kind == 'snapshot' else 'log'}", every[name])
        write(folder, "wal.mark", mark(50, 11, 41))

    everything = ["snapshot-20", "snapshot-35", "wal-11", "wal-26", "wal-41"]
    with Folder() as folder:
        build(folder, *everything)
        before = {name: read(os.path.join(folder, name)) for name in os.listdir(folder)}
        text = tool(0, "verify", folder)
        equal(text.count("a good snapshot of record"), 2, text)
        good = "segments are good behind the snapshot of"
        assert f"30 records in 30 batches and 3 {good} 20, up to sequence 50" in text, text
        assert f"15 records in 15 batches and 2 {good} 35, up to sequence 50" in text, text
        copy = os.path.join(folder, "copy")
        tool(0, "cut", folder, "--at", "30", "--to", copy)
        names = ["lock", f"snapshot-{20:020d}.snap", f"wal-{11:020d}.log", f"wal-{26:020d}.log", "wal.mark"]
        equal(sorted(os.listdir(copy)), names, "cut")
        assert "behind the snapshot of 20, up to sequence 30" in tool(0, "verify", copy)
        text = tool(1, "cut", folder, "--at", "15", "--to", copy + "2")
        assert "there is no good snapshot of a record from 10 to 15" in text and not os.path.exists(copy + "2"), text
        assert "exists already" in tool(2, "cut", folder, "--at", "40", "--to", copy)  # geomys_log/main P1
        assert "up to sequence 30" in tool(0, "verify", copy), "the copy is what it was"
        for name, data in before.items():
            equal(read(os.path.join(folder, name)), data, f"{name} is what it was")
    for missing, code, sentence in (
        (["snapshot-20"], 0, "behind the snapshot of 35, up to sequence 50"),
        (["snapshot-35"], 0, "behind the snapshot of 20, up to sequence 50"),
        (["snapshot-20", "snapshot-35"], 1, "records 1 to 10 are in no segment any more, but in snapshots"),
        (["wal-11"], 0, "the log does not reach back to the snapshot of record 20"),
        (["wal-26"], 1, "gap"),
        (["wal-41"], 1, "the newest segment is missing"),
    ):
        with Folder() as folder:
            build(folder, *[name for name in everything if name not in missing])
            text = tool(code, "verify", folder)
            assert sentence in text, text
    with Folder() as folder:
        # what was let go may be there in part
        build(folder, *everything)
        write(folder, f"wal-{1:020d}.log", segment(1, range(1, 6)))
        assert "3 segments are good behind the snapshot of 20" in tool(0, "verify", folder)
    with Folder() as folder:
        build(folder, *everything)
        path = os.path.join(folder, f"snapshot-{35:020d}.snap")
        data = bytearray(read(path))
        data[150] ^= 1
        write(folder, os.path.basename(path), data)
        text = tool(1, "verify", folder)
        assert "is damaged at byte" in text and "behind the snapshot of 20, up to sequence 50" in text, text


def flip(file, offset):
    """One bit of the byte there."""
    byte = os.pread(file.fileno(), 1, offset)[0]
    os.pwrite(file.fileno(), bytes([byte ^ 1]), offset)


def test_a_folder_is_looked_at_while_a_server_runs_in_it():
    with Folder() as folder:
        with Server(folder) as server, server.client() as client:
            data = server.settings["data_folder"]
            ended = threading.Event()

            def write():
                while not ended.is_set():
                    client.pipeline([("SET", f"key:{i}", "v" * 500) for i in range(20)])
            writer = threading.Thread(target=write)
            writer.start()
            try:
                for _ in range(30):
                    done = subprocess.run([LOG_PROGRAM, "verify", data], capture_output=True, timeout=60)
                    assert done.returncode in (0, 3), done.stdout  # geomys_log/main P2: whole, or as if torn
                with open(os.path.join(data, "wal-00000000000000000001.log"), "r+b") as file:
                    flip(file, 5000)
                    assert "is damaged at byte" in tool(1, "verify", data)
                    flip(file, 5000)
            finally:
                ended.set()
                writer.join()
            equal(client.call("DBSIZE"), 20)
            equal(server.stop(), 0)
        tool(0, "verify", data)


def test_a_snapshot_record_in_a_log_is_damage():
    with Folder() as folder:
        data = segment(1, range(1, 3))
        at = data.index(record(2, 1, 1000, FRESH, 1, 1, 0, b"key", b"value"))
        bad = record(2, 1, 1000, FRESH | DUMP, 1, 1, 0, b"key", b"value")
        data = data[:at] + bad + data[at + len(bad) :]
        path = write(folder, f"wal-{1:020d}.log", data)
        write(folder, "wal.mark", mark(2, 1, 1))
        assert "a record of a snapshot stands in the log" in tool(1, "verify", path)
        assert "a record of a snapshot stands in the log" in tool(1, "verify", folder)


def test_a_name_that_no_type_can_have_is_damage():
    """However right the checksums are."""

    def forged(data, name):
        good = record(0, 0, 0, LOCAL, 1, 0, 0, body=b"\1\0some.type/1")
        return data.replace(good, record(0, 0, 0, LOCAL, 1, 0, 0, body=b"\1\0" + name))

    for name, shown in (
        (b"\0", r'"\x00"'),
        (b"some.type/1\0evil", r'"some.type/1\x00evil"'),
        (b"some.\x1b[31m/1", r'"some.\x1b[31m/1"'),
        (b"x" * 63, '"' + "x" * 32),
    ):
        with Folder() as folder:
            path = write(folder, f"wal-{1:020d}.log", forged(segment(1, range(1, 3)), name))
            write(folder, "wal.mark", mark(2, 1, 1))
            for what in (path, folder):
                text = tool(1, "verify", what)
                assert "type number 1 is called " + shown in text and "\0" not in text and "\x1b" not in text, text
    with Folder() as folder:
        cut = (3, 1, 1000)
        records = record(3, 0, 1000, LOCAL, 1, 0, 0, body=b"\1\0\0")
        data = snapshot(*cut, records + record(*cut, DUMP | FRESH, 1, 1, 0, b"key", b"value"), 1, 1, 1)
        path = write(folder, f"snapshot-{3:020d}.snap", data)
        assert r'type number 1 is called "\x00"' in tool(1, "verify", path)


def test_the_page_is_enough_to_write_the_golden_records():
    where = (0x0102030405060708, 0x1112131415161718, 1700000000123)
    flags = MORE | FRESH | EXPIRE
    data = record(*where, flags, 0x2122, 0x3132, 12739, b"a key", b"the body", 1800000000456, 0x4142)
    data += record(8, 1, 0, REMOVES, 3, 0, 0, b"k")
    data += epoch(9, 2, 5, 3, (1, 3, 0x0102030405060708))
    data += epochs(9, 5, (1, 1, 1), (2, 3, 9))
    equal(data, read(os.path.join(GOLDEN, "record_v4.bin")), "the golden records")
    data = record(10, 2, 5, REMOVES, 11, 0, 12739, b"a key", b"\0\0another")
    data += record(11, 2, 5, REMOVES, 11, 0, 12739, b"a key", b"\3\1a key", database=2)
    data += record(12, 2, 5, 0, 12, 0, 0, database=2)
    data += record(13, 2, 5, 0, 13, 0, 0, body=b"\2\0", database=259)
    data += record(14, 2, 5, 0, 7, 0, 0)
    equal(data, read(os.path.join(GOLDEN, "record_databases_v3.bin")), "the golden records about databases")


def test_records_about_databases_are_printed():
    with Folder() as folder:
        data = segment_header(1, 0) + epochs(0, 0) + epoch(1, 1, 1000, 1)
        data += record(2, 1, 1000, REMOVES, 11, 0, 12739, b"a key", b"\7\0a key")
        data += record(3, 1, 1000, REMOVES, 3, 0, 12739, b"a key", database=7)
        data += record(4, 1, 1000, 0, 12, 0, 0, database=2)
        data += record(5, 1, 1000, 0, 13, 0, 0, body=b"\2\0")
        data += record(6, 1, 1000, 0, 7, 0, 0)
        path = write(folder, f"wal-{1:020d}.log", data)
        lines = [line.split(" - ")[-1] for line in tool(0, "print", path).splitlines() if "host " in line]
        equal(lines[1:], ['host rename "a key" removes to db 7 "a key"', 'db 7 host delete "a key" removes',
                          "host flush db 2", "host swap db 0 with db 2", "host flush"])


def test_epochs_are_printed_and_what_does_not_follow_is_damage():
    def value(number, of):
        return record(number, of, 1000, FRESH, 1, 1, 0, b"key", b"value")

    def build(folder, *records, table=(), first=1, header=None):
        header = table[-1][0] if header is None and table else header or 0
        head = segment_header(first, header) + epochs(first - 1, 0, *table)
        types = record(first - 1, 0, 0, LOCAL, 1, 0, 0, body=b"\1\0some.type/1")
        end = first - 1 + len(records)
        last = record(end, 0, 1000, LOCAL, 2, 0, 0, body=struct.pack("<QQ", end, 5))
        write(folder, "wal.mark", mark(end, first, first))
        return write(folder, f"wal-{first:020d}.log", head + types + b"".join(records) + last)

    with Folder() as folder:
        second = epoch(3, 4, 1000, 2, (1, 2, 5))
        path = build(folder, epoch(1, 1, 1000, 1, flags=MORE), value(2, 1), second, value(4, 4))
        tool(0, "verify", path)
        assert "4 records in 3 batches" in tool(0, "verify", folder)
        text = tool(0, "print", path)
        for line in (
            ". file: epochs none; secret: (16 bytes)",
            "( host epoch 1 begins: node 1 leads, alone",
            "- host epoch 4 begins: node 2 leads, of nodes 1 2 5",
        ):
            assert f"{line}\n" in text, text
        copy = os.path.join(folder, "copy")
        tool(0, "cut", path, "--at", "2", "--to", copy)
        tool(0, "verify", copy)
    begun = [(1, 1, 1), (3, 1, 20)]
    open_batch = record(51, 3, 1000, MORE, 7, 0, 0)
    for records, sentence in (
        ([value(51, 2)], "record 51 is of epoch 2, but epoch 3 has begun before, with record 20"),
        ([epoch(51, 2, 1000, 1)], "record 51 is of epoch 2, but epoch 3 has begun before, with record 20"),
        ([value(51, 4)], "record 51 is of epoch 4, which no record has begun: the newest is 3"),
        ([epoch(51, 3, 1000, 2)], "epoch 3 has two leaders: node 1 from record 20 on, and node 2 from record 51 on"),
        ([epoch(51, 3, 1000, 1)], "epoch 3 begins twice: with record 20 and with record 51"),
        ([epoch(51, 4, 1000, 0)], "record 51 begins an epoch, but makes no sense"),
        ([epoch(51, 4, 1000, 1, (2, 1))], "record 51 begins an epoch, but makes no sense"),
        ([open_batch, epoch(52, 4, 1000, 1)], "record 52 begins an epoch in the midst of a batch"),
    ):
        with Folder() as folder:
            path = build(folder, *records, table=begun, first=51)
            write(folder, f"snapshot-{50:020d}.snap", snapshot(50, 3, 1000, b"", 0, 0, 0, begun))
            for what in (path, folder):
                text = tool(1, "verify", what)
                assert sentence in text, text
    with Folder() as folder:
        path = build(folder, record(51, 3, 1000, 0, 16, 0, 0), table=begun, first=51)
        write(folder, f"snapshot-{50:020d}.snap", snapshot(50, 3, 1000, b"", 0, 0, 0, begun))
        text = tool(2, "verify", folder)
        sentence = "record 51 has operation 16 of the host, which this program does not know: a newer one wrote it"
        assert sentence in text, text
    for table, header, sentence in (
        ([], 0, "the table of epochs is empty, but there are records before it"),
        ([(3, 1, 20), (1, 1, 30)], 1, "an epoch never goes back"),
        ([(1, 1, 20), (3, 1, 20)], 3, "an epoch never goes back"),
        ([(1, 1, 20), (1, 2, 30)], 1, "epoch 1 has two leaders"),
        ([(3, 1, 51)], 3, "the table of epochs knows of one that begins behind it"),
        ([(3, 0, 1)], 3, "has the number 0"),
        ([(3, 1, 1)], 2, "its header is of another epoch than its table"),
        ([(n, 1, n) for n in range(1, 1026)], 1025, "the table of epochs has 1025 entries, more than 1024"),
    ):
        with Folder() as folder:
            build(folder, value(51, header), table=table, first=51, header=header)
            write(folder, f"snapshot-{50:020d}.snap", snapshot(50, 3, 1000, b"", 0, 0, 0, begun))
            text = tool(1, "verify", folder)
            assert sentence in text, text
    with Folder() as folder:
        build(folder, value(51, 3), table=begun, first=51)
        write(folder, f"snapshot-{50:020d}.snap", snapshot(50, 3, 1000, b"", 0, 0, 0, [(3, 1, 21)]))
        assert "the snapshot has other epochs: it is of another log" in tool(1, "verify", folder)
        write(folder, f"snapshot-{50:020d}.snap", snapshot(50, 3, 1000, b"", 0, 0, 0, [(3, 1, 20)]))
        tool(0, "verify", folder)


def test_a_file_without_its_table_of_epochs_is_damage():
    with Folder() as folder:
        data = segment(1, range(1, 3))
        data = data[:64] + data[64 + 48 + 16 :]
        path = write(folder, f"wal-{1:020d}.log", data)
        write(folder, "wal.mark", mark(2, 1, 1))
        for what in (path, folder):
            assert "it does not begin with a table of epochs" in tool(1, "verify", what)
        cut = (20, 1, 1000)
        records = record(20, 0, 1000, LOCAL, 1, 0, 0, body=b"\1\0some.type/1")
        header = snapshot_header(*cut)
        content, chain = block(struct.unpack_from("<I", header, 8)[0], 1, records, 1)
        counts = struct.pack("<QQQQQII", 20, 0, 0, len(records), 1, 1, 0)
        path = write(folder, f"snapshot-{20:020d}.snap", header + content + block(chain, 3, counts, 0)[0])
        assert "it does not begin with a table of epochs" in tool(1, "verify", path)


def test_the_secret_is_shown_if_asked_for_and_files_of_two_data_sets_are_told_apart():
    with Folder() as folder:
        path = write(folder, f"wal-{1:020d}.log", segment(1, range(1, 26)))
        write(folder, f"wal-{26:020d}.log", segment(26, range(26, 41)))
        write(folder, "wal.mark", mark(40, 1, 26))
        assert SECRET.hex() not in tool(0, "print", path) and "secret: (16 bytes)" in tool(0, "print", path)
        assert f"secret: {SECRET.hex()}\n" in tool(0, "print", path, "--secret")
        tool(2, "verify", path, "--secret")
        tool(0, "verify", folder)
        other = segment(26, range(26, 41)).replace(epochs(25, 0, (1, 1, 1)), epochs(25, 0, (1, 1, 1), secret=bytes(16)))
        write(folder, f"wal-{26:020d}.log", other)
        told = "it has another secret than the segment before it: it is of another data set"
        assert told in tool(1, "verify", folder)
    with Folder() as folder:
        write(folder, f"wal-{1:020d}.log", segment(1, range(1, 26), secret=bytes(16)))
        write(folder, "wal.mark", mark(25, 1, 1))
        path = write(folder, f"snapshot-{20:020d}.snap", small_snapshot(20))
        assert f"secret: {SECRET.hex()}\n" in tool(0, "print", path, "--secret")
        assert "the snapshot has another secret: it is of another data set" in tool(1, "verify", folder)


def test_what_files_say_of_themselves_cannot_steer_a_terminal():
    evil = "evil\x1b[2J\u202e\u200b\x9b"
    with Folder() as folder:
        named = evil.encode() + b"\xff\n/1"
        parts = segment(1, range(1, 3))
        head = 64 + 48 + 16
        declares = record(0, 0, 0, LOCAL, 1, 0, 0, body=b"\1\0" + named)
        was = record(0, 0, 0, LOCAL, 1, 0, 0, body=b"\1\0some.type/1")
        assert parts[head : head + len(was)] == was
        data = parts[:head] + declares + parts[head + len(was) :]
        paths = [write(folder, evil + ".log", data), write(folder, evil + "-damaged.log", data[:-30] + b"x" * 30),
                 write(folder, f"wal-{1:020d}.log", data), os.path.join(folder, evil + "-absent.log"), folder]
        for path in paths:
            for command in ("print", "verify"):
                done = subprocess.run([LOG_PROGRAM, command, path], capture_output=True, timeout=60)
                for said in (done.stdout, done.stderr):
                    odd = [one for one in said.decode() if one != "\n" and not one.isprintable()]
                    equal(odd, [], f"{command} {path!r}: {said!r}")
        assert "evil\\x1b[2J\\xe2\\x80\\xae" in tool(0, "print", paths[0])


if __name__ == "__main__":
    run(globals())
