/* SPDX-License-Identifier: MIT */

/* The file of a snapshot: names, golden bytes, and that no byte of it can change, be missing or be invented without
 * being noticed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/memory.h"
#include "log/snapshot_codec.h"
#include "snap.h"

#define SEQUENCE 123456789
#define NAME     "snapshot-00000000000123456789.snap"
#define MIB      ((size_t)1024 * 1024)
#define LONG     ((size_t)100000) /* more than a block of 64 KiB */

/* ---- what the golden files hold ---- */

static const struct snapshot_cut golden_cut = {.sequence = SEQUENCE, .epoch = 4, .time_ms = 1700000000123};

static struct epochs_entry golden_entries[] = {{.epoch = 1, .leader = 1, .first = 1},
                                               {.epoch = 4, .leader = 3, .first = 1000}};
static const struct epochs golden_epochs = {.list = golden_entries, .count = 2, .secret = {"sixteen bytes..."}};

struct told {
    struct record_sink sink;
    char text[1024];
    size_t size;
};

static void tell(struct told *told, const char *word, const struct record *record)
{
    told->size += (size_t)snprintf(
        told->text + told->size, sizeof told->text - told->size, "%s %u op%u flags%u slot%u expire%lld %.*s=%.*s..%zu;",
        word, record->type, record->op, record->flags, record->slot, (long long)record->expire_at_ms,
        (int)record->key.size, (const char *)record->key.data, record->body.size < 5 ? (int)record->body.size : 5,
        (const char *)record->body.data, record->body.size);
    cr_assert_lt(told->size, sizeof told->text);
}

static enum status tell_type(struct record_sink *sink, uint16_t type, struct gm_bytes name, struct complaint *complaint)
{
    struct record record = {.type = type, .key = name, .body = BYTES("")};
    (void)complaint;
    tell(container_of(sink, struct told, sink), "type", &record);
    return STATUS_OK;
}

static enum status tell_record(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    (void)complaint;
    bool cut = record->sequence == SEQUENCE && record->epoch == 4 && record->time_ms == 1700000000123;
    tell(container_of(sink, struct told, sink), cut ? "record" : "wrong", record);
    return STATUS_OK;
}

static void golden_write(struct sim_disk *sim, enum snapshot_codec codec)
{
    struct disk *disk = sim_disk_interface(sim);
    struct snapshot_writer_config config = {.memory_max = MIB, .codec = codec};
    struct snapshot_writer *writer = snapshot_writer_create(&config, disk, &golden_cut, &golden_epochs);
    uint8_t *body = memory_alloc(LONG);
    memset(body, 'b', LONG);
    snapshot_writer_declare(writer, 1, BYTES("golden.text/1"));
    struct record record = {.expire_at_ms = 1800000000456,
                            .flags = RECORD_FRESH | RECORD_EXPIRE,
                            .op = 1,
                            .type = 1,
                            .slot = 7,
                            .key = BYTES("alpha"),
                            .body = BYTES("one")};
    snapshot_writer_add(writer, &record);
    snapshot_writer_add(writer, &(struct record){.flags = RECORD_FRESH,
                                                 .op = 1,
                                                 .type = 1,
                                                 .slot = 16383,
                                                 .key = BYTES("beta"),
                                                 .body = {body, codec == SNAPSHOT_PLAIN ? 100 : LONG}});
    snapshot_writer_declare(writer, 700, BYTES("golden.list/2"));
    snapshot_writer_add(writer, &(struct record){.op = 2, .type = 1, .slot = 7, .key = BYTES("alpha")});
    snapshot_writer_add(writer, &(struct record){.flags = RECORD_FRESH | RECORD_DAMAGED,
                                                 .op = 65535,
                                                 .type = 700,
                                                 .database = 65535,
                                                 .key = BYTES("gamma"),
                                                 .body = {body, 50}});
    memory_free(body);
    snapshot_writer_finish(writer);
    disk->ops->drain(disk);
    snapshot_writer_publish(writer);
    disk->ops->drain(disk);
    cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_PUBLISHED);
    snapshot_writer_destroy(writer);
}

static enum status read_all(struct sim_disk *sim, struct told *told, struct complaint *complaint)
{
    struct snapshot_reader *reader;
    *told = (struct told){.sink = {.declare = tell_type, .accept = tell_record}};
    TRY(snapshot_reader_create(&reader, sim_disk_interface(sim), SEQUENCE, complaint));
    enum status status;
    do {
        status = snapshot_reader_step(reader, 50, &told->sink, complaint);
    } while (status == STATUS_AGAIN);
    snapshot_reader_destroy(reader);
    return status;
}

