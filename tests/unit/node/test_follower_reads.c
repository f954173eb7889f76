/* SPDX-License-Identifier: MIT */

/* test_follower_reads.c - what a follower shows, and when: at level quorum what a majority is known to have, nothing if
 * no leader has been heard of for long, and the time that the data go by. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "support/seed.h"
#include "trio.h"

/* All of them: what a cluster's orders would say. */
static void set_level(struct trio *trio, bool quorum)
{
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        tenure_level(&trio_node(trio, i)->membership.tenure, quorum);
    }
}

/* cluster C13 */
Test(membership, at_level_quorum_a_follower_shows_what_it_was_told_that_a_majority_has)
{
    struct trio *trio = trio_begin(seed_of_run());
    set_level(trio, true);
    trio_send(trio, 0, "SET a 1");
    trio_expect_answer(trio, 0, "+OK\r\n");
    trio_wait_for(trio, 1, 0);
    trio_send(trio, 1, "GET a");
    trio_expect_answer(trio, 1, "$1\r\n1\r\n");
    trio_stop(trio, 2, false);
    struct sim_wire *acks = trio_wire(trio, 1, 0);
    acks->cut = true; /* what it acknowledges does not arrive */
    trio_send(trio, 0, "SET a 2");
    trio_turns(trio, 100);
    cr_assert_eq(trio_last(trio, 1), trio_last(trio, 0), "it has it");
    trio_send(trio, 1, "GET a");
    trio_turns(trio, 400);
    cr_assert(!trio_has_answered(trio, 0) && !trio_has_answered(trio, 1), "but nobody knows that a majority does");
    tenure_level(&trio_node(trio, 1)->membership.tenure, false);
    trio_expect_answer(trio, 1, "$1\r\n2\r\n");
    tenure_level(&trio_node(trio, 1)->membership.tenure, true);
    trio_send(trio, 1, "GET a");
    acks->cut = false;
    trio_expect_answer(trio, 0, "+OK\r\n");
    trio_expect_answer(trio, 1, "$1\r\n2\r\n");
    trio_finish(trio);
}

/* cluster C12: of a new leader, too, nothing is shown before its epoch is released. */
Test(membership, at_level_quorum_a_follower_waits_for_a_new_leaders_epoch)
{
    struct trio *trio = trio_begin(seed_of_run());
    set_level(trio, true);
    trio_send(trio, 0, "SET a 1");
    trio_expect_answer(trio, 0, "+OK\r\n");
    trio_wait_for(trio, 1, 0);
    trio_wait_for(trio, 2, 0);
    trio_send(trio, 2, "GET a");
    trio_expect_answer(trio, 2, "$1\r\n1\r\n");
    trio_stop(trio, 0, false);
    struct sim_wire *acks = trio_wire(trio, 2, 1);
    trio_lead(trio, 1, 2);
    trio_follow(trio, 2, 2, 1);
    for (unsigned i = 0; i < 300 && trio_replica(trio, 2)->shard.tail.epoch != 2; i++) {
        trio_turn_badly(trio, 1, 2, TRIO_NODES);
    }
    cr_assert_eq(trio_replica(trio, 2)->shard.tail.epoch, 2);
    acks->cut = true;
    trio_send(trio, 2, "GET a");
    trio_turn_badly(trio, 300, TRIO_NODES, TRIO_NODES);
    cr_assert(!trio_has_answered(trio, 2),
              "the epoch's record is on this disk and the leader's, and nobody has said so");
    acks->cut = false;
    trio_expect_answer(trio, 2, "$1\r\n1\r\n");
    trio_finish(trio);
}

/* tenure P3; cluster C13 */
Test(membership, who_has_heard_from_no_leader_for_long_answers_no_reads)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_send(trio, 0, "SET a 1");
    trio_expect_answer(trio, 0, "+OK\r\n");
    trio_wait_for(trio, 1, 0);
    trio_turns(trio, 12000);
    trio_send(trio, 1, "GET a");
    trio_expect_answer(trio, 1, "$1\r\n1\r\n");
    trio_node(trio, 1)->forward.options.on = false;
    trio_send(trio, 1, "SET a 2");
    trio_expect_answer(trio, 1, "-READONLY You can't write against a read only replica: node 1 leads, ask it\r\n");
    trio_stop(trio, 0, false);
    trio_turns(trio, 8000);
    trio_send(trio, 1, "GET a");
    trio_expect_answer(trio, 1, "$1\r\n1\r\n");
    trio_turns(trio, 3000);
    trio_send(trio, 1, "GET a");
    trio_turns(trio, 1000);
    cr_assert(!trio_has_answered(trio, 1), "it waits, as a write would");
    trio_turns(trio, 4000);
    trio_expect_answer(trio, 1, "-CLUSTERDOWN node 2 has heard from no leader for ");
    trio_send(trio, 1, "GET a");
    trio_expect_answer(trio, 1, "-CLUSTERDOWN node 2 has heard from no leader for ");
    trio_start(trio, 0);
    trio_lead(trio, 0, 2);
    trio_follow(trio, 1, 2, 0);
    trio_wait_for(trio, 1, 0);
    trio_send(trio, 1, "GET a");
    trio_expect_answer(trio, 1, "$1\r\n1\r\n");
    trio_finish(trio);
}

static long long number(const char *text)
{
    cr_assert_eq(text[0], ':', "%s", text);
    return atoll(text + 1);
}

/* cluster C27, page interleaving 26 */
Test(membership, what_time_it_is_in_the_data_goes_on_over_a_change_of_leader)
{
    struct trio *trio = trio_create(seed_of_run());
    trio->at[0].now_ms += 10000; /* its clock is ahead */
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        trio_start(trio, i);
    }
    trio_lead(trio, 0, 1);
    trio_follow(trio, 1, 1, 0);
    trio_follow(trio, 2, 1, 0);
    cr_assert_str_eq(trio_said(trio, 0, "SET brief 1 PX 400"), "OK");
    cr_assert_str_eq(trio_said(trio, 0, "SET long 1 PX 8000"), "OK");
    trio_wait_for(trio, 1, 0);
    long long there = number(trio_said(trio, 1, "PTTL long"));
    long long here = number(trio_said(trio, 0, "PTTL long"));
    cr_assert(there <= 8000 && there - here < 400 && here - there < 400, "%lld, %lld", there, here);
    trio_turns(trio, 1000);
    cr_assert_str_eq(trio_said(trio, 1, "EXISTS brief"), ":0");
    here = number(trio_said(trio, 0, "PTTL long"));
    trio_stop(trio, 0, false);
    trio_lead(trio, 1, 2);
    cr_assert_str_eq(trio_said(trio, 1, "EXISTS brief"), ":0", "it does not come back");
    there = number(trio_said(trio, 1, "PTTL long"));
    cr_assert(there <= here && there > here - 1000, "%lld, %lld", there, here);
    trio_turns(trio, 3000);
    there = number(trio_said(trio, 1, "PTTL long"));
    cr_assert(there < here - 1400 && there > here - 2600, "ten seconds ahead it goes at half the pace: %lld, %lld",
              there, here);
    const char *info = trio_said(trio, 1, "INFO replication");
    cr_assert(strstr(info, "replication_time_ahead_ms:8") != NULL ||
                  strstr(info, "replication_time_ahead_ms:7") != NULL,
              "%s", info);
    cr_assert_not_null(strstr((const char *)trio->at[1].log.data, "ahead of this node's clock"));
    trio_finish(trio);
}
