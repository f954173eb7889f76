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

/* The leader has answered, its record did not come, and its history has ended: nothing is to be waited for. */
Test(forward, an_answer_waits_for_no_record_of_a_history_that_has_ended)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "SET a 1", "OK");
    promise(scene, 1, 2, 2); /* from now on it takes no record of node 1 */
    send(scene, 1, "SET a 2");
    cr_assert_null(hear_within(scene, 1, 300), "what it depends on is not here");
    lead(scene, 2, 2);
    membership_follow(&node_of(scene, 1)->membership, addresses[2], 2, 3);
    cr_assert_not_null(hear_within(scene, 1, 1500));
    finish(scene);
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
    expect(scene, 1, "GET b", "\"1\"");
    cr_assert_eq(taken(scene, 1), before, "the database is known here");
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
    uint64_t before = taken(scene, 1);
    expect(scene, 1, "GET a", "\"1\"");
    cr_assert_eq(taken(scene, 1), before, "it listens no more");
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

/* A node that sends nothing on says who leads. */
Test(config_set, forward)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "CONFIG SET forward no", "OK");
    cr_assert(strstr(say(scene, 1, "SET a 1"), "node 1") != NULL);
    expect(scene, 1, "GET a", "nil");
    expect(scene, 1, "CONFIG SET forward yes", "OK");
    expect(scene, 1, "SET a 2", "OK");
    expect(scene, 1, "GET a", "\"2\"");
    finish(scene);
}

/* ---- leaders come and go ---- */

static void depose(struct scene *scene, unsigned from, unsigned to, uint64_t epoch)
{
    for (unsigned i = 0; i < PATIENCE && node_of(scene, to)->replica.shard.tail.last_sequence !=
                                             node_of(scene, from)->replica.shard.tail.last_sequence;
         i++) {
        turn(scene);
    }
    lead(scene, to, epoch);
    for (unsigned i = 0; i < NODES; i++) {
        if (scene->runs[i] && i != to) {
            follow(scene, i, epoch, to);
        }
    }
}

/* forwarded P3, forward P5; cluster C25 */
Test(forward, who_waits_goes_on_waiting_at_the_next_leader)
{
    struct scene *scene = three(seed_of_run());
    send(scene, 0, "BLPOP list 0.6"); /* at the leader itself, */
    send(scene, 1, "BLPOP list 0.6"); /* at the next one, */
    send(scene, 2, "BLPOP list 0.6"); /* and at another */
    turns(scene, 300);
    depose(scene, 0, 1, 2);
    turns(scene, 100);
    cr_assert_eq(scene->at[0].conn.output.size + scene->at[1].conn.output.size + scene->at[2].conn.output.size, 0);
    int64_t since_ms = scene->at[0].monotonic_ms;
    for (unsigned i = 0; i < NODES; i++) {
        expect_next(scene, i, "nil[]");
        int64_t after_ms = scene->at[0].monotonic_ms - since_ms;
        cr_assert(after_ms > 100 && after_ms < 300, "node %u: %lld ms more", i + 1, (long long)after_ms);
    }
    send(scene, 0, "BLPOP list 0\r\nGET a");
    send(scene, 1, "BLPOP list 0\r\nGET a");
    send(scene, 2, "BLPOP list 0\r\nGET a");
    turns(scene, 50);
    depose(scene, 1, 2, 3);
    turns(scene, 50);
    cr_assert_eq(scene->at[0].conn.output.size + scene->at[1].conn.output.size + scene->at[2].conn.output.size, 0);
    finish(scene);
}

