/* SPDX-License-Identifier: MIT */

/* A replica reads its files again while its clients stay. */
#include <criterion/criterion.h>

#include "serve/pipeline.h"
#include "serve/sessions.h"
#include "shard/digest.h"
#include "support/node_fixture.h"

const struct gm_module *geomys_module_kv(void);
const struct gm_module *geomys_module_deque(void);

static void start(struct node_fixture *at)
{
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_deque()};
    node_fixture_init(at, 5);
    cr_assert_eq(node_fixture_start(at, modules, 2), STATUS_OK, "%s", at->complaint.text);
}

static void say(struct node_fixture *at, struct session *session, const char *line)
{
    size_t wants;
    struct gm_bytes bytes = gm_bytes_of(line);
    node_turn(at->node, at->now_ms, at->monotonic_ms);
    cr_assert_eq(pipeline_input(session, bytes.data, bytes.size, &wants), bytes.size);
    list_remove(&session->dirty);
}

/* What the session was told since the last time. */
static void expect_told(struct node_fixture *at, struct session *session, const char *told)
{
    size_t size = session_releasable(session);
    struct gm_bytes bytes = {session->out.data + session->sent, size};
    cr_expect(gm_bytes_equal(bytes, gm_bytes_of(told)), "told '%.*s' instead of '%s'", (int)size,
              (const char *)bytes.data, told);
    session_sent(session, size);
    list_remove(&session->dirty);
    (void)at;
}

/* Turns until it serves. */
static void load(struct node_fixture *at)
{
    for (unsigned turns = 0; at->node->replica.state == REPLICA_LOADING; turns++) {
        cr_assert_lt(turns, 1000);
        cr_assert_neq(at->node->state, NODE_FAILED, "%s", at->node->complaint.text);
        node_fixture_turn(at, 1);
    }
}

static void reload(struct node_fixture *at)
{
    struct complaint complaint;
    cr_assert_eq(replica_reload(&at->node->replica, &complaint), STATUS_OK, "%s", complaint.text);
    cr_expect_eq(shard_refusal(&at->node->replica.shard), SHARD_IS_LOADING); /* replica I1 */
}

Test(replica, its_data_are_there_again_and_the_log_goes_on)
{
    struct node_fixture at;
    start(&at);
    cr_expect_str_eq(node_fixture_say(&at, "SET a 1"), "OK");
    cr_expect_str_eq(node_fixture_say(&at, "RPUSH l x y"), ":2");
    uint64_t digest = digest_shard(&at.node->replica.shard);
    uint64_t last = at.node->replica.shard.tail.last_sequence;
    for (unsigned round = 0; round < 3; round++) {
        reload(&at);
        load(&at);
        cr_expect_eq(digest_shard(&at.node->replica.shard), digest);
        cr_expect_eq(at.node->replica.shard.tail.last_sequence, last);
        cr_expect_str_eq(node_fixture_say(&at, "GET a"), "\"1\"");
    }
    cr_expect_str_eq(node_fixture_say(&at, "SET b 2"), "OK");
    node_fixture_close(&at);
    const struct gm_module *modules[] = {geomys_module_kv(), geomys_module_deque()};
    cr_assert_eq(node_fixture_start(&at, modules, 2), STATUS_OK);
    cr_expect_str_eq(node_fixture_say(&at, "MGET a b"), "[\"1\" \"2\"]");
    node_fixture_finish(&at);
}

Test(replica, clients_stay_and_hear_that_it_loads)
{
    struct node_fixture at;
    start(&at);
    struct session *watcher = sessions_open(&at.node->worker, 1001);
    struct session *tracker = sessions_open(&at.node->worker, 1002);
    cr_expect_str_eq(node_fixture_say(&at, "SET a 1"), "OK");
    say(&at, watcher, "WATCH a not-there\r\nMULTI\r\nGET a\r\n");
    expect_told(&at, watcher, "+OK\r\n+OK\r\n+QUEUED\r\n");
    say(&at, tracker, "CLIENT TRACKING ON\r\nGET a\r\n");
    tracker->caller.resp3 = true;
    expect_told(&at, tracker, "+OK\r\n$1\r\n1\r\n");
    node_fixture_send(&at, "BLPOP l 0");
    node_fixture_turn(&at, 1);

    reload(&at);
    say(&at, tracker, "GET a\r\nSET a 2\r\nPING\r\n");
    expect_told(
        &at, tracker,
        ">2\r\n$10\r\ninvalidate\r\n_\r\n-LOADING Geomys is loading the dataset in memory\r\n"
        "-LOADING Geomys is loading the dataset in memory\r\n-LOADING Geomys is loading the dataset in memory\r\n");
    load(&at);
    say(&at, watcher, "EXEC\r\n");
    expect_told(&at, watcher, "*-1\r\n");
    cr_expect_eq(at.conn.output.size, 0, "it waits on");
    say(&at, watcher, "RPUSH l x\r\nSET b 1\r\n");
    node_fixture_settle(&at);
    cr_expect(gm_bytes_equal(buf_bytes(&at.conn.output), BYTES("*2\r\n$1\r\nl\r\n$1\r\nx\r\n")));
    buf_clear(&at.conn.output, SIZE_MAX);
    expect_told(&at, watcher, ":1\r\n+OK\r\n");
    cr_expect_str_eq(node_fixture_say(&at, "GET a"), "\"1\"");
    sessions_close(watcher);
    sessions_close(tracker);
    node_fixture_finish(&at);
}