static void expect_golden_records(struct sim_disk *sim, size_t beta)
{
    struct told told;
    struct complaint complaint;
    char expected[1024];
    (void)snprintf(expected, sizeof expected,
                   "type 1 op0 flags0 slot0 expire0 golden.text/1=..0;"
                   "record 1 op1 flags42 slot7 expire1800000000456 alpha=one..3;"
                   "record 1 op1 flags10 slot16383 expire0 beta=bbbbb..%zu;"
                   "type 700 op0 flags0 slot0 expire0 golden.list/2=..0;"
                   "record 1 op2 flags2 slot7 expire0 alpha=..0;"
                   "record 700 op65535 flags138 slot0 expire0 gamma=bbbbb..50;",
                   beta);
    cr_assert_eq(read_all(sim, &told, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_str_eq(told.text, expected);
}

static struct gm_bytes golden_file(const char *file, struct gm_bytes fresh, uint8_t *bytes, size_t room)
{
    char path[512];
    (void)snprintf(path, sizeof path, GEOMYS_SOURCE_DIR "/tests/golden/%s", file);
    if (getenv("GEOMYS_WRITE_GOLDEN") != NULL) {
        FILE *out = fopen(path, "wb");
        cr_assert_not_null(out);
        cr_assert_eq(fwrite(fresh.data, 1, fresh.size, out), fresh.size);
        (void)fclose(out);
    }
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in, "%s is missing", path);
    size_t size = fread(bytes, 1, room, in);
    (void)fclose(in);
    cr_assert(size > 0 && size < room);
    return (struct gm_bytes){bytes, size};
}

Test(snapshot, the_golden_files_are_read_and_the_plain_one_is_written_byte_for_byte)
{
    static const char *const files[] = {"snapshot_v4.bin", "snapshot_v4_lz4.bin", "snapshot_v4_zstd.bin"};
    for (enum snapshot_codec codec = SNAPSHOT_PLAIN; codec <= SNAPSHOT_ZSTD; codec++) {
        static uint8_t bytes[8192];
        struct sim_disk *sim = sim_disk_create(1);
        size_t beta = codec == SNAPSHOT_PLAIN ? 100 : LONG;
        golden_write(sim, codec);
        expect_golden_records(sim, beta);
        struct gm_bytes fresh = sim_disk_contents(sim, NAME);
        struct gm_bytes golden = golden_file(files[codec], fresh, bytes, sizeof bytes);
        cr_assert(codec != SNAPSHOT_PLAIN || gm_bytes_equal(fresh, golden), "%s has other bytes", files[codec]);
        sim_disk_put(sim, NAME, golden);
        expect_golden_records(sim, beta);
        sim_disk_destroy(sim);
    }
}

/* ---- names ---- */

Test(snapshot, names_are_those_of_sequences_and_no_others)
{
    static const uint64_t sequences[] = {0, 1, SEQUENCE, UINT64_MAX};
    char name[DISK_NAME_MAX];
    uint64_t back;
    for (size_t i = 0; i < 4; i++) {
        snapshot_name(sequences[i], name);
        cr_assert(snapshot_name_parse(name, &back));
        cr_assert_eq(back, sequences[i]);
    }
    cr_assert_str_eq(name, "snapshot-18446744073709551615.snap");
    static const char *const bad[] = {"snapshot-18446744073709551616.snap",
                                      "snapshot-99999999999999999999.snap",
                                      "snapshot-1.snap",
                                      "snapshot-0000000000000000000x.snap",
                                      "snapshot-00000000000000000001.snap2",
                                      "snapshot-00000000000000000001.tmp",
                                      "snapshot.tmp",
                                      "wal-00000000000000000001.log",
                                      ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(snapshot_name_parse(bad[i], &back), "%s", bad[i]);
    }
}

Test(snapshot, the_list_has_the_newest_first_and_leaves_other_files_alone)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct snapshot_found *found;
    struct complaint complaint;
    size_t count;
    cr_assert_eq(snapshot_list(sim_disk_interface(sim), &found, &count, &complaint), STATUS_OK);
    cr_assert(found == NULL && count == 0);
    sim_disk_put(sim, "snapshot-00000000000000000009.snap", BYTES("123"));
    sim_disk_put(sim, "snapshot-00000000000000000200.snap", BYTES(""));
    sim_disk_put(sim, "snapshot-00000000000000000010.snap", BYTES("12345"));
    sim_disk_put(sim, "wal-00000000000000000300.log", BYTES("12345"));
    sim_disk_put(sim, SNAPSHOT_TEMPORARY, BYTES("12345"));
    cr_assert_eq(snapshot_list(sim_disk_interface(sim), &found, &count, &complaint), STATUS_OK);
    cr_assert_eq(count, 3);
    cr_assert(found[0].sequence == 200 && found[0].size == 0);
    cr_assert(found[1].sequence == 10 && found[1].size == 5);
    cr_assert(found[2].sequence == 9 && found[2].size == 3);
    memory_free(found);
    for (uint64_t at = 1; at <= 7; at++) {
        sim_disk_fault(sim, SIM_IO, at, 1);
        cr_assert_eq(snapshot_list(sim_disk_interface(sim), &found, &count, &complaint), STATUS_IO, "%s",
                     complaint.text);
    }
    sim_disk_destroy(sim);
}

