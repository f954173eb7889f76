/* SPDX-License-Identifier: MIT */

/* test_forward_hostile.c - who does not keep to the rules of a stream between a client's node and the leader: a process
 * that opens one and says what makes no sense, one that says it is the leader, a client that reads nothing. They lose
 * their stream; nobody else notices. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/seed.h"
#include "talk.h"

/* A process that is no node: what it hears of a stream it counts. */
struct stranger {
    struct sim_host *host;
    struct peer *peer;
    struct peer_link *link;
    struct buf heard; /* bytes of answers */
    unsigned messages, closed;
    char reason[PEER_REASON_MAX];
    struct prng *prng;
};

static void on_stranger_message(void *user, struct gm_bytes bytes)
{
    struct stranger *stranger = user;
    struct arena arena = {0};
    struct complaint complaint;
    struct forwarding_message message;
    stranger->messages++;
    if (forwarding_unpack_down(bytes, &message, &arena, &complaint) == STATUS_OK && message.kind == FORWARDING_ANSWER) {
        cr_assert(buf_append(&stranger->heard, message.answer.bytes));
    }
    arena_finish(&arena);
}

static void on_stranger_closed(void *user, enum peer_end end, const char *reason)
{
    struct stranger *stranger = user;
    (void)end;
    stranger->link = NULL;
    stranger->closed++;
    (void)snprintf(stranger->reason, sizeof stranger->reason, "%s", reason);
}

static const struct peer_user_ops stranger_ops = {on_stranger_message, NULL, on_stranger_closed};

static void tell(struct stranger *stranger, const struct forwarding_message *message)
{
    struct buf out;
    buf_init(&out, (size_t)128 * 1024);
    cr_assert(forwarding_pack(message, &out));
    enum status status = stranger->link != NULL ? peer_send(stranger->link, buf_bytes(&out)) : STATUS_CLOSED;
    cr_assert(status == STATUS_OK || status == STATUS_CLOSED);
    buf_finish(&out);
}

static void tell_open(struct stranger *stranger, uint32_t database)
{
    tell(stranger, &(struct forwarding_message){.kind = FORWARDING_OPEN,
                                                .open = {.address = BYTES("10.0.0.9:1"),
                                                         .user = BYTES("default"),
                                                         .name = BYTES_NONE,
                                                         .database = database}});
}

static void tell_data(struct stranger *stranger, const char *text)
{
    tell(stranger, &(struct forwarding_message){.kind = FORWARDING_DATA, .data = gm_bytes_of(text)});
}

static void let_pass(struct trio *trio, struct stranger *stranger, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        trio_turn(trio);
        (void)sim_net_turn(stranger->peer);
    }
}

static void expect_broken_off(struct trio *trio, struct stranger *stranger, const char *why)
{
    unsigned before = stranger->closed;
    let_pass(trio, stranger, 50);
    cr_assert_eq(stranger->closed, before + 1, "%s", why);
    cr_assert_eq(trio_node(trio, 0)->forwarded.count, 0);
    cr_assert_eq(trio_node(trio, 0)->worker.sessions.count, 1, "that of the fixture is left");
    stranger->link = peer_open(stranger->peer, trio_address(0), PEER_FORWARD, &stranger_ops, stranger);
}

/* forwarded P1, forwarded P2 */
Test(forward, a_stream_that_makes_no_sense_is_ended_by_the_leader)
{
    struct trio *trio = talk_begin(seed_of_run());
    struct stranger stranger = {.host = sim_host_create(trio->net, "stranger:1")};
    stranger.peer = sim_host_peer(stranger.host);
    buf_init(&stranger.heard, (size_t)16 << 20);
    stranger.link = peer_open(stranger.peer, trio_address(0), PEER_FORWARD, &stranger_ops, &stranger);
    tell_data(&stranger, "PING\r\n");
    expect_broken_off(trio, &stranger, "commands of nobody");
    tell_open(&stranger, 60000);
    expect_broken_off(trio, &stranger, "a database that is none");
    tell_open(&stranger, 0);
    tell_data(&stranger, "BLPOP list 0\r\n");
    let_pass(trio, &stranger, 20);
    tell_open(&stranger, 1);
    expect_broken_off(trio, &stranger, "another database while a command waits");
    tell_open(&stranger, 0);
    tell(&stranger, &(struct forwarding_message){.kind = FORWARDING_CREDIT, .credit = 1});
    expect_broken_off(trio, &stranger, "credit for nothing");
    tell(&stranger, &(struct forwarding_message){.kind = FORWARDING_NOT_BEGUN});
    expect_broken_off(trio, &stranger, "what only a leader says");
    trio_node(trio, 0)->worker.options.limits.query_max = 100000;
    tell_open(&stranger, 0);
    tell_data(&stranger, "BLPOP list 0\r\n");
    char *much = malloc(60001);
    memset(much, 'x', 60000);
    much[60000] = '\0';
    for (unsigned i = 0; i < 20; i++) {
        tell_data(&stranger, much);
        let_pass(trio, &stranger, 1);
    }
    expect_broken_off(trio, &stranger, "more than may wait");
    tell_open(&stranger, 0);
    tell_data(&stranger, "SET big ");
    for (unsigned i = 0; i < 15; i++) {
        much[4000] = '\0';
        tell_data(&stranger, much);
    }
    tell_data(&stranger, "\r\n");
    for (unsigned i = 0; i < 20; i++) {
        tell_data(&stranger, "GET big\r\n");
    }
    buf_clear(&stranger.heard, 0);
    let_pass(trio, &stranger, 300);
    cr_assert_eq(stranger.heard.size, FORWARDING_WINDOW, "no more without credit");
    tell(&stranger, &(struct forwarding_message){.kind = FORWARDING_CREDIT, .credit = 1000});
    let_pass(trio, &stranger, 50);
    cr_assert_eq(stranger.heard.size, FORWARDING_WINDOW + 1000);
    free(much);
    sim_host_destroy(stranger.host, SIM_KILLED);
    let_pass(trio, &stranger, 0);
    trio_turns(trio, 3000);
    cr_assert_eq(trio_node(trio, 0)->forwarded.count, 0);
    buf_finish(&stranger.heard);
    talk_finish(trio);
}

