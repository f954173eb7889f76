/* SPDX-License-Identifier: MIT */

/* test_gather.c - a guess about clients, and what is learnt from it. */
#include <criterion/criterion.h>

#include "log/gather.h"

static bool waits_after(struct gather *gather, uint64_t under_way)
{
    gather_expect(gather, under_way);
    gather_turn(gather, 100);
    return gather_waits(gather, 100, 1);
}

Test(gather, neither_few_nor_many)
{
    for (uint64_t under_way = 0; under_way < 2 * GATHER_MAX; under_way++) {
        struct gather gather = {0};
        cr_assert_eq(waits_after(&gather, under_way), under_way >= GATHER_MIN && under_way < GATHER_MAX, "%d",
                     (int)under_way);
    }
}

Test(gather, until_most_have_come_or_time_is_up)
{
    struct gather gather = {0};
    cr_assert(waits_after(&gather, 24));
    cr_assert(gather_waits(&gather, 100, 20));
    cr_assert_not(gather_waits(&gather, 100, 21));
    cr_assert(gather_waits(&gather, 100 + GATHER_MS, 20));
    cr_assert_not(gather_waits(&gather, 101 + GATHER_MS, 20)); /* gather I1 */
    cr_assert_eq(gather_next_ms(&gather, 100), 101 + GATHER_MS);
}

Test(gather, until_half_has_come_if_they_are_more)
{
    struct gather gather = {0};
    cr_assert(waits_after(&gather, GATHER_MORE - 1));
    cr_assert(gather_waits(&gather, 100, 27));
    cr_assert_not(gather_waits(&gather, 100, 28));
    cr_assert(waits_after(&gather, GATHER_MORE));
    cr_assert(gather_waits(&gather, 100, 15));
    cr_assert_not(gather_waits(&gather, 100, 16));
    cr_assert(waits_after(&gather, 100));
    cr_assert(gather_waits(&gather, 100, 49));
    cr_assert_not(gather_waits(&gather, 100, 50));
}

/* After the n-th wrong guess in a row, 2^n groups go at once; a right one makes good for all. */
Test(gather, wrong_guesses_make_it_rare)
{
    struct gather gather = {0};
    for (unsigned failures = 1; failures < 40; failures++) {
        cr_assert(waits_after(&gather, 40), "%u", failures);
        gather_end(&gather, 19);
        unsigned rest = failures < 6 ? 1u << failures : GATHER_REST;
        for (unsigned i = 0; i < rest; i++) {
            cr_assert_not(waits_after(&gather, 40), "%u, %u", failures, i);
            gather_end(&gather, 1);
        }
    }
    cr_assert(waits_after(&gather, 40));
    gather_end(&gather, 20);
    cr_assert(waits_after(&gather, 40));
    gather_end(&gather, 1);
    cr_assert_not(waits_after(&gather, 40));
    cr_assert_not(waits_after(&gather, 40));
    cr_assert(waits_after(&gather, 40));
}
