/* SPDX-License-Identifier: MIT */

/* The log beside snapshots: it lets go of what they hold, in an order that no crash can turn into a hole, and it is
 * read back from behind any snapshot that is kept. A snapshot is a mere number here: harness_snapshot. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "harness.h"
#include "log/mark.h"
#include "log/segment.h"
#include "support/seed.h"

#define CRASHES 6 /* seeds per call */

static unsigned segments_of(struct harness *harness, uint64_t *oldest)
{
    unsigned count = 0;
    *oldest = UINT64_MAX;
    for (size_t i = 0; sim_disk_name(harness->sim, i) != NULL; i++) {
        uint64_t first;
        if (segment_name_parse(sim_disk_name(harness->sim, i), &first)) {
            *oldest = first < *oldest ? first : *oldest;
            count++;
        }
    }
    return count;
}

static uint64_t marked_oldest(struct harness *harness)
{
    struct mark mark;
    cr_assert_eq(mark_read(sim_disk_interface(harness->sim), &mark, &harness->complaint), STATUS_OK);
    return mark.oldest;
}

/* A log of about ten segments, all synced. */
static void begin(struct harness *harness, uint64_t seed, enum wal_policy policy)
{
    harness_init(harness, seed, policy);
    cr_assert_eq(harness_start(harness), STATUS_OK, "%s", harness->complaint.text);
    for (unsigned i = 0; i < 30; i++) {
        harness_add(harness, 1 + i % 3);
        harness_settle(harness, 30);
    }
    harness_settle(harness, 300);
    cr_assert_eq(wal_synced(harness->wal), harness->tail.last_sequence);
}

/* The first record of the segment that has `sequence`. */
static uint64_t segment_of(struct harness *harness, uint64_t sequence)
{
    uint64_t best = 0;
    for (size_t i = 0; sim_disk_name(harness->sim, i) != NULL; i++) {
        uint64_t first;
        if (segment_name_parse(sim_disk_name(harness->sim, i), &first) && first <= sequence && first > best) {
            best = first;
        }
    }
    return best;
}

static void segment_delete(struct sim_disk *sim, uint64_t first)
{
    char name[DISK_NAME_MAX];
    segment_name(first, name);
    sim_disk_delete(sim, name);
}

/* ---- letting go ---- */

Test(trim, tells_the_mark_file_first_and_then_removes_whole_segments_oldest_first)
{
    struct harness harness;
    begin(&harness, 1, WAL_WRITE_THROUGH);
    uint64_t keep = wal_synced(harness.wal) / 2;
    uint64_t needed = segment_of(&harness, keep);
    uint64_t oldest;
    unsigned before = segments_of(&harness, &oldest);
    cr_assert(before > 6 && oldest == 1);
    wal_keep_from(harness.wal, keep);
    cr_assert_eq(wal_next_ms(harness.wal), harness.now_ms, "there is something to do at once");
    harness_turn(&harness, 1);
    cr_assert_eq(sim_disk_run(harness.sim, 1), 1);
    cr_assert_eq(segments_of(&harness, &oldest), before, "first the mark");
    cr_assert_eq(marked_oldest(&harness), keep);
    uint64_t calls = sim_disk_calls(harness.sim);
    for (unsigned left = before; oldest < needed; left--) {
        uint64_t last = oldest;
        cr_assert_eq(sim_disk_run_lane(harness.sim, DISK_LANE_LOG, 10), 0);
        cr_assert_eq(sim_disk_run(harness.sim, 1), 1);
        cr_assert_eq(segments_of(&harness, &oldest), left - 1);
        cr_assert_gt(oldest, last, "the oldest goes first");
        cr_assert_eq(sim_disk_calls(harness.sim) - calls, 2, "removed, and durably so");
        calls += 2;
    }
    cr_assert_eq(sim_disk_run(harness.sim, 10), 0);
    struct wal_stats stats;
    wal_stats(harness.wal, &stats);
    cr_assert_eq(oldest, needed);
    cr_assert_eq(stats.segments_kept, segments_of(&harness, &oldest));
    cr_assert_eq(stats.segments_removed, before - stats.segments_kept);
    cr_assert_eq(stats.removals_failed, 0);
    cr_assert_eq(stats.bytes_kept, sim_disk_used(harness.sim) - 2 * (uint64_t)MARK_SLOT_SIZE);
    /* Less than before is no news, and everything is not too much: the segment being written stays. */
    wal_keep_from(harness.wal, 1);
    cr_assert_eq(wal_next_ms(harness.wal), INT64_MAX);
    wal_keep_from(harness.wal, wal_synced(harness.wal) + 1);
    harness_settle(&harness, 100);
    cr_assert_eq(segments_of(&harness, &oldest), 1);
    cr_assert_eq(marked_oldest(&harness), wal_synced(harness.wal) + 1);
    harness.from = wal_synced(harness.wal);
    cr_assert(harness_close(&harness));
    cr_assert_eq(harness_start(&harness), STATUS_OK, "%s", harness.complaint.text);
    wal_stats(harness.wal, &stats);
    cr_assert_eq(stats.segments_kept, 1);
    cr_assert_eq(stats.bytes_kept, sim_disk_used(harness.sim) - 2 * (uint64_t)MARK_SLOT_SIZE);
    harness_finish(&harness);
}

