/* SPDX-License-Identifier: MIT */

/* test_tenure.c - a leader whose lease ends, and what becomes of what it holds. One node, whose cluster loop is here:
 * orders and a clock. */
#include <criterion/criterion.h>

#include <string.h>

#include "support/node_fixture.h"
#include "support/resp_text.h"
#include "support/sim_net.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_counter(void);
const struct gm_module *geomys_module_deque(void);

static struct {
    struct node_fixture at;
    struct sim_net *net;
    struct sim_host *host;
    struct orders orders;
    struct clock clock;
    int64_t per_look_us; /* that pass with each look at the clock */
    int64_t passed_us;
    struct buf text;
} scene;

static int64_t monotonic_us(struct clock *clock)
{
    (void)clock;
    scene.passed_us += scene.per_look_us;
    return scene.at.monotonic_ms * 1000 + scene.passed_us;
}

static const struct clock_ops clock_ops = {.monotonic_us = monotonic_us};

static struct replica *replica(void)
{
    return &scene.at.node->replica;
}

static void turns(unsigned count, size_t requests)
{
    for (unsigned i = 0; i < count; i++) {
        node_fixture_turn(&scene.at, requests);
    }
}

static void lease(int64_t ms)
{
    orders_lease(&scene.orders, scene.at.monotonic_ms * 1000 + scene.passed_us + ms * 1000);
}

static bool quorum; /* write_acks */

static void order(enum orders_role role, uint64_t epoch, uint64_t leader)
{
    struct stand_promise before;
    struct stand_promise yes = {epoch, leader, 1};
    struct stand_position any = {epoch, UINT64_MAX};
    struct orders_now now = {.role = role,
                             .quorum = quorum,
                             .epoch = epoch,
                             .leader = leader,
                             .set = {.leader = leader, .replica_count = 3, .replicas = {1, 2, 3}}};
    cr_assert_eq(stand_raise(&replica()->stand, &yes, any, leader == 1, &before), STAND_YES);
    if (role == ORDERS_FOLLOW) {
        (void)snprintf(now.address, sizeof now.address, "two:6000");
    }
    orders_give(&scene.orders, &now);
    turns(3, SIZE_MAX);
}

static void begin(void)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    memset(&scene, 0, sizeof scene);
    quorum = false;
    scene.net = sim_net_create(1);
    scene.host = sim_host_create(scene.net, "one:6000");
    scene.clock.ops = &clock_ops;
    orders_init(&scene.orders, NULL, &scene.clock);
    node_fixture_init(&scene.at, 1);
    scene.at.peer = sim_host_peer(scene.host);
    scene.at.identity.node = 1;
    scene.at.orders = &scene.orders;
    buf_init(&scene.text, 65536);
    cr_assert_eq(node_fixture_start(&scene.at, modules, 3), STATUS_OK, "%s", scene.at.complaint.text);
    turns(1, SIZE_MAX);
    order(ORDERS_LEAD, 1, 1);
    lease(INT64_C(1000000));
    turns(5, SIZE_MAX);
    cr_assert_eq(replica()->shard.role, SHARD_LEADING);
}

static void finish(void)
{
    node_fixture_stop(&scene.at);
    node_fixture_finish(&scene.at);
    sim_host_destroy(scene.host, SIM_KILLED);
    sim_net_destroy(scene.net);
    buf_finish(&scene.text);
}

/* All that has come, as text, answers with a comma between; then it is forgotten. */
static const char *heard(void)
{
    struct gm_bytes rest = buf_bytes(&scene.at.conn.output);
    buf_clear(&scene.text, SIZE_MAX);
    while (rest.size > 0) {
        size_t size = resp_text_reply(rest, &scene.text);
        cr_assert(size != 0 && size != RESP_TEXT_BROKEN, "%.*s", (int)rest.size, (const char *)rest.data);
        rest = (struct gm_bytes){rest.data + size, rest.size - size};
        (void)buf_append(&scene.text, BYTES(","));
    }
    (void)buf_append(&scene.text, (struct gm_bytes){(const uint8_t *)"", 1});
    buf_clear(&scene.at.conn.output, SIZE_MAX);
    return (const char *)scene.text.data;
}