/* ---- damage ---- */

/* Whatever was delivered before a refusal is a beginning of the truth. */
static void expect_noticed(struct sim_disk *sim, const struct told *truth, const char *what, size_t at)
{
    struct told told;
    struct complaint complaint;
    enum status status = read_all(sim, &told, &complaint);
    cr_assert(status == STATUS_CORRUPT || status == STATUS_VERSION, "%s %zu: %d", what, at, status);
    cr_assert(strncmp(complaint.text, NAME, sizeof NAME - 1) == 0, "%s", complaint.text);
    cr_assert(status == STATUS_VERSION || (strstr(complaint.text, " is damaged at byte ") != NULL &&
                                           strstr(complaint.text, "; to look at it: geomys-log verify " NAME) != NULL),
              "%s", complaint.text);
    cr_assert(told.size == 0 || strncmp(told.text, truth->text, told.size) == 0, "%s %zu delivered %s", what, at,
              told.text);
}

static struct gm_bytes copy_of(struct gm_bytes bytes)
{
    uint8_t *copy = memory_alloc(bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    return (struct gm_bytes){copy, bytes.size};
}

/* Each bit and each size are tried where a read is cheap. Under the sanitizers, which look for another kind of fault
 * and take minutes for it, every fifth: all bits of a byte come, and each part of the file. */
#ifdef GEOMYS_CHECK_SLOW
#define STEP 5
#else
#define STEP 1
#endif

static void expect_all_noticed(enum snapshot_codec codec)
{
    struct told truth;
    struct complaint complaint;
    struct sim_disk *sim = sim_disk_create(1);
    golden_write(sim, codec);
    struct gm_bytes whole = copy_of(sim_disk_contents(sim, NAME));
    cr_assert_eq(read_all(sim, &truth, &complaint), STATUS_OK);
    for (size_t bit = 0; bit < whole.size * 8; bit += STEP) {
        sim_disk_flip(sim, NAME, bit);
        expect_noticed(sim, &truth, "bit", bit);
        sim_disk_flip(sim, NAME, bit);
    }
    for (size_t size = 0; size < whole.size; size += STEP) {
        sim_disk_put(sim, NAME, (struct gm_bytes){whole.data, size});
        expect_noticed(sim, &truth, "cut to", size);
    }
    uint8_t *longer = memory_zeroed(whole.size + 600);
    memcpy(longer, whole.data, whole.size);
    for (size_t more = 1; more <= 600; more += 37) {
        sim_disk_put(sim, NAME, (struct gm_bytes){longer, whole.size + more});
        expect_noticed(sim, &truth, "longer by", more);
    }
    memory_free(longer);
    memory_free((void *)(uintptr_t)whole.data);
    sim_disk_destroy(sim);
}

/* One test for each, so that each has the time that it needs under the sanitizers. */
Test(snapshot, every_flipped_bit_every_missing_end_and_every_byte_too_many_is_noticed, .timeout = 240)
{
    expect_all_noticed(SNAPSHOT_PLAIN);
}

Test(snapshot, every_flipped_bit_every_missing_end_and_every_byte_too_many_of_lz4_is_noticed, .timeout = 240)
{
    expect_all_noticed(SNAPSHOT_LZ4);
}

Test(snapshot, every_flipped_bit_every_missing_end_and_every_byte_too_many_of_zstd_is_noticed, .timeout = 240)
{
    expect_all_noticed(SNAPSHOT_ZSTD);
}

/* ---- forgeries: every checksum is right ---- */

/* A file of blocks, put together by hand. */
struct forge {
    uint8_t bytes[16384];
    size_t size;
    uint32_t chain;
    struct snapshot_counts counts;
};

static void forge_begin(struct forge *forge)
{
    *forge = (struct forge){.size = SNAPSHOT_HEADER_SIZE, .counts = {.sequence = SEQUENCE}};
    snapshot_encode_header(&golden_cut, SNAPSHOT_LZ4, forge->bytes);
    forge->chain = snapshot_chain_of_header(forge->bytes);
}

static void forge_block(struct forge *forge, struct snapshot_head head, struct gm_bytes stored)
{
    head.chain = forge->chain;
    head.content_crc = crc32c(stored);
    head.stored_size = head.stored_size == 0 ? (uint32_t)stored.size : head.stored_size;
    head.plain_size = head.plain_size == 0 ? (uint32_t)stored.size : head.plain_size;
    cr_assert_lt(forge->size + SNAPSHOT_HEAD_SIZE + stored.size + SNAPSHOT_FOOTER_SIZE, sizeof forge->bytes);
    snapshot_encode_head(&head, forge->bytes + forge->size);
    forge->chain = snapshot_chain_of_head(forge->bytes + forge->size);
    forge->size += SNAPSHOT_HEAD_SIZE;
    memcpy(forge->bytes + forge->size, stored.data, stored.size);
    forge->size += stored.size;
    forge->counts.blocks++;
    forge->counts.plain += head.plain_size;
}

/* A block of records, the first of them the table of epochs and the declaration of type 1. */
static void forge_records(struct forge *forge, const struct record *records, unsigned count)
{
    struct buf buf;
    buf_init(&buf, 8192);
    cr_assert(epochs_encode(&golden_epochs, SEQUENCE, golden_cut.time_ms, &buf));
    cr_assert(record_encode_type(SEQUENCE, golden_cut.time_ms, 1, BYTES("golden.text/1"), &buf));
    forge->counts.types++;
    for (unsigned i = 0; i < count; i++) {
        struct record record = records[i];
        record.sequence += SEQUENCE;
        record.epoch += golden_cut.epoch;
        record.time_ms += golden_cut.time_ms;
        cr_assert(record_encode(&record, &buf));
        forge->counts.records++;
        forge->counts.keys += (record.flags & RECORD_FRESH) != 0;
    }
    forge_block(forge, (struct snapshot_head){.kind = SNAPSHOT_RECORDS, .records = count + 2}, buf_bytes(&buf));
    buf_finish(&buf);
}

static void forge_end(struct forge *forge)
{
    snapshot_encode_footer(&forge->counts, forge->chain, forge->bytes + forge->size);
    forge->size += SNAPSHOT_FOOTER_SIZE;
}

static enum status forge_read(const struct forge *forge, struct complaint *complaint)
{
    struct told told;
    struct sim_disk *sim = sim_disk_create(1);
    sim_disk_put(sim, NAME, (struct gm_bytes){forge->bytes, forge->size});
    enum status status = read_all(sim, &told, complaint);
    sim_disk_destroy(sim);
    return status;
}

static void expect_refused(const struct forge *forge, const char *why)
{
    struct complaint complaint;
    cr_assert_eq(forge_read(forge, &complaint), STATUS_CORRUPT, "%s", why);
    cr_assert_not_null(strstr(complaint.text, why), "'%s' instead of '%s'", complaint.text, why);
}

/* A block that begins with these tables of epochs, and with the declaration of a type before or after. */
static void expect_table_refused(const struct epochs *const *tables, size_t count, bool type_first, const char *why)
{
    struct forge forge;
    struct buf buf;
    buf_init(&buf, 8192);
    forge_begin(&forge);
    if (type_first) {
        cr_assert(record_encode_type(SEQUENCE, golden_cut.time_ms, 1, BYTES("golden.text/1"), &buf));
    }
    for (size_t i = 0; i < count; i++) {
        cr_assert(epochs_encode(tables[i], SEQUENCE, golden_cut.time_ms, &buf));
    }
    if (buf.size > 0) {
        forge.counts.types = type_first;
        forge_block(&forge, (struct snapshot_head){.kind = SNAPSHOT_RECORDS, .records = (uint32_t)count + type_first},
                    buf_bytes(&buf));
    }
    forge_end(&forge);
    expect_refused(&forge, why);
    buf_finish(&buf);
}

/* snapshot_reader P3 */
static void expect_tables_refused(void)
{
    struct epochs_entry newer[] = {{.epoch = 1, .leader = 1, .first = 1}, {.epoch = 5, .leader = 3, .first = 1000}};
    struct epochs_entry twice[] = {{.epoch = 4, .leader = 1, .first = 1}, {.epoch = 4, .leader = 3, .first = 1000}};
    const struct epochs other = {.list = newer, .count = 2};
    const struct epochs wrong = {.list = twice, .count = 2};
    expect_table_refused((const struct epochs *[]){&golden_epochs}, 1, true, "does not begin with a table of epochs");
    expect_table_refused(NULL, 0, false, "there is no table of epochs");
    expect_table_refused((const struct epochs *[]){&golden_epochs, &golden_epochs}, 2, false,
                         "a second table of epochs");
    expect_table_refused((const struct epochs *[]){&other}, 1, false, "header is of another epoch than the table");
    expect_table_refused((const struct epochs *[]){&(struct epochs){0}}, 1, false, "is empty, but there are records");
    expect_table_refused((const struct epochs *[]){&wrong}, 1, false,
                         "epoch 4 has two leaders: node 1 from record 1 on");
}

Test(snapshot, records_that_do_not_belong_into_a_snapshot_are_refused)
{
    static const struct {
        struct record record;
        const char *why;
    } cases[] = {
        {{.flags = RECORD_FRESH, .type = 1}, "flags that do not belong"},
        {{.flags = RECORD_DUMP | RECORD_MORE, .type = 1}, "flags that do not belong"},
        {{.flags = RECORD_DUMP | RECORD_REMOVES, .type = 1}, "flags that do not belong"},
        {{.flags = RECORD_DUMP | RECORD_FRESH | RECORD_KEEP_EXPIRY, .type = 1}, "flags that do not belong"},
        {{.flags = RECORD_DUMP, .type = 2}, "not declared"},
        {{.flags = RECORD_DUMP, .op = RECORD_OP_FLUSH}, "not declared"},
        {{.flags = RECORD_DUMP, .type = 1, .sequence = 1}, "another moment"},
        {{.flags = RECORD_DUMP, .type = 1, .epoch = 1}, "another moment"},
        {{.flags = RECORD_DUMP, .type = 1, .time_ms = 1}, "another moment"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_DURABLE, .epoch = (uint64_t)-4}, "makes no sense"},
        {{.flags = RECORD_LOCAL | RECORD_FRESH,
          .op = RECORD_OP_TYPE,
          .epoch = (uint64_t)-4,
          .body = BYTES("\2\0a.b/1")},
         "makes no sense"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_TYPE, .epoch = (uint64_t)-4, .body = BYTES("\2\0a.b/1\0")},
         "type number 2 is called \"a.b/1\\x00\", but"},
        {{.flags = RECORD_LOCAL, .op = RECORD_OP_TYPE, .epoch = (uint64_t)-4, .body = BYTES("\1\0a.b/1")},
         "declared twice"},
    };
    struct forge forge;
    struct complaint complaint;
    struct record good = {.flags = RECORD_DUMP | RECORD_FRESH, .type = 1, .key = BYTES("k")};
    forge_begin(&forge);
    forge_records(&forge, &good, 1);
    forge_end(&forge);
    cr_assert_eq(forge_read(&forge, &complaint), STATUS_OK, "%s", complaint.text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct record both[] = {good, cases[i].record};
        forge_begin(&forge);
        forge_records(&forge, both, 2);
        forge_end(&forge);
        expect_refused(&forge, cases[i].why);
    }
    expect_tables_refused();
    struct record strange = {.flags = RECORD_LOCAL, .op = 99, .epoch = (uint64_t)-4};
    forge_begin(&forge);
    forge_records(&forge, &strange, 1);
    forge_end(&forge);
    cr_assert_eq(forge_read(&forge, &complaint), STATUS_VERSION);
    cr_assert_not_null(strstr(complaint.text, "operation 99"));
}