Test(trim, makes_room_for_a_group_that_waits_for_it)
{
    static const enum wal_policy policies[] = {WAL_WRITE_THROUGH, WAL_BUFFERED};
    for (int i = 0; i < 2; i++) {
        struct harness harness;
        begin(&harness, 1, policies[i]);
        uint64_t synced = wal_synced(harness.wal);
        sim_disk_limit(harness.sim, sim_disk_used(harness.sim));
        for (int k = 0; k < 20; k++) {
            harness_add(&harness, 3);
            harness_settle(&harness, 30);
        }
        cr_assert(wal_full(harness.wal));
        wal_keep_from(harness.wal, synced);
        cr_assert_eq(wal_next_ms(harness.wal), harness.now_ms, "it does not wait for its next try");
        harness_turn(&harness, 0);
        cr_assert_eq(sim_disk_run_lane(harness.sim, DISK_LANE_LOG, 1), 1);
        cr_assert(wal_full(harness.wal), "there is no room yet");
        cr_assert_eq(marked_oldest(&harness), synced);
        harness_settle(&harness, 2000);
        cr_assert(!wal_full(harness.wal));
        cr_assert_eq(wal_synced(harness.wal), harness.tail.last_sequence);
        cr_assert_eq(harness.failures, 0);
        cr_assert(harness_close(&harness));
        harness.from = synced - 1;
        while (!harness.ends[harness.from]) {
            harness.from++;
        }
        cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK, "%s", harness.complaint.text);
        cr_assert_eq(harness.delivered, harness.tail.last_sequence);
        harness_finish(&harness);
    }
}