/* forward P2 */
Test(forward, without_a_leader_a_write_waits_and_is_refused)
{
    struct scene *scene = three(seed_of_run());
    node_of(scene, 1)->membership.tenure.options.read_lag_ms = 0;
    expect(scene, 1, "SET a 1", "OK");
    stop(scene, 0);
    send(scene, 1, "SET a 2\r\nGET a\r\nMULTI\r\nSET a 3\r\nEXEC\r\nGET a");
    int64_t since_ms = scene->at[1].monotonic_ms;
    expect_begins(scene, 1, NULL, "-CLUSTERDOWN there is no leader: node 1 led last");
    int64_t after_ms = scene->at[1].monotonic_ms - since_ms;
    cr_assert(after_ms >= 4990 && after_ms < 5100, "%lld", (long long)after_ms);
    expect_next(scene, 1, "\"1\"");
    expect(scene, 1, "PING", "OK");
    expect_next(scene, 1, "QUEUED");
    expect_begins(scene, 1, NULL, "-CLUSTERDOWN");
    expect_next(scene, 1, "\"1\"");
    expect_next(scene, 1, "PONG");
    finish(scene);
}

Test(forward, a_write_that_waits_for_a_leader_finds_the_next_one)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "SET a 1", "OK");
    expect(scene, 2, "SET a 1", "OK");
    stop(scene, 0);
    turns(scene, 2000);
    send(scene, 1, "APPEND a 2\r\nGET a");
    send(scene, 2, "MULTI\r\nAPPEND b 3\r\nSELECT 1\r\nEXEC\r\nSET c 4");
    turns(scene, 1000);
    lead(scene, 1, 2);
    follow(scene, 2, 2, 1);
    expect_next(scene, 1, ":2");
    expect_next(scene, 1, "\"12\"");
    expect_next(scene, 2, "OK");
    expect_next(scene, 2, "QUEUED");
    expect_next(scene, 2, "QUEUED");
    expect_next(scene, 2, "[:1 OK]");
    expect_next(scene, 2, "OK");
    expect(scene, 1, "SELECT 1", "OK");
    expect(scene, 1, "GET c", "\"4\"");
    finish(scene);
}

/* forward_answer P3 */
Test(forward, what_a_lost_leader_has_not_answered_is_uncertain_and_reads_are_not)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "SET a 1", "OK");
    sim_net_wire(scene->net, addresses[0], addresses[1])->cut = true;
    send(scene, 1, "SET a 2\r\nGET a\r\nWATCH a\r\nGET a");
    turns(scene, 50);
    stop(scene, 0);
    expect_begins(scene, 1, NULL, "-UNCERTAIN the leader (node 1) was lost");
    expect_begins(scene, 1, NULL, "-CLUSTERDOWN the leader (node 1) was lost before it answered: ask again");
    expect_begins(scene, 1, NULL, "-CLUSTERDOWN the leader (node 1) was lost before it answered: ask again");
    expect_begins(scene, 1, NULL, "-CLUSTERDOWN the leader (node 1) was lost before it answered: ask again");
    expect(scene, 1, "GET a", "\"1\"");
    finish(scene);
}

/* steer P3; cluster C25 */
Test(forward, exec_after_watch_over_a_change_of_leader_does_nothing)
{
    struct scene *scene = three(seed_of_run());
    for (unsigned i = 0; i < NODES; i++) {
        expect(scene, i, "WATCH a", "OK");
    }
    depose(scene, 0, 1, 2);
    turns(scene, 50);
    for (unsigned i = 0; i < NODES; i++) {
        send(scene, i, "MULTI\r\nSET a 2\r\nEXEC\r\nGET a\r\nMULTI\r\nSET b 2\r\nEXEC\r\nDEL b");
        expect_next(scene, i, "OK");
        expect_next(scene, i, "QUEUED");
        expect_next(scene, i, "nil[]");
        expect_next(scene, i, "nil");
        expect_next(scene, i, "OK");
        expect_next(scene, i, "QUEUED");
        expect_next(scene, i, "[OK]");
        expect_next(scene, i, ":1");
    }
    finish(scene);
}

Test(forward, who_listens_connects_anew_when_the_leader_changes)
{
    struct scene *scene = three(seed_of_run());
    for (unsigned i = 0; i < NODES; i++) {
        expect_begins(scene, i, "SUBSCRIBE news", "[\"subscribe\"");
    }
    depose(scene, 0, 1, 2);
    turns(scene, 50);
    for (unsigned i = 0; i < NODES; i++) {
        cr_assert_null(scene->at[i].conn.user, "node %u", i + 1);
    }
    finish(scene);
}

