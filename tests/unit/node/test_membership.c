/* SPDX-License-Identifier: MIT */

/* test_membership.c - nodes that feed and follow each other, over a network in memory: who leads is decided here, by
 * hand, as a vote would. What was acknowledged by a majority stays; what a deposed leader alone had is kept aside.
 * Leaders that come and go by chance: test_membership_chance. */
#include <criterion/criterion.h>

#include <string.h>

#include "support/seed.h"
#include "trio.h"

Test(membership, followers_have_what_the_leader_has)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_write(trio, 0, 300);
    trio_wait_for(trio, 1, 0);
    trio_wait_for(trio, 2, 0);
    trio_expect_same(trio, 1, 0);
    trio_expect_same(trio, 2, 0);
    cr_assert_str_eq(node_fixture_say(&trio->at[1], "EXISTS text1 text2"),
                     node_fixture_say(&trio->at[2], "EXISTS text1 text2"));
    trio_node(trio, 1)->forward.options.on = false;
    cr_assert(strncmp(node_fixture_say(&trio->at[1], "SET a 1"), "READONLY", 8) == 0 ||
                  strstr(node_fixture_say(&trio->at[1], "SET a 1"), "READONLY") != NULL,
              "%s", node_fixture_say(&trio->at[1], "SET a 1"));
    trio_finish(trio);
}

/* replica I5 */
Test(membership, an_empty_node_takes_on_the_data_set_of_its_leader)
{
    struct trio *trio = trio_create(seed_of_run());
    trio_start(trio, 0);
    trio_start(trio, 1);
    cr_assert(trio_replica(trio, 1)->blank, "it does not know yet whose data it is to have");
    trio_send(trio, 1, "GET a");
    trio_turn(trio);
    trio_turn(trio);
    cr_assert_eq(memcmp(trio->at[1].conn.output.data, "-LOADING", 8), 0);
    buf_clear(&trio->at[1].conn.output, SIZE_MAX);
    trio_lead(trio, 0, 1);
    trio_follow(trio, 1, 1, 0);
    trio_write(trio, 0, 20);
    trio_wait_for(trio, 1, 0);
    cr_assert_eq(memcmp(&trio_replica(trio, 0)->shard.secret, &trio_replica(trio, 1)->shard.secret, GM_SECRET_SIZE), 0);
    trio_stop(trio, 1, false);
    trio_start(trio, 1);
    cr_assert_eq(memcmp(&trio_replica(trio, 0)->shard.secret, &trio_replica(trio, 1)->shard.secret, GM_SECRET_SIZE), 0,
                 "it is in its files");
    trio_finish(trio);
}

/* acks P1, follow P2 */
Test(membership, a_majority_commits_and_a_minority_does_not)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_write(trio, 0, 30);
    trio_wait_for(trio, 1, 0);
    trio_wait_for(trio, 2, 0);
    for (unsigned i = 0; i < 1000 && trio_replica(trio, 0)->acks.committed < trio_last(trio, 0); i++) {
        trio_turn(trio);
    }
    uint64_t committed = trio_replica(trio, 0)->acks.committed;
    cr_assert_eq(committed, trio_last(trio, 0));
    trio_stop(trio, 2, false);
    trio_write(trio, 0, 30);
    trio_wait_for(trio, 1, 0);
    for (unsigned i = 0; i < 1000 && trio_replica(trio, 0)->acks.committed < trio_last(trio, 0); i++) {
        trio_turn(trio);
    }
    cr_assert_eq(trio_replica(trio, 0)->acks.committed, trio_last(trio, 0), "two of three are enough");
    for (unsigned i = 0; i < 500 && trio_replica(trio, 1)->told < trio_last(trio, 1); i++) {
        trio_turn(trio);
    }
    cr_assert_eq(trio_replica(trio, 1)->told, trio_last(trio, 1), "and the follower hears of it");
    trio_stop(trio, 1, false);
    committed = trio_replica(trio, 0)->acks.committed;
    trio_write(trio, 0, 30);
    trio_turns(trio, 500);
    cr_assert_eq(trio_replica(trio, 0)->acks.committed, committed, "one of three is not");
    trio_finish(trio);
}

