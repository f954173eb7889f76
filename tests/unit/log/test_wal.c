/* SPDX-License-Identifier: MIT */

/* What the log does when nothing is wrong, and when the disk is full: when it writes, when it syncs, what it lets go.
 * */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "log/mark.h"
#include "log/wal_state.h"

/* The sequence of so many records that were added: the first batch of a life begins with the record of its epoch. */
#define SEQUENCE(records) ((records) + 1)

static void start(struct harness *harness, enum wal_policy policy)
{
    harness_init(harness, 1, policy);
    harness->config.segment_size = 65536;
    cr_assert_eq(harness_start(harness), STATUS_OK, "%s", harness->complaint.text);
    harness_settle(harness, 20); /* the declaration of the type */
}

static uint64_t calls_of(struct harness *harness, uint64_t *before)
{
    uint64_t calls = sim_disk_calls(harness->sim) - *before;
    *before = sim_disk_calls(harness->sim);
    return calls;
}

Test(wal, that_writes_through_gathers_a_group_while_one_is_under_way_and_releases_what_is_synced)
{
    struct harness harness;
    start(&harness, WAL_WRITE_THROUGH);
    uint64_t before = sim_disk_calls(harness.sim);
    harness_add(&harness, 1);
    harness_turn(&harness, 1);
    cr_assert_eq(calls_of(&harness, &before), 0, "a turn never touches the disk itself");
    for (unsigned i = 0; i < 5; i++) {
        harness_add(&harness, 1);
        harness_turn(&harness, 1);
    }
    cr_assert(wal_written(harness.wal) == 0 && wal_synced(harness.wal) == 0 && wal_released(harness.wal) == 0);
    cr_assert_eq(wal_next_ms(harness.wal), INT64_MAX, "a completion comes, not a time");
    size_t backlog = wal_backlog(harness.wal);
    cr_assert_gt(backlog, tail_waiting(&harness.wal->cursor), "what is under way counts too");
    cr_assert_eq(sim_disk_run(harness.sim, 10), 1);
    cr_assert_eq(calls_of(&harness, &before), 2, "one write, one sync");
    cr_assert_eq(wal_released(harness.wal), SEQUENCE(1));
    cr_assert_eq(wal_next_ms(harness.wal), harness.now_ms, "there is more to do at once");
    harness_turn(&harness, 0);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 1);
    cr_assert_eq(calls_of(&harness, &before), 2, "five batches, one write, one sync");
    cr_assert_eq(wal_released(harness.wal), SEQUENCE(6));
    cr_assert_eq(wal_backlog(harness.wal), 0);
    harness_finish(&harness);
}

/* Twenty clients, of whom twelve have just been answered and eight were too late for that. */
static void answer_twelve(struct harness *harness)
{
    start(harness, WAL_WRITE_THROUGH);
    harness_settle(harness, 500);
    harness_add(harness, 11); /* and the record of the epoch */
    harness_turn(harness, 1);
    harness_add(harness, 8);
    harness_turn(harness, 1);
    cr_assert_eq(sim_disk_run(harness->sim, 10), 1);
    cr_assert_eq(wal_released(harness->wal), SEQUENCE(11), "nobody's answer is kept back");
    harness_turn(harness, 0);
    cr_assert_eq(sim_disk_run(harness->sim, 10), 0, "the group waits");
}

Test(wal, that_writes_through_waits_for_those_whom_it_has_just_answered)
{
    struct harness harness;
    answer_twelve(&harness);
    cr_assert_eq(wal_next_ms(harness.wal), harness.now_ms + 2);
    harness_add(&harness, 9);
    harness_turn(&harness, 0);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 0);
    harness_add(&harness, 1);
    harness_turn(&harness, 0);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 1, "18 of 20 are enough");
    cr_assert_eq(wal_released(harness.wal), SEQUENCE(29));
    harness_finish(&harness);
}

Test(wal, that_writes_through_waits_for_nobody_longer_than_a_moment)
{
    struct harness harness;
    answer_twelve(&harness);
    harness_turn(&harness, 1);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 0);
    harness_turn(&harness, 1);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 1);
    cr_assert_eq(wal_released(harness.wal), SEQUENCE(19));
    /* They did not come: the next two go at once, and then it tries again. */
    for (int i = 0; i < 3; i++) {
        harness_add(&harness, i == 2 ? 1 : 10);
        harness_turn(&harness, 0);
        harness_add(&harness, i == 0 ? 0 : 10);
        cr_assert_eq(sim_disk_run(harness.sim, 10), i < 2, "group %d", i);
    }
    harness_finish(&harness);
}

