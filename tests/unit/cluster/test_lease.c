/* SPDX-License-Identifier: MIT */

/* test_lease.c - a leader's lease, and its replicas' words: by hand, and under clocks that run at different speeds and
 * beats that take any time. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "cluster/lease.h"
#include "support/seed.h"

#define MS       INT64_C(1000)
#define LEASE_MS 1000

static const struct record_epoch three = {.leader = 1, .replica_count = 3, .replicas = {1, 2, 3}};
static const struct record_epoch five = {.leader = 1, .replica_count = 5, .replicas = {1, 2, 3, 4, 5}};

Test(lease, a_majority_makes_it_and_the_leader_is_one_of_it)
{
    struct lease lease;
    lease_begin(&lease, &three);
    cr_assert_eq(lease_end_us(&lease), LEASE_NEVER);
    lease_granted(&lease, 2, 100 * MS, LEASE_MS);
    cr_assert_eq(lease_end_us(&lease), 1000 * MS, "a tenth less than a second, from when it was sent");
    lease_granted(&lease, 3, 300 * MS, LEASE_MS);
    cr_assert_eq(lease_end_us(&lease), 1200 * MS);
    lease_granted(&lease, 3, 200 * MS, LEASE_MS);
    cr_assert_eq(lease_end_us(&lease), 1200 * MS, "what comes late takes nothing away");
    lease_granted(&lease, 9, 5000 * MS, LEASE_MS);
    cr_assert_eq(lease_end_us(&lease), 1200 * MS, "a stranger");
    lease_begin(&lease, &five);
    lease_granted(&lease, 2, 100 * MS, LEASE_MS);
    cr_assert_eq(lease_end_us(&lease), LEASE_NEVER, "two of five");
    lease_granted(&lease, 4, 50 * MS, LEASE_MS);
    cr_assert_eq(lease_end_us(&lease), 950 * MS);
    lease_granted(&lease, 5, 400 * MS, LEASE_MS);
    cr_assert_eq(lease_end_us(&lease), 1000 * MS);
    lease_forget(&lease, 5);
    cr_assert_eq(lease_end_us(&lease), 950 * MS);
}

/* cluster C6, C18 */
Test(lease, alone_none_is_needed_and_a_set_that_changes_keeps_what_was_granted)
{
    struct lease lease;
    struct record_epoch alone = {.leader = 1};
    lease_begin(&lease, &alone);
    cr_assert_eq(lease_end_us(&lease), INT64_MAX);
    lease_begin(&lease, &five);
    lease_granted(&lease, 2, 100 * MS, LEASE_MS);
    struct record_epoch four = {.leader = 1, .replica_count = 4, .replicas = {1, 2, 3, 4}};
    lease_change(&lease, &four);
    cr_assert_eq(lease_end_us(&lease), LEASE_NEVER, "two of four are no majority");
    lease_change(&lease, &three);
    cr_assert_eq(lease_end_us(&lease), 1000 * MS);
}

static const struct stand_promise promise = {4, 1, 7};

static struct grant_beat beat_at(int64_t sent_us)
{
    return (struct grant_beat){.epoch = 4, .leader = 1, .start = 7, .sent_us = sent_us, .lease_ms = LEASE_MS};
}

/* lease P2 */
Test(lease, a_word_is_given_to_whom_was_promised)
{
    struct grant grant;
    grant_init(&grant, LEASE_MS, -5000 * MS);
    struct grant_beat beat = beat_at(900);
    cr_assert_eq(grant_take(&grant, &beat, &promise, 0), GRANT_YES);
    cr_assert(grant_forbids(&grant, 2, 1, &promise, 999 * MS));
    cr_assert_not(grant_forbids(&grant, 2, 1, &promise, 1000 * MS), "it has run out");
    cr_assert_not(grant_forbids(&grant, 1, 7, &promise, 0), "its leader may have a new epoch");
    cr_assert(grant_forbids(&grant, 1, 8, &promise, 0), "but not another of its lives");
    cr_assert_eq(grant_wait_ms(&grant, 400 * MS), 600);
    beat.leader = 2;
    cr_assert_eq(grant_take(&grant, &beat, &promise, 0), GRANT_NO);
    beat = beat_at(901);
    beat.start = 8;
    cr_assert_eq(grant_take(&grant, &beat, &promise, 0), GRANT_NO);
    beat = beat_at(899);
    cr_assert_eq(grant_take(&grant, &beat, &promise, 500 * MS), GRANT_NO, "an older one");
    beat = beat_at(901);
    beat.lease_ms = 10;
    cr_assert_eq(grant_take(&grant, &beat, &promise, 100 * MS), GRANT_YES);
    cr_assert(grant_forbids(&grant, 2, 1, &promise, 999 * MS), "a shorter one takes nothing back");
    struct stand_promise higher = {5, 1, 7};
    beat = beat_at(950);
    cr_assert_eq(grant_take(&grant, &beat, &higher, 200 * MS), GRANT_YES, "grants outlive a new epoch");
}

