/* SPDX-License-Identifier: MIT */

/* Who needs which records: segments go only behind the least of all holders. */
#include <criterion/criterion.h>

#include "harness.h"
#include "log/wal_state.h"
#include "support/seed.h"

/* A log of several segments of 2 KiB, all of it synced. */
static void start(struct harness *harness, uint64_t seed)
{
    harness_init(harness, seed, WAL_WRITE_THROUGH);
    cr_assert_eq(harness_start(harness), STATUS_OK);
    for (unsigned i = 0; i < 60; i++) {
        harness_add(harness, 1);
        harness_settle(harness, 20);
    }
    cr_assert_gt(harness->wal->chain.count, 5);
}

static uint64_t first_of(const struct harness *harness, size_t segment)
{
    return harness->wal->chain.segments[segment].first;
}

static uint64_t removed(const struct harness *harness)
{
    struct wal_stats stats;
    wal_stats(harness->wal, &stats);
    return stats.segments_removed;
}

Test(hold, lets_nothing_go_behind_it_though_the_snapshots_do)
{
    struct harness harness;
    struct wal_hold hold;
    start(&harness, 1);
    uint64_t third = first_of(&harness, 2);
    uint64_t newest = first_of(&harness, harness.wal->chain.count - 1);
    cr_assert_eq(wal_hold(harness.wal, &hold, third + 1), STATUS_OK);
    wal_keep_from(harness.wal, wal_synced(harness.wal) + 1);
    harness_settle(&harness, 300);
    cr_assert_eq(first_of(&harness, 0), third);
    cr_assert_eq(wal_oldest(harness.wal), third);
    uint64_t fifth = first_of(&harness, 2);
    wal_hold_move(&hold, fifth);
    harness_settle(&harness, 300);
    cr_assert_eq(first_of(&harness, 0), fifth);
    uint64_t last = first_of(&harness, harness.wal->chain.count - 2);
    for (uint64_t sequence = fifth; sequence <= last; sequence++) { /* the disk removes nothing meanwhile */
        wal_hold_move(&hold, sequence);
    }
    harness_settle(&harness, 300);
    cr_assert_eq(first_of(&harness, 0), last);
    wal_release(&hold);
    wal_release(&hold);
    harness_settle(&harness, 300);
    cr_assert_eq(first_of(&harness, 0), newest);
    cr_assert_eq(removed(&harness), harness.wal->stats.segments - 1);
    cr_assert(harness_close(&harness));
    harness_finish(&harness);
}

Test(hold, is_given_only_on_what_will_stay)
{
    struct harness harness;
    struct wal_hold hold;
    start(&harness, 2);
    uint64_t second = first_of(&harness, 1);
    wal_keep_from(harness.wal, second + 1); /* the mark is not written yet, but it may be said */
    cr_assert_eq(wal_hold(harness.wal, &hold, second - 1), STATUS_NOT_FOUND);
    cr_assert_eq(hold.wal, NULL);
    cr_assert_eq(wal_hold(harness.wal, &hold, second), STATUS_OK, "the segment stays, for what stands behind it");
    harness_settle(&harness, 300);
    wal_keep_from(harness.wal, wal_synced(harness.wal) + 1);
    harness_settle(&harness, 300);
    cr_assert_eq(first_of(&harness, 0), second);
    wal_release(&hold);
    cr_assert(harness_close(&harness));
    harness_finish(&harness);
}

Test(hold, is_not_given_on_a_segment_that_ends_where_all_is_superfluous)
{
    struct harness harness;
    struct wal_hold hold;
    start(&harness, 6);
    uint64_t next = wal_synced(harness.wal) + 1;
    wal_keep_from(harness.wal, next);
    cr_assert_eq(wal_oldest(harness.wal), next);
    cr_assert_eq(wal_hold(harness.wal, &hold, next - 1), STATUS_NOT_FOUND, "the next segment may begin behind it");
    cr_assert_eq(wal_hold(harness.wal, &hold, next), STATUS_OK);
    for (unsigned i = 0; i < 30; i++) {
        harness_add(&harness, 1);
        harness_settle(&harness, 20);
        wal_keep_from(harness.wal, wal_synced(harness.wal) + 1);
    }
    struct wal_place place;
    wal_find(harness.wal, next, true, &place);
    cr_assert(place.first <= next && next <= place.last);
    wal_release(&hold);
    cr_assert(harness_close(&harness));
    harness_finish(&harness);
}