Test(snapshot, blocks_and_counts_that_do_not_fit_together_are_refused)
{
    struct record good = {.flags = RECORD_DUMP | RECORD_FRESH, .type = 1, .key = BYTES("k")};
    struct forge forge;
    uint8_t zeros[256] = {0};
    for (unsigned which = 0; which < 6; which++) {
        forge_begin(&forge);
        forge_records(&forge, &good, 1);
        uint64_t *counts[] = {&forge.counts.records, &forge.counts.keys,  &forge.counts.plain,
                              &forge.counts.blocks,  &forge.counts.plain, &forge.counts.sequence};
        *counts[which] += which == 2 ? 8 : which == 1 || which == 4 ? -(uint64_t)1 : 1;
        forge_end(&forge);
        expect_refused(&forge, which == 4   ? "counts are out of range"
                               : which == 5 ? "belongs to another snapshot"
                                            : "counts are not those of the records");
    }
    for (uint32_t claimed = 2; claimed <= 4; claimed += 2) {
        uint8_t records[512];
        struct buf buf = {.data = records, .capacity = sizeof records, .limit = sizeof records};
        forge_begin(&forge);
        cr_assert(epochs_encode(&golden_epochs, SEQUENCE, golden_cut.time_ms, &buf));
        cr_assert(record_encode_type(SEQUENCE, golden_cut.time_ms, 1, BYTES("golden.text/1"), &buf));
        cr_assert(
            record_encode_type(SEQUENCE, golden_cut.time_ms, 2, BYTES("golden.long.text.of.forty.letters/1"), &buf));
        cr_assert_geq(buf.size, 4 * RECORD_HEADER_SIZE);
        forge_block(&forge, (struct snapshot_head){.kind = SNAPSHOT_RECORDS, .records = claimed}, buf_bytes(&buf));
        forge.counts.types = 2;
        forge_end(&forge);
        expect_refused(&forge, claimed == 2 ? "more records than it says" : "fewer records than it says");
    }
    static const struct {
        struct snapshot_head head;
        size_t size;
        const char *why;
    } blocks[] = {
        {{.kind = 0, .records = 1}, 64, "unknown kind"},
        {{.kind = 4, .records = 1}, 64, "unknown kind"},
        {{.kind = SNAPSHOT_FOOTER}, 48, "footer before the end"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1, .codec = SNAPSHOT_ZSTD, .plain_size = 256}, 64, "does not announce"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1, .codec = 3, .plain_size = 256}, 64, "does not announce"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1, .codec = SNAPSHOT_LZ4, .plain_size = 256}, 64, "decompressed"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1, .codec = SNAPSHOT_LZ4, .plain_size = 64}, 64, "out of range"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1, .codec = SNAPSHOT_LZ4, .plain_size = 1 << 20 | 8},
         64,
         "out of range"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1, .plain_size = 72}, 64, "out of range"},
        {{.kind = SNAPSHOT_RECORDS, .records = 0}, 64, "out of range"},
        {{.kind = SNAPSHOT_RECORDS, .records = 2}, 64, "out of range"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1}, 60, "out of range"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1}, 40, "out of range"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1, .stored_size = 1 << 20, .plain_size = 1 << 20},
         64,
         "end of the file"},
        {{.kind = SNAPSHOT_RECORDS, .records = 1}, 64, "record's header is wrong"},
        {{.kind = SNAPSHOT_PART, .records = 1}, 64, "no record in parts"},
        {{.kind = SNAPSHOT_PART, .records = 0}, 8, "no record in parts"},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        forge_begin(&forge);
        forge_records(&forge, &good, 1);
        forge_block(&forge, blocks[i].head, (struct gm_bytes){zeros, blocks[i].size});
        forge_end(&forge);
        expect_refused(&forge, blocks[i].why);
    }
}