Test(trim, that_fails_is_counted_hurts_nothing_and_is_tried_again)
{
    for (uint64_t n = 1;; n++) {
        struct harness harness;
        struct wal_stats stats;
        begin(&harness, 3, WAL_WRITE_THROUGH);
        uint64_t keep = wal_synced(harness.wal) + 1;
        wal_keep_from(harness.wal, keep);
        harness_turn(&harness, 1);
        cr_assert_eq(sim_disk_run_lane(harness.sim, DISK_LANE_LOG, 1), 1);
        uint64_t before = sim_disk_calls(harness.sim);
        sim_disk_fault(harness.sim, SIM_IO, n, 1);
        size_t removals = sim_disk_run_lane(harness.sim, DISK_LANE_BULK, 1000);
        uint64_t calls = sim_disk_calls(harness.sim) - before;
        wal_stats(harness.wal, &stats);
        cr_assert_eq(harness.failures, 0);
        cr_assert_eq(stats.segments_removed + stats.removals_failed, removals);
        if (calls < n) {
            cr_assert_gt(n, 12);
            cr_assert_eq(stats.removals_failed, 0);
            harness_finish(&harness);
            break;
        }
        cr_assert_eq(stats.removals_failed, 1, "call %llu", (unsigned long long)n);
        cr_assert_eq(stats.segments_removed, (n - 1) / 2);
        harness_add(&harness, 2);
        harness_settle(&harness, 300);
        cr_assert_eq(wal_synced(harness.wal), harness.tail.last_sequence, "the log goes on");
        wal_stats(harness.wal, &stats);
        cr_assert_eq(stats.removals_failed, 1, "nobody tries again by himself");
        wal_keep_from(harness.wal, keep);
        harness_settle(&harness, 100);
        uint64_t oldest;
        wal_stats(harness.wal, &stats);
        cr_assert_eq(segments_of(&harness, &oldest), stats.segments_kept);
        cr_assert_leq(stats.segments_kept, 2);
        cr_assert_eq(stats.bytes_kept, sim_disk_used(harness.sim) - 2 * (uint64_t)MARK_SLOT_SIZE);
        harness_stop(&harness);
        sim_disk_crash(harness.sim, n);
        harness.from = keep - 1;
        cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK, "%s", harness.complaint.text);
        cr_assert_eq(harness.delivered, harness.tail.last_sequence);
        harness_finish(&harness);
    }
}

/* A removal is under way when the log is closed, or dropped after a drain. */
Test(trim, ends_with_the_log_and_goes_on_in_the_next_life)
{
    for (int closed = 0; closed < 2; closed++) {
        struct harness harness;
        struct wal_stats stats;
        uint64_t oldest;
        begin(&harness, 4, WAL_BUFFERED);
        unsigned before = segments_of(&harness, &oldest);
        uint64_t keep = wal_synced(harness.wal) + 1;
        wal_keep_from(harness.wal, keep);
        harness_turn(&harness, 1);
        cr_assert_eq(sim_disk_run_lane(harness.sim, DISK_LANE_LOG, 1), 1);
        if (closed != 0) {
            harness_add(&harness, 3);
            cr_assert(harness_close(&harness), "%s", harness.complaint.text);
            cr_assert_geq(segments_of(&harness, &oldest), before - 1, "only the one under way is finished");
        }
        harness_stop(&harness);
        harness.from = keep - 1;
        cr_assert_eq(harness_start(&harness), STATUS_OK, "%s", harness.complaint.text);
        harness_settle(&harness, 100);
        unsigned left = segments_of(&harness, &oldest);
        wal_stats(harness.wal, &stats);
        cr_assert_eq(stats.segments_kept, left);
        cr_assert_eq(stats.segments_removed, 0, "nothing goes before somebody says so in this life");
        wal_keep_from(harness.wal, keep);
        harness_settle(&harness, 100);
        cr_assert_leq(segments_of(&harness, &oldest), 2);
        harness_finish(&harness);
    }
}

/* ---- reading from behind a snapshot ---- */

/* Whatever can be made of the files: from each batch's end on. */
static void expect_at_each_cut(struct harness *harness, uint64_t last, const char *where)
{
    uint64_t from = harness->from;
    for (uint64_t cut = 0; cut < last + 3; cut++) {
        harness->from = cut;
        enum status status = harness_recover(harness, false, NULL);
        bool needed = harness->older <= cut && cut <= harness->promised && harness->ends[cut];
        cr_assert(status == STATUS_OK || status == STATUS_CORRUPT, "%s: from %llu: %s", where, (unsigned long long)cut,
                  status_text(status));
        cr_assert(!needed || status == STATUS_OK, "%s: from %llu: %s", where, (unsigned long long)cut,
                  harness->complaint.text);
        cr_assert(status != STATUS_OK || harness->ends[cut], "%s: from within a batch, %llu", where,
                  (unsigned long long)cut);
        cr_assert(status != STATUS_OK || harness->delivered >= harness->promised, "%s: from %llu: %llu of %llu", where,
                  (unsigned long long)cut, (unsigned long long)harness->delivered,
                  (unsigned long long)harness->promised);
    }
    harness->from = from;
}

