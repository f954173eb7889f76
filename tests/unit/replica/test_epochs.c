/* SPDX-License-Identifier: MIT */

/* test_epochs.c - a whole node, started again and again: each start that writes begins an epoch, one that does not
 * changes no history, and what is found on the disk must be one history. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "log/mark.h"
#include "log/segment.h"
#include "log/snapshot.h"
#include "support/node_fixture.h"

const struct gm_module *geomys_module_kv(void);

static enum status start(struct node_fixture *at)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    return node_fixture_start(at, modules, 1);
}

static void begin(struct node_fixture *at)
{
    cr_assert_eq(start(at), STATUS_OK, "%s", at->complaint.text);
}

static void expect_answer(struct node_fixture *at, const char *line, const char *wanted)
{
    const char *said = node_fixture_say(at, "%s", line);
    cr_assert_not_null(said, "%s", line);
    cr_assert_str_eq(said, wanted, "%s", line);
}

static const struct tail *tail_of(const struct node_fixture *at)
{
    return &at->node->replica.shard.tail;
}

/* "1:1 2:4": each epoch, and the record that begins it. */
static void expect_epochs(const struct node_fixture *at, const char *wanted)
{
    char said[256] = "";
    const struct epochs *epochs = &tail_of(at)->epochs;
    for (uint32_t i = 0; i < epochs->count; i++) {
        size_t size = strlen(said);
        (void)snprintf(said + size, sizeof said - size, "%s%llu:%llu", i > 0 ? " " : "",
                       (unsigned long long)epochs->list[i].epoch, (unsigned long long)epochs->list[i].first);
        cr_assert_eq(epochs->list[i].leader, 1, "a node without a cluster is node 1");
    }
    cr_assert_str_eq(said, wanted);
}