static void say_anything(struct stranger *leader)
{
    static const char *const answers[] = {"+OK\r\n", "$3\r\nabc\r\n", "x", "*2\r\n:1\r\n", ">1\r\n+a\r\n", ":1\r\n"};
    struct forwarding_message message = {.kind = FORWARDING_ANSWER};
    uint64_t some = prng_below(leader->prng, 100);
    switch (prng_below(leader->prng, 8)) {
    case 0:
        message.kind = FORWARDING_NOT_BEGUN;
        message.not_begun = (struct forwarding_not_begun){some, prng_below(leader->prng, 2) == 0};
        break;
    case 1:
        message.kind = FORWARDING_CLOSE;
        message.reason = BYTES("-ERR no place\r\n");
        break;
    case 2:
        message.kind = FORWARDING_CREDIT;
        message.credit = 1 + some;
        break;
    default:
        message.answer = (struct forwarding_answer){
            gm_bytes_of(answers[prng_below(leader->prng, sizeof answers / sizeof answers[0])]),
            {prng_below(leader->prng, 3), prng_below(leader->prng, 5)},
            some,
            prng_below(leader->prng, 10) == 0};
    }
    tell(leader, &message);
}

static void on_false_leader_message(void *user, struct gm_bytes bytes)
{
    struct stranger *leader = user;
    (void)bytes;
    leader->messages++;
    for (uint64_t n = prng_below(leader->prng, 3); n > 0; n--) {
        say_anything(leader);
    }
}

static const struct peer_user_ops false_leader_ops = {on_false_leader_message, NULL, on_stranger_closed};

static bool on_false_leader_accept(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                                   const char **reason)
{
    struct stranger *leader = context;
    (void)reason;
    leader->link = link; /* the newest one is talked to */
    *ops = &false_leader_ops;
    *user = leader;
    return true;
}

Test(forward, a_leader_that_says_what_makes_no_sense_loses_the_stream_and_nothing_else)
{
    uint64_t seed = seed_of_run();
    unsigned messages = 0;
    for (unsigned run = 0; run < 60; run++) {
        struct trio *trio = talk_begin(seed + run);
        trio_stop(trio, 0, false);
        trio_turns(trio, 20);
        struct stranger leader = {.host = sim_host_create(trio->net, trio_address(0)), .prng = &trio->prng};
        leader.peer = sim_host_peer(leader.host);
        struct peer_acceptor acceptor = {.on_accept = on_false_leader_accept, .context = &leader};
        leader.peer->ops->accept(leader.peer, 1U << PEER_FORWARD, &acceptor);
        trio_node(trio, 1)->forward.options.wait_ms = 300;
        for (unsigned i = 0; i < 30 && trio->at[1].conn.user != NULL; i++) {
            static const char *const lines[] = {"SET a 1",         "GET a",      "MULTI\r\nSET a 2\r\nEXEC",
                                                "BLPOP list 0.01", "PING",       "SUBSCRIBE x",
                                                "WATCH a",         "UNSUBSCRIBE"};
            trio_send(trio, 1, lines[prng_below(&trio->prng, sizeof lines / sizeof lines[0])]);
            let_pass(trio, &leader, 1 + (unsigned)prng_below(&trio->prng, 30));
        }
        let_pass(trio, &leader, 700);
        messages += leader.messages;
        cr_assert_eq(trio_node(trio, 1)->state, NODE_SERVING);
        sim_host_destroy(leader.host, SIM_KILLED);
        talk_finish(trio);
    }
    cr_assert_gt(messages, 100);
}

/* forward P3: who reads nothing holds up his own stream, and not more than the window waits for him here. */
Test(forward, a_client_that_reads_slowly_holds_up_itself_alone)
{
    struct trio *trio = talk_begin(seed_of_run());
    char *line = malloc(70000);
    (void)snprintf(line, 70000, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$60000\r\n%0*u", 60000, 7);
    trio_send(trio, 0, line);
    talk_next(trio, 0, "OK");
    talk_expect(trio, 1, "SET a 1", "OK");
    trio->at[1].conn.room = 1000;
    trio_send(trio, 1, "WATCH a"); /* what follows is read there */
    for (unsigned i = 0; i < 100; i++) {
        trio_send(trio, 1, "GET big");
    }
    trio_turns(trio, 500);
    size_t waits = 0;
    const struct list *all = &trio_node(trio, 1)->worker.sessions.all;
    struct session *session = container_of(all->next, struct session, all);
    waits = session_unsent(session) + session->forward->in.size;
    cr_assert_leq(waits, SESSION_OUT_PAUSE + 2 * FORWARDING_WINDOW + 70000, "%zu", waits);
    talk_expect(trio, 2, "SET b 1", "OK");
    trio->at[1].conn.room = SIZE_MAX;
    trio->at[1].conn.ops->on_writable(trio->at[1].conn.user);
    for (unsigned i = 0; i < TRIO_PATIENCE && trio->at[1].conn.output.size < 6000000; i++) {
        trio_turn(trio);
    }
    cr_assert_gt(trio->at[1].conn.output.size, 6000000);
    free(line);
    talk_finish(trio);
}