/* Blocks of one, two and one records, and where they begin. */
static void three_blocks(struct forge *forge, size_t starts[static 5])
{
    struct buf buf;
    struct record record = {.sequence = SEQUENCE,
                            .epoch = golden_cut.epoch,
                            .time_ms = golden_cut.time_ms,
                            .flags = RECORD_DUMP | RECORD_FRESH,
                            .type = 1,
                            .key = BYTES("key")};
    forge_begin(forge);
    starts[0] = forge->size;
    forge_records(forge, NULL, 0);
    for (unsigned i = 1; i <= 2; i++) {
        buf_init(&buf, 4096);
        cr_assert(record_encode(&record, &buf));
        starts[i] = forge->size;
        forge_block(forge, (struct snapshot_head){.kind = SNAPSHOT_RECORDS, .records = 1}, buf_bytes(&buf));
        forge->counts.records++;
        forge->counts.keys++;
        buf_finish(&buf);
    }
    starts[3] = forge->size;
    forge_end(forge);
    starts[4] = forge->size;
}

Test(snapshot, a_block_lost_doubled_or_exchanged_is_noticed_at_its_place)
{
    struct forge forge;
    struct complaint complaint;
    size_t starts[5];
    three_blocks(&forge, starts);
    cr_assert_eq(forge_read(&forge, &complaint), STATUS_OK, "%s", complaint.text);
    static const char *const orders[] = {"02f", "01f", "12f", "0112f", "021f", "012", "0f", "f", "01212f", "0122f"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct forge other = {.size = SNAPSHOT_HEADER_SIZE};
        memcpy(other.bytes, forge.bytes, SNAPSHOT_HEADER_SIZE);
        size_t place = 0;
        for (const char *at = orders[i]; *at != '\0'; at++) {
            size_t which = *at == 'f' ? 3 : (size_t)(*at - '0');
            size_t size = starts[which + 1] - starts[which];
            place = place == 0 && which != (size_t)(at - orders[i]) ? other.size : place;
            memcpy(other.bytes + other.size, forge.bytes + starts[which], size);
            other.size += size;
        }
        char expected[64];
        (void)snprintf(expected, sizeof expected, " is damaged at byte %zu: ", place);
        expect_refused(&other, place == 0 ? "does not end with a footer" : expected);
    }
    /* The same block of another file of the same moment, whole in itself: another one came before it. */
    struct forge foreign;
    three_blocks(&foreign, starts);
    struct snapshot_head head;
    cr_assert_null(snapshot_parse_head(foreign.bytes + starts[1], 1, &head));
    head.chain++;
    snapshot_encode_head(&head, foreign.bytes + starts[1]);
    expect_refused(&foreign, "it belongs elsewhere");
}

