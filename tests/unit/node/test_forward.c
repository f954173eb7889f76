/* SPDX-License-Identifier: MIT */

/* test_forward.c - clients of followers: what only the leader may do is done there, in order, and whoever is told so
 * finds it at his own node. Leaders come and go by hand. */
#include <criterion/criterion.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "node/client.h"
#include "support/node_fixture.h"
#include "support/resp_text.h"
#include "support/seed.h"
#include "support/sim_net.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

#define NODES    3
#define PATIENCE 20000 /* turns */

static const char *const addresses[NODES] = {"one:6000", "two:6000", "three:6000"};

struct scene {
    struct sim_net *net;
    struct sim_host *hosts[NODES];
    struct node_fixture at[NODES];
    bool runs[NODES];
    struct prng prng;
    int64_t now_us;
};

static void start(struct scene *scene, unsigned i)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    struct node_fixture *at = &scene->at[i];
    scene->hosts[i] = sim_host_create(scene->net, addresses[i]);
    at->peer = sim_host_peer(scene->hosts[i]);
    at->identity.node = i + 1;
    at->identity.folder.bytes[0] = (uint8_t)(i + 1);
    at->identity.start++;
    at->salt = (uint8_t)(i + 1);
    cr_assert_eq(node_fixture_start(at, modules, 3), STATUS_OK, "%s", at->complaint.text);
    scene->runs[i] = true;
}

static void stop(struct scene *scene, unsigned i)
{
    node_fixture_stop(&scene->at[i]);
    sim_disk_crash(scene->at[i].sim, prng_next(&scene->prng));
    sim_host_destroy(scene->hosts[i], SIM_KILLED);
    scene->runs[i] = false;
}

static void finish(struct scene *scene)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (scene->runs[i]) {
            stop(scene, i);
        }
        node_fixture_finish(&scene->at[i]);
    }
    sim_net_destroy(scene->net);
    memory_free(scene);
}

/* A millisecond passes everywhere. */
static void turn(struct scene *scene)
{
    scene->now_us += 1000;
    sim_net_advance(scene->net, scene->now_us);
    for (unsigned i = 0; i < NODES; i++) {
        if (scene->runs[i]) {
            (void)sim_net_turn(scene->at[i].peer);
            node_fixture_turn(&scene->at[i], (size_t)prng_below(&scene->prng, 4));
        }
    }
}

static void turns(struct scene *scene, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        turn(scene);
    }
}

static struct node *node_of(struct scene *scene, unsigned i)
{
    return scene->at[i].node;
}

static void promise(struct scene *scene, unsigned i, uint64_t epoch, unsigned leader)
{
    struct stand_promise before;
    struct stand_promise yes = {epoch, leader + 1, scene->at[leader].identity.start};
    struct stand_position any = {epoch, UINT64_MAX};
    cr_assert_eq(stand_raise(&node_of(scene, i)->replica.stand, &yes, any, i == leader, &before), STAND_YES);
}

static void lead(struct scene *scene, unsigned i, uint64_t epoch)
{
    struct record_epoch set = {.leader = i + 1, .replica_count = NODES, .replicas = {1, 2, 3}};
    promise(scene, i, epoch, i);
    cr_assert(membership_lead(&node_of(scene, i)->membership, epoch, &set));
    turn(scene);
}

static void follow(struct scene *scene, unsigned i, uint64_t epoch, unsigned leader)
{
    promise(scene, i, epoch, leader);
    membership_follow(&node_of(scene, i)->membership, addresses[leader], epoch, leader + 1);
}

/* Node 1 leads, the others follow. */
static struct scene *three(uint64_t seed)
{
    struct scene *scene = memory_zeroed(sizeof *scene);
    scene->net = sim_net_create(seed);
    prng_seed(&scene->prng, seed);
    for (unsigned i = 0; i < NODES; i++) {
        node_fixture_init(&scene->at[i], seed + i);
        start(scene, i);
    }
    lead(scene, 0, 1);
    follow(scene, 1, 1, 0);
    follow(scene, 2, 1, 0);
    for (unsigned i = 0; i < PATIENCE; i++) {
        turn(scene);
        if (node_of(scene, 1)->replica.state == REPLICA_SERVING &&
            node_of(scene, 2)->replica.state == REPLICA_SERVING) {
            return scene;
        }
    }
    cr_assert_fail("they do not come to serve");
    return scene;
}

