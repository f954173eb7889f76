/* SPDX-License-Identifier: MIT */

/* The log against a disk that loses what was not synced: whatever happens, what comes back is a beginning of what was
 * added, in whole batches, with everything that was promised. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "harness.h"
#include "support/seed.h"

#define CRASHES 12 /* seeds per call */

/* One life: start, work, perhaps close. */
static void live(struct harness *harness, unsigned batches)
{
    if (harness_start(harness) != STATUS_OK) {
        return;
    }
    harness_script(harness, batches);
    if (harness->failures == 0 && prng_below(&harness->prng, 2) == 0) {
        (void)harness_close(harness);
    }
    harness_stop(harness);
}

/* Mostly the power fails, sometimes only the process does: what it had written is promised when it is read back. */
static void die(struct harness *harness, uint64_t seed)
{
    if (prng_below(&harness->prng, 3) == 0) {
        sim_disk_kill(harness->sim);
    } else {
        sim_disk_crash(harness->sim, seed);
    }
}

static void expect_promise(struct harness *harness, const char *where)
{
    enum status status = harness_start(harness);
    cr_assert_eq(status, STATUS_OK, "%s: %s", where, harness->complaint.text);
    cr_assert_geq(harness->end.last_sequence, harness->promised, "%s: %llu of %llu promised records", where,
                  (unsigned long long)harness->end.last_sequence, (unsigned long long)harness->promised);
}

/* Dies at call `n` of its first life, then perhaps again while it recovers; must come back whole each time. */
static uint64_t die_at(uint64_t seed, enum wal_policy policy, uint64_t n, uint64_t crash)
{
    struct harness harness;
    char where[96];
    (void)snprintf(where, sizeof where, "policy %d, call %llu, crash %llu", policy, (unsigned long long)n,
                   (unsigned long long)crash);
    harness_init(&harness, seed, policy);
    harness.config.segment_size = seed % 3 == 0 ? 65536 : 2048;
    if (n > 0) {
        sim_disk_fault(harness.sim, SIM_CRASH, n, 1);
    }
    live(&harness, 24);
    uint64_t calls = sim_disk_calls(harness.sim);
    prng_seed(&harness.prng, crash * 1000 + n);
    die(&harness, crash);
    for (unsigned again = 0; again < 2; again++) { /* replay P3: recovery is interrupted, and comes to the same end */
        harness.failures = 0;
        sim_disk_fault(harness.sim, SIM_CRASH, 1 + prng_below(&harness.prng, 40), 1);
        live(&harness, 4);
        die(&harness, prng_next(&harness.prng));
    }
    sim_disk_crash(harness.sim, crash);
    harness.failures = 0;
    expect_promise(&harness, where);
    harness_script(&harness, 6);
    uint64_t last = harness.tail.last_sequence;
    cr_assert(harness_close(&harness), "%s: %s", where, harness.complaint.text);
    sim_disk_crash(harness.sim, crash);
    cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK, "%s: %s", where, harness.complaint.text);
    cr_assert_eq(harness.end.last_sequence, last, "%s: a clean end lost something", where);
    cr_assert_eq(harness.progress.torn_bytes, 0);
    harness_finish(&harness);
    return calls;
}

static void die_at_every_call(enum wal_policy policy, uint64_t seed)
{
    uint64_t calls = die_at(seed, policy, 0, 0);
    cr_assert_gt(calls, 15);
    for (uint64_t n = 1; n <= calls; n++) {
        for (uint64_t crash = 0; crash < CRASHES; crash++) {
            (void)die_at(seed, policy, n, seed + n * 64 + crash);
        }
    }
}

Test(crash, at_every_disk_call_keeps_every_synced_batch_and_no_half_ones)
{
    uint64_t seed = seed_of_run();
    for (uint64_t i = 0; i < 3; i++) {
        die_at_every_call(WAL_WRITE_THROUGH, seed + i);
        die_at_every_call(WAL_BUFFERED, seed + i);
    }
}

static const enum status passing[] = {STATUS_NO_SPACE, STATUS_DESCRIPTORS, STATUS_FILE_LIMIT, STATUS_NO_MEMORY,
                                      STATUS_BUSY};

