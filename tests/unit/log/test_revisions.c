/* SPDX-License-Identifier: MIT */

/* What files say of the revisions of types: the record about it, the list of what is due, and that segments and
 * snapshots say it before the first record that needs it, once, and no more than what stands in them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "log/reader.h"
#include "log/revisions.h"
#include "log/wal_state.h"
#include "snap.h"

static const struct record_revision bag_2 = {700, 2, {(const uint8_t *)"acme.bag 1.4.0", 14}};

static struct record_revision of(uint16_t type, uint16_t revision)
{
    return (struct record_revision){type, revision, BYTES("acme.bag 1.4.0")};
}

/* ---- the record ---- */

Test(revisions, the_record_is_the_golden_one_and_comes_back)
{
    uint8_t golden[512];
    struct record record;
    struct record_revision back;
    struct buf buf;
    size_t size;
    char many[RECORD_WRITER_MAX];
    memset(many, 'a', sizeof many);
    buf_init(&buf, 4096);
    cr_assert(record_encode_revision(41, 5, &bag_2, &buf));
    cr_assert(record_encode_revision(41, 5, &(struct record_revision){65535, 255, {(const uint8_t *)many, sizeof many}},
                                     &buf));
    FILE *file = fopen(GEOMYS_SOURCE_DIR "/tests/golden/record_revision_v4.bin", "rb");
    cr_assert_not_null(file);
    size_t got = fread(golden, 1, sizeof golden, file);
    fclose(file);
    cr_assert(gm_bytes_equal(buf_bytes(&buf), gm_bytes_at(golden, got)));
    cr_assert_eq(record_parse(buf_bytes(&buf), &record, &size, NULL), STATUS_OK);
    cr_assert(record_read_revision(&record, &back) && back.type == 700 && back.revision == 2);
    cr_assert(gm_bytes_equal(back.writer, bag_2.writer));
    buf_finish(&buf);
}

Test(revisions, a_record_that_makes_no_sense_is_none)
{
    static const struct {
        const char *body;
        size_t size;
    } bodies[] = {
        {"\0\0\2\0x", 5},    /* the host has no revisions */
        {"\1\0\1\0x", 5},    /* the first needs no word */
        {"\1\0\0\1x", 5},    /* 256 */
        {"\1\0\2\0", 4},     /* nobody wrote it */
        {"\1\0\2\0a\nb", 7}, /* no line of a log */
        {"\1\0\2\0\x7f", 5}, {"\1\0\2", 3}, {"", 0},
    };
    char long_body[4 + RECORD_WRITER_MAX + 1];
    struct record_revision revision;
    struct record record = {.flags = RECORD_LOCAL, .op = RECORD_OP_REVISION};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        record.body = gm_bytes_at(bodies[i].body, bodies[i].size);
        cr_expect_not(record_read_revision(&record, &revision), "%zu", i);
    }
    memset(long_body, 'a', sizeof long_body);
    memcpy(long_body, "\1\0\2\0", 4);
    record.body = gm_bytes_at(long_body, sizeof long_body);
    cr_expect_not(record_read_revision(&record, &revision));
    record.body.size--;
    cr_expect(record_read_revision(&record, &revision));
    record.flags |= RECORD_FRESH;
    cr_expect_not(record_read_revision(&record, &revision));
}

/* ---- the list ---- */