static void live(struct harness *harness, unsigned batches)
{
    harness->failures = 0;
    harness->from = prng_below(&harness->prng, 2) == 0 ? harness->older : harness->newer;
    if (harness_start(harness) != STATUS_OK) {
        return;
    }
    harness_script(harness, batches);
    if (harness->failures == 0 && prng_below(&harness->prng, 2) == 0) {
        (void)harness_close(harness);
    }
    harness_stop(harness);
}

/* Dies at call `n` of its second life; then everything that was promised is there from behind either snapshot. *trimmed
 * counts logs that had let go of something. */
static uint64_t die_at(uint64_t seed, enum wal_policy policy, uint64_t n, uint64_t crash, unsigned *trimmed)
{
    struct harness harness;
    char where[96];
    (void)snprintf(where, sizeof where, "policy %d, call %llu, crash %llu", policy, (unsigned long long)n,
                   (unsigned long long)crash);
    harness_init(&harness, seed, policy);
    harness.snapshots = 6;
    live(&harness, 16);
    uint64_t before = sim_disk_calls(harness.sim);
    sim_disk_fault(harness.sim, SIM_CRASH, n, n > 0);
    live(&harness, 24);
    uint64_t calls = sim_disk_calls(harness.sim) - before;
    uint64_t last = harness.tail.last_sequence;
    sim_disk_crash(harness.sim, crash);
    expect_at_each_cut(&harness, last, where);
    uint64_t oldest;
    *trimmed += segments_of(&harness, &oldest) > 1 && oldest > 1;
    sim_disk_fault(harness.sim, SIM_CRASH, 1 + crash % 40, 1);
    prng_seed(&harness.prng, crash);
    live(&harness, 6);
    sim_disk_crash(harness.sim, crash + 1);
    harness.failures = 0;
    harness.from = crash % 2 == 0 ? harness.older : harness.newer;
    cr_assert_eq(harness_start(&harness), STATUS_OK, "%s: %s", where, harness.complaint.text);
    cr_assert_geq(harness.end.last_sequence, harness.promised, "%s", where);
    harness_script(&harness, 6);
    last = harness.tail.last_sequence;
    cr_assert(harness_close(&harness), "%s: %s", where, harness.complaint.text);
    expect_at_each_cut(&harness, last, where);
    harness_finish(&harness);
    return calls;
}

Test(trim, and_a_crash_at_any_call_leave_all_that_is_behind_a_kept_snapshot)
{
    uint64_t seed = seed_of_run();
    static const enum wal_policy policies[] = {WAL_WRITE_THROUGH, WAL_BUFFERED};
    unsigned trimmed = 0;
    unsigned lives = 0;
    for (uint64_t i = 0; i < 4; i++) {
        enum wal_policy policy = policies[i % 2];
        uint64_t calls = die_at(seed + i, policy, 0, 1, &trimmed);
        cr_assert_gt(calls, 30);
        for (uint64_t n = 1; n <= calls; n++) {
            for (uint64_t crash = 0; crash < CRASHES; crash++) {
                (void)die_at(seed + i, policy, n, seed + n * 64 + crash, &trimmed);
                lives++;
            }
        }
    }
    cr_assert_gt(trimmed, lives / 4, "%u of %u", trimmed, lives);
}

