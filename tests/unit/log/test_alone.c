/* SPDX-License-Identifier: MIT */

/* test_alone.c - checks that cover each other, each with the others held true: a file is changed so that just one of
 * them can see it. Otherwise one could go, and nothing would tell. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "harness.h"
#include "log/mark.h"
#include "log/segment.h"
#include "log/snapshot.h"
#include "log/snapshot_reader.h"
#include "log/snapshot_writer.h"

TestSuite(alone, .timeout = 60);

/* ---- a log to begin with ---- */

static void grow(struct harness *harness, unsigned batches, int64_t each_ms)
{
    for (unsigned i = 0; i < batches; i++) {
        harness_add(harness, 1 + i % 3);
        harness_settle(harness, each_ms);
    }
}

static void begin(struct harness *harness, enum wal_policy policy, uint64_t segment_size)
{
    harness_init(harness, 5, policy);
    harness->config.segment_size = segment_size;
    cr_assert_eq(harness_start(harness), STATUS_OK, "%s", harness->complaint.text);
}

/* The segment number `index` in the order of their sequences; the sequence that it begins with. False: there is
 * none. */
static bool segment_at(const struct sim_disk *sim, size_t index, char name[static DISK_NAME_MAX], uint64_t *first)
{
    uint64_t before = 0;
    for (size_t n = 0; n <= index; n++) {
        *first = UINT64_MAX;
        for (size_t i = 0; sim_disk_name(sim, i) != NULL; i++) {
            uint64_t found;
            if (segment_name_parse(sim_disk_name(sim, i), &found) && found > before && found < *first) {
                *first = found;
            }
        }
        before = *first;
    }
    segment_name(*first, name);
    return *first != UINT64_MAX;
}

static size_t count_segments(const struct sim_disk *sim)
{
    char name[DISK_NAME_MAX];
    uint64_t first;
    size_t count = 0;
    while (segment_at(sim, count, name, &first)) {
        count++;
    }
    return count;
}

/* A copy of the file's bytes with room behind them, the caller's to free. */
static uint8_t *copy_file(struct sim_disk *sim, const char *name, size_t more, size_t *size)
{
    struct gm_bytes whole = sim_disk_contents(sim, name);
    cr_assert_not_null(whole.data, "%s", name);
    uint8_t *bytes = calloc(1, whole.size + more);
    memcpy(bytes, whole.data, whole.size);
    *size = whole.size;
    return bytes;
}

static size_t record_at(const uint8_t *bytes, size_t size, size_t at, struct record *record)
{
    struct complaint complaint;
    size_t taken = 0;
    return record_parse((struct gm_bytes){bytes + at, size - at}, record, &taken, &complaint) == STATUS_OK ? taken : 0;
}

static void seal_record(uint8_t *record, size_t size)
{
    codec_put_u32(record + 4, crc32c((struct gm_bytes){record + 48, size - 48}));
    codec_put_u32(record, crc32c((struct gm_bytes){record + 4, 44}));
}

static void expect_refused(struct harness *harness, const char *sentence)
{
    enum status status = harness_recover(harness, true, NULL);
    cr_assert_eq(status, STATUS_CORRUPT, "%s", status_text(status));
    cr_assert_not_null(strstr(harness->complaint.text, sentence), "%s", harness->complaint.text);
}

/* ---- the mark file ---- */