static void send(struct scene *scene, unsigned i, const char *line)
{
    node_fixture_send(&scene->at[i], line);
}

/* The next answer at that node, or NULL: none comes within so many turns. */
static const char *hear_within(struct scene *scene, unsigned i, unsigned patience)
{
    struct node_fixture *at = &scene->at[i];
    for (unsigned k = 0; k < patience; k++) {
        buf_clear(&at->text, SIZE_MAX);
        size_t size = resp_text_reply(buf_bytes(&at->conn.output), &at->text);
        cr_assert_neq(size, RESP_TEXT_BROKEN);
        if (size > 0) {
            buf_consume(&at->conn.output, size);
            cr_assert(buf_append(&at->text, (struct gm_bytes){(const uint8_t *)"", 1}));
            return (const char *)at->text.data;
        }
        turn(scene);
    }
    return NULL;
}

static const char *hear(struct scene *scene, unsigned i)
{
    const char *text = hear_within(scene, i, PATIENCE);
    cr_assert_not_null(text, "node %u does not answer", i + 1);
    return text;
}

static const char *say(struct scene *scene, unsigned i, const char *line)
{
    send(scene, i, line);
    return hear(scene, i);
}

static uint64_t taken(struct scene *scene, unsigned i)
{
    return node_of(scene, i)->forward.taken;
}

Test(forward, a_write_at_a_follower_is_done_by_the_leader_and_is_found_there_at_once)
{
    struct scene *scene = three(seed_of_run());
    cr_assert_str_eq(say(scene, 1, "SET a 1"), "OK");
    cr_assert_str_eq(say(scene, 1, "GET a"), "\"1\"");
    cr_assert_str_eq(say(scene, 0, "GET a"), "\"1\"");
    cr_assert_eq(taken(scene, 1), 1, "the read was here");
    finish(scene);
}

/* A second connection to node `i`, of one that node_fixture has already: it takes the first one's place. */
static void expect(struct scene *scene, unsigned i, const char *line, const char *answer)
{
    const char *text = say(scene, i, line);
    cr_assert_str_eq(text, answer, "%s: %s, not %s", line, text, answer);
}

static void expect_next(struct scene *scene, unsigned i, const char *answer)
{
    const char *text = hear(scene, i);
    cr_assert_str_eq(text, answer, "%s, not %s", text, answer);
}

static void expect_begins(struct scene *scene, unsigned i, const char *line, const char *answer)
{
    const char *text = line != NULL ? say(scene, i, line) : hear(scene, i);
    cr_assert(strncmp(text, answer, strlen(answer)) == 0, "%s: %s, not %s", line, text, answer);
}

Test(forward, answers_come_in_the_order_of_the_commands)
{
    struct scene *scene = three(seed_of_run());
    send(scene, 1, "GET a\r\nSET a 1\r\nGET a\r\nPING\r\nINCR n\r\nINCR n\r\nECHO x\r\nGET n\r\nNOSUCH\r\nSET a");
    send(scene, 1, "SET a 2");
    expect_next(scene, 1, "nil");
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "\"1\"");
    expect_next(scene, 1, "PONG");
    expect_next(scene, 1, ":1");
    expect_next(scene, 1, ":2");
    expect_next(scene, 1, "\"x\"");
    expect_next(scene, 1, "\"2\"");
    expect_begins(scene, 1, NULL, "-ERR unknown command");
    expect_begins(scene, 1, NULL, "-ERR wrong number");
    expect_next(scene, 1, "OK");
    finish(scene);
}

/* forward P1 */
Test(forward, a_long_pipeline_is_bounded_and_answered_whole)
{
    struct scene *scene = three(seed_of_run());
    for (unsigned i = 0; i < 3000; i++) {
        send(scene, 1, "INCR n");
        cr_assert_leq(node_of(scene, 1)->worker.sessions.count, 1);
    }
    for (unsigned i = 1; i <= 3000; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, ":%u", i);
        expect_next(scene, 1, number);
    }
    cr_assert_eq(taken(scene, 1), 3000);
    finish(scene);
}