Test(wal, that_waits_for_company_does_not_when_it_is_closed)
{
    struct harness harness;
    answer_twelve(&harness);
    cr_assert(harness_close(&harness));
    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK);
    cr_assert_eq(harness.progress.records, 20);
    harness_finish(&harness);
}

Test(wal, that_is_buffered_releases_what_is_written_and_syncs_in_time)
{
    struct harness harness;
    start(&harness, WAL_BUFFERED);
    harness_settle(&harness, 500);
    uint64_t before = sim_disk_calls(harness.sim);
    int64_t first = harness.now_ms + 1;
    for (unsigned i = 1; i <= 4; i++) {
        harness_add(&harness, 1);
        harness_turn(&harness, 1);
        cr_assert_eq(sim_disk_run(harness.sim, 10), 1);
        cr_assert_eq(calls_of(&harness, &before), 1, "a write without a sync");
        cr_assert(wal_released(harness.wal) == SEQUENCE(i) && wal_synced(harness.wal) == 0);
    }
    cr_assert_eq(wal_next_ms(harness.wal), first + 50);
    harness_turn(&harness, 46);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 0);
    harness_turn(&harness, 1);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 1);
    cr_assert_eq(calls_of(&harness, &before), 1, "a sync without a write");
    cr_assert_eq(wal_synced(harness.wal), SEQUENCE(4));
    harness_finish(&harness);
}

Test(wal, of_no_persistence_touches_no_disk_and_lets_everything_go)
{
    struct harness harness;
    start(&harness, WAL_NONE);
    uint64_t before = sim_disk_calls(harness.sim);
    harness_add(&harness, 4);
    harness_turn(&harness, 1);
    cr_assert(wal_written(harness.wal) == 5 && wal_synced(harness.wal) == 5 && wal_released(harness.wal) == 5);
    cr_assert(wal_next_ms(harness.wal) == INT64_MAX && wal_backlog(harness.wal) == 0);
    cr_assert(harness_close(&harness));
    cr_assert_eq(calls_of(&harness, &before), 0);
    cr_assert_eq(sim_disk_name(harness.sim, 0), NULL);
    harness_finish(&harness);
}

Test(wal, marks_its_last_group_when_it_goes_idle_and_then_rests)
{
    struct harness harness;
    start(&harness, WAL_WRITE_THROUGH);
    harness_add(&harness, 3);
    harness_turn(&harness, 1);
    (void)sim_disk_run(harness.sim, 1);
    int64_t synced_ms = harness.now_ms;
    cr_assert_eq(wal_next_ms(harness.wal), synced_ms + 200);
    harness_turn(&harness, 199);
    cr_assert_eq(sim_disk_run(harness.sim, 1), 0);
    harness_turn(&harness, 1);
    cr_assert_eq(sim_disk_run(harness.sim, 1), 1);
    struct wal_stats stats;
    wal_stats(harness.wal, &stats);
    cr_assert_eq(stats.records_durable_mark, SEQUENCE(3));
    cr_assert_eq(wal_next_ms(harness.wal), harness.now_ms, "the mark file follows at once"); /* wal P8 */
    harness_turn(&harness, 0);
    cr_assert_eq(sim_disk_run(harness.sim, 1), 1);
    cr_assert_eq(wal_next_ms(harness.wal), INT64_MAX);
    harness_stop(&harness); /* killed, not closed */
    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK);
    cr_assert_eq(harness.progress.durable, SEQUENCE(3));
    harness_finish(&harness);
}

Test(wal, begins_a_new_segment_when_one_is_full_and_declares_the_types_in_each)
{
    struct harness harness;
    harness_init(&harness, 1, WAL_WRITE_THROUGH);
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    harness_add(&harness, 39); /* larger than a segment: it stays whole */
    harness_settle(&harness, 30);
    for (unsigned i = 0; i < 20; i++) {
        harness_add(&harness, 2);
        harness_settle(&harness, 30);
    }
    struct wal_stats stats;
    wal_stats(harness.wal, &stats);
    cr_assert_gt(stats.segments, 4);
    cr_assert(sim_disk_contents(harness.sim, "wal-00000000000000000041.log").data != NULL);
    struct mark mark;
    cr_assert_eq(mark_read(sim_disk_interface(harness.sim), &mark, &harness.complaint), STATUS_OK);
    cr_assert_gt(mark.segment, 41);
    cr_assert_geq(mark.durable, mark.segment - 1);
    cr_assert(harness_close(&harness));
    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK, "%s", harness.complaint.text);
    cr_assert_eq(harness.progress.segments, stats.segments);
    cr_assert_eq(harness.declared, stats.segments);
    cr_assert_eq(harness.delivered, 80);
    cr_assert_eq(harness.progress.batches, 21);
    cr_assert_eq(harness.progress.bytes_done, harness.progress.bytes_total);
    harness_finish(&harness);
}

