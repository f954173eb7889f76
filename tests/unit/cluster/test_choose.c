/* SPDX-License-Identifier: MIT */

/* test_choose.c - whom the controller names: by hand, and against the votes that would follow. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "cluster/choose.h"
#include "replica/stand.h"
#include "support/seed.h"

static struct topology_shard shard_of(uint32_t count)
{
    struct topology_shard shard = {.id = 1, .epoch = 4, .leader = 1, .replica_count = count};
    for (uint32_t i = 0; i < count; i++) {
        shard.replicas[i] = i + 1;
    }
    return shard;
}

static struct choose_view view_of(uint64_t epoch, uint64_t sequence)
{
    return (struct choose_view){
        .heard = true, .stands = {.position = {epoch, sequence}, .promise = {4, 1, 1}, .fit = true, .free = true}};
}

/* choose P3 */
Test(choose, the_greatest_position_and_among_equal_ones_the_highest_number)
{
    struct topology_shard shard = shard_of(3);
    struct choose_view views[3] = {view_of(4, 100), view_of(4, 100), view_of(4, 100)};
    struct choice choice = choose(&shard, views);
    cr_assert(choice.outcome == CHOOSE_NAMED && choice.leader == 3 && choice.epoch == 5);
    views[0] = view_of(4, 101);
    cr_assert_eq(choose(&shard, views).leader, 1);
    views[1] = view_of(5, 1);
    cr_assert_eq(choose(&shard, views).leader, 2, "of a later epoch");
    views[0] = views[1] = views[2] = view_of(4, 100);
    views[2].stands.fit = false;
    cr_assert_eq(choose(&shard, views).leader, 2, "those that are fit come first");
    views[1].stands.promise.epoch = 9;
    cr_assert_eq(choose(&shard, views).epoch, 10, "above all that was promised");
}

Test(choose, nobody_is_named_who_cannot_win)
{
    struct topology_shard shard = shard_of(3);
    struct choose_view views[3] = {view_of(4, 100), {.heard = false}, {.heard = false}};
    cr_assert_eq(choose(&shard, views).outcome, CHOOSE_TOO_FEW_HEARD);
    views[1] = view_of(4, 90);
    cr_assert_eq(choose(&shard, views).leader, 1);
    views[1].stands.free = false;
    views[1].stands.wait_ms = 700;
    struct choice choice = choose(&shard, views);
    cr_assert(choice.outcome == CHOOSE_NOT_FREE && choice.wait_ms == 700);
    views[1].stands.free = true;
    views[1].stands.owes = (struct talk_place){4, 101};
    cr_assert_eq(choose(&shard, views).outcome, CHOOSE_NOBODY_CAN, "it would not say yes to one without 101");
    views[2] = view_of(4, 101);
    cr_assert_eq(choose(&shard, views).leader, 3);
}

/* cluster page, interleaving 37 */
Test(choose, of_five_the_greatest_owes_and_another_one_leads)
{
    struct topology_shard shard = shard_of(5);
    struct choose_view views[5] = {view_of(4, 200), view_of(4, 90), view_of(4, 80), view_of(4, 90), view_of(4, 70)};
    views[0].stands.owes = (struct talk_place){4, 210};
    struct choice choice = choose(&shard, views);
    cr_assert(choice.outcome == CHOOSE_NAMED && choice.leader == 4, "four of five are willing");
    views[2].heard = false;
    views[4].heard = false;
    cr_assert_eq(choose(&shard, views).outcome, CHOOSE_NOBODY_CAN);
}

Test(choose, one_and_two)
{
    struct topology_shard shard = shard_of(1);
    struct choose_view views[2] = {view_of(4, 100), view_of(4, 50)};
    cr_assert_eq(choose(&shard, views).leader, 1);
    shard = shard_of(2);
    cr_assert_eq(choose(&shard, views).leader, 1);
    views[1].heard = false;
    cr_assert_eq(choose(&shard, views).outcome, CHOOSE_TOO_FEW_HEARD, "of two both are needed");
}

/* choose P1, P2: whatever was heard, the one that is named gets a majority of yes from those who answered so. */
Test(choose, whom_it_names_wins)
{
    struct prng prng;
    unsigned named = 0;
    prng_seed(&prng, seed_of_run());
    for (unsigned run = 0; run < 20000; run++) {
        uint32_t count = 1 + 2 * (uint32_t)prng_below(&prng, 3);
        struct topology_shard shard = shard_of(count);
        struct choose_view views[5];
        for (uint32_t i = 0; i < count; i++) {
            views[i] = view_of(3 + prng_below(&prng, 2), 100 + prng_below(&prng, 4));
            views[i].heard = prng_below(&prng, 5) != 0;
            views[i].stands.free = prng_below(&prng, 6) != 0;
            views[i].stands.fit = prng_below(&prng, 2) == 0;
            views[i].stands.promise.epoch = prng_below(&prng, 8);
            if (prng_below(&prng, 5) == 0) {
                views[i].stands.owes = (struct talk_place){4, 100 + prng_below(&prng, 5)};
            }
        }
        struct choice choice = choose(&shard, views);
        if (choice.outcome != CHOOSE_NAMED) {
            continue;
        }
        named++;
        const struct talk_stands *leader = &views[choice.leader - 1].stands;
        uint32_t yes = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct stand stand;
            struct stand_promise before;
            const struct talk_stands *stands = &views[i].stands;
            stand_init(&stand, NULL);
            stand.known = true;
            stand.promise = (struct stand_promise){stands->promise.epoch, 9, 1};
            stand.position = (struct stand_position){stands->position.epoch, stands->position.sequence};
            stand.owes = (struct stand_position){stands->owes.epoch, stands->owes.sequence};
            struct stand_promise wanted = {choice.epoch, choice.leader, 1};
            struct stand_position position = {leader->position.epoch, leader->position.sequence};
            yes += views[i].heard && stands->free &&
                   stand_raise(&stand, &wanted, position, i + 1 == choice.leader, &before) == STAND_YES;
        }
        cr_assert_gt(yes, count / 2, "run %u: node %llu", run, (unsigned long long)choice.leader);
    }
    cr_assert_gt(named, 3000);
}
