/* SPDX-License-Identifier: MIT */

/* test_pubsub.c - messages, and the life of those who listen: the gate, slow readers, limits, and what is left. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/glob.h"
#include "support/shard_fixture.h"

static void expect_nothing_left(const struct shard_fixture *at)
{
    cr_expect_eq(at->worker.pubsub.links.count, 0);
    cr_expect_eq(at->worker.pubsub.topics[PUBSUB_CHANNEL].count, 0);
    cr_expect_eq(at->worker.pubsub.topics[PUBSUB_PATTERN].count, 0);
}

Test(pubsub, a_message_waits_for_the_disk_only_behind_an_answer_that_does)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.held = true});
    expect_begins(&at, 1, "{", "HELLO 3");
    expect_said(&at, 1, "(\"subscribe\" \"c\" :1)", "SUBSCRIBE c");
    expect_said(&at, 2, "[\"subscribe\" \"c\" :1]", "SUBSCRIBE c");
    expect_said(&at, 0, "", "SET a 1");
    expect_said(&at, 3, ":2", "PUBLISH c x");
    expect_heard(&at, 1, "(\"message\" \"c\" \"x\")");
    expect_heard(&at, 2, "[\"message\" \"c\" \"x\"]");
    expect_said(&at, 1, "", "GET a");
    expect_said(&at, 3, ":2", "PUBLISH c y");
    expect_heard(&at, 1, "");
    expect_heard(&at, 2, "[\"message\" \"c\" \"y\"]");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "\"1\" | (\"message\" \"c\" \"y\")");
    expect_heard(&at, 0, "OK");
    shard_fixture_close(&at);
}

Test(pubsub, who_does_not_read_is_dropped_and_nobody_else)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 4096});
    (void)shard_fixture_say(&at, 1, "SUBSCRIBE c");
    (void)shard_fixture_say(&at, 2, "PSUBSCRIBE c*");
    for (int i = 0; i < 30; i++) {
        cr_expect_not(at.clients[1]->overflowed && i < 10);
        expect_begins(&at, 0, ":", "PUBLISH c %0200d", i);
        expect_begins(&at, 2, "", "PING");
    }
    cr_expect(at.clients[1]->overflowed);
    cr_expect_eq(at.worker.meters.counts.dropped, 1);
    cr_expect_not(at.clients[2]->overflowed);
    expect_said(&at, 0, ":1", "PUBLISH c last"); /* pubsub I3 */
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 2);
    expect_nothing_left(&at);
    shard_fixture_close(&at);
}

/* One message that is larger than the limit, of which one part fits and the next does not. */
Test(pubsub, a_message_that_is_too_large_closes_also_who_sends_it_to_himself)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 4096});
    (void)shard_fixture_say(&at, 1, "HELLO 3");
    (void)shard_fixture_say(&at, 1, "SUBSCRIBE c");
    (void)shard_fixture_say(&at, 2, "SUBSCRIBE c");
    (void)shard_fixture_say(&at, 1, "PUBLISH c %09000d", 1);
    cr_expect(at.clients[1]->overflowed);
    cr_expect(at.clients[2]->overflowed);
    cr_expect_eq(at.worker.sessions.pushed.size, 0);
    expect_said(&at, 0, "PONG", "PING");
    shard_fixture_close(&at);
}

Test(pubsub, a_session_ends_or_begins_anew_and_listens_no_more)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.seed = 3});
    for (unsigned i = 0; i < SHARD_FIXTURE_CLIENTS; i++) {
        (void)shard_fixture_say(&at, i, "SUBSCRIBE a b c");
        (void)shard_fixture_say(&at, i, "PSUBSCRIBE a* b*");
    }
    cr_expect_eq(at.worker.pubsub.links.count, 5 * SHARD_FIXTURE_CLIENTS);
    cr_expect_eq(at.worker.pubsub.topics[PUBSUB_PATTERN].count, 2);
    expect_said(&at, 0, "RESET", "RESET");
    cr_expect_eq(at.clients[0]->topic_bytes, 0);
    shard_fixture_hang_up(&at, 1);
    shard_fixture_hang_up(&at, 2);
    shard_fixture_hang_up(&at, 3);
    expect_nothing_left(&at);
    expect_said(&at, 0, ":0", "PUBLISH a x");
    shard_fixture_close(&at);
}

