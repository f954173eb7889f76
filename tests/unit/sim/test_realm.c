/* SPDX-License-Identifier: MIT */

/* Clusters in the simulator, under faults: one leader per epoch, and the same data everywhere in the end. */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "realm.h"
#include "support/seed.h"

#if defined GEOMYS_SLOW_CHECKS || defined __SANITIZE_ADDRESS__
#define SEEDS 2
#else
#define SEEDS 4
#endif

static struct realm_options usual(uint64_t seed, unsigned machines)
{
    return (struct realm_options){
        .seed = seed, .machines = machines, .clients = 4, .duration_us = 40000000, .quorum = true};
}

static void live(uint64_t offset, unsigned machines, bool lies)
{
    uint64_t seed = seed_of_run() + offset;
    uint64_t deaths = 0;
    for (uint64_t i = 0; i < SEEDS; i++) {
        struct realm_options options = usual(seed + i, machines);
        struct realm_result result;
        options.lies = lies;
        realm_run(&options, &result);
        cr_assert_str_empty(result.wrong,
                            "tools/dev sim --cluster%s --machines %u --seed %" PRIu64 " --runs 1 --seconds 40: %s",
                            lies ? " --lies" : "", machines, seed + i, result.wrong);
        deaths += result.deaths;
        cr_expect_gt(result.acked, lies ? 50 : 500, "seed %" PRIu64, seed + i);
        cr_expect(!lies || result.lies > 20, "seed %" PRIu64, seed + i);
    }
    cr_assert_gt(deaths, SEEDS * machines * 2);
}

Test(realm, three_nodes)
{
    live(0, 3, false);
}

Test(realm, three_others)
{
    live(1000, 3, false);
}

Test(realm, five_nodes)
{
    live(2000, 5, false);
}

Test(realm, two_nodes)
{
    live(3000, 2, false);
}

Test(realm, a_node_alone)
{
    live(4000, 1, false);
}

/* A coordinator that names whom it likes, several in one epoch: time is lost by it, and nothing else. */
Test(realm, a_coordinator_that_lies)
{
    live(5000, 3, true);
}

Test(realm, a_coordinator_that_lies_to_five)
{
    live(6000, 5, true);
}

Test(realm, a_seed_is_repeated_exactly)
{
    struct realm_options options = usual(seed_of_run(), 3);
    struct realm_result first;
    struct realm_result second;
    realm_run(&options, &first);
    realm_run(&options, &second);
    cr_expect(first.trace == second.trace && first.steps == second.steps && first.acked == second.acked);
}
