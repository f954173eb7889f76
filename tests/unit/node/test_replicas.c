/* SPDX-License-Identifier: MIT */

/* test_replicas.c - what a leader knows of those that follow it: what WAIT, ROLE and INFO say, whether there are enough
 * of them to write, and the log that is kept for who is away. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "node/replicas.h"
#include "support/seed.h"
#include "trio.h"

Test(membership, wait_counts_the_followers_that_have_what_was_written)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_wait_for(trio, 1, 0);
    trio_wait_for(trio, 2, 0);
    trio_send(trio, 0, "SET a 1");
    trio_send(trio, 0, "WAIT 2 0");
    trio_expect_answer(trio, 0, "+OK\r\n");
    trio_expect_answer(trio, 0, ":2\r\n");
    trio_node(trio, 1)->forward.options.on = false;
    trio_send(trio, 1, "WAIT 1 0");
    trio_expect_answer(trio, 1, "-ERR WAIT cannot be used with replica instances.");
    trio_stop(trio, 2, false);
    trio_send(trio, 0, "SET a 2");
    trio_expect_answer(trio, 0, "+OK\r\n");
    trio_send(trio, 0, "WAIT 2 300");
    trio_turns(trio, 250);
    cr_assert(!trio_has_answered(trio, 0));
    trio_expect_answer(trio, 0, ":1\r\n");
    trio_send(trio, 0, "WAITAOF 1 1 0");
    trio_expect_answer(trio, 0, "*2\r\n:1\r\n:1\r\n");
    trio_wire(trio, 0, 1)->cut = true;
    trio_send(trio, 0, "SET a 3");
    trio_expect_answer(trio, 0, "+OK\r\n");
    trio_follow(trio, 0, 2, 1);
    trio_turn(trio);
    trio_lead(trio, 0, 3);
    trio_send(trio, 0, "WAIT 0 0");
    trio_expect_answer(trio, 0, ":0\r\n");
    trio_finish(trio);
}

Test(membership, wait_does_not_count_what_is_on_its_way_to_a_disk)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_wait_for(trio, 1, 0);
    trio_stop(trio, 2, false);
    trio_turn_badly(trio, 2000, TRIO_NODES, TRIO_NODES);
    trio_send(trio, 0, "SET a 1");
    trio_send(trio, 0, "WAIT 1 2500");
    trio_turn_badly(trio, 2400, 1, TRIO_NODES);
    cr_assert_eq(trio_last(trio, 1), trio_last(trio, 0), "it has it in memory");
    cr_assert_eq(trio->at[0].conn.output.size, strlen("+OK\r\n"));
    trio_turn_badly(trio, 200, 1, TRIO_NODES);
    trio_expect_answer(trio, 0, "+OK\r\n:0\r\n");
    trio_finish(trio);
}

Test(membership, role_and_info_have_the_names_that_exporters_read)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_wait_for(trio, 1, 0);
    trio_wait_for(trio, 2, 0);
    trio_turns(trio, 100);
    char wanted[160];
    uint64_t last = trio_last(trio, 0);
    cr_assert_eq(last, trio_last(trio, 1));
    const char *role = trio_said(trio, 0, "ROLE");
    cr_assert(strstr(role, "[\"node-2\" \"0\" \"") != NULL && strstr(role, "[\"node-3\" \"0\" \"") != NULL, "%s", role);
    (void)snprintf(wanted, sizeof wanted, "[\"slave\" \"node-1\" :0 \"connected\" :%llu]", (unsigned long long)last);
    cr_assert_str_eq(trio_said(trio, 1, "ROLE"), wanted);
    static const char *const of_leader[] = {"role:master\r\n",
                                            "connected_slaves:2\r\n",
                                            "slave0:ip=node-",
                                            ",port=0,state=online,offset=",
                                            ",lag=0,node=",
                                            "master_replid:0",
                                            "replication_epoch:1\r\n",
                                            "replication_leader:1\r\n",
                                            "replication_lease:1\r\n",
                                            "replication_write_acks:local\r\n",
                                            "replication_committed:"};
    const char *info = trio_said(trio, 0, "INFO replication");
    for (size_t i = 0; i < sizeof of_leader / sizeof of_leader[0]; i++) {
        cr_expect_not_null(strstr(info, of_leader[i]), "%s in %s", of_leader[i], info);
    }
    static const char *const of_follower[] = {"role:slave\r\n",
                                              "master_host:node-1\r\n",
                                              "master_port:0\r\n",
                                              "master_link_status:up\r\n",
                                              "master_last_io_seconds_ago:0\r\n",
                                              "master_sync_in_progress:0\r\n",
                                              "slave_repl_offset:",
                                              "connected_slaves:0\r\n"};
    info = trio_said(trio, 1, "INFO replication");
    for (size_t i = 0; i < sizeof of_follower / sizeof of_follower[0]; i++) {
        cr_expect_not_null(strstr(info, of_follower[i]), "%s in %s", of_follower[i], info);
    }
    trio_stop(trio, 0, false);
    trio_turns(trio, 3500);
    info = trio_said(trio, 1, "INFO replication");
    cr_expect_not_null(strstr(info, "master_link_status:down\r\n"), "%s", info);
    cr_expect_not_null(strstr(info, "master_link_down_since_seconds:3\r\n"), "%s", info);
    trio_finish(trio);
}

Test(membership, min_replicas_to_write_counts_who_follows)
{
    struct trio *trio = trio_create(seed_of_run());
    trio->at[0].config.min_replicas_to_write = 1;
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        trio_start(trio, i);
    }
    trio_lead(trio, 0, 1);
    trio_send(trio, 0, "SET a 1");
    trio_expect_answer(trio, 0, "-NOREPLICAS Not enough good replicas to write.\r\n");
    trio_follow(trio, 1, 1, 0);
    trio_wait_for(trio, 1, 0);
    trio_turns(trio, 12000);
    trio_send(trio, 0, "SET a 1");
    trio_expect_answer(trio, 0, "+OK\r\n");
    struct sim_wire *acks = trio_wire(trio, 1, 0);
    acks->cut = true;
    trio_turns(trio, 11500);
    trio_send(trio, 0, "SET a 2");
    trio_expect_answer(trio, 0, "-NOREPLICAS Not enough good replicas to write.\r\n");
    trio_finish(trio);
}

Test(membership, a_follower_that_is_silent_is_no_good_one)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_wait_for(trio, 1, 0);
    trio_turn_badly(trio, 1500, TRIO_NODES, TRIO_NODES);
    struct membership *membership = &trio_node(trio, 0)->membership;
    cr_assert_eq(replicas_good(membership, 1000), 2);
    trio_turn_badly(trio, 1200, TRIO_NODES, 1);
    cr_assert_eq(replicas_good(membership, 60000), 2, "its link has not ended");
    cr_assert_eq(replicas_good(membership, 1100), 1);
    trio_finish(trio);
}

/* retain P1, P2; cluster C16 */
Test(membership, the_log_behind_who_is_away_stays_until_it_is_too_much)
{
    struct trio *trio = trio_create(seed_of_run());
    trio->at[0].config.replication_log_limit = 200000;
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        trio_start(trio, i);
    }
    trio_lead(trio, 0, 1);
    trio_follow(trio, 1, 1, 0);
    trio_follow(trio, 2, 1, 0);
    trio_write(trio, 0, 50);
    trio_wait_for(trio, 1, 0);
    trio_wait_for(trio, 2, 0);
    uint64_t stood = trio_last(trio, 1);
    trio_stop(trio, 1, true);
    trio_turn(trio);
    for (unsigned i = 0; i < 6; i++) {
        trio_write(trio, 0, 40);
        cr_assert_not_null(node_fixture_say(&trio->at[0], "SAVE"));
    }
    cr_assert_gt(trio_replica(trio, 0)->saver.older, stood + 1, "the snapshots do not need it");
    cr_assert_leq(wal_oldest(trio_replica(trio, 0)->wal), stood + 1, "it is kept");
    const char *info = trio_said(trio, 0, "INFO replication");
    cr_assert_not_null(strstr(info, "replication_members_away:1\r\nreplication_full_sync_may_follow:0\r\n"), "%s",
                       info);
    trio_start(trio, 1);
    trio_follow(trio, 1, 1, 0);
    trio_wait_for(trio, 1, 0);
    trio_expect_same(trio, 1, 0);
    cr_assert_eq(trio_lost_files(trio, 1), 0, "no snapshot came");
    trio_stop(trio, 1, true);
    stood = trio_last(trio, 0);
    for (unsigned i = 0; i < 60 && wal_oldest(trio_replica(trio, 0)->wal) <= stood + 1; i++) {
        trio_write(trio, 0, 40);
        cr_assert_not_null(node_fixture_say(&trio->at[0], "SAVE"));
        trio_turns(trio, 1000);
    }
    cr_assert_gt(wal_oldest(trio_replica(trio, 0)->wal), stood + 1, "it was too much");
    cr_assert_not_null(strstr((const char *)trio->at[0].log.data, "more than replication_log_limit"));
    info = trio_said(trio, 0, "INFO replication");
    cr_assert_not_null(strstr(info, "replication_members_away:1\r\nreplication_full_sync_may_follow:1\r\n"), "%s",
                       info);
    trio_start(trio, 1);
    trio_follow(trio, 1, 1, 0);
    trio_wait_for(trio, 1, 0);
    trio_expect_same(trio, 1, 0);
    trio_finish(trio);
}

Test(config_set, replication_log_limit)
{
    struct trio *trio = trio_begin(seed_of_run());
    trio_wait_for(trio, 1, 0);
    trio_turns(trio, 1100);
    cr_assert_str_eq(trio_said(trio, 0, "CONFIG SET replication_log_limit 1gb"), "OK");
    trio_turn(trio);
    uint64_t stood = trio_last(trio, 1);
    trio_stop(trio, 1, true);
    trio_turn(trio);
    for (unsigned i = 0; i < 6; i++) {
        trio_write(trio, 0, 40);
        cr_assert_not_null(node_fixture_say(&trio->at[0], "SAVE"));
    }
    cr_assert_leq(wal_oldest(trio_replica(trio, 0)->wal), stood + 1);
    cr_assert_str_eq(trio_said(trio, 0, "CONFIG SET replication_log_limit 1"), "OK");
    for (unsigned i = 0; i < 3; i++) {
        trio_write(trio, 0, 40);
        cr_assert_not_null(node_fixture_say(&trio->at[0], "SAVE"));
        trio_turns(trio, 1000);
    }
    cr_assert_gt(wal_oldest(trio_replica(trio, 0)->wal), stood + 1);
    trio_finish(trio);
}