Test(membership, who_was_away_gets_what_it_missed_from_the_segments)
{
    uint64_t seed = seed_of_run();
    for (unsigned run = 0; run < 6; run++) {
        struct trio *trio = trio_begin(seed + run);
        trio_write(trio, 0, 50);
        trio_wait_for(trio, 1, 0);
        trio_stop(trio, 1, run % 2 == 0);
        trio_write(trio, 0, 200);
        trio_start(trio, 1);
        trio_follow(trio, 1, 1, 0);
        trio_write(trio, 0, 50);
        trio_wait_for(trio, 1, 0);
        trio_expect_same(trio, 1, 0);
        trio_finish(trio);
    }
}

/* Two snapshots, and the log before the older one has gone. */
static void forget_the_beginning(struct trio *trio, unsigned i)
{
    uint64_t before = wal_oldest(trio_replica(trio, i)->wal);
    for (unsigned k = 0; k < 40 && wal_oldest(trio_replica(trio, i)->wal) <= before + 1; k++) {
        cr_assert_not_null(node_fixture_say(&trio->at[i], "SAVE"));
        trio_write(trio, i, 25);
    }
    cr_assert_gt(wal_oldest(trio_replica(trio, i)->wal), before + 1);
}

/* feed P4, replace P1; cluster C17 */
Test(membership, who_was_away_too_long_gets_a_snapshot_and_then_the_log)
{
    uint64_t seed = seed_of_run();
    for (unsigned run = 0; run < 6; run++) {
        struct trio *trio = trio_begin(seed + run);
        trio_write(trio, 0, 30);
        trio_wait_for(trio, 1, 0);
        trio_stop(trio, 1, run % 2 == 0);
        trio_write(trio, 0, 50);
        forget_the_beginning(trio, 0);
        trio_start(trio, 1);
        trio_follow(trio, 1, 1, 0);
        trio_write(trio, 0, 20);
        trio_wait_for(trio, 1, 0);
        trio_expect_same(trio, 1, 0);
        cr_assert_gt(trio_lost_files(trio, 1), 0, "what it had is kept");
        for (unsigned i = 0; i < TRIO_PATIENCE && trio_replica(trio, 1)->stand.owes.epoch != 0; i++) {
            trio_turn(trio);
        }
        cr_assert_eq(trio_replica(trio, 1)->stand.owes.epoch, 0, "it has again what it had acknowledged");
        trio_stop(trio, 1, false);
        trio_start(trio, 1);
        cr_assert_eq(trio_replica(trio, 1)->stand.owes.epoch, 0);
        trio_follow(trio, 1, 1, 0);
        trio_write(trio, 0, 20);
        trio_wait_for(trio, 1, 0);
        trio_expect_same(trio, 1, 0);
        trio_finish(trio);
    }
}

/* cluster C17, page interleaving 36: what the follower would give up must be on the leader's disk first. */
Test(membership, a_full_sync_waits_until_the_leader_has_what_the_follower_gives_up)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_write(trio, 0, 30);
    trio_wait_for(trio, 1, 0);
    trio_stop(trio, 1, true);
    trio_write(trio, 0, 30);
    forget_the_beginning(trio, 0);
    trio_start(trio, 1);
    struct stand_position later = {1, trio_last(trio, 0) + 1}; /* said to have been acknowledged, and not here yet */
    trio_replica(trio, 1)->stand.owes = later;
    trio_follow(trio, 1, 1, 0);
    uint64_t before = trio_last(trio, 1);
    trio_turns(trio, 300);
    cr_assert_eq(trio_last(trio, 1), before, "it has given up nothing");
    cr_assert_eq(trio_lost_files(trio, 1), 0);
    trio_write(trio, 0, 5);
    trio_wait_for(trio, 1, 0);
    trio_expect_same(trio, 1, 0);
    cr_assert_gt(trio_lost_files(trio, 1), 0);
    trio_finish(trio);
}