Test(revisions, what_is_due_is_the_highest_of_what_comes_and_was_not_said)
{
    struct revisions noted = {0};
    struct revisions said = {0};
    struct record_revision due;
    cr_expect_not(revisions_next(&noted, 0, &said, &due));
    for (uint64_t sequence = 1; sequence <= 40; sequence++) {
        struct record_revision revision = of(7, sequence <= 17 ? 3 : 2);
        revisions_note(&noted, &revision, sequence);
    }
    struct record_revision other = of(8, 9);
    revisions_note(&noted, &other, 30);
    cr_expect_eq(noted.count, 3, "revisions I1");
    cr_expect_eq(revisions_of(&noted, 7), 3);
    cr_expect_eq(revisions_of(&noted, 9), 1);
    cr_expect_not(revisions_next(&noted, 40, &said, &due), "all of it is written");
    cr_expect(revisions_next(&noted, 17, &said, &due) && due.type == 7 && due.revision == 2);
    cr_expect(revisions_next(&noted, 16, &said, &due) && due.type == 7 && due.revision == 3);
    revisions_note(&said, &due, 0);
    cr_expect(revisions_next(&noted, 16, &said, &due) && due.type == 8 && due.revision == 9);
    revisions_note(&said, &due, 0);
    cr_expect_not(revisions_next(&noted, 0, &said, &due), "a lower one is said with the higher");
    revisions_forget(&said, 7);
    cr_expect(revisions_next(&noted, 39, &said, &due) && due.type == 7 && due.revision == 2);
    revisions_finish(&noted);
    revisions_finish(&said);
}

/* ---- segments ---- */

struct told {
    struct record_sink sink;
    char text[4096];
    size_t size;
    enum status answer;
};

static enum status tell_type(struct record_sink *sink, uint16_t type, struct gm_bytes name, struct complaint *complaint)
{
    (void)sink, (void)type, (void)name, (void)complaint;
    return STATUS_OK;
}

static enum status tell_record(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct told *told = container_of(sink, struct told, sink);
    (void)complaint;
    if (record->type != 0) {
        told->size += (size_t)snprintf(told->text + told->size, sizeof told->text - told->size, "%llu ",
                                       (unsigned long long)record->sequence);
    }
    return STATUS_OK;
}

static enum status tell_revision(struct record_sink *sink, const struct record_revision *revision,
                                 struct complaint *complaint)
{
    struct told *told = container_of(sink, struct told, sink);
    complaint_set(complaint, "too new");
    told->size +=
        (size_t)snprintf(told->text + told->size, sizeof told->text - told->size, "%u=%u(%.*s) ", revision->type,
                         revision->revision, (int)revision->writer.size, (const char *)revision->writer.data);
    return told->answer;
}

static struct told told_init(void)
{
    return (struct told){.sink = {.declare = tell_type, .accept = tell_record, .revise = tell_revision}};
}

static enum status replay_all(struct harness *harness, struct told *told, struct complaint *complaint)
{
    struct replay *replay;
    TRY(replay_create(&replay, sim_disk_interface(harness->sim), true, 0, complaint));
    enum status status;
    do {
        status = replay_step(replay, 100000, &told->sink, complaint);
    } while (status == STATUS_AGAIN);
    replay_destroy(replay);
    return status;
}

/* One record of the log, with an operation of a revision. */
static void add(struct harness *harness, uint16_t revision)
{
    struct record_revision later = of(harness->tail.names.list[0].type, revision);
    if (revision > 1) {
        tail_revise(&harness->tail, &later, tail_next(&harness->tail));
    }
    harness_add(harness, 1);
    harness_settle(harness, 30);
}

