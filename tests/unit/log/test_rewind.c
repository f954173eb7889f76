/* SPDX-License-Identifier: MIT */

/* test_rewind.c - a log goes back to a record, and always to the same end, wherever it is interrupted; and what it
 * gives up is still there. */
#include <criterion/criterion.h>

#include <string.h>

#include "harness.h"
#include "log/mark.h"
#include "log/rewind.h"
#include "log/segment.h"
#include "log/snapshot.h"
#include "support/seed.h"

/* A log of some segments with two epochs, closed. */
static void begin(struct harness *harness, uint64_t seed)
{
    harness_init(harness, seed, WAL_WRITE_THROUGH);
    for (unsigned life = 0; life < 2; life++) {
        cr_assert_eq(harness_start(harness), STATUS_OK, "%s", harness->complaint.text);
        for (unsigned i = 0; i < 12; i++) {
            harness_add(harness, 1 + i % 3);
            harness_settle(harness, 20);
        }
        cr_assert(harness_close(harness));
    }
}

static uint64_t last_of(const struct harness *harness)
{
    uint64_t last = HARNESS_SEQUENCES - 1;
    while (!harness->ends[last]) {
        last--;
    }
    return last;
}

/* The records of the history that stand in files put aside. A copy begins with a record, a segment with its header. */
static void mark_lost(struct harness *harness, bool *lost)
{
    for (size_t i = 0; sim_disk_name(harness->sim, i) != NULL; i++) {
        const char *name = sim_disk_name(harness->sim, i);
        if (strncmp(name, "lost-", 5) != 0) {
            continue;
        }
        struct gm_bytes bytes = sim_disk_contents(harness->sim, name);
        bool segment = bytes.size > SEGMENT_HEADER_SIZE && memcmp(bytes.data, SEGMENT_MAGIC, 8) == 0;
        for (size_t at = segment ? SEGMENT_HEADER_SIZE : 0; at < bytes.size;) {
            struct record record;
            size_t size = 0;
            if (record_parse((struct gm_bytes){bytes.data + at, bytes.size - at}, &record, &size, NULL) != STATUS_OK) {
                break;
            }
            at += size;
            if ((record.flags & RECORD_LOCAL) == 0) {
                cr_assert(harness_knows(harness, &record), "%s has another record", name);
                lost[record.sequence] = true;
            }
        }
    }
}

static void expect_gone_back(struct harness *harness, uint64_t to, uint64_t last)
{
    bool lost[HARNESS_SEQUENCES] = {false};
    cr_assert_eq(harness_recover(harness, true, NULL), STATUS_OK, "%s", harness->complaint.text);
    cr_assert_eq(harness->delivered, to);
    mark_lost(harness, lost);
    for (uint64_t i = to + 1; i <= last; i++) {
        cr_assert(lost[i], "record %llu is nowhere", (unsigned long long)i);
    }
    harness->promised = to;
}

/* It is written on, in an epoch of its own, and read back. */
static void go_on(struct harness *harness, uint64_t to)
{
    cr_assert_eq(harness_start(harness), STATUS_OK, "%s", harness->complaint.text);
    for (unsigned i = 0; i < 8; i++) {
        harness_add(harness, 2);
        harness_settle(harness, 20);
    }
    cr_assert(harness_close(harness));
    cr_assert_eq(harness_recover(harness, true, NULL), STATUS_OK, "%s", harness->complaint.text);
    cr_assert_eq(harness->delivered, last_of(harness));
    cr_assert_gt(harness->delivered, to);
}

/* rewind P1, P3 */
Test(rewind, to_the_end_of_any_batch)
{
    struct harness harness;
    uint64_t seed = seed_of_run();
    begin(&harness, seed);
    uint64_t last = last_of(&harness);
    harness_finish(&harness);
    for (uint64_t to = 1; to < last; to++) {
        struct rewind_report report;
        struct complaint complaint;
        begin(&harness, seed);
        if (harness.ends[to]) {
            struct disk *disk = sim_disk_interface(harness.sim);
            cr_assert_eq(rewind_ask(disk, to, &complaint), STATUS_OK, "%s", complaint.text);
            cr_assert_eq(rewind_do(disk, &report, &complaint), STATUS_OK, "%s", complaint.text);
            cr_assert(report.done && report.to == to && report.aside.files > 0 && report.aside.bytes > 0);
            expect_gone_back(&harness, to, last);
            cr_assert_eq(rewind_do(disk, &report, &complaint), STATUS_OK);
            cr_assert_not(report.done, "it is done");
            go_on(&harness, to);
        }
        harness_finish(&harness);
    }
}