/* mark I2: one of two slots is enough, so a slot is looked at without the other. */
Test(alone, a_slot_of_the_mark_file_with_any_bit_flipped_is_none)
{
    uint8_t slot[MARK_SLOT_SIZE];
    struct mark mark = {.counter = 8, .durable = 77, .oldest = 5, .segment = 60}, read;
    struct complaint complaint;
    mark_encode(&mark, slot);
    cr_assert_eq(mark_parse((struct gm_bytes){slot, sizeof slot}, &read, &complaint), STATUS_OK);
    cr_assert(read.counter == 8 && read.durable == 77 && read.oldest == 5 && read.segment == 60);
    for (size_t bit = 0; bit < sizeof slot * 8; bit++) {
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect_eq(mark_parse((struct gm_bytes){slot, sizeof slot}, &read, &complaint), STATUS_CORRUPT, "%zu", bit);
        slot[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    codec_put_u16(slot + 12, 2); /* the version */
    codec_put_u32(slot + 8, crc32c((struct gm_bytes){slot + 12, sizeof slot - 12}));
    cr_expect_eq(mark_parse((struct gm_bytes){slot, sizeof slot}, &read, &complaint), STATUS_VERSION);
}

/* wal_open P3: a log whose only segment is lost is not taken for a new one, though nothing but the first mark knows of
 * it, and the power failed before there was another. */
Test(alone, the_first_mark_is_on_the_disk_before_anything_is_promised)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct harness harness;
        char name[DISK_NAME_MAX];
        uint64_t first;
        begin(&harness, WAL_WRITE_THROUGH, 65536);
        grow(&harness, 1, 20);
        cr_assert_gt(harness.promised, 0);
        struct sim_disk *sim = harness.sim;
        sim_disk_crash(sim, seed);
        harness_stop(&harness);
        cr_assert(segment_at(sim, 0, name, &first));
        sim_disk_delete(sim, name);
        cr_expect_eq(harness_recover(&harness, true, NULL), STATUS_CORRUPT, "seed %llu: it begins anew",
                     (unsigned long long)seed);
        harness_finish(&harness);
    }
}

/* wal P3: a log that is never idle has its newest segment named in the mark file as soon as anything in it is
 * promised. */
Test(alone, a_lost_segment_in_which_something_was_promised_is_missed_at_any_moment)
{
    struct harness harness;
    unsigned moments = 0;
    begin(&harness, WAL_WRITE_THROUGH, 2500);
    for (unsigned i = 0; i < 40; i++) {
        char name[DISK_NAME_MAX];
        uint64_t first;
        harness_add(&harness, 1 + i % 3);
        for (unsigned turns = 0; harness.promised < harness.tail.last_sequence; turns++) {
            cr_assert_lt(turns, 1000);
            harness_turn(&harness, 1);
            (void)sim_disk_run(harness.sim, 1);
        }
        size_t count = count_segments(harness.sim);
        cr_assert(segment_at(harness.sim, count - 1, name, &first));
        if (first > harness.promised) {
            continue;
        }
        struct harness other = {.from = 0};
        memcpy(&other, &harness, sizeof other);
        other.sim = sim_disk_clone(harness.sim, 1);
        other.wal = NULL;
        sim_disk_delete(other.sim, name);
        cr_expect_eq(harness_recover(&other, true, NULL), STATUS_CORRUPT, "without %s", name);
        sim_disk_destroy(other.sim);
        moments += count > 1;
    }
    cr_assert_gt(moments, 20);
    cr_assert_gt(count_segments(harness.sim), 5);
    harness_finish(&harness);
}

/* wal P8: when a log that is synced in intervals goes idle, its last mark does not wait for the next of them. */
Test(alone, an_idle_mark_is_synced_by_the_write_that_brings_it)
{
    struct harness harness;
    struct wal_stats before, after;
    unsigned idle = 0;
    begin(&harness, WAL_BUFFERED, 65536);
    for (unsigned i = 0; i < 5; i++) {
        harness_add(&harness, 2);
        for (unsigned turn = 0; turn < 60; turn++) {
            wal_stats(harness.wal, &before);
            harness_turn(&harness, 10);
            (void)sim_disk_run(harness.sim, 1);
            wal_stats(harness.wal, &after);
            if (after.groups > before.groups && after.written == before.written) {
                cr_expect_gt(after.syncs, before.syncs);
                idle++;
            }
        }
    }
    cr_assert_geq(idle, 5);
    harness_finish(&harness);
}

/* ---- a log that has failed ---- */