Test(wal, on_a_full_disk_says_so_tries_again_and_goes_on_when_there_is_room)
{
    struct harness harness;
    for (int limit = 0; limit < 12; limit++) {
        start(&harness, limit % 2 == 0 ? WAL_WRITE_THROUGH : WAL_BUFFERED);
        harness.config.segment_size = 4096;
        sim_disk_limit(harness.sim, sim_disk_used(harness.sim) + (uint64_t)limit * 700);
        for (unsigned i = 0; i < 40; i++) {
            harness_add(&harness, 2);
            harness_settle(&harness, 30);
        }
        cr_assert(wal_full(harness.wal));
        cr_assert_eq(harness.failures, 0);
        cr_assert_lt(wal_synced(harness.wal), SEQUENCE(80));
        cr_assert_gt(wal_backlog(harness.wal), 0);
        int64_t next = wal_next_ms(harness.wal);
        cr_assert(next > harness.now_ms - 100 && next <= harness.now_ms + 100);
        unsigned progresses = harness.progresses;
        uint64_t before = sim_disk_calls(harness.sim);
        harness_settle(&harness, 1000);
        cr_assert_eq(harness.progresses, progresses, "no news, no call");
        cr_assert(sim_disk_calls(harness.sim) - before >= 8 && sim_disk_calls(harness.sim) - before <= 22);
        /* Shutting down on a full disk is refused, and says what is at stake. */
        if (limit == 3) {
            cr_assert(!harness_close(&harness));
            cr_assert(strstr(harness.complaint.text, "no space") != NULL);
            /* What was written of the last group is a torn tail now; there is no room for a copy of it. */
            cr_assert_eq(harness_start(&harness), STATUS_NO_SPACE);
            cr_assert(strstr(harness.complaint.text, "make room") != NULL, "%s", harness.complaint.text);
            sim_disk_limit(harness.sim, UINT64_MAX);
            cr_assert_eq(harness_start(&harness), STATUS_OK);
            cr_assert_geq(harness.end.last_sequence, harness.promised);
        }
        sim_disk_limit(harness.sim, UINT64_MAX);
        harness_settle(&harness, 1000);
        cr_assert(!wal_full(harness.wal));
        cr_assert_eq(wal_synced(harness.wal), harness.tail.last_sequence);
        cr_assert(harness_close(&harness));
        cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK);
        harness_finish(&harness);
    }
}

/* What is left to write then, a new segment or a later mark, is nothing that a client was told or waits for. */
Test(wal, whose_records_are_all_synced_ends_well_on_a_full_disk)
{
    static const enum wal_policy policies[] = {WAL_WRITE_THROUGH, WAL_BUFFERED};
    for (unsigned i = 0; i < 120; i++) {
        struct harness harness;
        harness_init(&harness, i, policies[i % 2]);
        cr_assert_eq(harness_start(&harness), STATUS_OK);
        for (unsigned k = 0; k <= i / 2; k++) {
            harness_add(&harness, 1);
            harness_settle(&harness, i % 2 == 0 ? 40 : 100);
        }
        uint64_t last = harness.tail.last_sequence;
        cr_assert_eq(wal_synced(harness.wal), last);
        sim_disk_fault(harness.sim, SIM_NO_SPACE, 1, 1000);
        cr_assert(harness_close(&harness), "%u batches: %s", i / 2, harness.complaint.text);
        sim_disk_fault(harness.sim, SIM_NO_SPACE, 0, 0);
        cr_assert_eq(harness_start(&harness), STATUS_OK, "%u batches: %s", i / 2, harness.complaint.text);
        cr_assert_eq(harness.end.last_sequence, last);
        cr_assert(harness_close(&harness));
        harness_finish(&harness);
    }
}