/* forward P4: the leader of before does not know yet. */
Test(forward, a_stream_to_the_leader_of_before_does_not_last)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "SET a 1", "OK");
    expect(scene, 2, "SET a 1", "OK");
    send(scene, 2, "BLPOP list 0");
    turns(scene, 50);
    cr_assert_eq(node_of(scene, 0)->forwarded.count, 2);
    node_of(scene, 2)->forward.options.wait_ms = 300;
    lead(scene, 1, 2);
    follow(scene, 2, 2, 1);
    turns(scene, 100);
    cr_assert_eq(node_of(scene, 0)->forwarded.count, 1, "who has asked nothing goes at once");
    expect_begins(scene, 2, NULL, "-UNCERTAIN the leader (node 1) was lost");
    turns(scene, 20);
    cr_assert_eq(node_of(scene, 0)->forwarded.count, 0);
    expect(scene, 2, "SET a 2", "OK");
    expect(scene, 1, "GET a", "\"2\"");
    finish(scene);
}

/* forward_answer P1 */
Test(forward, an_answer_waits_until_this_node_has_what_it_depends_on)
{
    struct scene *scene = three(seed_of_run());
    expect(scene, 1, "SET a 1", "OK");
    follow(scene, 1, 1, 0);
    membership_follow(&node_of(scene, 1)->membership, addresses[2], 1, 1); /* who feeds nobody */
    send(scene, 1, "SET a 2");
    turns(scene, 300);
    cr_assert_eq(scene->at[1].conn.output.size, 0);
    finish(scene);
}

/* ---- whatever comes ---- */

#define ASKED_MAX 64

enum asked {
    ASKED_INCR,
    ASKED_GET,
    ASKED_ECHO,
    ASKED_MULTI,  /* its answer, */
    ASKED_QUEUED, /* that of what it queues, */
    ASKED_EXEC,   /* and of its end, which is one INCR */
    ASKED_PUSH,
    ASKED_POP,
};

struct question {
    enum asked kind;
    uint64_t number; /* of an ECHO; of a GET: what it shows at least */
};

/* One client at each node, whose counter nobody else touches; and what somebody outside of the store knows. */
struct account {
    struct question asked[NODES][ASKED_MAX];
    unsigned count[NODES];
    uint64_t acked[NODES], uncertain[NODES], highest[NODES];
    uint64_t floor[NODES]; /* what its own node shows of its counter at least */
    uint64_t echoes;
    uint64_t pushed;
    bool popped[4096];
    struct stand_promise promises[NODES];
    uint64_t epoch;
    int leader;           /* -1: nobody is known to lead */
    uint64_t late[NODES]; /* answers of which it is not known whether the node had what they depend on */
    uint64_t answers, refused, popped_count, elections, checked;
};

static bool is_reachable(struct scene *scene, unsigned a, unsigned b)
{
    return scene->runs[a] && scene->runs[b] &&
           (a == b || (!sim_net_wire(scene->net, addresses[a], addresses[b])->cut &&
                       !sim_net_wire(scene->net, addresses[b], addresses[a])->cut));
}

static bool votes(struct scene *scene, struct account *ledger, unsigned i, unsigned candidate,
                  struct stand_position position)
{
    struct stand_promise before;
    struct stand_promise yes = {ledger->epoch, candidate + 1, scene->at[candidate].identity.start};
    struct replica *replica = &node_of(scene, i)->replica;
    if (replica->state != REPLICA_SERVING ||
        stand_raise(&replica->stand, &yes, position, i == candidate, &before) != STAND_YES) {
        return false;
    }
    ledger->promises[i] = yes;
    return true;
}

