/* SPDX-License-Identifier: MIT */

/* test_forward_lost.c - clients of followers whose leader goes while they wait: what it has not answered is asked again
 * where that does no harm, and is said to be uncertain where it is. Leaders come and go by hand. */
#include <criterion/criterion.h>

#include "support/seed.h"
#include "talk.h"

static void depose(struct trio *trio, unsigned from, unsigned to, uint64_t epoch)
{
    for (unsigned i = 0; i < TRIO_PATIENCE && trio_last(trio, to) != trio_last(trio, from); i++) {
        trio_turn(trio);
    }
    trio_lead(trio, to, epoch);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        if (trio->runs[i] && i != to) {
            trio_follow(trio, i, epoch, to);
        }
    }
}

static void expect_all_wait(struct trio *trio)
{
    cr_assert_eq(trio->at[0].conn.output.size + trio->at[1].conn.output.size + trio->at[2].conn.output.size, 0);
}

/* forwarded P3, forward P5; cluster C25 */
Test(forward, who_waits_goes_on_waiting_at_the_next_leader)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_send(trio, 0, "BLPOP list 0.6"); /* at the leader itself, */
    trio_send(trio, 1, "BLPOP list 0.6"); /* at the next one, */
    trio_send(trio, 2, "BLPOP list 0.6"); /* and at another */
    trio_turns(trio, 300);
    depose(trio, 0, 1, 2);
    trio_turns(trio, 100);
    expect_all_wait(trio);
    int64_t since_ms = trio->at[0].monotonic_ms;
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        talk_next(trio, i, "nil[]");
        int64_t after_ms = trio->at[0].monotonic_ms - since_ms;
        cr_assert(after_ms > 100 && after_ms < 300, "node %u: %lld ms more", i + 1, (long long)after_ms);
    }
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        trio_send(trio, i, "BLPOP list 0\r\nGET a");
    }
    trio_turns(trio, 50);
    depose(trio, 1, 2, 3);
    trio_turns(trio, 50);
    expect_all_wait(trio);
    talk_finish(trio);
}

/* cluster C25: a living leader that is one no more sends it back, and it is asked again. */
Test(forward, who_waits_at_a_leader_that_is_deposed_waits_on_at_the_next)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_send(trio, 1, "BLPOP list 0");
    trio_turns(trio, 200);
    trio_follow(trio, 0, 2, 2);
    trio_lead(trio, 2, 2);
    trio_follow(trio, 1, 2, 2);
    trio_turns(trio, 300);
    cr_assert_eq(trio->at[1].conn.output.size, 0, "%s", (const char *)trio->at[1].conn.output.data);
    talk_expect(trio, 2, "RPUSH list x", ":1");
    talk_next(trio, 1, "[\"list\" \"x\"]");
    talk_finish(trio);
}

/* forward P2 */
Test(forward, without_a_leader_a_write_waits_and_is_refused)
{
    struct trio *trio = talk_begin(seed_of_run());
    trio_node(trio, 1)->membership.tenure.options.read_lag_ms = 0;
    talk_expect(trio, 1, "SET a 1", "OK");
    trio_stop(trio, 0, false);
    trio_send(trio, 1, "SET a 2\r\nGET a\r\nMULTI\r\nSET a 3\r\nEXEC\r\nGET a");
    int64_t since_ms = trio->at[1].monotonic_ms;
    talk_next_begins(trio, 1, "-CLUSTERDOWN there is no leader: node 1 led last");
    int64_t after_ms = trio->at[1].monotonic_ms - since_ms;
    cr_assert(after_ms >= 4990 && after_ms < 5100, "%lld", (long long)after_ms);
    talk_next(trio, 1, "\"1\"");
    talk_expect(trio, 1, "PING", "OK");
    talk_next(trio, 1, "QUEUED");
    talk_next_begins(trio, 1, "-CLUSTERDOWN");
    TALK_ANSWERS(trio, 1, "\"1\"", "PONG");
    talk_finish(trio);
}