Test(wal, that_fails_says_so_once_with_the_file_and_releases_nothing_more)
{
    struct harness harness;
    start(&harness, WAL_WRITE_THROUGH);
    harness_add(&harness, 1);
    harness_settle(&harness, 30);
    harness_add(&harness, 1);
    harness_turn(&harness, 1);
    sim_disk_fault(harness.sim, SIM_IO, 2, 1); /* the sync */
    (void)sim_disk_run(harness.sim, 1);
    cr_assert_eq(harness.failures, 1);
    cr_assert(strstr(harness.complaint.text, "wal-00000000000000000001.log could not be synced") != NULL, "%s",
              harness.complaint.text);
    cr_assert_eq(wal_released(harness.wal), SEQUENCE(1));
    harness_add(&harness, 1);
    harness_turn(&harness, 1000);
    cr_assert_eq(sim_disk_run(harness.sim, 10), 0);
    cr_assert(!harness_close(&harness));
    cr_assert_eq(harness.failures, 1);
    harness_finish(&harness);
}

Test(wal, that_was_idle_and_killed_cannot_lose_its_end_unnoticed)
{
    static const enum wal_policy policies[] = {WAL_WRITE_THROUGH, WAL_BUFFERED};
    for (size_t p = 0; p < 2; p++) {
        struct harness harness;
        harness_init(&harness, 5 + p, policies[p]);
        harness.config.segment_size = 1024 * 1024;
        cr_assert_eq(harness_start(&harness), STATUS_OK);
        for (unsigned i = 0; i < 300; i++) {
            harness_add(&harness, 1);
            harness_settle(&harness, 20);
        }
        harness_settle(&harness, 1000);
        struct mark mark;
        cr_assert_eq(mark_read(sim_disk_interface(harness.sim), &mark, &harness.complaint), STATUS_OK);
        cr_assert_eq(mark.durable, harness.tail.last_sequence); /* wal P8 */
        harness_stop(&harness);
        sim_disk_kill(harness.sim);
        uint64_t size = sim_disk_contents(harness.sim, "wal-00000000000000000001.log").size;
        struct sim_disk *whole = sim_disk_clone(harness.sim, 1);
        for (uint64_t cut = 5000; cut > 0; cut -= 500) {
            cr_assert_lt(cut, size);
            harness_take_disk(&harness, sim_disk_clone(whole, cut));
            sim_disk_cut(harness.sim, "wal-00000000000000000001.log", cut);
            cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_CORRUPT, "cut at %llu", (unsigned long long)cut);
        }
        sim_disk_destroy(whole);
        harness_finish(&harness);
    }
}

Test(wal, that_lacks_a_descriptor_or_memory_waits_longer_each_time_and_goes_on)
{
    static const enum status passing[] = {STATUS_DESCRIPTORS, STATUS_FILE_LIMIT, STATUS_NO_MEMORY, STATUS_BUSY};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        struct harness harness;
        start(&harness, WAL_WRITE_THROUGH);
        sim_disk_lacking(harness.sim, passing[i]);
        sim_disk_fault(harness.sim, SIM_LACKING, 1, 1000000);
        harness_add(&harness, 1);
        harness_turn(&harness, 1);
        (void)sim_disk_run(harness.sim, 1);
        cr_assert_eq(wal_lack(harness.wal), passing[i]); /* wal P4 */
        cr_assert(!wal_full(harness.wal), "only a full disk is full");
        int64_t pause_ms = 100;
        for (unsigned tries = 0; tries < 8; tries++) {
            cr_assert_eq(wal_next_ms(harness.wal), harness.now_ms + pause_ms, "try %u", tries);
            harness_turn(&harness, pause_ms);
            cr_assert_eq(sim_disk_run(harness.sim, 1), 1);
            pause_ms = pause_ms < 1600 ? pause_ms * 2 : 1600;
        }
        cr_assert_eq(harness.failures, 0, "%s", harness.complaint.text);
        cr_assert_eq(wal_released(harness.wal), 0);
        sim_disk_fault(harness.sim, SIM_LACKING, 0, 0);
        harness_settle(&harness, 2000);
        cr_assert_eq(wal_lack(harness.wal), STATUS_OK);
        cr_assert_eq(wal_released(harness.wal), harness.tail.last_sequence);
        cr_assert(harness_close(&harness));
        harness_finish(&harness);
    }
}

