/* SPDX-License-Identifier: MIT */

/* test_datatime.c - the time of the data: a leader's clock, what others hear of it, and clocks that are wrong. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "replica/datatime.h"
#include "support/seed.h"

Test(datatime, a_leader_goes_by_its_clock_and_by_no_less_than_its_records)
{
    struct datatime time = {0};
    cr_assert_eq(datatime_turn(&time, true, 5000, 9000, 100), 9000);
    cr_assert_eq(datatime_turn(&time, true, 9000, 9010, 110), 9010);
    cr_assert_eq(datatime_turn(&time, true, 9700, 9020, 120), 9700, "the record of another came first");
    cr_assert_eq(datatime_turn(&time, true, 9700, 9030, 130), 9710, "less than a second ahead it runs on");
}

/* datatime P1 */
Test(datatime, a_clock_that_jumps_back_slows_it_down_until_it_is_right)
{
    struct datatime time = {0};
    (void)datatime_turn(&time, true, 0, 1000000, 0);
    int64_t before = 1000000;
    int64_t wall = 1000000 - 60000;
    for (int64_t at = 1; at <= 200000; at++) {
        int64_t now = datatime_turn(&time, true, before, wall + at, at);
        cr_assert(now == before || now == before + 1, "%lld after %lld", (long long)now, (long long)before);
        before = now;
    }
    cr_assert_leq(before - (wall + 200000), 1000, "two minutes are enough for one");
    cr_assert_eq(datatime_turn(&time, true, before, wall + 900000, 200001), wall + 900000, "forward it goes at once");
}

Test(datatime, a_follower_goes_by_what_it_has_heard)
{
    struct datatime time = {0};
    cr_assert_eq(datatime_turn(&time, false, 7000, 50000, 100), 7000, "what it has read, not its clock");
    cr_assert_eq(datatime_turn(&time, false, 7000, 50010, 110), 7010);
    datatime_hear(&time, 20000, 110);
    cr_assert_eq(datatime_turn(&time, false, 7000, 50020, 120), 20010);
    datatime_hear(&time, 20005, 120); /* it was on its way for a while */
    cr_assert_eq(datatime_turn(&time, false, 7000, 50024, 124), 20012, "it waits, but does not stand still");
    cr_assert_eq(datatime_turn(&time, false, 7000, 50044, 144), 20029, "until it is right");
    datatime_forget(&time);
    cr_assert_eq(datatime_turn(&time, false, 0, 50044, 144), 50044, "nothing is known of an empty one");
}

/* datatime P1, P2; from whomever it is heard. */
Test(datatime, whatever_comes_it_goes_forward)
{
    static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (unsigned run = 0; run < 200; run++) {
        struct datatime time = {0};
        int64_t at = (int64_t)prng_below(&prng, 1000);
        int64_t before = INT64_MIN;
        for (unsigned step = 0; step < 300; step++) {
            at += (int64_t)prng_below(&prng, 50);
            bool wild = prng_below(&prng, 40) == 0;
            int64_t wall = wild ? odd[prng_below(&prng, 7)] : (int64_t)prng_below(&prng, 1000000);
            int64_t newest =
                prng_below(&prng, 4) == 0 ? odd[prng_below(&prng, 5)] : (int64_t)prng_below(&prng, 1000000);
            bool leads = prng_below(&prng, 2) == 0;
            if (prng_below(&prng, 5) == 0) {
                datatime_hear(&time, wall, at);
            }
            int64_t now = datatime_turn(&time, leads, newest, wall, at);
            cr_assert_geq(now, before);
            cr_assert(!leads || now >= newest);
            before = now;
        }
    }
}