static void send(const char *line)
{
    node_fixture_send(&scene.at, line);
}

#define LOST "-UNCERTAIN the leader (node 1) was lost before it answered: the command may have been carried out,"

/* cluster C4, tenure P1 */
Test(tenure, without_a_lease_nothing_is_answered_and_nothing_changes)
{
    begin();
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET a 1"), "OK");
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET brief 1 PX 30"), "OK");
    lease(10);
    turns(12, SIZE_MAX);
    cr_assert_eq(replica()->shard.role, SHARD_FENCED);
    uint64_t last = replica()->shard.tail.last_sequence;
    send("PING");
    send("SET b 1");
    turns(1100, SIZE_MAX);
    cr_assert_eq(strncmp(heard(),
                         "PONG,-CLUSTERDOWN this node leads but has heard from no majority for 0.0 s; writes are "
                         "refused until it has,",
                         60),
                 0);
    send("SET b 1");
    turns(1, SIZE_MAX);
    cr_assert_str_eq(heard(),
                     "-CLUSTERDOWN this node leads but has heard from no majority for 1.1 s; writes are refused "
                     "until it has,");
    send("GET a");
    turns(50, SIZE_MAX);
    cr_assert_str_eq(heard(), "", "it may be old");
    cr_assert_eq(replica()->shard.tail.last_sequence, last, "nothing has expired");
    lease(1000);
    turns(3, SIZE_MAX);
    cr_assert_str_eq(heard(), "\"1\",");
    cr_assert_eq(replica()->shard.role, SHARD_LEADING);
    turns(50, SIZE_MAX);
    cr_assert_gt(replica()->shard.tail.last_sequence, last, "by now it has");
    finish();
}

/* cluster C4: the clock is read behind the answers. */
Test(tenure, a_lease_that_ends_while_an_answer_is_computed_holds_it_back)
{
    begin();
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET a 1"), "OK");
    scene.per_look_us = 100000;
    lease(150);
    send("GET a");
    turns(1, SIZE_MAX);
    cr_assert_str_eq(heard(), "");
    scene.per_look_us = 0;
    lease(100);
    turns(1, SIZE_MAX);
    cr_assert_str_eq(heard(), "\"1\",");
    finish();
}

/* cluster C26: after forward_wait_ms who waits is told. */
Test(tenure, what_is_held_for_too_long_is_answered_otherwise)
{
    begin();
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET a 1"), "OK");
    lease(2);
    send("INCR n");
    turns(1, 0);
    turns(12, SIZE_MAX);
    send("GET a");
    turns(4900, SIZE_MAX);
    cr_assert_str_eq(heard(), "");
    turns(100, SIZE_MAX);
    cr_assert_str_eq(heard(),
                     "-UNCERTAIN this node leads but has heard from no majority for 4.9 s: the command may have "
                     "been carried out,-CLUSTERDOWN this node leads but has heard from no majority for 4.9 s: "
                     "what it knows may be old; ask again,");
    send("GET a");
    turns(2, SIZE_MAX);
    cr_assert_not_null(strstr(heard(), "-CLUSTERDOWN"), "at once from then on");
    lease(1000);
    turns(2, SIZE_MAX);
    cr_assert_str_eq(node_fixture_say(&scene.at, "INCR n"), ":2", "it was");
    finish();
}