static void elect(struct scene *scene, struct account *ledger)
{
    unsigned candidate = (unsigned)prng_below(&scene->prng, NODES);
    bool yes[NODES] = {false};
    unsigned count = 0;
    if (!scene->runs[candidate] || node_of(scene, candidate)->replica.state != REPLICA_SERVING) {
        return;
    }
    ledger->epoch++;
    struct stand_position position = node_of(scene, candidate)->replica.stand.position;
    if (!votes(scene, ledger, candidate, candidate, position)) {
        return;
    }
    for (unsigned i = 0; i < NODES; i++) {
        yes[i] = i == candidate || (is_reachable(scene, i, candidate) && votes(scene, ledger, i, candidate, position));
        count += yes[i];
    }
    struct record_epoch set = {.leader = candidate + 1, .replica_count = NODES, .replicas = {1, 2, 3}};
    if (count < 2 || !membership_lead(&node_of(scene, candidate)->membership, ledger->epoch, &set)) {
        return;
    }
    ledger->leader = (int)candidate;
    ledger->elections++;
    for (unsigned i = 0; i < NODES; i++) {
        if (yes[i] && i != candidate) {
            membership_follow(&node_of(scene, i)->membership, addresses[candidate], ledger->epoch, candidate + 1);
        }
    }
}

/* Who has not said yes is asked again, when the leader's epoch is on its disk. */
static void ask_again(struct scene *scene, struct account *ledger)
{
    unsigned leader = (unsigned)ledger->leader;
    if (ledger->leader < 0 || !scene->runs[leader]) {
        return;
    }
    struct replica *replica = &node_of(scene, leader)->replica;
    struct stand_promise promise = replica->stand.promise;
    if (replica->shard.role != SHARD_LEADING || promise.epoch != replica->shard.tail.epoch ||
        replica->stand.position.epoch != promise.epoch) {
        return;
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct stand_promise before;
        if (i == leader || !is_reachable(scene, i, leader) ||
            (node_of(scene, i)->replica.state != REPLICA_SERVING && !node_of(scene, i)->replica.blank)) {
            continue;
        }
        struct stand *stand = &node_of(scene, i)->replica.stand;
        if (stand->promise.epoch < promise.epoch &&
            stand_raise(stand, &promise, replica->stand.position, false, &before) == STAND_YES) {
            ledger->promises[i] = promise;
        }
        if (stand->promise.epoch == promise.epoch) {
            membership_follow(&node_of(scene, i)->membership, addresses[leader], promise.epoch, leader + 1);
        }
    }
}

static void quorum(struct scene *scene, unsigned i)
{
    struct node *node = node_of(scene, i);
    node->worker.sessions.level = GATE_QUORUM;
    node->forward.options.wait_ms = 100 + (int64_t)prng_below(&scene->prng, 2000);
    node->membership.tenure.options.wait_ms = 100 + (int64_t)prng_below(&scene->prng, 2000);
}

static void lose_client(struct account *ledger, unsigned i)
{
    for (unsigned k = 0; k < ledger->count[i]; k++) {
        enum asked kind = ledger->asked[i][k].kind;
        ledger->uncertain[i] += kind == ASKED_INCR || kind == ASKED_EXEC;
    }
    ledger->count[i] = 0;
    ledger->floor[i] = 0; /* what was not on its disk is gone there */
}

static void misfortune(struct scene *scene, struct account *ledger)
{
    unsigned i = (unsigned)prng_below(&scene->prng, NODES);
    unsigned k = (unsigned)prng_below(&scene->prng, NODES);
    switch (prng_below(&scene->prng, 7)) {
    case 0:
        if (scene->runs[i] && node_of(scene, i)->replica.state == REPLICA_SERVING) {
            lose_client(ledger, i);
            stop(scene, i);
            ledger->leader = ledger->leader == (int)i ? -1 : ledger->leader;
        }
        break;
    case 1:
        if (i != k) {
            struct sim_wire *wire = sim_net_wire(scene->net, addresses[i], addresses[k]);
            wire->cut = !wire->cut;
        }
        break;
    case 2:
    case 3:
        elect(scene, ledger);
        break;
    case 4:
        if (i != k && scene->runs[i] && scene->runs[k]) {
            sim_net_break(scene->net, addresses[i], addresses[k]);
        }
        break;
    default:
        if (!scene->runs[i]) {
            start(scene, i);
            quorum(scene, i);
            node_of(scene, i)->replica.stand.promise = ledger->promises[i];
        }
    }
}

