/* SPDX-License-Identifier: MIT */

/* test_walk.c - KEYS and PUBSUB CHANNELS over many names go on from turn to turn: others are served between, and each
 * name that is there all the time comes once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/stint.h"
#include "support/shard_fixture.h"

#define MANY 20000 /* more than one stint looks at */

static void fill(struct shard_fixture *at)
{
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_str_eq(shard_fixture_say(at, 0, "SET k%05u v", i), "OK");
    }
}

/* Sends a command and takes no turn's end. */
static void begin(struct shard_fixture *at, unsigned client, const char *command)
{
    size_t wants;
    size_t size = strlen(command);
    turn_begin(&at->worker, at->now_ms, at->monotonic_ms);
    cr_assert_eq(pipeline_input(at->clients[client], (const uint8_t *)command, size, &wants), size);
}

/* How often each name "kNNNNN" is in what the client is to hear; the number of elements that the answer announces. */
static uint64_t count_names(const struct session *session, uint8_t times[MANY])
{
    const char *text = (const char *)session->out.data + session->sent;
    const char *end = (const char *)session->out.data + session->out.size;
    cr_assert_eq(text[0], '*');
    memset(times, 0, MANY);
    for (const char *at = text; end - at > 6; at++) {
        if (at[0] == '\n' && at[1] == 'k') {
            times[strtoul(at + 2, NULL, 10)]++;
        }
    }
    return strtoul(text + 1, NULL, 10);
}

Test(walk, others_are_served_while_keys_goes_on)
{
    static uint8_t times[MANY];
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    fill(&at);
    begin(&at, 0, "KEYS *\r\n");
    cr_expect(at.clients[0]->waiting && stint_is_under_way(at.clients[0]));
    cr_expect_gt(at.clients[0]->holdings.of[HOLDING_OUTPUT], 10000, "what it has found counts");
    unsigned turns = 1;
    while (turn_end(&at.worker)) {
        begin(&at, 1, "PING\r\n");
        cr_expect_str_eq(shard_fixture_hear(&at, 1), "PONG");
        turns++;
    }
    cr_expect_geq(turns, 3);
    cr_expect_not(at.clients[0]->waiting);
    cr_expect_eq(count_names(at.clients[0], times), MANY);
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_eq(times[i], 1, "k%05u", i);
    }
    shard_fixture_close(&at);
}

static void walk_while_it_shrinks(uint64_t seed)
{
    static uint8_t times[MANY];
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = seed});
    fill(&at);
    begin(&at, 0, "KEYS k*\r\n");
    unsigned gone = 0, turns = 1;
    while (turn_end(&at.worker)) {
        char command[64];
        for (unsigned i = 0; i < 6000 && gone < MANY * 9 / 10; i++) {
            (void)snprintf(command, sizeof command, "DEL k%05u\r\n", gone++);
            begin(&at, 1, command);
        }
        for (unsigned i = 0; i < 100; i++) {
            (void)snprintf(command, sizeof command, "SET other%u:%u v\r\n", turns, i);
            begin(&at, 1, command);
        }
        (void)session_releasable(at.clients[1]);
        turns++;
    }
    cr_expect_geq(turns, 3);
    (void)count_names(at.clients[0], times);
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert(times[i] == 1 || (times[i] == 0 && i < MANY * 9 / 10), "seed %u, k%05u: %u times", (unsigned)seed, i,
                  times[i]);
    }
    shard_fixture_close(&at);
}

/* With many seeds: only one pair of buckets in a stint's way shows it, if a bucket comes again. */
Test(walk, a_name_comes_once_though_the_table_shrinks_and_grows_meanwhile, .timeout = 300)
{
    for (uint64_t seed = 1; seed <= 16; seed++) {
        walk_while_it_shrinks(seed);
    }
}

Test(walk, within_a_transaction_all_is_done_at_once)
{
    static uint8_t times[MANY];
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    fill(&at);
    (void)shard_fixture_say(&at, 0, "MULTI");
    (void)shard_fixture_say(&at, 0, "KEYS *");
    begin(&at, 0, "EXEC\r\n");
    cr_expect_not(at.clients[0]->waiting);
    cr_expect_eq(count_names(at.clients[0], times), 1);
    cr_expect_eq(times[MANY - 1], 1);
    cr_expect_not(turn_end(&at.worker));
    shard_fixture_close(&at);
}

Test(walk, who_leaves_meanwhile_leaves_nothing_behind)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    fill(&at);
    begin(&at, 0, "KEYS *\r\n");
    cr_expect(turn_end(&at.worker));
    shard_fixture_hang_up(&at, 0);
    cr_expect(list_empty(&at.worker.stints));
    cr_expect_str_eq(shard_fixture_say(&at, 0, "PING"), "PONG");
    shard_fixture_close(&at);
}

Test(walk, nobody_can_end_it_as_if_it_waited)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    fill(&at);
    begin(&at, 0, "KEYS no*\r\n");
    cr_expect(stint_is_under_way(at.clients[0]));
    char command[64];
    (void)snprintf(command, sizeof command, "CLIENT UNBLOCK %llu\r\n", (unsigned long long)at.clients[0]->caller.id);
    begin(&at, 1, command);
    cr_expect_str_eq(shard_fixture_hear(&at, 1), ":0");
    shard_fixture_pass(&at, 0);
    cr_expect_str_eq(shard_fixture_hear(&at, 0), "[]");
    shard_fixture_close(&at);
}

Test(walk, what_is_larger_than_a_reply_may_be_is_refused)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 65536});
    fill(&at);
    begin(&at, 0, "KEYS *\r\n");
    shard_fixture_pass(&at, 0);
    cr_expect_not_null(strstr(shard_fixture_hear(&at, 0), "client_output_limit"));
    shard_fixture_close(&at);
}

Test(walk, channels_are_listed_from_turn_to_turn_too)
{
    static uint8_t times[MANY];
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (unsigned i = 0; i < MANY; i++) {
        (void)shard_fixture_say(&at, 2, "SUBSCRIBE k%05u", i);
    }
    begin(&at, 0, "PUBSUB CHANNELS\r\n");
    cr_expect(stint_is_under_way(at.clients[0]));
    shard_fixture_pass(&at, 0);
    cr_expect_eq(count_names(at.clients[0], times), MANY);
    cr_expect_eq(times[0], 1);
    cr_expect_eq(times[MANY - 1], 1);
    shard_fixture_close(&at);
}