Test(alone, a_failed_log_removes_no_further_segment)
{
    struct harness harness;
    begin(&harness, WAL_WRITE_THROUGH, 2500);
    grow(&harness, 24, 20);
    harness_settle(&harness, 300);
    size_t before = count_segments(harness.sim);
    cr_assert_gt(before, 6);
    wal_keep_from(harness.wal, wal_synced(harness.wal) + 1);
    for (unsigned i = 0; i < 100 && count_segments(harness.sim) == before; i++) {
        harness_turn(&harness, 1);
        (void)sim_disk_run(harness.sim, 1);
    }
    size_t begun = count_segments(harness.sim);
    cr_assert_eq(begun, before - 1, "the first one is removed");
    harness_add(&harness, 1);
    harness_turn(&harness, 1);
    sim_disk_fault(harness.sim, SIM_SYNC, 1, 1000);
    for (unsigned turns = 0; harness.failures == 0; turns++) {
        cr_assert_lt(turns, 1000);
        (void)sim_disk_run_lane(harness.sim, DISK_LANE_LOG, 1);
        harness_turn(&harness, 1);
    }
    sim_disk_fault(harness.sim, SIM_SYNC, 1, 0);
    for (unsigned i = 0; i < 200; i++) {
        harness_turn(&harness, 10);
        (void)sim_disk_run(harness.sim, 10);
    }
    cr_expect_geq(count_segments(harness.sim), begun - 1, "one may have been with the disk already");
    harness_finish(&harness);
}

/* ---- records and segments ---- */

Test(alone, a_record_about_the_file_belongs_to_no_batch)
{
    struct buf buf;
    struct record record;
    struct complaint complaint;
    size_t size;
    buf_init(&buf, 1024);
    cr_assert(record_encode_type(3, 1000, 9, BYTES("test.type/1"), &buf));
    cr_assert_eq(record_parse(buf_bytes(&buf), &record, &size, &complaint), STATUS_OK);
    codec_put_u16(buf.data + 12, (uint16_t)(record.flags | RECORD_MORE));
    seal_record(buf.data, size - (size_t)((8 - (codec_u32(buf.data + 8) & 7)) & 7));
    cr_expect_eq(record_parse(buf_bytes(&buf), &record, &size, &complaint), STATUS_CORRUPT);
    buf_finish(&buf);
}

/* Its own sequence, sealed, but not the one of its name; there is nothing in it yet that would be out of sequence. */
Test(alone, a_header_that_is_of_another_segment_is_seen)
{
    struct harness harness;
    size_t size;
    begin(&harness, WAL_WRITE_THROUGH, 65536);
    cr_assert(harness_close(&harness));
    const char *name = "wal-00000000000000000001.log";
    uint8_t *bytes = copy_file(harness.sim, name, 0, &size);
    codec_put_u64(bytes + 32, 2);
    codec_put_u32(bytes + 8, crc32c((struct gm_bytes){bytes + 12, 52}));
    sim_disk_put(harness.sim, name, (struct gm_bytes){bytes, size});
    expect_refused(&harness, "its header belongs to another segment");
    free(bytes);
    harness_finish(&harness);
}

Test(alone, a_second_table_of_epochs_is_refused)
{
    struct harness harness;
    struct record record;
    size_t size;
    begin(&harness, WAL_WRITE_THROUGH, 65536);
    grow(&harness, 3, 20);
    cr_assert(harness_close(&harness));
    const char *name = "wal-00000000000000000001.log";
    uint8_t *bytes = copy_file(harness.sim, name, 4096, &size);
    size_t table = record_at(bytes, size, SEGMENT_HEADER_SIZE, &record);
    cr_assert(table > 0 && record.op == RECORD_OP_EPOCHS);
    memmove(bytes + SEGMENT_HEADER_SIZE + table, bytes + SEGMENT_HEADER_SIZE, size - SEGMENT_HEADER_SIZE);
    sim_disk_put(harness.sim, name, (struct gm_bytes){bytes, size + table});
    expect_refused(&harness, "it has a second table of epochs");
    free(bytes);
    harness_finish(&harness);
}