/* The fault strikes `times` calls from call `n` on; returns how many calls there were. */
static uint64_t suffer(uint64_t seed, enum wal_policy policy, enum sim_fault kind, uint64_t n, uint64_t times,
                       bool power)
{
    struct harness harness;
    char where[96];
    (void)snprintf(where, sizeof where, "policy %d, fault %d, call %llu", policy, kind, (unsigned long long)n);
    harness_init(&harness, seed, policy);
    sim_disk_fault(harness.sim, kind, n, times);
    sim_disk_lacking(harness.sim, passing[n % (sizeof passing / sizeof passing[0])]);
    enum status status = harness_start(&harness);
    if (status == STATUS_OK) {
        harness_script(&harness, 24);
        uint64_t last = harness.tail.last_sequence;
        harness_settle(&harness, kind == SIM_LACKING ? 5000 : 2000);
        if (kind == SIM_NO_SPACE || kind == SIM_LACKING) {
            cr_assert_eq(harness.failures, 0, "%s: what passes is no failure: %s", where, harness.complaint.text);
            /* disk D3: what may have been written in part is written again */
            cr_assert_eq(wal_synced(harness.wal), last, "%s", where);
            cr_assert_eq(wal_lack(harness.wal), STATUS_OK);
        }
        cr_assert_leq(harness.failures, 1);
        if (harness.failures == 1) {
            uint64_t before = sim_disk_calls(harness.sim);
            harness_turn(&harness, 1000);
            (void)sim_disk_run(harness.sim, 100);
            /* disk D4 */
            cr_assert_eq(sim_disk_calls(harness.sim), before, "%s: a failed log must not be written to", where);
            cr_assert_eq(wal_next_ms(harness.wal), INT64_MAX);
        }
    }
    uint64_t calls = sim_disk_calls(harness.sim);
    harness_stop(&harness);
    sim_disk_fault(harness.sim, kind, 0, 0);
    if (power) {
        sim_disk_crash(harness.sim, seed + n);
    }
    harness.failures = 0;
    expect_promise(&harness, where);
    harness_script(&harness, 3);
    cr_assert(harness_close(&harness), "%s: %s", where, harness.complaint.text);
    harness_finish(&harness);
    return calls;
}

Test(crash, errors_full_disks_and_short_writes_at_every_disk_call_lose_nothing_either)
{
    uint64_t seed = seed_of_run();
    static const enum sim_fault kinds[] = {SIM_IO, SIM_NO_SPACE, SIM_SHORT, SIM_LACKING, SIM_SYNC};
    static const enum wal_policy policies[] = {WAL_WRITE_THROUGH, WAL_BUFFERED};
    for (size_t p = 0; p < 2; p++) {
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            uint64_t calls = suffer(seed, policies[p], kinds[k], 1000000, 1, false);
            for (uint64_t n = 1; n <= calls; n++) {
                (void)suffer(seed, policies[p], kinds[k], n, 1, false);
                (void)suffer(seed + n, policies[p], kinds[k], n, 1, true);
                (void)suffer(seed + n, policies[p], kinds[k], n, 5, n % 2 == 0);
            }
        }
    }
}

Test(crash, reading_back_with_an_unreadable_sector_refuses_and_changes_nothing)
{
    struct harness harness;
    harness_init(&harness, 3, WAL_WRITE_THROUGH);
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    harness_script(&harness, 30);
    uint64_t last = harness.tail.last_sequence;
    cr_assert(harness_close(&harness));
    uint64_t before = sim_disk_calls(harness.sim);
    cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_OK);
    uint64_t calls = sim_disk_calls(harness.sim) - before;
    for (uint64_t n = 1; n <= calls; n++) {
        sim_disk_fault(harness.sim, SIM_IO, n, 1);
        cr_assert_eq(harness_recover(&harness, true, NULL), STATUS_IO, "call %llu", (unsigned long long)n);
        sim_disk_fault(harness.sim, SIM_IO, 0, 0);
        cr_assert_eq(harness_recover(&harness, false, NULL), STATUS_OK);
        cr_assert_eq(harness.end.last_sequence, last);
    }
    harness_finish(&harness);
}