Test(pubsub, names_have_limits_and_each_refusal_is_an_answer)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.queue_max = 100000});
    expect_said(&at, 0, "-ERR the pattern is longer than 1024 bytes | [\"psubscribe\" \"x\" :1]",
                "PSUBSCRIBE %01025d x", 0);
    static const uint8_t name[PUBSUB_CHANNEL_MAX + 1];
    cr_expect_null(
        pubsub_subscribe(&at.worker.pubsub, at.clients[2], PUBSUB_PATTERN, (struct gm_bytes){name, GLOB_PATTERN_MAX}));
    cr_expect_not_null(pubsub_subscribe(&at.worker.pubsub, at.clients[2], PUBSUB_PATTERN,
                                        (struct gm_bytes){name, GLOB_PATTERN_MAX + 1}));
    at.options.queue_max = GLOB_PATTERN_MAX + 5;
    shard_fixture_configure(&at); /* of names of one session: all may be used */
    cr_expect_null(pubsub_subscribe(&at.worker.pubsub, at.clients[2], PUBSUB_CHANNEL, BYTES("12345")));
    cr_expect_not_null(pubsub_subscribe(&at.worker.pubsub, at.clients[2], PUBSUB_CHANNEL, BYTES("6")));
    at.options.queue_max = 100000;
    shard_fixture_configure(&at);
    expect_said(&at, 3, ":0", "PUBLISH %s x", "1234"); /* neither a part of a name */
    expect_said(&at, 3, "-" PUBSUB_CHANNEL_TOO_LONG, "*3\r\n$7\r\nPUBLISH\r\n$65536\r\n%065536d\r\n$1\r\nx", 0);
    expect_said(&at, 3, ":0", "*3\r\n$7\r\nPUBLISH\r\n$65535\r\n%065535d\r\n$1\r\nx", 0);
    (void)pubsub_subscribe(&at.worker.pubsub, at.clients[2], PUBSUB_PATTERN, BYTES("news.*"));
    expect_said(&at, 3, ":0", "PUBLISH NEWS.a x"); /* nor one in other letters */
    expect_said(&at, 3, ":1", "PUBLISH news.a x");
    cr_expect_not_null(
        pubsub_subscribe(&at.worker.pubsub, at.clients[0], PUBSUB_CHANNEL, (struct gm_bytes){name, sizeof name}));
    cr_expect_null(
        pubsub_subscribe(&at.worker.pubsub, at.clients[0], PUBSUB_CHANNEL, (struct gm_bytes){name, sizeof name - 1}));
    /* cmd_pubsub I1 */
    (void)shard_fixture_say(&at, 1, "SUBSCRIBE %060000d", 0);
    expect_said(&at, 1, "-ERR the names of all subscriptions of this connection are larger than client_query_limit",
                "SUBSCRIBE %060000d", 1);
    expect_begins(&at, 1, "[\"subscribe\" ", "SUBSCRIBE %060000d", 0);
    at.clients[3]->topic_count[PUBSUB_PATTERN] = PUBSUB_TOPICS_MAX; /* as if */
    expect_begins(&at, 3, "-ERR too many subscriptions", "SUBSCRIBE one-more");
    at.clients[3]->topic_count[PUBSUB_PATTERN] = 0;
    shard_fixture_close(&at);
}