Test(snapshot, the_parts_of_a_large_record_must_be_all_there_and_no_more)
{
    struct buf buf;
    struct record record = {.sequence = SEQUENCE,
                            .epoch = golden_cut.epoch,
                            .time_ms = golden_cut.time_ms,
                            .flags = RECORD_DUMP | RECORD_FRESH,
                            .type = 1,
                            .key = BYTES("key"),
                            .body = BYTES("a body that is cut into parts, of 64, 32 and 8 bytes")};
    buf_init(&buf, 4096);
    cr_assert(record_encode(&record, &buf));
    cr_assert_eq(buf.size, 104);
    static const struct {
        const char *parts; /* a b c: the three parts; r: a block with the whole record */
        const char *why;   /* NULL: fine */
    } cases[] = {{"abc", NULL},
                 {"r", NULL},
                 {"abcr", NULL},
                 {"rabc", NULL},
                 {"ab", "has parts missing"},
                 {"a", "has parts missing"},
                 {"abr", "has parts missing"},
                 {"aabc", "has parts missing"},
                 {"abbc", "more than the whole"},
                 {"abcc", "no record in parts begins here"},
                 {"bc", "no record in parts begins here"},
                 {"acb", "the checksum of the record's body is wrong"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct forge forge;
        struct complaint complaint;
        forge_begin(&forge);
        forge_records(&forge, NULL, 0);
        for (const char *at = cases[i].parts; *at != '\0'; at++) {
            struct snapshot_head head = {.kind = *at == 'r' ? SNAPSHOT_RECORDS : SNAPSHOT_PART,
                                         .records = *at == 'r' || *at == 'a'};
            struct gm_bytes part = *at == 'a'   ? (struct gm_bytes){buf.data, 64}
                                   : *at == 'b' ? (struct gm_bytes){buf.data + 64, 32}
                                   : *at == 'c' ? (struct gm_bytes){buf.data + 96, 8}
                                                : buf_bytes(&buf);
            forge_block(&forge, head, part);
            forge.counts.records += head.records;
            forge.counts.keys += head.records;
        }
        forge_end(&forge);
        if (cases[i].why == NULL) {
            cr_assert_eq(forge_read(&forge, &complaint), STATUS_OK, "%s: %s", cases[i].parts, complaint.text);
        } else {
            expect_refused(&forge, cases[i].why);
        }
    }
    buf_finish(&buf);
}

/* ---- versions, access, sinks ---- */

static void seal_header(uint8_t *header)
{
    codec_put_u32(header + 8, crc32c((struct gm_bytes){header + 12, SNAPSHOT_HEADER_SIZE - 12}));
}

Test(snapshot, what_a_later_version_may_bring_is_told_from_damage)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum status status;
    } cases[] = {{12, 1, STATUS_VERSION}, {12, 5, STATUS_VERSION},   {16, 4, STATUS_VERSION}, {19, 128, STATUS_VERSION},
                 {14, 9, STATUS_OK},      {20, 1, STATUS_OK},        {24, 255, STATUS_OK},    {28, 1, STATUS_CORRUPT},
                 {56, 1, STATUS_CORRUPT}, {63, 128, STATUS_CORRUPT}, {32, 1, STATUS_CORRUPT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct forge forge;
        struct complaint complaint;
        forge_begin(&forge);
        forge.bytes[cases[i].at] = cases[i].value;
        seal_header(forge.bytes);
        forge.chain = snapshot_chain_of_header(forge.bytes);
        forge_records(&forge, NULL, 0);
        forge_end(&forge);
        cr_assert_eq(forge_read(&forge, &complaint), cases[i].status, "byte %zu: %s", cases[i].at, complaint.text);
        cr_assert(cases[i].status == STATUS_OK || strstr(complaint.text, NAME) != NULL);
        cr_assert(cases[i].at != 12 || cases[i].value != 1 ||
                      strstr(complaint.text, "version 1, of a program from before the first release") != NULL,
                  "%s", complaint.text);
    }
}