Test(alone, a_lost_segment_in_the_midst_is_a_gap)
{
    struct harness harness;
    char name[DISK_NAME_MAX];
    uint64_t first;
    begin(&harness, WAL_WRITE_THROUGH, 2500);
    grow(&harness, 12, 20);
    cr_assert(harness_close(&harness));
    cr_assert_gt(count_segments(harness.sim), 3);
    cr_assert(segment_at(harness.sim, 1, name, &first));
    sim_disk_delete(harness.sim, name);
    expect_refused(&harness, "the log has a gap");
    harness_finish(&harness);
}

/* ---- marks within the log ---- */

/* Where the marks of a segment are, and where all records end. */
static size_t find_marks(const uint8_t *bytes, size_t size, size_t marks[static 64], size_t *end)
{
    struct record record;
    size_t count = 0, taken;
    *end = SEGMENT_HEADER_SIZE;
    while ((taken = record_at(bytes, size, *end, &record)) > 0) {
        if ((record.flags & RECORD_LOCAL) != 0 && record.op == RECORD_OP_DURABLE) {
            cr_assert_lt(count, 64);
            marks[count++] = *end;
        }
        *end += taken;
    }
    return count;
}

Test(alone, a_mark_of_another_segment_is_refused)
{
    struct harness harness;
    size_t size, end, marks[64];
    begin(&harness, WAL_WRITE_THROUGH, 65536);
    grow(&harness, 4, 20);
    cr_assert(harness_close(&harness));
    const char *name = "wal-00000000000000000001.log";
    uint8_t *bytes = copy_file(harness.sim, name, 0, &size);
    cr_assert_gt(find_marks(bytes, size, marks, &end), 1);
    uint8_t *mark = bytes + marks[0];
    mark[48 + 8] ^= 1; /* the salt, behind the sequence that it vouches for */
    seal_record(mark, codec_u32(mark + 8));
    sim_disk_put(harness.sim, name, (struct gm_bytes){bytes, size});
    cr_expect_eq(harness_recover(&harness, true, NULL), STATUS_CORRUPT);
    free(bytes);
    harness_finish(&harness);
}

/* What a reader is told to be durable comes from the marks in the segments, when the mark file is older. */
Test(alone, marks_within_the_log_tell_how_far_it_was_synced)
{
    struct harness harness;
    begin(&harness, WAL_WRITE_THROUGH, 65536);
    grow(&harness, 8, 20);
    uint64_t promised = harness.promised;
    struct wal_stats stats;
    wal_stats(harness.wal, &stats);
    cr_assert(stats.records_durable_mark > 0 && stats.records_durable_mark <= promised);
    harness_stop(&harness);
    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK, "%s", harness.complaint.text);
    cr_expect_geq(harness.progress.durable, stats.records_durable_mark);
    cr_expect_leq(harness.progress.durable, promised);
    harness_finish(&harness);
}

/* The end of a group is zero from a record's beginning to the end of its sector, as a crash leaves it; but behind it a
 * mark vouches for the record. The mark file is that of the log's beginning, and knows of nothing. */
Test(alone, a_mark_behind_what_looks_torn_tells_that_it_was_synced)
{
    struct harness harness;
    size_t size, end, marks[64];
    unsigned tried = 0;
    uint8_t first[2 * MARK_SLOT_SIZE];
    begin(&harness, WAL_WRITE_THROUGH, 65536);
    harness.plain_bodies = true;
    memcpy(first, sim_disk_contents(harness.sim, MARK_NAME).data, sizeof first);
    grow(&harness, 30, 20);
    harness_settle(&harness, 300);
    harness_stop(&harness);
    sim_disk_put(harness.sim, MARK_NAME, (struct gm_bytes){first, sizeof first});
    const char *name = "wal-00000000000000000001.log";
    uint8_t *bytes = copy_file(harness.sim, name, 0, &size);
    size_t count = find_marks(bytes, size, marks, &end);
    cr_assert_gt(count, 10);
    struct sim_disk *sim = sim_disk_clone(harness.sim, 1);
    for (size_t i = 0; i + 1 < count; i++) {
        size_t sector = (marks[i] + SEGMENT_SECTOR) / SEGMENT_SECTOR * SEGMENT_SECTOR;
        if (sector > marks[i + 1]) {
            continue; /* it would take the next mark along */
        }
        uint8_t *damaged = malloc(size);
        memcpy(damaged, bytes, size);
        memset(damaged + marks[i], 0, sector - marks[i]);
        harness_take_disk(&harness, sim_disk_clone(sim, 1));
        sim_disk_put(harness.sim, name, (struct gm_bytes){damaged, size});
        cr_expect_eq(harness_recover(&harness, true, NULL), STATUS_CORRUPT, "zeros from byte %zu on", marks[i]);
        cr_expect(gm_bytes_equal(sim_disk_contents(harness.sim, name), (struct gm_bytes){damaged, size}));
        free(damaged);
        tried++;
    }
    cr_assert_gt(tried, 4);
    free(bytes);
    sim_disk_destroy(sim);
    harness_finish(&harness);
}