static void ask(struct scene *scene, struct account *ledger, unsigned i, enum asked kind, const char *format, ...)
{
    char line[128];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    ledger->asked[i][ledger->count[i]++] = (struct question){kind, ledger->echoes};
    send(scene, i, line);
}

static void ask_something(struct scene *scene, struct account *ledger, unsigned i)
{
    unsigned other = (unsigned)prng_below(&scene->prng, 2);
    if (!scene->runs[i] || ledger->count[i] > ASKED_MAX - 4) {
        return;
    }
    ledger->echoes++;
    switch (prng_below(&scene->prng, 8)) {
    case 0:
    case 1:
    case 2:
        ask(scene, ledger, i, ASKED_INCR, "INCR c%u", i);
        break;
    case 3:
        ask(scene, ledger, i, ASKED_GET, "GET c%u", i);
        break;
    case 4:
        ask(scene, ledger, i, ASKED_ECHO, "ECHO e%llu", (unsigned long long)ledger->echoes);
        break;
    case 5:
        ask(scene, ledger, i, ASKED_MULTI, "MULTI");
        ask(scene, ledger, i, ASKED_QUEUED, "INCR c%u", i);
        ask(scene, ledger, i, ASKED_EXEC, "EXEC");
        break;
    case 6:
        if (ledger->pushed + 1 < sizeof ledger->popped) {
            ask(scene, ledger, i, ASKED_PUSH, "RPUSH q%u %llu", other, (unsigned long long)++ledger->pushed);
        }
        break;
    default:
        ask(scene, ledger, i, ASKED_POP, "BLPOP q%u 0.1", other);
    }
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static void take_count(struct account *ledger, unsigned i, const char *text)
{
    if (begins(text, "-UNCERTAIN")) {
        ledger->uncertain[i]++;
    } else if (begins(text, "-CLUSTERDOWN") || begins(text, "-LOADING")) {
        ledger->refused++;
    } else {
        uint64_t number = strtoull(text + 1, NULL, 10);
        cr_assert_eq(text[0], ':', "%s", text);
        cr_assert_gt(number, ledger->highest[i]);
        ledger->highest[i] = number;
        ledger->floor[i] = number;
        ledger->acked[i]++;
    }
}

static void take_pop(struct account *ledger, const char *text)
{
    if (text[0] == '[') {
        uint64_t id = strtoull(strchr(text + 3, ' ') + 2, NULL, 10);
        cr_assert(id > 0 && id <= ledger->pushed && !ledger->popped[id], "%s came twice", text);
        ledger->popped[id] = true;
        ledger->popped_count++;
    } else {
        cr_assert(begins(text, "nil[]") || begins(text, "-UNBLOCKED") || begins(text, "-LOADING") ||
                      begins(text, "-UNCERTAIN") || begins(text, "-CLUSTERDOWN"),
                  "%s", text);
    }
}

static void take_answer(struct account *ledger, unsigned i, const char *text)
{
    char echo[32];
    cr_assert_gt(ledger->count[i], 0, "nobody has asked for %s", text);
    struct question question = ledger->asked[i][0];
    ledger->count[i]--;
    memmove(ledger->asked[i], ledger->asked[i] + 1, ledger->count[i] * sizeof question);
    ledger->answers++;
    (void)snprintf(echo, sizeof echo, "\"e%llu\"", (unsigned long long)question.number);
    bool error = text[0] == '-';
    bool held = begins(text, "-UNCERTAIN") || begins(text, "-CLUSTERDOWN") ||
                begins(text, "-LOADING"); /* what came with it may have written */
    switch (question.kind) {
    case ASKED_INCR:
        take_count(ledger, i, text);
        break;
    case ASKED_EXEC:
        if (begins(text, "[:")) {
            take_count(ledger, i, text + 1);
        } else if (!begins(text, "-EXECABORT")) {
            take_count(ledger, i, text);
        }
        break;
    case ASKED_GET:
        cr_assert(held || text[0] == '"' || begins(text, "nil"), "%s", text);
        if (!held && ledger->late[i] == 0) { /* forward_answer P1 */
            uint64_t value = text[0] == '"' ? strtoull(text + 1, NULL, 10) : 0;
            cr_assert_geq(value, ledger->floor[i], "node %u shows %llu after %llu", i + 1, (unsigned long long)value,
                          (unsigned long long)ledger->floor[i]);
            ledger->checked++;
        }
        break;
    case ASKED_ECHO:
        cr_assert(held || strcmp(text, echo) == 0, "%s", text);
        break;
    case ASKED_MULTI:
        cr_assert(held || strcmp(text, "OK") == 0, "%s", text);
        break;
    case ASKED_QUEUED:
        cr_assert(held || strcmp(text, "QUEUED") == 0, "%s", text);
        break;
    case ASKED_PUSH:
        cr_assert(text[0] == ':' || error, "%s", text);
        break;
    case ASKED_POP:
        take_pop(ledger, text);
        break;
    }
}

static void hear_all(struct scene *scene, struct account *ledger)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct node_fixture *at = &scene->at[i];
        for (;;) {
            buf_clear(&at->text, SIZE_MAX);
            size_t size = scene->runs[i] ? resp_text_reply(buf_bytes(&at->conn.output), &at->text) : 0;
            cr_assert_neq(size, RESP_TEXT_BROKEN);
            if (size == 0) {
                break;
            }
            buf_consume(&at->conn.output, size);
            cr_assert(buf_append(&at->text, (struct gm_bytes){(const uint8_t *)"", 1}));
            ledger->late[i] = node_of(scene, i)->forward.late;
            take_answer(ledger, i, (const char *)at->text.data);
        }
    }
}