Test(forward, a_write_that_waits_for_a_leader_finds_the_next_one)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "SET a 1", "OK");
    talk_expect(trio, 2, "SET a 1", "OK");
    trio_stop(trio, 0, false);
    trio_turns(trio, 2000);
    trio_send(trio, 1, "APPEND a 2\r\nGET a");
    trio_send(trio, 2, "MULTI\r\nAPPEND b 3\r\nSELECT 1\r\nEXEC\r\nSET c 4");
    trio_turns(trio, 1000);
    trio_lead(trio, 1, 2);
    trio_follow(trio, 2, 2, 1);
    TALK_ANSWERS(trio, 1, ":2", "\"12\"");
    TALK_ANSWERS(trio, 2, "OK", "QUEUED", "QUEUED", "[:1 OK]", "OK");
    talk_expect(trio, 1, "SELECT 1", "OK");
    talk_expect(trio, 1, "GET c", "\"4\"");
    talk_finish(trio);
}

/* forward_answer P3 */
Test(forward, what_a_lost_leader_has_not_answered_is_uncertain_and_reads_are_not)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "SET a 1", "OK");
    trio_wire(trio, 0, 1)->cut = true;
    trio_send(trio, 1, "SET a 2\r\nGET a\r\nWATCH a\r\nGET a");
    trio_turns(trio, 50);
    trio_stop(trio, 0, false);
    talk_next_begins(trio, 1, "-UNCERTAIN the leader (node 1) was lost");
    for (unsigned i = 0; i < 3; i++) {
        talk_next_begins(trio, 1, "-CLUSTERDOWN the leader (node 1) was lost before it answered: ask again");
    }
    talk_expect(trio, 1, "GET a", "\"1\"");
    talk_finish(trio);
}

/* steer P3; cluster C25 */
Test(forward, exec_after_watch_over_a_change_of_leader_does_nothing)
{
    struct trio *trio = talk_begin(seed_of_run());
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        talk_expect(trio, i, "WATCH a", "OK");
    }
    depose(trio, 0, 1, 2);
    trio_turns(trio, 50);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        trio_send(trio, i, "MULTI\r\nSET a 2\r\nEXEC\r\nGET a\r\nMULTI\r\nSET b 2\r\nEXEC\r\nDEL b");
        TALK_ANSWERS(trio, i, "OK", "QUEUED", "nil[]", "nil", "OK", "QUEUED", "[OK]", ":1");
    }
    talk_finish(trio);
}

Test(forward, who_listens_connects_anew_when_the_leader_changes)
{
    struct trio *trio = talk_begin(seed_of_run());
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        talk_begins(trio, i, "SUBSCRIBE news", "[\"subscribe\"");
    }
    depose(trio, 0, 1, 2);
    trio_turns(trio, 50);
    for (unsigned i = 0; i < TRIO_NODES; i++) {
        cr_assert_null(trio->at[i].conn.user, "node %u", i + 1);
    }
    talk_finish(trio);
}

/* forward P4: the leader of before does not know yet. */
Test(forward, a_stream_to_the_leader_of_before_does_not_last)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "SET a 1", "OK");
    talk_expect(trio, 2, "SET a 1", "OK");
    trio_send(trio, 2, "BLPOP list 0");
    trio_turns(trio, 50);
    cr_assert_eq(trio_node(trio, 0)->forwarded.count, 2);
    trio_node(trio, 2)->forward.options.wait_ms = 300;
    trio_lead(trio, 1, 2);
    trio_follow(trio, 2, 2, 1);
    trio_turns(trio, 100);
    cr_assert_eq(trio_node(trio, 0)->forwarded.count, 1, "who has asked nothing goes at once");
    talk_next_begins(trio, 2, "-UNCERTAIN the leader (node 1) was lost");
    trio_turns(trio, 20);
    cr_assert_eq(trio_node(trio, 0)->forwarded.count, 0);
    talk_expect(trio, 2, "SET a 2", "OK");
    talk_expect(trio, 1, "GET a", "\"2\"");
    talk_finish(trio);
}

/* The leader has answered, its record did not come, and its history has ended: nothing is to be waited for. */
Test(forward, an_answer_waits_for_no_record_of_a_history_that_has_ended)
{
    struct trio *trio = talk_begin(seed_of_run());
    talk_expect(trio, 1, "SET a 1", "OK");
    trio_promise(trio, 1, 2, 2); /* from now on it takes no record of node 1 */
    trio_send(trio, 1, "SET a 2");
    cr_assert_null(talk_hear_within(trio, 1, 300), "what it depends on is not here");
    trio_lead(trio, 2, 2);
    membership_follow(&trio_node(trio, 1)->membership, trio_address(2), 2, 3);
    cr_assert_not_null(talk_hear_within(trio, 1, 1500));
    talk_finish(trio);
}