Test(snapshot, a_file_that_can_not_be_read_is_no_damage_and_what_the_sink_says_is_passed_on)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct snapshot_writer_config config = {.memory_max = MIB, .codec = SNAPSHOT_LZ4};
    struct snap snap;
    struct complaint complaint;
    snap_init(&snap, SEQUENCE, 100, 70000);
    cr_assert_eq(snap_read(&snap, sim_disk_interface(sim), 1000, &complaint), STATUS_NOT_FOUND);
    cr_assert_str_eq(complaint.text, NAME " cannot be read: not found");
    cr_assert_eq(snap_write(&snap, sim, &config, &complaint), SNAPSHOT_WRITER_PUBLISHED);
    for (uint64_t at = 1; at <= 5; at++) {
        sim_disk_fault(sim, SIM_IO, at, 1);
        cr_assert_eq(snap_read(&snap, sim_disk_interface(sim), 1000, &complaint), STATUS_IO, "%llu",
                     (unsigned long long)at);
        cr_assert_str_eq(complaint.text, NAME " cannot be read: input/output error");
        cr_assert(!snap.wrong);
    }
    sim_disk_fault(sim, SIM_IO, 0, 0);
    snap.stop_at = 50;
    cr_assert_eq(snap_read(&snap, sim_disk_interface(sim), 1000, &complaint), STATUS_REFUSED);
    cr_assert(strncmp(complaint.text, NAME ", byte ", sizeof NAME + 6) == 0, "%s", complaint.text);
    cr_assert_not_null(strstr(complaint.text, "the sink has had enough"));
    cr_assert(snap.next == 50 && !snap.wrong);
    sim_disk_destroy(sim);
}