Test(wal, ends_with_a_failed_sync_whatever_that_says)
{
    static const enum status passing[] = {STATUS_NO_SPACE, STATUS_DESCRIPTORS, STATUS_NO_MEMORY, STATUS_BUSY};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        struct harness harness;
        start(&harness, WAL_WRITE_THROUGH);
        sim_disk_lacking(harness.sim, passing[i]);
        harness_add(&harness, 1);
        harness_turn(&harness, 1);
        sim_disk_fault(harness.sim, SIM_SYNC, 2, 1);
        (void)sim_disk_run(harness.sim, 1);
        cr_assert_eq(harness.failures, 1); /* wal P4 */
        cr_assert(strstr(harness.complaint.text, "could not be synced") != NULL, "%s", harness.complaint.text);
        uint64_t calls = sim_disk_calls(harness.sim);
        harness_turn(&harness, 10000);
        (void)sim_disk_run(harness.sim, 10);
        cr_assert_eq(sim_disk_calls(harness.sim), calls);
        harness_finish(&harness);
    }
}

Test(wal, is_written_over_zeros_so_that_most_syncs_change_no_size)
{
    struct harness harness;
    harness_init(&harness, 1, WAL_WRITE_THROUGH);
    harness.config.segment_size = (uint64_t)64 * 1024 * 1024;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    unsigned grown = 0;
    uint64_t used = 0;
    for (unsigned i = 0; i < 1000; i++) {
        harness_add(&harness, 1);
        harness_turn(&harness, 1);
        (void)sim_disk_run(harness.sim, 1);
        grown += sim_disk_used(harness.sim) != used;
        used = sim_disk_used(harness.sim);
    }
    cr_assert_lt(grown, 10);
    cr_assert_eq(used % 4096, 1024, "the segment ends with a block, besides the mark file");
    harness_finish(&harness);
}

/* ---- bytes that must never change ---- */

static void expect_golden(const char *name, struct gm_bytes bytes)
{
    char path[512];
    uint8_t expected[16384];
    (void)snprintf(path, sizeof path, GEOMYS_SOURCE_DIR "/tests/golden/%s", name);
    if (getenv("GEOMYS_WRITE_GOLDEN") != NULL) {
        FILE *file = fopen(path, "wb");
        cr_assert(file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size && fclose(file) == 0);
    }
    FILE *file = fopen(path, "rb");
    cr_assert_neq(file, NULL, "%s", path);
    size_t size = fread(expected, 1, sizeof expected, file);
    (void)fclose(file);
    cr_assert(gm_bytes_equal(bytes, (struct gm_bytes){expected, size}), "%s differs: the format has changed", name);
}

Test(golden, the_bytes_of_a_record_a_segment_and_a_mark_file_are_as_released)
{
    struct harness harness;
    struct buf buf;
    buf_init(&buf, 4096);
    struct record record = {.sequence = 0x0102030405060708,
                            .epoch = 0x1112131415161718,
                            .time_ms = 1700000000123,
                            .expire_at_ms = 1800000000456,
                            .flags = RECORD_MORE | RECORD_FRESH | RECORD_EXPIRE,
                            .op = 0x2122,
                            .type = 0x3132,
                            .slot = 12739,
                            .database = 0x4142,
                            .key = BYTES("a key"),
                            .body = BYTES("the body")};
    cr_assert(record_encode(&record, &buf));
    record =
        (struct record){.sequence = 8, .epoch = 1, .flags = RECORD_REMOVES, .op = RECORD_OP_DELETE, .key = BYTES("k")};
    cr_assert(record_encode(&record, &buf));
    uint8_t body[RECORD_EPOCH_MAX];
    struct record_epoch epoch = {.leader = 3, .replica_count = 3, .replicas = {1, 3, 0x0102030405060708}};
    record = (struct record){
        .sequence = 9, .epoch = 2, .time_ms = 5, .op = RECORD_OP_EPOCH, .body = record_epoch_body(&epoch, body)};
    cr_assert(record_encode(&record, &buf));
    struct epochs_entry entries[] = {{.epoch = 1, .leader = 1, .first = 1}, {.epoch = 2, .leader = 3, .first = 9}};
    cr_assert(epochs_encode(&(struct epochs){.list = entries, .count = 2, .secret = {"sixteen bytes..."}}, 9, 5, &buf));
    expect_golden("record_v4.bin", buf_bytes(&buf));
    buf_clear(&buf, 0);
    uint8_t target[16];
    record = (struct record){.sequence = 10,
                             .epoch = 2,
                             .time_ms = 5,
                             .flags = RECORD_REMOVES,
                             .op = RECORD_OP_RENAME,
                             .slot = 12739,
                             .key = BYTES("a key"),
                             .body = record_target_body(&(struct record_target){.key = BYTES("another")}, target)};
    cr_assert(record_encode(&record, &buf));
    record.sequence = 11;
    record.database = 2;
    record.body = record_target_body(&(struct record_target){BYTES("a key"), 259}, target);
    cr_assert(record_encode(&record, &buf));
    record = (struct record){.sequence = 12, .epoch = 2, .time_ms = 5, .op = RECORD_OP_FLUSH_DATABASE, .database = 2};
    cr_assert(record_encode(&record, &buf));
    record.sequence = 13;
    record.op = RECORD_OP_SWAP;
    record.database = 259;
    record.body = record_swap_body(2, target);
    cr_assert(record_encode(&record, &buf));
    record = (struct record){.sequence = 14, .epoch = 2, .time_ms = 5, .op = RECORD_OP_FLUSH};
    cr_assert(record_encode(&record, &buf));
    expect_golden("record_databases_v3.bin", buf_bytes(&buf));
    buf_clear(&buf, 0);
    record = (struct record){.sequence = 15,
                             .epoch = 2,
                             .time_ms = 5,
                             .op = RECORD_OP_COPY,
                             .slot = 12739,
                             .key = BYTES("a key"),
                             .body = record_target_body(&(struct record_target){.key = BYTES("another")}, target)};
    cr_assert(record_encode(&record, &buf));
    record.sequence = 16;
    record.body = record_target_body(&(struct record_target){BYTES("a key"), 259}, target);
    cr_assert(record_encode(&record, &buf));
    expect_golden("record_copy_v3.bin", buf_bytes(&buf));
    buf_finish(&buf);

    start(&harness, WAL_WRITE_THROUGH);
    harness.config.segment_size = 4096;
    harness_add(&harness, 1); /* and the record of its epoch */
    harness_settle(&harness, 30);
    harness_add(&harness, 1);
    harness_settle(&harness, 30);
    cr_assert(harness_close(&harness));
    struct gm_bytes segment = sim_disk_contents(harness.sim, "wal-00000000000000000001.log");
    expect_golden("log_segment_v4.bin", (struct gm_bytes){segment.data, segment.size < 8192 ? segment.size : 8192});
    expect_golden("log_mark_v1.bin", sim_disk_contents(harness.sim, MARK_NAME));
    harness_finish(&harness);
}