/* All that its leader has, a majority has. */
static bool is_whole(struct scene *scene, const struct account *ledger)
{
    if (ledger->leader < 0 || ledger->count[0] + ledger->count[1] + ledger->count[2] > 0) {
        return false;
    }
    const struct replica *replica = &node_of(scene, (unsigned)ledger->leader)->replica;
    return replica->shard.role == SHARD_LEADING && replica->acks.committed == replica->shard.tail.last_sequence;
}

static void heal(struct scene *scene, struct account *ledger)
{
    for (unsigned i = 0; i < NODES; i++) {
        for (unsigned k = 0; k < NODES; k++) {
            if (i != k) {
                sim_net_wire(scene->net, addresses[i], addresses[k])->cut = false;
            }
        }
        if (!scene->runs[i]) {
            start(scene, i);
            quorum(scene, i);
            node_of(scene, i)->replica.stand.promise = ledger->promises[i];
        }
    }
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (i % 1000 == 500 && (ledger->leader < 0 || !is_whole(scene, ledger))) {
            elect(scene, ledger);
        }
        ask_again(scene, ledger);
        turn(scene);
        hear_all(scene, ledger);
        if (i > 7000 && is_whole(scene, ledger)) {
            return;
        }
    }
    cr_assert_fail("seed: commands are not answered: %u %u %u", ledger->count[0], ledger->count[1], ledger->count[2]);
}

static void one_life(uint64_t seed, struct account *ledger)
{
    struct scene *scene = three(seed);
    *ledger = (struct account){.epoch = 1, .leader = 0};
    for (unsigned i = 0; i < NODES; i++) {
        quorum(scene, i);
        ledger->promises[i] = node_of(scene, i)->replica.stand.promise;
    }
    for (unsigned step = 0; step < 4000; step++) {
        turn(scene);
        hear_all(scene, ledger);
        if (prng_below(&scene->prng, 8) == 0) {
            ask_again(scene, ledger);
        }
        if (prng_below(&scene->prng, 150) == 0) {
            misfortune(scene, ledger);
        }
        if (prng_below(&scene->prng, 3) == 0) {
            ask_something(scene, ledger, (unsigned)prng_below(&scene->prng, NODES));
        }
    }
    heal(scene, ledger);
    for (unsigned i = 0; i < NODES; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "GET c%u", i);
        const char *text = say(scene, (unsigned)ledger->leader, line);
        uint64_t value = text[0] == '"' ? strtoull(text + 1, NULL, 10) : 0;
        cr_assert(value >= ledger->acked[i] && value <= ledger->acked[i] + ledger->uncertain[i],
                  "seed %llu, node %u: %s (%llu), acknowledged %llu, uncertain %llu", (unsigned long long)seed, i + 1,
                  text, (unsigned long long)value, (unsigned long long)ledger->acked[i],
                  (unsigned long long)ledger->uncertain[i]);
        cr_assert_geq(value, ledger->highest[i]);
    }
    finish(scene);
}