Test(forward, what_the_connection_is_like_goes_along)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "SELECT 3", "OK");
    expect(scene, 1, "SET a three", "OK");
    expect(scene, 1, "SELECT 0", "OK");
    expect(scene, 1, "GET a", "nil");
    expect(scene, 1, "SET a zero", "OK");
    expect(scene, 1, "SELECT 3", "OK");
    expect(scene, 1, "GET a", "\"three\"");
    expect(scene, 1, "CLIENT SETNAME bob", "OK");
    expect(scene, 1, "APPEND a x", ":6");
    cr_assert(strstr(say(scene, 0, "CLIENT LIST"), "name=bob") != NULL);
    cr_assert(strstr(say(scene, 0, "CLIENT LIST"), "db=3") != NULL);
    cr_assert_not_null(say(scene, 1, "HELLO 3"));
    send(scene, 1, "BLPOP nothing 0.05");
    expect_next(scene, 1, "nil");
    expect(scene, 1, "RESET", "RESET");
    expect(scene, 1, "GET a", "\"zero\"");
    expect(scene, 1, "APPEND a x", ":5");
    finish(scene);
}

Test(forward, answers_that_nobody_wants_are_not_given)
{
    struct scene *scene = three(seed_of_run());
    send(scene, 1,
         "CLIENT REPLY SKIP\r\nSET a 1\r\nSET a 2\r\nCLIENT REPLY OFF\r\nSET a 3\r\nCLIENT REPLY ON\r\nGET a");
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "\"3\"");
    finish(scene);
}

/* steer P2 */
Test(forward, a_transaction_goes_as_a_whole)
{
    struct scene *scene = three(seed_of_run());
    send(scene, 1, "MULTI\r\nSET a 1\r\nINCR a\r\nSELECT 2\r\nSET b 1\r\nGET b\r\nEXEC\r\nGET b\r\nGET a");
    expect_next(scene, 1, "OK");
    for (unsigned i = 0; i < 5; i++) {
        expect_next(scene, 1, "QUEUED");
    }
    expect_next(scene, 1, "[OK :2 OK OK \"1\"]");
    expect_next(scene, 1, "\"1\"");
    expect_next(scene, 1, "nil");
    uint64_t before = taken(scene, 1);
    cr_assert_eq(before, 3, "the reads behind it have followed it");
    expect(scene, 1, "SELECT 0", "OK");
    send(scene, 1, "MULTI\r\nGET a\r\nEXEC");
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "QUEUED");
    expect_next(scene, 1, "[\"2\"]");
    cr_assert_eq(taken(scene, 1), before, "it only reads");
    send(scene, 1, "MULTI\r\nSET a 5\r\nDISCARD\r\nGET a\r\nMULTI\r\nSET a\r\nSET a 7\r\nEXEC\r\nGET a");
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "QUEUED");
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "\"2\"");
    expect_next(scene, 1, "OK");
    expect_begins(scene, 1, NULL, "-ERR wrong number");
    expect_next(scene, 1, "QUEUED");
    expect_begins(scene, 1, NULL, "-EXECABORT");
    expect_next(scene, 1, "\"2\"");
    send(scene, 1, "MULTI\r\nSET a 5\r\nCLIENT REPLY OFF\r\nEXEC\r\nGET a");
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "QUEUED");
    expect_next(scene, 1, "QUEUED");
    expect_begins(scene, 1, NULL, "-EXECABORT Transaction discarded because of: 'client|reply'");
    expect_next(scene, 1, "\"2\"");
    finish(scene);
}

Test(forward, what_is_watched_is_watched_at_the_leader)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "WATCH a", "OK");
    expect(scene, 0, "SET a 1", "OK");
    expect(scene, 1, "MULTI", "OK");
    expect(scene, 1, "SET a 2", "QUEUED");
    expect(scene, 1, "EXEC", "nil[]");
    expect(scene, 1, "GET a", "\"1\"");
    expect(scene, 1, "WATCH a", "OK");
    expect(scene, 1, "MULTI", "OK");
    expect(scene, 1, "GET a", "QUEUED");
    expect(scene, 1, "EXEC", "[\"1\"]");
    expect(scene, 1, "WATCH a", "OK");
    expect(scene, 1, "MULTI", "OK");
    expect(scene, 1, "DISCARD", "OK");
    expect(scene, 0, "SET a 3", "OK");
    expect(scene, 1, "MULTI", "OK");
    expect(scene, 1, "SET a 4", "QUEUED");
    expect(scene, 1, "EXEC", "[OK]");
    expect(scene, 1, "WATCH a", "OK");
    expect(scene, 1, "UNWATCH", "OK");
    expect(scene, 0, "SET a 3", "OK");
    expect(scene, 1, "MULTI", "OK");
    expect(scene, 1, "SET a 5", "QUEUED");
    expect(scene, 1, "EXEC", "[OK]");
    finish(scene);
}

