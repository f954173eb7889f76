/* SPDX-License-Identifier: MIT */

/* test_acks.c - a majority is counted; and a vote and an acknowledgement do not miss each other. */
#include <criterion/criterion.h>

#include "replica/acks.h"
#include "replica/stand.h"

static struct acks of_three(uint64_t first)
{
    struct acks acks;
    struct record_epoch set = {.leader = 1, .replica_count = 3, .replicas = {1, 2, 3}};
    acks_begin(&acks, &set, first);
    return acks;
}

Test(acks, two_of_three_are_a_majority)
{
    struct acks acks = of_three(10);
    cr_assert_not(acks_add(&acks, 1, 12));
    cr_assert_eq(acks.committed, 0);
    cr_assert(acks_add(&acks, 3, 11));
    cr_assert_eq(acks.committed, 11);
    cr_assert(acks_add(&acks, 2, 15));
    cr_assert_eq(acks.committed, 12);
    cr_assert_not(acks_add(&acks, 2, 14), "what comes late changes nothing");
    cr_assert_eq(acks_count(&acks, 12), 2);
}

/* acks P1 */
Test(acks, nothing_is_committed_before_the_epochs_own_record)
{
    struct acks acks = of_three(10);
    (void)acks_add(&acks, 1, 20);
    cr_assert_not(acks_add(&acks, 2, 9), "a majority has 9, but it is of an older epoch");
    cr_assert_eq(acks.committed, 0);
    cr_assert(acks_add(&acks, 2, 10));
    cr_assert_eq(acks.committed, 10);
}

/* acks P2 */
Test(acks, strangers_do_not_count)
{
    struct acks acks = of_three(1);
    (void)acks_add(&acks, 1, 5);
    cr_assert_not(acks_add(&acks, 4, 5));
    cr_assert_not(acks_add(&acks, 1, 6), "nobody is a majority of three alone");
    cr_assert_eq(acks.committed, 0);
}

Test(acks, a_leader_alone_and_a_pair)
{
    struct acks acks;
    struct record_epoch alone = {.leader = 1};
    acks_begin(&acks, &alone, 1);
    cr_assert(acks_add(&acks, 1, 4));
    cr_assert_eq(acks.committed, 4);
    struct record_epoch pair = {.leader = 2, .replica_count = 2, .replicas = {1, 2}};
    acks_begin(&acks, &pair, 5);
    cr_assert_not(acks_add(&acks, 2, 7));
    cr_assert(acks_add(&acks, 1, 6));
    cr_assert_eq(acks.committed, 6, "of two both are needed");
}

/* ---- stand ---- */

static const struct stand_position nothing = {0, 0};

/* stand P1: cluster page, interleaving 20 */
Test(stand, a_sync_that_ends_behind_a_yes_is_not_counted)
{
    struct stand stand;
    struct stand_promise before;
    stand_init(&stand, NULL);
    cr_assert(stand_publish(&stand, nothing, 0));
    struct stand_promise first = {1, 1, 1};
    cr_assert_eq(stand_raise(&stand, &first, nothing, true, &before), STAND_YES);
    cr_assert(stand_publish(&stand, (struct stand_position){1, 100}, 1));
    struct stand_promise second = {2, 3, 1};
    cr_assert_eq(stand_raise(&stand, &second, (struct stand_position){1, 99}, false, &before), STAND_BEHIND);
    cr_assert_eq(stand_raise(&stand, &second, (struct stand_position){1, 100}, false, &before), STAND_YES);
    cr_assert_not(stand_publish(&stand, (struct stand_position){1, 101}, 1), "it has said yes to another at 100");
    cr_assert(stand_allows(&stand, 2, 3) && !stand_allows(&stand, 1, 1) && !stand_allows(&stand, 2, 1));
}

/* stand P4 */
Test(stand, before_its_log_is_read_a_replica_says_yes_to_nobody)
{
    struct stand stand;
    struct stand_promise before;
    struct stand_promise yes = {5, 2, 7};
    stand_init(&stand, NULL);
    stand_recall(&stand, (struct stand_position){4, 50});
    cr_assert_eq(stand_raise(&stand, &yes, (struct stand_position){4, 100}, false, &before), STAND_UNKNOWN);
    cr_assert(stand_publish(&stand, nothing, 0));
    cr_assert_eq(stand_raise(&stand, &yes, (struct stand_position){4, 49}, false, &before), STAND_BEHIND, "it owes");
    cr_assert_eq(stand_raise(&stand, &yes, (struct stand_position){4, 50}, false, &before), STAND_YES);
}

/* stand P2 */
Test(stand, one_epoch_has_one_leader_and_one_of_its_lives)
{
    struct stand stand;
    struct stand_promise before;
    stand_init(&stand, NULL);
    cr_assert(stand_publish(&stand, nothing, 0));
    struct stand_promise yes = {5, 2, 7};
    cr_assert_eq(stand_raise(&stand, &yes, nothing, false, &before), STAND_YES);
    cr_assert_eq(stand_raise(&stand, &yes, nothing, false, &before), STAND_YES, "the same once more");
    cr_assert_eq(stand_raise(&stand, &(struct stand_promise){5, 3, 7}, nothing, false, &before), STAND_OTHER);
    cr_assert_eq(stand_raise(&stand, &(struct stand_promise){5, 2, 8}, nothing, false, &before), STAND_OTHER);
    cr_assert_eq(stand_raise(&stand, &(struct stand_promise){4, 2, 7}, nothing, false, &before), STAND_LOWER);
    struct stand_promise next = {6, 3, 1};
    cr_assert_eq(stand_raise(&stand, &next, nothing, false, &before), STAND_YES);
    stand_put_back(&stand, &before);
    cr_assert(stand_allows(&stand, 5, 2), "it could not be stored");
}

Test(stand, who_owes_leads_nobody_and_says_yes_to_nobody_behind_its_debt)
{
    struct stand stand;
    struct stand_promise before;
    struct stand_promise yes = {3, 1, 1};
    stand_init(&stand, NULL);
    cr_assert(stand_publish(&stand, nothing, 0));
    cr_assert(stand_publish(&stand, (struct stand_position){2, 101}, 2));
    stand_fall(&stand, (struct stand_position){2, 80}, (struct stand_position){2, 101});
    cr_assert_eq(stand_raise(&stand, &yes, (struct stand_position){2, 101}, true, &before), STAND_OWES);
    cr_assert_eq(stand_raise(&stand, &yes, (struct stand_position){2, 90}, false, &before), STAND_BEHIND);
    cr_assert_eq(stand_raise(&stand, &yes, (struct stand_position){2, 101}, false, &before), STAND_YES);
    cr_assert(stand_publish(&stand, (struct stand_position){3, 103}, 3));
    stand_settle(&stand);
    struct stand_promise own = {4, 2, 1};
    cr_assert_eq(stand_raise(&stand, &own, (struct stand_position){3, 103}, true, &before), STAND_YES);
}