static enum status ignore_name(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                               struct complaint *complaint)
{
    (void)sink, (void)type, (void)name, (void)complaint;
    return STATUS_OK;
}

struct count {
    struct record_sink sink;
    uint64_t records;
    bool wrong;
};

static enum status count_record(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct count *count = container_of(sink, struct count, sink);
    (void)complaint;
    count->wrong = count->wrong || record->sequence != ++count->records;
    if (record->type != 0) { /* behind the one that has begun the epoch */
        count->wrong =
            count->wrong || record->body.size != 200000 || record->body.data[199999] != (uint8_t)(record->sequence - 1);
    }
    return STATUS_OK;
}

Test(wal, that_has_more_to_write_than_a_group_takes_goes_on_with_the_next)
{
    struct harness harness;
    static uint8_t body[200000];
    harness_init(&harness, 1, WAL_WRITE_THROUGH);
    harness.config.segment_size = (uint64_t)64 * 1024 * 1024;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    for (unsigned i = 1; i <= 2 * WAL_GROUP_MAX + 1; i++) { /* each takes a piece of its own */
        struct record record = {.op = 1, .type = 7, .body = {body, sizeof body}};
        body[sizeof body - 1] = (uint8_t)i;
        tail_begin(&harness.tail);
        tail_add(&harness.tail, &record);
        tail_end(&harness.tail);
    }
    for (unsigned group = 1; group <= 3; group++) {
        harness_turn(&harness, 0);
        harness_turn(&harness, 5); /* it may have waited a moment for more */
        cr_assert_eq(sim_disk_run(harness.sim, 1), 1);
        cr_assert_eq(wal_synced(harness.wal), 1 + (group < 3 ? group * WAL_GROUP_MAX : 2 * WAL_GROUP_MAX + 1));
    }
    cr_assert(harness_close(&harness));
    struct count count = {.sink = {.declare = ignore_name, .accept = count_record}};
    struct replay *replay;
    struct complaint complaint;
    cr_assert_eq(replay_create(&replay, sim_disk_interface(harness.sim), true, 0, &complaint), STATUS_OK);
    enum status status;
    while ((status = replay_step(replay, 1 << 20, &count.sink, &complaint)) == STATUS_AGAIN) {
    }
    cr_assert(status == STATUS_OK && !count.wrong && count.records == 2 * WAL_GROUP_MAX + 2, "%s", complaint.text);
    replay_destroy(replay);
    harness_finish(&harness);
}