static unsigned silent_ended;

static void on_silent_message(void *user, struct gm_bytes message)
{
    (void)user, (void)message;
}

static void on_silent_closed(void *user, enum peer_end why, const char *reason)
{
    (void)user, (void)why;
    silent_ended += strstr(reason, "has not said who it is") != NULL;
}

/* feed P5 */
Test(membership, who_opens_a_link_and_says_nothing_does_not_keep_its_place)
{
    static const struct peer_user_ops silent = {on_silent_message, NULL, on_silent_closed};
    struct trio *trio = trio_create(seed_of_run());
    struct sim_host *host = sim_host_create(trio->net, "stranger:1");
    struct peer *stranger = sim_host_peer(host);
    trio_start(trio, 0);
    trio_lead(trio, 0, 1);
    for (unsigned i = 0; i < FEED_MAX + 6; i++) {
        (void)peer_open(stranger, trio_address(0), PEER_FOLLOW, &silent, NULL);
    }
    for (unsigned i = 0; i < 7000 && silent_ended < FEED_MAX; i++) {
        trio_turn(trio);
        (void)sim_net_turn(stranger);
    }
    cr_assert_eq(silent_ended, FEED_MAX);
    trio_start(trio, 1);
    trio_follow(trio, 1, 1, 0);
    trio_write(trio, 0, 5);
    trio_wait_for(trio, 1, 0);
    trio_expect_same(trio, 1, 0);
    sim_host_destroy(host, SIM_KILLED);
    trio_finish(trio);
}

Test(membership, an_empty_node_gets_a_snapshot_of_a_leader_whose_log_has_no_beginning)
{
    struct trio *trio = trio_create(seed_of_run());
    trio_start(trio, 0);
    trio_lead(trio, 0, 1);
    trio_write(trio, 0, 50);
    forget_the_beginning(trio, 0);
    trio_start(trio, 2);
    trio_follow(trio, 2, 1, 0);
    trio_wait_for(trio, 2, 0);
    trio_expect_same(trio, 2, 0);
    cr_assert_eq(memcmp(&trio_replica(trio, 0)->shard.secret, &trio_replica(trio, 2)->shard.secret, GM_SECRET_SIZE), 0);
    cr_assert_eq(trio_lost_files(trio, 2), 0, "it had nothing");
    trio_finish(trio);
}

/* cluster C17: at each call of its disk, until it comes through. Whoever restarts finishes what it has begun. */
Test(membership, a_full_sync_that_is_interrupted_anywhere_comes_to_the_same_end)
{
    uint64_t seed = seed_of_run();
    unsigned deaths = 0;
    for (uint64_t at = 1; at < 400; at += 1 + at / 12) {
        struct trio *trio = trio_begin(seed);
        trio_write(trio, 0, 30);
        trio_wait_for(trio, 1, 0);
        trio_stop(trio, 1, true);
        trio_write(trio, 0, 30);
        forget_the_beginning(trio, 0);
        trio_start(trio, 1);
        trio_follow(trio, 1, 1, 0);
        sim_disk_fault(trio->at[1].sim, SIM_CRASH, at, 1);
        for (unsigned i = 0; i < 600 && !sim_disk_dead(trio->at[1].sim); i++) {
            trio_turn(trio);
        }
        if (sim_disk_dead(trio->at[1].sim)) {
            deaths++;
            trio_stop(trio, 1, false);
            trio_start(trio, 1);
            trio_follow(trio, 1, 1, 0);
        }
        sim_disk_fault(trio->at[1].sim, SIM_CRASH, 0, 0);
        trio_wait_for(trio, 1, 0);
        trio_expect_same(trio, 1, 0);
        trio_finish(trio);
    }
    cr_assert_gt(deaths, 10);
}