Test(hold, that_moves_costs_a_mark_only_when_a_segment_can_go)
{
    struct harness harness;
    struct wal_hold hold;
    start(&harness, 3);
    cr_assert_eq(wal_hold(harness.wal, &hold, 1), STATUS_OK);
    wal_keep_from(harness.wal, wal_synced(harness.wal) + 1);
    harness_settle(&harness, 1000);
    uint64_t before = harness.wal->mark.counter;
    uint64_t second = first_of(&harness, 1);
    for (uint64_t sequence = 2; sequence < second; sequence++) {
        wal_hold_move(&hold, sequence);
        harness_settle(&harness, 20);
    }
    cr_assert_eq(harness.wal->mark.counter, before);
    cr_assert_eq(removed(&harness), 0);
    wal_hold_move(&hold, second);
    harness_settle(&harness, 20);
    cr_assert_eq(harness.wal->mark.counter, before + 1);
    cr_assert_eq(removed(&harness), 1);
    wal_release(&hold);
    cr_assert(harness_close(&harness));
    harness_finish(&harness);
}

Test(hold, finds_how_far_each_segment_may_be_read)
{
    struct harness harness;
    struct wal_place place;
    start(&harness, 4);
    size_t count = harness.wal->chain.count;
    for (size_t i = 0; i < count; i++) {
        wal_find(harness.wal, first_of(&harness, i), true, &place);
        cr_assert_eq(place.first, first_of(&harness, i));
        cr_assert_eq(place.ended, i + 1 < count);
        cr_assert_eq(place.last, i + 1 < count ? first_of(&harness, i + 1) - 1 : harness.tail.last_sequence);
    }
    harness_add(&harness, 2);
    harness_turn(&harness, 0); /* under way */
    struct wal_place before = place;
    wal_find(harness.wal, harness.tail.last_sequence, false, &place);
    cr_assert(place.last == before.last && place.end == before.end, "what is under way is not written");
    harness_settle(&harness, 40);
    wal_find(harness.wal, harness.tail.last_sequence, true, &place);
    cr_assert(place.last == harness.tail.last_sequence && place.end > before.end);
    cr_assert(harness_close(&harness));
    harness_finish(&harness);
}

Test(hold, tells_written_from_synced)
{
    struct harness harness;
    struct wal_place written;
    struct wal_place synced;
    harness_init(&harness, 5, WAL_BUFFERED);
    harness.config.segment_size = 65536;
    cr_assert_eq(harness_start(&harness), STATUS_OK);
    harness_add(&harness, 3);
    harness_turn(&harness, 1);
    (void)sim_disk_run(harness.sim, 1);
    wal_find(harness.wal, 1, false, &written);
    wal_find(harness.wal, 1, true, &synced);
    uint64_t empty = SEGMENT_HEADER_SIZE + RECORD_HEADER_SIZE + GM_SECRET_SIZE; /* a table of no epochs */
    cr_assert(written.last == 4 && synced.last == 0 && synced.end == empty);
    harness_settle(&harness, 200);
    struct wal_place after;
    wal_find(harness.wal, 1, true, &after);
    cr_assert(after.last == 4 && after.end >= written.end);
    cr_assert(harness_close(&harness));
    harness_finish(&harness);
}

/* Whatever holders come, move and go: nothing that one needs is missing, and in the end nothing superfluous is left. */
Test(hold, under_any_mixture_is_kept)
{
    uint64_t seed = seed_of_run();
    for (uint64_t run = 0; run < 200; run++) {
        struct harness harness;
        struct wal_hold holds[4] = {0};
        struct prng prng;
        prng_seed(&prng, seed + run);
        harness_init(&harness, seed + run, run % 2 == 0 ? WAL_WRITE_THROUGH : WAL_BUFFERED);
        harness.snapshots = 20;
        cr_assert_eq(harness_start(&harness), STATUS_OK);
        for (unsigned step = 0; step < 200; step++) {
            struct wal_hold *hold = &holds[prng_below(&prng, 4)];
            uint64_t oldest = wal_oldest(harness.wal);
            uint64_t next = harness.tail.last_sequence + 1;
            if (hold->wal == NULL) {
                cr_assert_eq(wal_hold(harness.wal, hold, oldest + prng_below(&prng, next - oldest + 1)), STATUS_OK);
            } else if (prng_below(&prng, 6) == 0) {
                wal_release(hold);
            } else if (hold->sequence < next) {
                wal_hold_move(hold, hold->sequence + prng_below(&prng, next - hold->sequence + 1));
            }
            harness_script(&harness, 1);
            for (size_t i = 0; i < 4; i++) {
                char name[DISK_NAME_MAX];
                struct wal_place place;
                if (holds[i].wal != NULL) {
                    wal_find(harness.wal, holds[i].sequence, true, &place);
                    segment_name(place.first, name);
                    cr_assert(sim_disk_contents(harness.sim, name).data != NULL, "%s is held, and gone", name);
                }
            }
        }
        for (size_t i = 0; i < 4; i++) {
            wal_release(&holds[i]);
        }
        harness_settle(&harness, 500);
        wal_keep_from(harness.wal, wal_synced(harness.wal) + 1);
        harness_settle(&harness, 500);
        cr_assert_eq(wal_oldest(harness.wal), wal_synced(harness.wal) + 1,
                     "what is there may go with the next segment");
        cr_assert_leq(harness.wal->chain.count, 2);
        harness_finish(&harness);
    }
}