/* ---- reading ---- */

static const struct disk_ops *real_ops;
static unsigned reads_left;

/* As if somebody cut the file between looking at its size and reading it. */
static enum status read_less(struct disk *disk, struct disk_file *file, uint64_t offset, uint8_t *target, size_t size,
                             size_t *got)
{
    enum status status = real_ops->read(disk, file, offset, target, size, got);
    if (status == STATUS_OK && *got > SEGMENT_HEADER_SIZE && reads_left > 0) {
        reads_left--;
        *got = *got / 2 / 8 * 8;
    }
    return status;
}

Test(alone, a_file_that_is_cut_while_it_is_read_is_not_taken_for_torn)
{
    struct harness harness;
    begin(&harness, WAL_WRITE_THROUGH, 65536);
    grow(&harness, 20, 20);
    cr_assert(harness_close(&harness));
    struct disk *disk = sim_disk_interface(harness.sim);
    real_ops = disk->ops;
    struct disk_ops less = *real_ops;
    less.read = read_less;
    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK);
    disk->ops = &less;
    reads_left = 2; /* of the mark file, and of the segment */
    cr_expect_eq(harness_recover(&harness, false, NULL), STATUS_IO, "%s", harness.complaint.text);
    disk->ops = real_ops;
    harness_finish(&harness);
}

/* ---- snapshots ---- */

Test(alone, a_snapshot_under_the_name_of_another_is_refused)
{
    struct sim_disk *sim = sim_disk_create(1);
    struct disk *disk = sim_disk_interface(sim);
    struct snapshot_writer_config config = {.memory_max = 1 << 20, .codec = SNAPSHOT_PLAIN};
    struct snapshot_cut cut = {.sequence = 12, .epoch = 1, .time_ms = 1000};
    struct epochs epochs = {0};
    struct complaint complaint;
    struct epochs_entry entry = {.epoch = 1, .leader = 7, .first = 1};
    cr_assert_eq(epochs_add(&epochs, &entry, &complaint), STATUS_OK);
    struct snapshot_writer *writer = snapshot_writer_create(&config, disk, &cut, &epochs);
    snapshot_writer_finish(writer);
    disk->ops->drain(disk);
    snapshot_writer_publish(writer);
    disk->ops->drain(disk);
    cr_assert_eq(snapshot_writer_state(writer), SNAPSHOT_WRITER_PUBLISHED);
    snapshot_writer_destroy(writer);
    char name[DISK_NAME_MAX], other[DISK_NAME_MAX];
    snapshot_name(12, name);
    snapshot_name(13, other);
    sim_disk_put(sim, other, sim_disk_contents(sim, name));
    struct snapshot_reader *reader;
    cr_assert_eq(snapshot_reader_create(&reader, disk, 12, &complaint), STATUS_OK, "%s", complaint.text);
    snapshot_reader_destroy(reader);
    cr_expect_eq(snapshot_reader_create(&reader, disk, 13, &complaint), STATUS_CORRUPT);
    cr_expect_not_null(strstr(complaint.text, "its header belongs to another snapshot"), "%s", complaint.text);
    epochs_finish(&epochs);
    sim_disk_destroy(sim);
}
