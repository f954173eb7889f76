/* SPDX-License-Identifier: MIT */

/* test_forward.c - clients of followers: what only the leader may do is done there, in order, and whoever is told so
 * finds it at his own node. Here one leader stays; test_forward_lost has those that go, test_forward_chance what comes
 * at random, test_forward_hostile who does not keep to it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/seed.h"
#include "talk.h"

static uint64_t taken(struct trio *trio, unsigned i)
{
    return trio_node(trio, i)->forward.taken;
}

Test(forward, a_write_at_a_follower_is_done_by_the_leader_and_is_found_there_at_once)
{
    struct trio *trio = talk_begin(seed_of_run());
    cr_assert_str_eq(talk_say(trio, 1, "SET a 1"), "OK");
    cr_assert_str_eq(talk_say(trio, 1, "GET a"), "\"1\"");
    cr_assert_str_eq(talk_say(trio, 0, "GET a"), "\"1\"");
    cr_assert_eq(taken(trio, 1), 1, "the read was here");
    talk_finish(trio);
}

Test(forward, answers_come_in_the_order_of_the_commands)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_send(trio, 1, "GET a\r\nSET a 1\r\nGET a\r\nPING\r\nINCR n\r\nINCR n\r\nECHO x\r\nGET n\r\nNOSUCH\r\nSET a");
    trio_send(trio, 1, "SET a 2");
    TALK_ANSWERS(trio, 1, "nil", "OK", "\"1\"", "PONG", ":1", ":2", "\"x\"", "\"2\"");
    talk_next_begins(trio, 1, "-ERR unknown command");
    talk_next_begins(trio, 1, "-ERR wrong number");
    talk_next(trio, 1, "OK");
    talk_finish(trio);
}

/* forward P1 */
Test(forward, a_long_pipeline_is_bounded_and_answered_whole)
{
    struct trio *trio = talk_begin(seed_of_run());
    for (unsigned i = 0; i < 3000; i++) {
        trio_send(trio, 1, "INCR n");
        cr_assert_leq(trio_node(trio, 1)->worker.sessions.count, 1);
    }
    for (unsigned i = 1; i <= 3000; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, ":%u", i);
        talk_next(trio, 1, number);
    }
    cr_assert_eq(taken(trio, 1), 3000);
    talk_finish(trio);
}

Test(forward, what_the_connection_is_like_goes_along)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "SELECT 3", "OK");
    talk_expect(trio, 1, "SET a three", "OK");
    talk_expect(trio, 1, "SELECT 0", "OK");
    talk_expect(trio, 1, "GET a", "nil");
    talk_expect(trio, 1, "SET a zero", "OK");
    talk_expect(trio, 1, "SELECT 3", "OK");
    talk_expect(trio, 1, "GET a", "\"three\"");
    talk_expect(trio, 1, "CLIENT SETNAME bob", "OK");
    talk_expect(trio, 1, "APPEND a x", ":6");
    cr_assert(strstr(talk_say(trio, 0, "CLIENT LIST"), "name=bob") != NULL);
    cr_assert(strstr(talk_say(trio, 0, "CLIENT LIST"), "db=3") != NULL);
    cr_assert_not_null(talk_say(trio, 1, "HELLO 3"));
    trio_send(trio, 1, "BLPOP nothing 0.05");
    talk_next(trio, 1, "nil");
    talk_expect(trio, 1, "RESET", "RESET");
    talk_expect(trio, 1, "GET a", "\"zero\"");
    talk_expect(trio, 1, "APPEND a x", ":5");
    talk_finish(trio);
}

Test(forward, answers_that_nobody_wants_are_not_given)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_send(trio, 1,
              "CLIENT REPLY SKIP\r\nSET a 1\r\nSET a 2\r\nCLIENT REPLY OFF\r\nSET a 3\r\nCLIENT REPLY ON\r\nGET a");
    TALK_ANSWERS(trio, 1, "OK", "OK", "\"3\"");
    talk_finish(trio);
}

/* steer P2 */
Test(forward, a_transaction_goes_as_a_whole)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_send(trio, 1, "MULTI\r\nSET a 1\r\nINCR a\r\nSELECT 2\r\nSET b 1\r\nGET b\r\nEXEC\r\nGET b\r\nGET a");
    talk_next(trio, 1, "OK");
    for (unsigned i = 0; i < 5; i++) {
        talk_next(trio, 1, "QUEUED");
    }
    TALK_ANSWERS(trio, 1, "[OK :2 OK OK \"1\"]", "\"1\"", "nil");
    uint64_t before = taken(trio, 1);
    cr_assert_eq(before, 3, "the reads behind it have followed it");
    talk_expect(trio, 1, "GET b", "\"1\"");
    cr_assert_eq(taken(trio, 1), before, "the database is known here");
    talk_expect(trio, 1, "SELECT 0", "OK");
    trio_send(trio, 1, "MULTI\r\nGET a\r\nEXEC");
    TALK_ANSWERS(trio, 1, "OK", "QUEUED", "[\"2\"]");
    cr_assert_eq(taken(trio, 1), before, "it only reads");
    trio_send(trio, 1, "MULTI\r\nSET a 5\r\nDISCARD\r\nGET a\r\nMULTI\r\nSET a\r\nSET a 7\r\nEXEC\r\nGET a");
    TALK_ANSWERS(trio, 1, "OK", "QUEUED", "OK", "\"2\"", "OK");
    talk_next_begins(trio, 1, "-ERR wrong number");
    talk_next(trio, 1, "QUEUED");
    talk_next_begins(trio, 1, "-EXECABORT");
    talk_next(trio, 1, "\"2\"");
    trio_send(trio, 1, "MULTI\r\nSET a 5\r\nCLIENT REPLY OFF\r\nEXEC\r\nGET a");
    TALK_ANSWERS(trio, 1, "OK", "QUEUED", "QUEUED");
    talk_next_begins(trio, 1, "-EXECABORT Transaction discarded because of: 'client|reply'");
    talk_next(trio, 1, "\"2\"");
    talk_finish(trio);
}