/* follow P5; cluster page, interleaving 21 */
Test(membership, a_deposed_leader_goes_back_and_keeps_what_it_gives_up)
{
    uint64_t seed = seed_of_run();
    for (unsigned run = 0; run < 8; run++) {
        struct trio *trio = trio_begin(seed + run);
        trio_write(trio, 0, 60);
        trio_wait_for(trio, 1, 0);
        trio_wait_for(trio, 2, 0);
        trio_wire(trio, 0, 1)->cut = true;
        trio_wire(trio, 0, 2)->cut = true;
        trio_write(trio, 0, 40); /* nobody else has them */
        trio_stop(trio, 0, run % 2 == 0);
        trio_lead(trio, 1, 2);
        trio_follow(trio, 2, 2, 1);
        trio_write(trio, 1, 30);
        trio_wait_for(trio, 2, 1);
        trio_wire(trio, 0, 1)->cut = false;
        trio_wire(trio, 0, 2)->cut = false;
        trio_start(trio, 0);
        trio_follow(trio, 0, 2, 1);
        trio_write(trio, 1, 20);
        trio_wait_for(trio, 0, 1);
        trio_expect_same(trio, 0, 1);
        trio_expect_same(trio, 2, 1);
        cr_assert_gt(trio_lost_files(trio, 0), 0, "%s", (const char *)trio->at[0].log.data);
        trio_finish(trio);
    }
}

/* replica_rewind: cluster C15 */
Test(membership, nobody_goes_back_below_what_a_majority_was_said_to_have)
{
    struct trio *trio = trio_begin(seed_of_run());
    struct complaint complaint;
    trio_write(trio, 0, 30);
    trio_wait_for(trio, 1, 0);
    struct replica *replica = trio_replica(trio, 1);
    for (unsigned i = 0; i < TRIO_PATIENCE && replica->told < trio_last(trio, 1); i++) {
        trio_turn(trio);
    }
    uint64_t last = trio_last(trio, 1);
    cr_assert_eq(replica->told, last);
    cr_assert_eq(replica_rewind(replica, last - 1, &complaint), STATUS_REFUSED);
    cr_assert(strstr(complaint.text, "a majority has all up to") != NULL, "%s", complaint.text);
    cr_assert_eq(trio_last(trio, 1), last);
    trio_finish(trio);
}

/* cluster C12: what was read back may be of no history, so not even a read leaves before the epoch's record is safe. */
Test(membership, a_new_leader_answers_nothing_before_its_epoch_is_on_the_disk)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_write(trio, 0, 30);
    trio_wait_for(trio, 1, 0);
    trio_lead(trio, 1, 2);
    struct shard *shard = &trio_replica(trio, 1)->shard;
    cr_assert_eq(gate_mark(&shard->gate, 12345), shard->tail.last_sequence, "any key");
    trio_finish(trio);
}

/* follow P1; cluster C8 */
Test(membership, records_of_an_epoch_that_was_not_promised_are_not_taken)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_write(trio, 0, 30);
    trio_wait_for(trio, 1, 0);
    struct stand *stand = &trio_replica(trio, 1)->stand;
    for (unsigned i = 0; i < TRIO_PATIENCE && stand->position.sequence < trio_last(trio, 1); i++) {
        trio_turn(trio);
    }
    uint64_t before = trio_last(trio, 1);
    trio_promise(trio, 1, 2, 2); /* it says yes to another, and goes on to be fed by the first */
    trio_write(trio, 0, 30);
    cr_assert_eq(trio_last(trio, 1), before);
    cr_assert_eq(stand->position.sequence, before);
    cr_assert_eq(trio_replica(trio, 0)->acks.synced[1], before);
    trio_finish(trio);
}

Test(membership, a_batch_larger_than_any_message_arrives_whole)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_node(trio, 0)->worker.options.limits.bulk_max = (size_t)8 << 20;
    trio_wait_for(trio, 1, 0);
    (void)node_fixture_say(&trio->at[0], "MULTI");
    for (unsigned i = 0; i < 60; i++) {
        (void)node_fixture_say(&trio->at[0], "SET large%u %0*u", i, 60000, i);
    }
    cr_assert_not_null(node_fixture_say(&trio->at[0], "EXEC"));
    trio_wait_for(trio, 1, 0);
    trio_expect_same(trio, 1, 0);
    trio_finish(trio);
}
