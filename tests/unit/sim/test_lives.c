/* SPDX-License-Identifier: MIT */

/* Nodes that are alone, over crashes at any call of the disk; and whether the simulator would see what it looks for. */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "lives.h"
#include "support/seed.h"

#ifdef __SANITIZE_ADDRESS__
#define SEEDS 5
#else
#define SEEDS 25
#endif

static struct lives_options usual(uint64_t seed)
{
    return (struct lives_options){.seed = seed, .machines = 3, .writers = 3, .duration_us = 1800000};
}

static void live(uint64_t first)
{
    uint64_t seed = seed_of_run() + first;
    uint64_t blackouts = 0;
    for (uint64_t i = 0; i < SEEDS; i++) {
        struct lives_options options = usual(seed + i);
        struct lives_result result;
        lives_run(&options, &result);
        cr_assert_str_empty(result.wrong, "tools/dev sim --seed %" PRIu64 " --runs 1: %s", seed + i, result.wrong);
        blackouts += result.blackouts;
    }
    cr_assert_gt(blackouts, SEEDS * 5);
}

Test(lives, first_quarter)
{
    live(0);
}

Test(lives, second_quarter)
{
    live(1000);
}

Test(lives, third_quarter)
{
    live(2000);
}

Test(lives, fourth_quarter)
{
    live(3000);
}

Test(lives, a_seed_is_repeated_exactly)
{
    uint64_t seed = seed_of_run();
    struct lives_result first;
    struct lives_result second;
    struct lives_result other;
    struct lives_options options = usual(seed);
    lives_run(&options, &first);
    lives_run(&options, &second);
    cr_expect(first.trace == second.trace && first.steps == second.steps && first.acked == second.acked);
    options.seed++;
    lives_run(&options, &other);
    cr_expect_neq(first.trace, other.trace);
}

/* Who acknowledges before the disk has it is found out in nearly every run. */
Test(lives, a_guard_that_is_off_is_seen)
{
    uint64_t seed = seed_of_run();
    unsigned seen = 0;
    for (uint64_t i = 0; i < 8; i++) {
        struct lives_options options = usual(seed + i);
        struct lives_result result;
        options.lie = true;
        lives_run(&options, &result);
        seen += result.wrong[0] != '\0';
    }
    cr_expect_geq(seen, 6, "%u of 8", seen);
}