Test(forward, what_is_watched_is_watched_at_the_leader)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "WATCH a", "OK");
    talk_expect(trio, 0, "SET a 1", "OK");
    talk_expect(trio, 1, "MULTI", "OK");
    talk_expect(trio, 1, "SET a 2", "QUEUED");
    talk_expect(trio, 1, "EXEC", "nil[]");
    talk_expect(trio, 1, "GET a", "\"1\"");
    talk_expect(trio, 1, "WATCH a", "OK");
    talk_expect(trio, 1, "MULTI", "OK");
    talk_expect(trio, 1, "GET a", "QUEUED");
    talk_expect(trio, 1, "EXEC", "[\"1\"]");
    talk_expect(trio, 1, "WATCH a", "OK");
    talk_expect(trio, 1, "MULTI", "OK");
    talk_expect(trio, 1, "DISCARD", "OK");
    talk_expect(trio, 0, "SET a 3", "OK");
    talk_expect(trio, 1, "MULTI", "OK");
    talk_expect(trio, 1, "SET a 4", "QUEUED");
    talk_expect(trio, 1, "EXEC", "[OK]");
    talk_expect(trio, 1, "WATCH a", "OK");
    talk_expect(trio, 1, "UNWATCH", "OK");
    talk_expect(trio, 0, "SET a 3", "OK");
    talk_expect(trio, 1, "MULTI", "OK");
    talk_expect(trio, 1, "SET a 5", "QUEUED");
    talk_expect(trio, 1, "EXEC", "[OK]");
    talk_finish(trio);
}

Test(forward, who_waits_waits_at_the_leader)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_send(trio, 1, "BLPOP list 0\r\nGET a");
    trio_turns(trio, 200);
    cr_assert_eq(trio->at[1].conn.output.size, 0);
    talk_expect(trio, 2, "RPUSH list x", ":1");
    TALK_ANSWERS(trio, 1, "[\"list\" \"x\"]", "nil");
    trio_send(trio, 1, "BLPOP list 0.1");
    talk_next(trio, 1, "nil[]");
    talk_finish(trio);
}

Test(forward, channels_are_the_leaders)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_send(trio, 1, "SUBSCRIBE news sport");
    TALK_ANSWERS(trio, 1, "[\"subscribe\" \"news\" :1]", "[\"subscribe\" \"sport\" :2]");
    talk_expect(trio, 2, "PUBLISH news hello", ":1");
    talk_next(trio, 1, "[\"message\" \"news\" \"hello\"]");
    talk_begins(trio, 1, "GET a", "-ERR Can't execute 'get'");
    trio_send(trio, 1, "UNSUBSCRIBE");
    talk_next_begins(trio, 1, "[\"unsubscribe\"");
    talk_next_begins(trio, 1, "[\"unsubscribe\"");
    trio_turns(trio, 5);
    talk_expect(trio, 1, "PING", "PONG");
    talk_expect(trio, 1, "SET a 1", "OK");
    uint64_t before = taken(trio, 1);
    talk_expect(trio, 1, "GET a", "\"1\"");
    cr_assert_eq(taken(trio, 1), before, "it listens no more");
    talk_finish(trio);
}

/* forwarded P1, forward P3 */
Test(forward, large_values_go_both_ways)
{
    struct trio *trio = talk_begin(seed_of_run());
    char *line = malloc(900000);
    (void)snprintf(line, 900000, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$800000\r\n%0*u", 800000, 7);
    trio_send(trio, 1, line);
    talk_next(trio, 1, "OK");
    (void)snprintf(line, 900000, "MULTI\r\nGET a\r\nAPPEND a x\r\nGET a\r\nEXEC");
    trio_send(trio, 1, line);
    TALK_ANSWERS(trio, 1, "OK", "QUEUED", "QUEUED", "QUEUED");
    for (unsigned i = 0; i < TRIO_PATIENCE && trio->at[1].conn.output.size < 1600000; i++) {
        trio_turn(trio);
    }
    cr_assert_gt(trio->at[1].conn.output.size, 1600000);
    free(line);
    talk_finish(trio);
}

/* forward_answer P1 */
Test(forward, an_answer_waits_until_this_node_has_what_it_depends_on)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "SET a 1", "OK");
    trio_follow(trio, 1, 1, 0);
    membership_follow(&trio_node(trio, 1)->membership, trio_address(2), 1, 1); /* who feeds nobody */
    trio_send(trio, 1, "SET a 2");
    trio_turns(trio, 300);
    cr_assert_eq(trio->at[1].conn.output.size, 0);
    talk_finish(trio);
}

/* A node that sends nothing on says who leads. */
Test(config_set, forward)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "CONFIG SET forward no", "OK");
    cr_assert(strstr(talk_say(trio, 1, "SET a 1"), "node 1") != NULL);
    talk_expect(trio, 1, "GET a", "nil");
    talk_expect(trio, 1, "CONFIG SET forward yes", "OK");
    talk_expect(trio, 1, "SET a 2", "OK");
    talk_expect(trio, 1, "GET a", "\"2\"");
    talk_finish(trio);
}