/* Errors while segments come and go: what fails may stop the log, never lose what was promised. */
Test(trim, and_an_error_at_any_call_leave_all_that_is_behind_a_kept_snapshot)
{
    uint64_t seed = seed_of_run();
    static const enum sim_fault kinds[] = {SIM_IO, SIM_NO_SPACE, SIM_SHORT};
    for (uint64_t n = 1; n < 120; n++) {
        for (size_t k = 0; k < 3; k++) {
            struct harness harness;
            char where[64];
            (void)snprintf(where, sizeof where, "fault %d, call %llu", kinds[k], (unsigned long long)n);
            harness_init(&harness, seed + n % 7, WAL_WRITE_THROUGH);
            harness.snapshots = 6;
            live(&harness, 16);
            sim_disk_fault(harness.sim, kinds[k], n, 1 + n % 3);
            live(&harness, 24);
            sim_disk_fault(harness.sim, kinds[k], 0, 0);
            sim_disk_crash(harness.sim, n);
            expect_at_each_cut(&harness, harness.tail.last_sequence, where);
            harness_finish(&harness);
        }
    }
}

enum harm {
    HARM_DELETE,
    HARM_RUBBISH,
    HARMS,
};

/* Does the harm to each segment that begins in from..to - 1. Returns how many there were. */
static unsigned harm_segments(struct sim_disk *sim, const struct sim_disk *whole, uint64_t from, uint64_t to,
                              enum harm harm)
{
    unsigned count = 0;
    for (size_t i = 0; sim_disk_name(whole, i) != NULL; i++) {
        const char *name = sim_disk_name(whole, i);
        uint64_t first;
        if (!segment_name_parse(name, &first) || first < from || first >= to) {
            continue;
        }
        if (harm == HARM_DELETE) {
            sim_disk_delete(sim, name);
        } else {
            sim_disk_put(sim, name, BYTES("rubbish"));
        }
        count++;
    }
    return count;
}

/* A log of some segments that was closed; a copy of its files. */
static struct sim_disk *closed_log(struct harness *harness, uint64_t *last)
{
    begin(harness, 7, WAL_WRITE_THROUGH);
    *last = harness->tail.last_sequence;
    cr_assert(harness_close(harness));
    return sim_disk_clone(harness->sim, 1);
}

Test(replay_from, reads_no_segment_that_it_does_not_need_and_each_that_it_does)
{
    struct harness harness;
    uint64_t last;
    struct sim_disk *whole = closed_log(&harness, &last);
    for (uint64_t cut = 0; cut <= last; cut++) {
        for (int harm = 0; harm < HARMS && harness.ends[cut]; harm++) {
            uint64_t needed = segment_of(&harness, cut + 1);
            harness.from = cut;
            harness_take_disk(&harness, sim_disk_clone(whole, 1));
            unsigned harmed = harm_segments(harness.sim, whole, 0, needed, (enum harm)harm);
            cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK, "%s", harness.complaint.text);
            cr_assert_eq(harness.delivered, last);
            cr_assert_eq(harness.progress.records, last - cut);
            cr_assert_eq(harness.progress.bytes_done, harness.progress.bytes_total);
            cr_assert_lt(harness.progress.bytes_delivered, harness.progress.bytes_total);
            cr_assert_eq(harness.progress.bytes_delivered > 0, cut < last);
            cr_assert_eq(harmed > 0, needed > 1);
            harness_take_disk(&harness, sim_disk_clone(whole, 1));
            (void)harm_segments(harness.sim, whole, needed, needed + 1, (enum harm)harm);
            cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_CORRUPT);
            cr_assert_gt(strlen(harness.complaint.text), 40, "%s", harness.complaint.text);
            harness_take_disk(&harness, sim_disk_clone(whole, 1));
        }
    }
    sim_disk_destroy(whole);
    harness_finish(&harness);
}