/* cluster C26, tenure P2, retract P1 */
Test(tenure, who_leads_no_more_says_so_to_all_who_wait)
{
    begin();
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET a 1"), "OK");
    lease(0);
    turns(1, 0);
    send("GET a");
    turns(1, 0);
    send("LRANGE none 0 -1");
    send("PING");
    send("SELECT 1");
    turns(1, 0);
    send("SET a 2");
    turns(1, 0);
    cr_assert_str_eq(heard(), "");
    order(ORDERS_FOLLOW, 2, 2);
    cr_assert_eq(replica()->shard.role, SHARD_FOLLOWING);
    cr_assert_str_eq(heard(),
                     "-CLUSTERDOWN this node does not lead any more: ask again,"
                     "-CLUSTERDOWN this node does not lead any more: ask again,PONG,OK,"
                     "-CLUSTERDOWN this node leads but has heard from no majority for 0.0 s; writes are refused "
                     "until it has,");
    scene.at.node->forward.options.on = false;
    send("SET a 3");
    turns(1, 0);
    cr_assert_str_eq(heard(), "-READONLY You can't write against a read only replica: node 2 leads, ask it,");
    finish();
}

Test(tenure, what_was_written_is_uncertain_and_who_waits_for_a_key_is_sent_away)
{
    begin();
    scene.at.node->forward.options.on = false;
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET a 1"), "OK");
    send("MULTI");
    send("INCR n");
    send("LRANGE none 0 -1");
    send("EXEC");
    send("BLPOP list 0");
    turns(1, 0);
    (void)heard();
    order(ORDERS_FOLLOW, 2, 2);
    cr_assert_str_eq(heard(), LOST "QUEUED,QUEUED," LOST "-UNBLOCKED this node does not lead any more: ask again,");
    turns(100, SIZE_MAX);
    cr_assert_str_eq(heard(), "", "and nothing comes behind it");
    cr_assert_str_eq(node_fixture_say(&scene.at, "GET a"), "\"1\"");
    finish();
}

/* retract P1, P2 */
Test(tenure, pushed_messages_stay_and_who_mixes_them_with_answers_is_closed)
{
    begin();
    cr_assert_not_null(node_fixture_say(&scene.at, "HELLO 3"));
    cr_assert_str_eq(node_fixture_say(&scene.at, "CLIENT TRACKING on"), "OK");
    cr_assert_str_eq(node_fixture_say(&scene.at, "GET a"), "nil");
    send("SET a 2");
    turns(1, 0);
    cr_assert_str_eq(heard(), "");
    order(ORDERS_FOLLOW, 2, 2);
    cr_assert_str_eq(heard(), LOST "(\"invalidate\" [\"a\"]),");
    finish();
    begin();
    send("SET a 2");
    send("SUBSCRIBE c");
    turns(1, 0);
    order(ORDERS_FOLLOW, 2, 2);
    cr_assert_null(scene.at.conn.user, "it is closed");
    cr_assert_str_eq(heard(), "");
    cr_assert_eq(scene.at.node->worker.meters.counts.retracted, 1);
    finish();
    begin();
    send("SET a 2");
    send("MULTI");
    send("GET a");
    turns(1, 0);
    order(ORDERS_FOLLOW, 2, 2);
    cr_assert_null(scene.at.conn.user, "it would not know whether it is in a transaction");
    finish();
}

/* tenure P2: a log that begins anew has numbers that an answer of before may wait for. */
Test(tenure, what_is_held_when_the_data_begin_anew_does_not_leave_later)
{
    struct complaint complaint;
    begin();
    send("SET a 2");
    turns(1, 0);
    cr_assert_str_eq(heard(), "");
    cr_assert_eq(replica_reload(replica(), &complaint), STATUS_OK, "%s", complaint.text);
    turns(20, SIZE_MAX);
    cr_assert_eq(replica()->shard.role, SHARD_FOLLOWING);
    cr_assert_str_eq(heard(), LOST);
    finish();
}