/* rewind P2: one call more each time, until nothing dies any more. */
Test(rewind, interrupted_at_each_call_it_comes_to_the_same_end)
{
    uint64_t seed = seed_of_run();
    for (uint64_t at = 1;; at++) {
        struct harness harness;
        struct rewind_report report;
        struct complaint complaint;
        begin(&harness, seed);
        uint64_t last = last_of(&harness);
        uint64_t to = last / 3;
        while (!harness.ends[to]) {
            to++;
        }
        struct disk *disk = sim_disk_interface(harness.sim);
        sim_disk_fault(harness.sim, SIM_CRASH, at, 1);
        enum status status = rewind_ask(disk, to, &complaint);
        status = status == STATUS_OK ? rewind_do(disk, &report, &complaint) : status;
        bool died = sim_disk_dead(harness.sim);
        sim_disk_fault(harness.sim, SIM_CRASH, 0, 0);
        if (died) {
            sim_disk_crash(harness.sim, seed + at);
            disk = sim_disk_interface(harness.sim);
            cr_assert_eq(rewind_do(disk, &report, &complaint), STATUS_OK, "call %llu: %s", (unsigned long long)at,
                         complaint.text);
        }
        cr_assert(died || status == STATUS_OK);
        struct mark mark;
        cr_assert_eq(mark_read(disk, &mark, &complaint), STATUS_OK, "call %llu: %s", (unsigned long long)at,
                     complaint.text);
        cr_assert_eq(mark.rewind, 0);
        if (mark.durable == to) {
            expect_gone_back(&harness, to, last);
        } else { /* it died before the mark file had it */
            cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK, "%s", harness.complaint.text);
            cr_assert_eq(harness.delivered, last);
            cr_assert_lt(at, 8);
        }
        harness_finish(&harness);
        if (!died) {
            cr_assert_gt(at, 20);
            return;
        }
    }
}

/* replay P5: where a snapshot took the place of everything, and cannot be read, there is no log to begin with. */
Test(rewind, a_mark_file_alone_that_speaks_of_a_snapshot_is_no_empty_log)
{
    struct harness harness;
    struct complaint complaint;
    struct mark mark = {.counter = 1, .durable = 10, .oldest = 11};
    harness_init(&harness, seed_of_run(), WAL_WRITE_THROUGH);
    cr_assert_eq(mark_create(sim_disk_interface(harness.sim), &mark, &complaint), STATUS_OK);
    cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_CORRUPT);
    cr_assert(strstr(harness.complaint.text, "put it back") != NULL, "%s", harness.complaint.text);
    harness_finish(&harness);
}

/* A later snapshot has what was given up; an older one stays. */
Test(rewind, later_snapshots_are_put_aside)
{
    struct harness harness;
    struct rewind_report report;
    struct complaint complaint;
    begin(&harness, seed_of_run());
    uint64_t last = last_of(&harness);
    uint64_t to = last / 2;
    while (!harness.ends[to]) {
        to++;
    }
    char older[DISK_NAME_MAX], newer[DISK_NAME_MAX];
    snapshot_name(to, older);
    snapshot_name(to + 1, newer);
    sim_disk_put(harness.sim, older, BYTES("a snapshot"));
    sim_disk_put(harness.sim, newer, BYTES("another one"));
    struct disk *disk = sim_disk_interface(harness.sim);
    cr_assert_eq(rewind_ask(disk, to, &complaint), STATUS_OK);
    cr_assert_eq(rewind_do(disk, &report, &complaint), STATUS_OK, "%s", complaint.text);
    cr_assert_not_null(sim_disk_contents(harness.sim, older).data);
    cr_assert_null(sim_disk_contents(harness.sim, newer).data);
    bool kept = false;
    for (size_t i = 0; sim_disk_name(harness.sim, i) != NULL; i++) {
        kept = kept || strncmp(sim_disk_name(harness.sim, i), "lost-snapshot-", 14) == 0;
    }
    cr_assert(kept);
    harness_finish(&harness);
}

Test(rewind, without_space_nothing_is_lost_and_it_is_done_later)
{
    struct harness harness;
    struct rewind_report report;
    struct complaint complaint;
    begin(&harness, seed_of_run());
    uint64_t last = last_of(&harness);
    uint64_t to = last / 2;
    while (!harness.ends[to]) {
        to++;
    }
    struct disk *disk = sim_disk_interface(harness.sim);
    cr_assert_eq(rewind_ask(disk, to, &complaint), STATUS_OK);
    sim_disk_fault(harness.sim, SIM_NO_SPACE, 1, 100000);
    cr_assert_eq(rewind_do(disk, &report, &complaint), STATUS_NO_SPACE);
    cr_assert(strstr(complaint.text, "no space left") != NULL, "%s", complaint.text);
    sim_disk_fault(harness.sim, SIM_NO_SPACE, 0, 0);
    cr_assert_eq(rewind_do(disk, &report, &complaint), STATUS_OK, "%s", complaint.text);
    expect_gone_back(&harness, to, last);
    harness_finish(&harness);
}

Test(rewind, into_the_midst_of_a_batch_is_refused_and_changes_no_record)
{
    struct harness harness;
    struct rewind_report report;
    struct complaint complaint;
    begin(&harness, seed_of_run());
    uint64_t last = last_of(&harness);
    uint64_t to = last - 1;
    while (harness.ends[to]) {
        to--;
    }
    struct disk *disk = sim_disk_interface(harness.sim);
    cr_assert_eq(rewind_ask(disk, to, &complaint), STATUS_OK);
    cr_assert_eq(rewind_do(disk, &report, &complaint), STATUS_CORRUPT);
    cr_assert(strstr(complaint.text, "in the midst of a batch") != NULL, "%s", complaint.text);
    harness_finish(&harness);
}