/* Nothing of the host's clean-up depends on the order in which sessions go. */
Test(pubsub, closing_with_listeners_left)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.password = "secret"});
    expect_begins(&at, 0, "-NOAUTH", "SUBSCRIBE a");
    expect_said(&at, 0, "OK", "AUTH secret");
    (void)shard_fixture_say(&at, 0, "SUBSCRIBE a");
    expect_begins(&at, 1, "-NOAUTH", "PUBLISH a x");
    shard_fixture_close(&at);
}

Test(pubsub, messages_come_in_order_and_once_for_each_subscription_that_matches)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    (void)shard_fixture_say(&at, 1, "SUBSCRIBE c\r\nSUBSCRIBE c\r\nPSUBSCRIBE c* d*");
    (void)shard_fixture_hear(&at, 1);
    expect_said(&at, 0, ":2 | :2", "PUBLISH c x\r\nPUBLISH c y");
    /* pubsub I1, I2 */
    expect_heard(&at, 1,
                 "[\"message\" \"c\" \"x\"] | [\"pmessage\" \"c*\" \"c\" \"x\"] | "
                 "[\"message\" \"c\" \"y\"] | [\"pmessage\" \"c*\" \"c\" \"y\"]");
    shard_fixture_close(&at);
}

/* ---- patterns that are dear to try ---- */

/* "*aaa...b" on "aaa...": as dear as a pattern can be. */
static void subscribe_dear(struct shard_fixture *at, unsigned client, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char pattern[901];
        memset(pattern, 'a', 900);
        pattern[900] = '\0';
        expect_begins(at, client, "[\"psubscribe\"", "PSUBSCRIBE *%s%ub*", pattern, i);
    }
}

/* A command with a word of so many "a". */
static const char *say_long(struct shard_fixture *at, unsigned client, const char *before, size_t size,
                            const char *after)
{
    struct buf call;
    buf_init(&call, 1 << 20);
    cr_assert(buf_format(&call, "%s$%zu\r\n", before, size));
    for (size_t i = 0; i < size; i++) {
        cr_assert(buf_append(&call, BYTES("a")));
    }
    cr_assert(buf_format(&call, "\r\n%s", after));
    cr_assert_eq(shard_fixture_send(at, client, buf_bytes(&call)), call.size);
    buf_finish(&call);
    return shard_fixture_hear(at, client);
}

Test(pubsub, publish_is_refused_where_patterns_would_take_too_long_and_nobody_is_told)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    (void)shard_fixture_say(&at, 2, "PSUBSCRIBE a*"); /* which is tried first */
    subscribe_dear(&at, 1, 40);
    const char *publish = "*3\r\n$7\r\nPUBLISH\r\n";
    cr_expect_not_null(strstr(say_long(&at, 0, publish, PUBSUB_CHANNEL_MAX, "$1\r\nx\r\n"), "takes too long"));
    expect_heard(&at, 2, "");
    cr_expect_str_eq(say_long(&at, 0, publish, 100, "$1\r\nx\r\n"), ":1");
    expect_said(&at, 0, ":1", "PUBLISH ab x");
    shard_fixture_hang_up(&at, 1);
    cr_expect_str_eq(say_long(&at, 0, publish, PUBSUB_CHANNEL_MAX, "$1\r\nx\r\n"), ":1");
    shard_fixture_close(&at);
}

Test(pubsub, an_event_is_told_to_those_found_before_it_takes_too_long)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    at.options.notify = UINT32_MAX;
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 2, "PSUBSCRIBE __keyspace*");
    subscribe_dear(&at, 1, 40);
    (void)shard_fixture_say(&at, 3, "PSUBSCRIBE __keyspace*a");
    cr_expect_str_eq(say_long(&at, 0, "*3\r\n$3\r\nSET\r\n", 65000, "$1\r\nx\r\n"), "OK");
    cr_expect_not_null(strstr(shard_fixture_hear(&at, 2), "pmessage"));
    expect_heard(&at, 3, "");
    cr_expect_gt(at.worker.pubsub.cut, 0);
    shard_fixture_close(&at);
}