Test(epochs, begin_with_the_first_write_of_each_start_and_with_nothing_else)
{
    struct node_fixture at;
    node_fixture_init(&at, 1);
    begin(&at);
    expect_epochs(&at, "");
    cr_assert_eq(tail_of(&at)->last_sequence, 0);
    expect_answer(&at, "GET a", "nil");
    expect_answer(&at, "DEL a", ":0");
    expect_answer(&at, "MULTI", "OK");
    expect_answer(&at, "GET a", "QUEUED");
    expect_answer(&at, "DEL a", "QUEUED");
    expect_answer(&at, "EXEC", "[nil :0]");
    expect_epochs(&at, "");
    cr_assert_eq(tail_of(&at)->last_sequence, 0, "what changes nothing leaves no trace");
    expect_answer(&at, "SET a 1", "OK");
    expect_answer(&at, "SET a 2", "OK");
    expect_epochs(&at, "1:1");
    cr_assert_eq(tail_of(&at)->last_sequence, 3);
    node_fixture_close(&at);
    for (int reads = 0; reads < 3; reads++) {
        begin(&at);
        expect_epochs(&at, "1:1");
        expect_answer(&at, "GET a", "\"2\"");
        cr_assert_eq(tail_of(&at)->last_sequence, 3);
        node_fixture_close(&at);
    }
    begin(&at);
    expect_answer(&at, "SET b 1", "OK");
    expect_epochs(&at, "1:1 2:4");
    node_fixture_stop(&at); /* killed */
    begin(&at);
    expect_epochs(&at, "1:1 2:4");
    expect_answer(&at, "PEXPIRE b 60000", ":1");
    expect_epochs(&at, "1:1 2:4 3:6");
    node_fixture_close(&at);
    begin(&at);
    at.now_ms += 60000;
    node_fixture_settle(&at);
    expect_answer(&at, "EXISTS b", ":0");
    expect_epochs(&at, "1:1 2:4 3:6 4:8"); /* the host writes too: the key has expired */
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

Test(epochs, begin_on_a_full_disk_when_there_is_space_again)
{
    struct node_fixture at;
    node_fixture_init(&at, 2);
    begin(&at);
    expect_answer(&at, "SET a 1", "OK");
    node_fixture_close(&at);
    sim_disk_limit(at.sim, 0); /* it holds what it holds, and takes no byte more */
    begin(&at);
    expect_answer(&at, "GET a", "\"1\"");
    expect_epochs(&at, "1:1");
    node_fixture_close(&at);
    begin(&at);
    static char large[60001];
    memset(large, 'x', sizeof large - 1);
    char line[sizeof large + 16];
    (void)snprintf(line, sizeof line, "SET b %s", large);
    node_fixture_send(&at, line);
    node_fixture_settle(&at);
    expect_epochs(&at, "1:1 2:3");
    cr_assert(wal_full(at.node->replica.wal), "the batch that begins it waits for space");
    sim_disk_limit(at.sim, UINT64_MAX);
    for (int i = 0; i < 100 && wal_full(at.node->replica.wal); i++) {
        node_fixture_settle(&at);
    }
    cr_assert_eq(wal_synced(at.node->replica.wal), 4);
    node_fixture_close(&at);
    begin(&at);
    expect_epochs(&at, "1:1 2:3");
    expect_answer(&at, "STRLEN b", ":60000");
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

static void snapshot(struct node_fixture *at)
{
    expect_answer(at, "BGSAVE", "Background saving started");
    node_fixture_settle(at);
}

/* Removes the files of the log, or those of the snapshots. */
static void remove_files(struct sim_disk *sim, bool logs)
{
    for (size_t i = 0; sim_disk_name(sim, i) != NULL;) {
        const char *name = sim_disk_name(sim, i);
        uint64_t number;
        bool of_log = segment_name_parse(name, &number) || strcmp(name, MARK_NAME) == 0;
        if (logs ? of_log : snapshot_name_parse(name, &number)) {
            sim_disk_delete(sim, name);
        } else {
            i++;
        }
    }
}

Test(epochs, are_known_from_a_snapshot_alone)
{
    struct node_fixture at;
    node_fixture_init(&at, 3);
    for (int life = 0; life < 3; life++) {
        begin(&at);
        expect_answer(&at, "SET a 1", "OK");
        if (life == 2) {
            snapshot(&at);
        }
        node_fixture_close(&at);
    }
    remove_files(at.sim, true);
    begin(&at);
    expect_epochs(&at, "3:5"); /* older ones are in no file any more */
    expect_answer(&at, "SET a 2", "OK");
    expect_epochs(&at, "3:5 4:7");
    node_fixture_close(&at);
    begin(&at); /* the segment that begins behind the snapshot has the table */
    expect_epochs(&at, "3:5 4:7");
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

/* What the log has let go, the table lets go. */
Test(epochs, that_are_older_than_all_snapshots_are_forgotten)
{
    struct node_fixture at;
    node_fixture_init(&at, 4);
    for (int life = 0; life < 5; life++) {
        begin(&at);
        expect_answer(&at, "SET a 1", "OK");
        snapshot(&at);
        node_fixture_close(&at);
    }
    begin(&at);
    expect_epochs(&at, "4:7 5:9"); /* the older snapshot is of record 8 */
    node_fixture_close(&at);
    node_fixture_finish(&at);
}

/* The snapshot of one life and the log of another: each is good, and they are not one history. */
Test(epochs, of_a_snapshot_and_of_a_log_must_be_the_same)
{
    struct node_fixture one;
    struct node_fixture other;
    char name[DISK_NAME_MAX];
    node_fixture_init(&one, 5);
    node_fixture_init(&other, 6);
    for (int life = 0; life < 2; life++) {
        begin(&one);
        expect_answer(&one, "SET a 1", "OK");
        expect_answer(&one, "SET a 2", "OK");
        node_fixture_close(&one);
    }
    begin(&other); /* as many records, in one epoch */
    for (int i = 0; i < 5; i++) {
        expect_answer(&other, "SET a 1", "OK");
    }
    cr_assert_eq(tail_of(&other)->last_sequence, 6);
    snapshot(&other);
    node_fixture_close(&other);
    snapshot_name(6, name);
    sim_disk_put(one.sim, name, sim_disk_contents(other.sim, name));
    cr_assert_eq(start(&one), STATUS_CORRUPT);
    cr_assert_not_null(strstr(one.complaint.text, "the snapshot has other epochs: it is of another log"), "%s",
                       one.complaint.text);
    node_fixture_stop(&one);
    remove_files(one.sim, false);
    begin(&one);
    expect_epochs(&one, "1:1 2:4");
    node_fixture_close(&one);
    node_fixture_finish(&one);
    node_fixture_finish(&other);
}