/* forward_answer P2, forward_answer P3; cluster C25 */
Test(forward, each_command_gets_one_answer_that_is_true_whatever_comes, .timeout = 300)
{
    uint64_t seed = seed_of_run();
    uint64_t acked = 0, uncertain = 0, popped = 0, elections = 0, refused = 0, checked = 0;
    for (unsigned run = 0; run < 20; run++) {
        static struct account ledger;
        one_life(seed + run, &ledger);
        for (unsigned i = 0; i < NODES; i++) {
            acked += ledger.acked[i];
            uncertain += ledger.uncertain[i];
        }
        popped += ledger.popped_count;
        elections += ledger.elections;
        refused += ledger.refused;
        checked += ledger.checked;
    }
    printf("%llu acknowledged, %llu uncertain, %llu refused, %llu popped, %llu reads of own writes, %llu leaders\n",
           (unsigned long long)acked, (unsigned long long)uncertain, (unsigned long long)refused,
           (unsigned long long)popped, (unsigned long long)checked, (unsigned long long)elections);
    cr_assert(acked > 500 && uncertain > 10 && popped > 20 && elections > 40 && checked > 100);
}

/* ---- who does not keep to it ---- */

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

static void let_pass(struct scene *scene, struct stranger *stranger, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        turn(scene);
        (void)sim_net_turn(stranger->peer);
    }
}

static void expect_broken_off(struct scene *scene, struct stranger *stranger, const char *why)
{
    unsigned before = stranger->closed;
    let_pass(scene, stranger, 50);
    cr_assert_eq(stranger->closed, before + 1, "%s", why);
    cr_assert_eq(node_of(scene, 0)->forwarded.count, 0);
    cr_assert_eq(node_of(scene, 0)->worker.sessions.count, 1, "that of the fixture is left");
    stranger->link = peer_open(stranger->peer, addresses[0], PEER_FORWARD, &stranger_ops, stranger);
}