Test(revisions, each_segment_says_what_stands_in_it_before_it_does)
{
    struct harness harness;
    struct told told = told_init();
    struct complaint complaint;
    harness_init(&harness, 1, WAL_WRITE_THROUGH);
    harness.config.segment_size = 100000;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    static const uint16_t story[] = {1, 2, 2, 3, 2, 1};
    for (size_t i = 0; i < sizeof story / sizeof story[0]; i++) {
        add(&harness, story[i]);
    }
    cr_assert(harness_close(&harness));
    cr_assert_eq(replay_all(&harness, &told, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_str_eq(told.text, "2 7=2(acme.bag 1.4.0) 3 4 7=3(acme.bag 1.4.0) 5 6 7 ");
    cr_assert_eq(harness_start(&harness), STATUS_OK); /* the same segment: declared anew, and nothing was said again */
    add(&harness, 2);
    cr_assert(harness_close(&harness));
    told = told_init();
    cr_assert_eq(replay_all(&harness, &told, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_str_eq(told.text, "2 7=2(acme.bag 1.4.0) 3 4 7=3(acme.bag 1.4.0) 5 6 7 7=2(acme.bag 1.4.0) 9 ");
    told = told_init();
    told.answer = STATUS_VERSION;
    cr_expect_eq(replay_all(&harness, &told, &complaint), STATUS_VERSION);
    cr_expect(strstr(complaint.text, "wal-") != NULL && strstr(complaint.text, "too new") != NULL, "%s",
              complaint.text);
    harness_finish(&harness);
}

Test(revisions, a_new_segment_says_nothing_of_the_one_before)
{
    struct harness harness;
    struct told told = told_init();
    struct complaint complaint;
    harness_init(&harness, 1, WAL_WRITE_THROUGH);
    harness.config.segment_size = 4096;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    add(&harness, 2);
    uint64_t first = harness.wal->header.first_sequence;
    while (harness.wal->header.first_sequence == first) {
        add(&harness, 1);
    }
    add(&harness, 1);
    add(&harness, 2);
    cr_assert(harness_close(&harness));
    cr_assert_eq(replay_all(&harness, &told, &complaint), STATUS_OK, "%s", complaint.text);
    const char *again = strstr(told.text + 4, "7=2");
    cr_assert(strncmp(told.text, "7=2", 3) == 0 && again != NULL, "%s", told.text);
    char *last;
    cr_expect_eq(strtoull(strchr(again, ')') + 2, &last, 10), harness.tail.last_sequence);
    cr_expect_str_eq(last, " ", "the newest segment says it before its last record: %s", told.text);
    harness_finish(&harness);
}

/* ---- snapshots ---- */

static enum status snapshot_of(struct sim_disk *sim, struct told *told, struct complaint *complaint)
{
    struct snapshot_reader *reader;
    TRY(snapshot_reader_create(&reader, sim_disk_interface(sim), 50, complaint));
    enum status status;
    do {
        status = snapshot_reader_step(reader, 50, &told->sink, complaint);
    } while (status == STATUS_AGAIN);
    snapshot_reader_destroy(reader);
    return status;
}

Test(revisions, a_snapshot_says_it_once_and_only_upwards)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct disk *disk = sim_disk_interface(sim);
    struct epochs_entry entry = {1, 1, 1};
    struct snapshot_cut cut = {.sequence = 50, .epoch = 1};
    struct snapshot_writer_config config = {.memory_max = 1 << 20};
    struct snapshot_writer *writer =
        snapshot_writer_create(&config, disk, &cut, &(struct epochs){.list = &entry, .count = 1});
    struct record record = {.flags = RECORD_FRESH, .type = 1, .key = BYTES("key")};
    snapshot_writer_declare(writer, 1, BYTES("acme.bag/1"));
    snapshot_writer_add(writer, &record);
    static const uint16_t story[] = {2, 2, 4, 3};
    for (size_t i = 0; i < sizeof story / sizeof story[0]; i++) {
        struct record_revision revision = of(1, story[i]);
        snapshot_writer_revise(writer, &revision);
        snapshot_writer_add(writer, &record);
    }
    snapshot_writer_finish(writer);
    disk->ops->drain(disk);
    snapshot_writer_publish(writer);
    disk->ops->drain(disk);
    cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_PUBLISHED);
    snapshot_writer_destroy(writer);
    struct told told = told_init();
    struct complaint complaint;
    cr_assert_eq(snapshot_of(sim, &told, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_str_eq(told.text, "50 1=2(acme.bag 1.4.0) 50 50 1=4(acme.bag 1.4.0) 50 50 ");
    told = told_init();
    told.answer = STATUS_VERSION;
    cr_expect_eq(snapshot_of(sim, &told, &complaint), STATUS_VERSION);
    cr_expect(strstr(complaint.text, "snapshot-") != NULL, "%s", complaint.text);
    sim_disk_destroy(sim);
}