/* Who waits for the disk is asked again only when there is a log again: no log at the moment is not "no log". */
Test(replica, who_waits_for_the_disk_waits_on)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    struct node_fixture at;
    node_fixture_init(&at, 6);
    at.config.persistence = CONFIG_PERSISTENCE_BUFFERED;
    cr_assert_eq(node_fixture_start(&at, modules, 1), STATUS_OK, "%s", at.complaint.text);
    for (unsigned i = 0; i < 3000; i++) { /* enough for several turns of loading */
        cr_assert_str_eq(node_fixture_say(&at, "SET large%u %04000u", i, i), "OK");
    }
    node_fixture_settle(&at); /* so that "no log" is not what it was tried at the last time */
    cr_expect_str_eq(node_fixture_say(&at, "BGSAVE"), "Background saving started");
    node_fixture_send(&at, "SET a 2");
    node_fixture_send(&at, "WAITAOF 1 0 0");
    while (at.conn.output.size == 0) {
        node_fixture_turn(&at, 1); /* written, not synced */
    }
    cr_expect(gm_bytes_equal(buf_bytes(&at.conn.output), BYTES("+OK\r\n")));
    buf_clear(&at.conn.output, SIZE_MAX);
    cr_assert(saver_is_busy(&at.node->replica.saver));
    reload(&at); /* SAVE would hear that it has been given up */
    node_fixture_turn(&at, 0);
    cr_assert_eq(at.node->replica.state, REPLICA_LOADING);
    cr_expect_eq(at.conn.output.size, 0, "'%.*s'", (int)at.conn.output.size, (const char *)at.conn.output.data);
    load(&at);
    node_fixture_settle(&at);
    cr_expect(gm_bytes_equal(buf_bytes(&at.conn.output), BYTES("*2\r\n:1\r\n:0\r\n")), "'%.*s'",
              (int)at.conn.output.size, (const char *)at.conn.output.data);
    node_fixture_finish(&at);
}

/* A snapshot under way is given up, and nothing of it is taken for one. */
Test(replica, a_snapshot_under_way_is_given_up)
{
    struct node_fixture at;
    start(&at);
    for (unsigned i = 0; i < 300; i++) {
        cr_assert_not_null(node_fixture_say(&at, "RPUSH large %04000u", i));
    }
    uint64_t digest = digest_shard(&at.node->replica.shard);
    cr_expect_str_eq(node_fixture_say(&at, "BGSAVE"), "Background saving started");
    cr_assert(at.node->replica.shard.sweep.active);
    reload(&at);
    cr_expect(!at.node->replica.shard.sweep.active);
    load(&at);
    cr_expect_eq(digest_shard(&at.node->replica.shard), digest);
    cr_expect_eq(at.node->replica.saver.newest, 0);
    cr_expect_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    reload(&at);
    load(&at);
    cr_expect_eq(digest_shard(&at.node->replica.shard), digest);
    cr_expect_gt(at.node->replica.saver.newest, 0);
    node_fixture_finish(&at);
}

/* replica I2 */
Test(replica, damage_found_then_ends_it_for_ever)
{
    struct node_fixture at;
    start(&at);
    cr_expect_str_eq(node_fixture_say(&at, "SET a 1"), "OK");
    cr_expect_str_eq(node_fixture_say(&at, "SET b 2"), "OK");
    node_fixture_settle(&at);
    struct complaint complaint;
    cr_assert_eq(replica_close(&at.node->replica, &complaint), STATUS_OK);
    sim_disk_flip(at.sim, "wal-00000000000000000001.log", 100);
    enum status status = replica_reload(&at.node->replica, &complaint);
    for (unsigned i = 0; i < 100 && status == STATUS_OK && at.node->state != NODE_FAILED; i++) {
        node_fixture_turn(&at, 1);
    }
    cr_expect(status != STATUS_OK || at.node->state == NODE_FAILED);
    node_fixture_finish(&at);
}