/* ---- codecs ---- */

Test(snapshot, a_codec_gives_back_what_it_got_and_takes_no_byte_for_granted)
{
    static uint8_t plain[65536];
    static uint8_t out[65536 + 8];
    uint64_t state = 1;
    for (size_t i = 0; i < sizeof plain; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        plain[i] = (uint8_t)(i % 100 < 70 ? 'a' + i % 10 : state >> 56);
    }
    struct snapshot_unpacker *unpacker = snapshot_unpacker_create();
    for (enum snapshot_codec codec = SNAPSHOT_LZ4; codec <= SNAPSHOT_ZSTD; codec++) {
        struct snapshot_packer *packer = snapshot_packer_create(codec, sizeof plain);
        struct gm_bytes packed;
        cr_assert(snapshot_pack(packer, (struct gm_bytes){plain, sizeof plain}, &packed));
        cr_assert_lt(packed.size, sizeof plain * 3 / 4);
        cr_assert(snapshot_unpack(unpacker, codec, packed, out, sizeof plain));
        cr_assert_eq(memcmp(out, plain, sizeof plain), 0);
        cr_assert_not(snapshot_unpack(unpacker, codec, packed, out, sizeof plain + 8));
        cr_assert_not(snapshot_unpack(unpacker, codec, packed, out, sizeof plain - 8));
        memset(out, 0x5a, sizeof out);
        cr_assert_not(snapshot_unpack(unpacker, codec, (struct gm_bytes){packed.data, packed.size - 1}, out, 65536));
        for (size_t i = 0; i < 8; i++) {
            cr_assert_eq(out[65536 + i], 0x5a); /* snapshot_codec P1 */
        }
        size_t memory = snapshot_packer_memory(packer);
        cr_assert(memory > sizeof plain && memory < 2 * MIB, "%zu", memory);
        for (size_t i = 0; i < sizeof plain; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            out[i] = (uint8_t)(state >> 56);
        }
        cr_assert_not(snapshot_pack(packer, (struct gm_bytes){out, sizeof plain}, &packed), "noise can be packed");
        cr_assert_eq(snapshot_packer_memory(packer), memory, "memory grows after the beginning");
        snapshot_packer_destroy(packer);
    }
    snapshot_unpacker_destroy(unpacker);
}