Test(forward, who_waits_waits_at_the_leader)
{
    struct scene *scene = three(seed_of_run());
    send(scene, 1, "BLPOP list 0\r\nGET a");
    turns(scene, 200);
    cr_assert_eq(scene->at[1].conn.output.size, 0);
    expect(scene, 2, "RPUSH list x", ":1");
    expect_next(scene, 1, "[\"list\" \"x\"]");
    expect_next(scene, 1, "nil");
    send(scene, 1, "BLPOP list 0.1");
    expect_next(scene, 1, "nil[]");
    finish(scene);
}

/* cluster C25: a living leader that is one no more sends it back, and it is asked again. */
Test(forward, who_waits_at_a_leader_that_is_deposed_waits_on_at_the_next)
{
    struct scene *scene = three(seed_of_run());
    send(scene, 1, "BLPOP list 0");
    turns(scene, 200);
    follow(scene, 0, 2, 2);
    lead(scene, 2, 2);
    follow(scene, 1, 2, 2);
    turns(scene, 300);
    cr_assert_eq(scene->at[1].conn.output.size, 0, "%s", (const char *)scene->at[1].conn.output.data);
    expect(scene, 2, "RPUSH list x", ":1");
    expect_next(scene, 1, "[\"list\" \"x\"]");
    finish(scene);
}

Test(forward, channels_are_the_leaders)
{
    struct scene *scene = three(seed_of_run());
    send(scene, 1, "SUBSCRIBE news sport");
    expect_next(scene, 1, "[\"subscribe\" \"news\" :1]");
    expect_next(scene, 1, "[\"subscribe\" \"sport\" :2]");
    expect(scene, 2, "PUBLISH news hello", ":1");
    expect_next(scene, 1, "[\"message\" \"news\" \"hello\"]");
    expect_begins(scene, 1, "GET a", "-ERR Can't execute 'get'");
    send(scene, 1, "UNSUBSCRIBE");
    expect_begins(scene, 1, NULL, "[\"unsubscribe\"");
    expect_begins(scene, 1, NULL, "[\"unsubscribe\"");
    turns(scene, 5);
    expect(scene, 1, "PING", "PONG");
    expect(scene, 1, "SET a 1", "OK");
    expect(scene, 1, "GET a", "\"1\"");
    finish(scene);
}

/* forwarded P1, forward P3 */
Test(forward, large_values_go_both_ways)
{
    struct scene *scene = three(seed_of_run());
    char *line = malloc(900000);
    (void)snprintf(line, 900000, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$800000\r\n%0*u", 800000, 7);
    send(scene, 1, line);
    expect_next(scene, 1, "OK");
    (void)snprintf(line, 900000, "MULTI\r\nGET a\r\nAPPEND a x\r\nGET a\r\nEXEC");
    send(scene, 1, line);
    expect_next(scene, 1, "OK");
    expect_next(scene, 1, "QUEUED");
    expect_next(scene, 1, "QUEUED");
    expect_next(scene, 1, "QUEUED");
    for (unsigned i = 0; i < PATIENCE && scene->at[1].conn.output.size < 1600000; i++) {
        turn(scene);
    }
    cr_assert_gt(scene->at[1].conn.output.size, 1600000);
    free(line);
    finish(scene);
}

Test(forward, a_node_that_sends_nothing_on_says_who_leads)
{
    struct scene *scene = three(seed_of_run());
    node_of(scene, 1)->forward.options.on = false;
    cr_assert(strstr(say(scene, 1, "SET a 1"), "node 1") != NULL);
    expect(scene, 1, "GET a", "nil");
    finish(scene);
}