/* lease P3; cluster page, interleaving 6 */
Test(lease, a_longer_one_than_stands_on_the_disk_waits_for_that)
{
    struct grant grant;
    grant_init(&grant, LEASE_MS, 0);
    struct grant_beat beat = beat_at(10);
    beat.lease_ms = 5000;
    cr_assert_eq(grant_take(&grant, &beat, &promise, 10), GRANT_STORE);
    grant_ceiling(&grant, 5000);
    cr_assert_eq(grant_take(&grant, &beat, &promise, 20), GRANT_YES);
    grant_init(&grant, 5000, 100 * MS);
    cr_assert(grant_forbids(&grant, 2, 1, &promise, 5000 * MS), "it may have been granted before the start");
    cr_assert_not(grant_forbids(&grant, 1, 7, &promise, 200 * MS), "whom it has promised");
    cr_assert_not(grant_forbids(&grant, 2, 1, &promise, 5100 * MS));
}

/* cluster page, interleaving 24 */
Test(lease, a_late_resignation_ends_nothing_that_was_granted_later)
{
    struct grant grant;
    grant_init(&grant, LEASE_MS, -5000 * MS);
    struct grant_beat beat = beat_at(100);
    cr_assert_eq(grant_take(&grant, &beat, &promise, 0), GRANT_YES);
    grant_resigned(&grant, 1, 7, 99);
    cr_assert(grant_forbids(&grant, 2, 1, &promise, 10));
    grant_resigned(&grant, 1, 6, 200);
    cr_assert(grant_forbids(&grant, 2, 1, &promise, 10), "of another life");
    grant_resigned(&grant, 1, 7, 200);
    cr_assert_not(grant_forbids(&grant, 2, 1, &promise, 10));
    beat = beat_at(150);
    cr_assert_eq(grant_take(&grant, &beat, &promise, 20), GRANT_NO, "sent before the resignation");
}

/* lease P1: at no moment may a leader answer while a majority of the others would let another one lead. */
Test(lease, clocks_that_differ_by_less_than_a_tenth_never_give_two_leases)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (unsigned run = 0; run < 300; run++) {
        struct lease lease;
        struct grant grants[2];
        int64_t speed[3]; /* of a clock, in thousandths */
        lease_begin(&lease, &three);
        for (unsigned i = 0; i < 3; i++) {
            speed[i] = 950 + (int64_t)prng_below(&prng, 100);
        }
        grant_init(&grants[0], LEASE_MS, -10000 * MS);
        grant_init(&grants[1], LEASE_MS, -10000 * MS);
        for (int64_t now = 0; now < 20000 * MS; now += 1 + (int64_t)prng_below(&prng, 200 * MS)) {
            int64_t mine = now * speed[0] / 1000;
            unsigned to = (unsigned)prng_below(&prng, 2);
            int64_t received = now + (int64_t)prng_below(&prng, 400 * MS);
            struct grant_beat beat = beat_at(mine);
            if (prng_below(&prng, 3) != 0 &&
                grant_take(&grants[to], &beat, &promise, received * speed[to + 1] / 1000) == GRANT_YES) {
                lease_granted(&lease, to + 2, mine, LEASE_MS);
            }
            int64_t end = lease_end_us(&lease);
            for (int64_t later = now; later < now + 2000 * MS; later += 50 * MS) {
                bool answers = later * speed[0] / 1000 < end;
                unsigned free = 0;
                for (unsigned i = 0; i < 2; i++) {
                    free += !grant_forbids(&grants[i], 9, 1, &promise, later * speed[i + 1] / 1000);
                }
                cr_assert(!answers || free < 2, "run %u: two may lead at %lld", run, (long long)later);
            }
        }
    }
}