static void expect_refusal(struct harness *harness, uint64_t from, const char *words)
{
    struct sim_disk *before = sim_disk_clone(harness->sim, 1);
    harness->from = from;
    cr_assert_eq(harness_recover(harness, true, NULL), STATUS_CORRUPT, "from %llu", (unsigned long long)from);
    cr_assert(strstr(harness->complaint.text, words) != NULL, "'%s' is not in: %s", words, harness->complaint.text);
    for (size_t i = 0; sim_disk_name(before, i) != NULL; i++) {
        const char *name = sim_disk_name(before, i);
        cr_assert(gm_bytes_equal(sim_disk_contents(before, name), sim_disk_contents(harness->sim, name)),
                  "a refusal changes nothing");
    }
    sim_disk_destroy(before);
}

Test(replay_from, refuses_a_hole_between_snapshot_and_log_and_says_what_to_put_back)
{
    struct harness harness;
    begin(&harness, 1, WAL_WRITE_THROUGH);
    uint64_t keep = wal_synced(harness.wal) / 2;
    wal_keep_from(harness.wal, keep);
    harness_settle(&harness, 300);
    uint64_t last = harness.tail.last_sequence;
    cr_assert(harness_close(&harness));
    uint64_t first;
    (void)segments_of(&harness, &first);
    cr_assert(first > 3 && first < keep);
    expect_refusal(&harness, 0, "put the newest snapshot back");
    expect_refusal(&harness, 2, "put a newer snapshot back");
    cr_assert(strstr(harness.complaint.text, "records 3 to ") != NULL, "%s", harness.complaint.text);
    expect_refusal(&harness, last + 1, "the snapshot is of record");
    cr_assert(strstr(harness.complaint.text, "move " MARK_NAME " and all segments away") != NULL, "%s",
              harness.complaint.text);
    /* A segment is lost that the mark file says must be there. */
    segment_delete(harness.sim, first);
    expect_refusal(&harness, keep - 1, "put the missing file back");
    cr_assert(strstr(harness.complaint.text, "the oldest segment begins with") != NULL, "%s", harness.complaint.text);
    expect_refusal(&harness, 0, "put the missing file back");
    /* All are lost. */
    for (uint64_t oldest; segments_of(&harness, &oldest) > 0;) {
        segment_delete(harness.sim, oldest);
    }
    expect_refusal(&harness, keep - 1, "the log is gone");
    harness_finish(&harness);
}

Test(replay_from, within_a_batch_is_refused_as_a_snapshot_of_another_log)
{
    struct harness harness;
    uint64_t last;
    unsigned within = 0;
    struct sim_disk *whole = closed_log(&harness, &last);
    for (uint64_t cut = 1; cut < last; cut++) {
        if (!harness.ends[cut]) {
            expect_refusal(&harness, cut, "within a batch");
            within++;
        }
    }
    cr_assert_gt(within, 10);
    sim_disk_destroy(whole);
    harness_finish(&harness);
}

Test(replay_from, counts_the_snapshot_as_a_mark_a_tail_below_it_is_never_torn)
{
    struct harness harness;
    harness_init(&harness, 6, WAL_WRITE_THROUGH);
    harness.plain_bodies = true;
    harness.config.segment_size = 65536;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    harness_add(&harness, 2);
    harness_settle(&harness, 300);
    struct wal_stats stats;
    wal_stats(harness.wal, &stats);
    uint64_t begin_at = stats.current_segment_size;
    for (unsigned i = 0; i < 12; i++) {
        harness_add(&harness, 1);
    }
    harness_settle(&harness, 20);
    harness_stop(&harness);
    /* A sector of the last group never reached the disk, it seems. */
    const char *name = "wal-00000000000000000001.log";
    struct gm_bytes bytes = sim_disk_contents(harness.sim, name);
    uint8_t copy[65536];
    cr_assert_leq(bytes.size, sizeof copy);
    memcpy(copy, bytes.data, bytes.size);
    memset(copy + begin_at / 512 * 512 + 512, 0, 512);
    sim_disk_put(harness.sim, name, (struct gm_bytes){copy, bytes.size});
    harness.from = 3;
    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK, "%s", harness.complaint.text);
    cr_assert_gt(harness.progress.torn_bytes, 0);
    uint64_t end = harness.delivered;
    cr_assert_lt(end, 15);
    for (uint64_t from = end + 1; from <= 15; from++) {
        expect_refusal(&harness, from, "the snapshot is of record");
    }
    harness_finish(&harness);
}

