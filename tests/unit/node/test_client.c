/* SPDX-License-Identifier: MIT */

/* test_client.c - what a connection is allowed while the disk does not follow. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/memory.h"
#include "support/node_fixture.h"

#define VALUE       500000
#define BACKLOG_MAX ((size_t)4 * 1024 * 1024)

const struct gm_module *geomys_module_kv(void);

static char *make_set(void)
{
    static const char head[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000\r\n";
    char *line = memory_zeroed(sizeof head + VALUE);
    memcpy(line, head, sizeof head - 1);
    memset(line + sizeof head - 1, 'x', VALUE);
    return line;
}

static void write_until_too_much_waits(struct node_fixture *at, const char *set)
{
    for (unsigned sent = 0; at->conn.input.size == 0; sent++) {
        cr_assert_lt(sent, 1000u);
        node_fixture_send(at, set);
        node_fixture_turn(at, 0);
    }
}

/* client I1: what waits for space does not get less, and nothing is added to it. */
Test(client, reads_go_on_while_too_much_waits_for_space)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    static struct node_fixture at;
    node_fixture_init(&at, 3);
    cr_assert_eq(node_fixture_start(&at, modules, 1), STATUS_OK, "%s", at.complaint.text);
    at.node->backlog_max = BACKLOG_MAX;
    cr_assert_str_eq(node_fixture_say(&at, "SET before 1"), "OK");
    char *set = make_set();
    sim_disk_limit(at.sim, sim_disk_used(at.sim) + 100000);
    write_until_too_much_waits(&at, set);
    node_fixture_settle(&at);
    cr_assert(wal_full(at.node->replica.wal));
    cr_assert_gt(replica_backlog(&at.node->replica), BACKLOG_MAX);
    cr_expect_eq(at.conn.input.size, 0, "what was left lying is taken, and refused");
    struct session *session = container_of(at.node->worker.sessions.all.next, struct session, all);
    cr_expect_not_null(memmem(session->out.data, session->out.size, "-DISKFULL", 9));
    sim_disk_limit(at.sim, UINT64_MAX);
    for (unsigned i = 0; i < 10000 && replica_backlog(&at.node->replica) > 0; i++) {
        node_fixture_turn(&at, SIZE_MAX);
    }
    cr_expect_eq(replica_backlog(&at.node->replica), 0);
    memory_free(set);
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

Test(client, gives_no_input_while_too_much_waits_for_the_disk)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    static struct node_fixture at;
    node_fixture_init(&at, 3);
    cr_assert_eq(node_fixture_start(&at, modules, 1), STATUS_OK, "%s", at.complaint.text);
    char *set = make_set();
    unsigned sent = 0;
    cr_assert_eq(at.node->backlog_max, NODE_BACKLOG_MAX);
    at.node->backlog_max = BACKLOG_MAX;
    while (at.conn.input.size == 0) { /* until one is left lying */
        cr_assert_lt(sent, 1000u);
        cr_assert_leq(replica_backlog(&at.node->replica), BACKLOG_MAX + VALUE + 1000); /* client I1 */
        node_fixture_send(&at, set);
        node_fixture_turn(&at, 0); /* the disk stands still */
        sent++;
    }
    cr_expect_gt(replica_backlog(&at.node->replica), BACKLOG_MAX);
    uint64_t last = at.node->replica.shard.tail.last_sequence;
    for (unsigned i = 0; i < 10; i++) {
        node_fixture_turn(&at, 0);
    }
    cr_expect_eq(at.node->replica.shard.tail.last_sequence, last, "nothing is taken");
    while (at.conn.input.size > 0) {
        node_fixture_turn(&at, 1);
    }
    node_fixture_settle(&at);
    cr_expect_eq(at.node->replica.shard.tail.last_sequence, last + 1);
    cr_expect_eq(at.conn.output.size, sent * sizeof "+OK\r\n" - sent);
    memory_free(set);
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

static void after_a_second(struct node_fixture *at)
{
    at->now_ms += 999;
    at->monotonic_ms += 999;
    node_fixture_turn(at, 0);
}

/* The system takes bytes in leaps of megabytes; a peer that reads a little each second is not stalled. */
Test(client, who_reads_slowly_is_not_stalled)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    static struct node_fixture at;
    node_fixture_init(&at, 3);
    at.config.client_stall_s = 10;
    cr_assert_eq(node_fixture_start(&at, modules, 1), STATUS_OK, "%s", at.complaint.text);
    cr_assert_str_eq(node_fixture_say(&at, "SETRANGE big 2999999 x"), ":3000000");
    at.conn.room = 1000;
    at.conn.untaken = 1000;
    node_fixture_send(&at, "GET big");
    node_fixture_turn(&at, 0);
    cr_assert_eq(at.conn.output.size, 1000);
    for (unsigned i = 0; i < 100; i++) {
        at.conn.untaken -= i % 8 == 0;
        after_a_second(&at);
        cr_assert_not_null(at.conn.user, "it was cut after %u s", i + 1);
    }
    unsigned left_s = 0;
    for (; at.conn.user != NULL && left_s < 20; left_s++) {
        after_a_second(&at);
    }
    cr_expect(left_s >= 6 && left_s <= 11, "one that takes nothing more was cut %u s later", left_s);
    cr_expect_not_null(strstr((const char *)at.log.data, "it has read nothing for client_stall_s"));
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

/* `printf 'KEYS *' | nc`: nothing more comes, and the answer is still being made. */
Test(client, who_sends_nothing_more_gets_the_answer_that_takes_several_turns)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    static struct node_fixture at;
    node_fixture_init(&at, 3);
    cr_assert_eq(node_fixture_start(&at, modules, 1), STATUS_OK, "%s", at.complaint.text);
    for (unsigned i = 0; i < 20000; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "SET k%05u v", i);
        node_fixture_send(&at, line);
    }
    node_fixture_settle(&at);
    buf_clear(&at.conn.output, 0);
    node_fixture_send(&at, "KEYS *");
    node_fixture_turn(&at, 0);
    cr_assert_eq(at.conn.output.size, 0);
    at.conn.ops->on_eof(at.conn.user);
    for (unsigned i = 0; i < 1000 && at.conn.user != NULL; i++) {
        node_fixture_turn(&at, 0);
    }
    cr_expect_null(at.conn.user, "it ends");
    cr_expect_eq(memcmp(at.conn.output.data, "*20000\r\n", 8), 0);
    cr_expect_eq(at.conn.output.size, 8 + 20000 * (sizeof "$6\r\nk00000\r\n" - 1));
    node_fixture_close(&at);
    node_fixture_finish(&at);
}