/* forwarded P1, forwarded P2 */
Test(forward, a_stream_that_makes_no_sense_is_ended_by_the_leader)
{
    struct scene *scene = three(seed_of_run());
    struct stranger stranger = {.host = sim_host_create(scene->net, "stranger:1")};
    stranger.peer = sim_host_peer(stranger.host);
    buf_init(&stranger.heard, (size_t)16 << 20);
    stranger.link = peer_open(stranger.peer, addresses[0], PEER_FORWARD, &stranger_ops, &stranger);
    tell_data(&stranger, "PING\r\n");
    expect_broken_off(scene, &stranger, "commands of nobody");
    tell_open(&stranger, 60000);
    expect_broken_off(scene, &stranger, "a database that is none");
    tell_open(&stranger, 0);
    tell_data(&stranger, "BLPOP list 0\r\n");
    let_pass(scene, &stranger, 20);
    tell_open(&stranger, 1);
    expect_broken_off(scene, &stranger, "another database while a command waits");
    tell_open(&stranger, 0);
    tell(&stranger, &(struct forwarding_message){.kind = FORWARDING_CREDIT, .credit = 1});
    expect_broken_off(scene, &stranger, "credit for nothing");
    tell(&stranger, &(struct forwarding_message){.kind = FORWARDING_NOT_BEGUN});
    expect_broken_off(scene, &stranger, "what only a leader says");
    node_of(scene, 0)->worker.options.limits.query_max = 100000;
    tell_open(&stranger, 0);
    tell_data(&stranger, "BLPOP list 0\r\n");
    char *much = malloc(60001);
    memset(much, 'x', 60000);
    much[60000] = '\0';
    for (unsigned i = 0; i < 20; i++) {
        tell_data(&stranger, much);
        let_pass(scene, &stranger, 1);
    }
    expect_broken_off(scene, &stranger, "more than may wait");
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
    let_pass(scene, &stranger, 300);
    cr_assert_eq(stranger.heard.size, FORWARDING_WINDOW, "no more without credit");
    tell(&stranger, &(struct forwarding_message){.kind = FORWARDING_CREDIT, .credit = 1000});
    let_pass(scene, &stranger, 50);
    cr_assert_eq(stranger.heard.size, FORWARDING_WINDOW + 1000);
    free(much);
    sim_host_destroy(stranger.host, SIM_KILLED);
    let_pass(scene, &stranger, 0);
    turns(scene, 3000);
    cr_assert_eq(node_of(scene, 0)->forwarded.count, 0);
    buf_finish(&stranger.heard);
    finish(scene);
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
        struct scene *scene = three(seed + run);
        stop(scene, 0);
        turns(scene, 20);
        struct stranger leader = {.host = sim_host_create(scene->net, addresses[0]), .prng = &scene->prng};
        leader.peer = sim_host_peer(leader.host);
        struct peer_acceptor acceptor = {.on_accept = on_false_leader_accept, .context = &leader};
        leader.peer->ops->accept(leader.peer, 1U << PEER_FORWARD, &acceptor);
        node_of(scene, 1)->forward.options.wait_ms = 300;
        for (unsigned i = 0; i < 30 && scene->at[1].conn.user != NULL; i++) {
            static const char *const lines[] = {"SET a 1",         "GET a",      "MULTI\r\nSET a 2\r\nEXEC",
                                                "BLPOP list 0.01", "PING",       "SUBSCRIBE x",
                                                "WATCH a",         "UNSUBSCRIBE"};
            send(scene, 1, lines[prng_below(&scene->prng, sizeof lines / sizeof lines[0])]);
            let_pass(scene, &leader, 1 + (unsigned)prng_below(&scene->prng, 30));
        }
        let_pass(scene, &leader, 700);
        messages += leader.messages;
        cr_assert_eq(node_of(scene, 1)->state, NODE_SERVING);
        sim_host_destroy(leader.host, SIM_KILLED);
        finish(scene);
    }
    cr_assert_gt(messages, 100);
}

/* forward P3: who reads nothing holds up his own stream, and not more than the window waits for him here. */
Test(forward, a_client_that_reads_slowly_holds_up_itself_alone)
{
    struct scene *scene = three(seed_of_run());
    char *line = malloc(70000);
    (void)snprintf(line, 70000, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$60000\r\n%0*u", 60000, 7);
    send(scene, 0, line);
    expect_next(scene, 0, "OK");
    expect(scene, 1, "SET a 1", "OK");
    scene->at[1].conn.room = 1000;
    send(scene, 1, "WATCH a"); /* what follows is read there */
    for (unsigned i = 0; i < 100; i++) {
        send(scene, 1, "GET big");
    }
    turns(scene, 500);
    size_t waits = 0;
    const struct list *all = &node_of(scene, 1)->worker.sessions.all;
    struct session *session = container_of(all->next, struct session, all);
    waits = session_unsent(session) + session->forward->in.size;
    cr_assert_leq(waits, SESSION_OUT_PAUSE + 2 * FORWARDING_WINDOW + 70000, "%zu", waits);
    expect(scene, 2, "SET b 1", "OK");
    scene->at[1].conn.room = SIZE_MAX;
    scene->at[1].conn.ops->on_writable(scene->at[1].conn.user);
    for (unsigned i = 0; i < PATIENCE && scene->at[1].conn.output.size < 6000000; i++) {
        turn(scene);
    }
    cr_assert_gt(scene->at[1].conn.output.size, 6000000);
    free(line);
    finish(scene);
}