/* Somebody restored a snapshot alone. */
Test(replay_from, of_no_log_at_all_begins_one_behind_the_snapshot)
{
    for (uint64_t n = 0; n < 20; n++) {
        struct harness harness;
        harness_init(&harness, n, WAL_WRITE_THROUGH);
        memset(harness.ends, true, sizeof harness.ends);
        harness.from = 700;
        harness.epochs[1] = 1;
        sim_disk_fault(harness.sim, SIM_CRASH, n, n > 0);
        if (harness_start(&harness) == STATUS_OK) {
            cr_assert(!harness.end.exists);
            harness_add(&harness, 2);
            harness_settle(&harness, 300);
            harness_stop(&harness);
        }
        sim_disk_crash(harness.sim, n);
        harness.failures = 0;
        cr_assert_eq(harness_start(&harness), STATUS_OK, "call %llu: %s", (unsigned long long)n,
                     harness.complaint.text);
        cr_assert(harness.end.last_sequence == 700 || harness.end.last_sequence == 703);
        cr_assert_geq(harness.end.last_sequence, harness.promised);
        cr_assert_eq(marked_oldest(&harness), 701);
        harness_add(&harness, 3);
        cr_assert(harness_close(&harness), "%s", harness.complaint.text);
        uint64_t last = harness.tail.last_sequence;
        cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK, "%s", harness.complaint.text);
        cr_assert_eq(harness.delivered, last);
        uint64_t oldest;
        cr_assert(segments_of(&harness, &oldest) == 1 && oldest == 701);
        expect_refusal(&harness, 0, "put the newest snapshot back");
        expect_refusal(&harness, 699, "put a newer snapshot back");
        harness_finish(&harness);
    }
}

/* Every seventh bit of each file, every cut by some bytes: read from behind a snapshot, a log that was closed comes
 * back exactly or is refused, and is not even looked at where it is not needed. */
Test(replay_from, of_a_damaged_log_is_exact_or_refused)
{
    struct harness harness;
    uint64_t last;
    struct sim_disk *whole = closed_log(&harness, &last);
    unsigned refused = 0;
    unsigned fine = 0;
    uint64_t cut = last / 2;
    while (!harness.ends[cut]) {
        cut++;
    }
    harness.from = cut;
    uint64_t needed = segment_of(&harness, cut + 1);
    for (size_t i = 0; sim_disk_name(whole, i) != NULL; i++) {
        const char *name = sim_disk_name(whole, i);
        uint64_t first = 0;
        bool spare = segment_name_parse(name, &first) && first < needed;
        uint64_t bits = sim_disk_contents(whole, name).size * 8;
        for (uint64_t bit = i % 7; bit < bits; bit += 7) {
            harness_take_disk(&harness, sim_disk_clone(whole, 1));
            if (bit % 5 == 0) {
                sim_disk_cut(harness.sim, name, bit / 8);
            } else {
                sim_disk_flip(harness.sim, name, bit);
            }
            enum status status = harness_recover(&harness, bit % 2 == 0, NULL);
            cr_assert(status == STATUS_OK ? harness.delivered == last
                                          : !spare && (status == STATUS_CORRUPT || status == STATUS_VERSION),
                      "%s bit %llu", name, (unsigned long long)bit);
            refused += status != STATUS_OK;
            fine += status == STATUS_OK;
        }
    }
    cr_assert(refused > 1000 && fine > 1000, "%u, %u", refused, fine);
    sim_disk_destroy(whole);
    harness_finish(&harness);
}