/* cluster C12, C26: a lease alone is not a majority that has the record. */
Test(tenure, at_level_quorum_nothing_leaves_that_no_majority_has)
{
    begin();
    quorum = true;
    order(ORDERS_LEAD, 1, 1);
    send("GET a");
    turns(1, SIZE_MAX);
    send("SET a 1");
    turns(4000, SIZE_MAX);
    cr_assert_str_eq(heard(), "", "the epoch's own record is on one disk of three");
    quorum = false;
    order(ORDERS_LEAD, 1, 1);
    cr_assert_str_eq(heard(), "nil,OK,", "at level local that is enough");
    quorum = true;
    order(ORDERS_LEAD, 1, 1);
    send("INCR n");
    turns(1, SIZE_MAX);
    send("GET a");
    turns(4900, SIZE_MAX);
    cr_assert_str_eq(heard(), "");
    turns(110, SIZE_MAX);
    cr_assert_str_eq(heard(),
                     "-UNCERTAIN this node leads but a majority has lacked what was written for 5.0 s: the "
                     "command may have been carried out,-CLUSTERDOWN this node leads but a majority has lacked "
                     "what was written for 5.0 s, and this would show some of it; ask again,");
    cr_assert_eq(replica()->shard.role, SHARD_FENCED);
    send("SET a 3");
    turns(2, SIZE_MAX);
    cr_assert_str_eq(heard(),
                     "-CLUSTERDOWN this node leads but a majority has lacked what was written for 5.0 s; writes "
                     "are refused until it has it,");
    (void)acks_add(&replica()->acks, 2, replica()->shard.tail.last_sequence);
    turns(3, SIZE_MAX);
    cr_assert_eq(replica()->shard.role, SHARD_LEADING);
    cr_assert_str_eq(node_fixture_say(&scene.at, "GET n"), "\"1\"");
    finish();
}

/* cluster C13: before it is told, a node does not know which level is the cluster's. */
Test(tenure, a_node_without_orders_shows_nothing_that_could_be_taken_back)
{
    begin();
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET a 1"), "OK");
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_counter(), geomys_module_deque()};
    node_fixture_close(&scene.at);
    orders_init(&scene.orders, NULL, &scene.clock);
    cr_assert_eq(node_fixture_start(&scene.at, modules, 3), STATUS_OK, "%s", scene.at.complaint.text);
    send("GET a");
    turns(500, SIZE_MAX);
    cr_assert_str_eq(heard(), "");
    order(ORDERS_FOLLOW, 2, 2);
    cr_assert_str_eq(heard(), "\"1\",", "level local: its own disk has it");
    finish();
}

/* ---- the settings, while it runs */

Test(config_set, forward_wait_ms)
{
    begin();
    cr_assert_str_eq(node_fixture_say(&scene.at, "CONFIG SET forward_wait_ms 200"), "OK");
    lease(2);
    turns(5, SIZE_MAX);
    send("GET a");
    turns(180, SIZE_MAX);
    cr_assert_str_eq(heard(), "");
    turns(40, SIZE_MAX);
    cr_assert_not_null(strstr(heard(), "-CLUSTERDOWN this node leads but has heard from no majority for 0.1 s"));
    finish();
}

Test(config_set, max_read_lag_ms)
{
    begin();
    cr_assert_str_eq(node_fixture_say(&scene.at, "SET a 1"), "OK");
    order(ORDERS_FOLLOW, 2, 2);
    cr_assert_str_eq(node_fixture_say(&scene.at, "CONFIG SET max_read_lag_ms 50 forward_wait_ms 100"), "OK");
    turns(200, SIZE_MAX);
    send("GET a");
    turns(2, SIZE_MAX);
    cr_assert_str_eq(heard(), "-CLUSTERDOWN node 1 has heard from no leader for 0.2 s: what it knows may be old "
                              "(max_read_lag_ms),");
    cr_assert_str_eq(node_fixture_say(&scene.at, "CONFIG SET max_read_lag_ms 0"), "OK");
    cr_assert_str_eq(node_fixture_say(&scene.at, "GET a"), "\"1\"", "never");
    finish();
}
