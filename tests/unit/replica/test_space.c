/* SPDX-License-Identifier: MIT */

/* A disk that is full: what rescues has space of its own, and lack of space never prevents a start. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "log/segment.h"
#include "log/snapshot.h"
#include "replica/reserve.h"
#include "support/node_fixture.h"

const struct gm_module *geomys_module_kv(void);

#define KIB ((uint64_t)1024)

static enum status start(struct node_fixture *at)
{
    const struct gm_module *modules[] = {geomys_module_kv()};
    return node_fixture_start(at, modules, 1);
}

static void begin(struct node_fixture *at, uint64_t reserve, uint64_t limit)
{
    node_fixture_init(at, 11);
    at->config.disk_reserve = (int64_t)reserve;
    at->config.wal_segment_size = 64 * 1024;
    sim_disk_limit(at->sim, limit);
    cr_assert_eq(start(at), STATUS_OK, "%s", at->complaint.text);
}

static unsigned count(struct node_fixture *at, bool (*parse)(const char *, uint64_t *))
{
    unsigned count = 0;
    uint64_t sequence;
    for (size_t i = 0; sim_disk_name(at->sim, i) != NULL; i++) {
        count += parse(sim_disk_name(at->sim, i), &sequence);
    }
    return count;
}

static bool has_reserve(struct node_fixture *at)
{
    return sim_disk_contents(at->sim, RESERVE_NAME).data != NULL;
}

static bool logged(struct node_fixture *at, const char *text)
{
    return at->log.data != NULL && strstr((const char *)at->log.data, text) != NULL;
}

static bool is_full(const char *said)
{
    return said == NULL || strstr(said, "DISKFULL") != NULL;
}

/* Turns, and seconds, until writes are taken again. */
static bool recovers(struct node_fixture *at)
{
    for (unsigned i = 0; i < 60; i++) {
        const char *said = node_fixture_say(at, "SET probe %u", i);
        if (said != NULL && strcmp(said, "OK") == 0) {
            return true;
        }
        at->now_ms += 500;
        at->monotonic_ms += 500;
        for (unsigned turns = 0; turns < 50; turns++) {
            node_fixture_turn(at, 4);
        }
    }
    return false;
}

/* Overwrites one key until it is refused or has been written `most` times. */
static unsigned overwrite(struct node_fixture *at, unsigned most)
{
    unsigned n = 0;
    const char *said = "OK";
    while (n < most && said != NULL && strcmp(said, "OK") == 0) {
        said = node_fixture_say(at, "SET k %01000u", ++n);
    }
    return n;
}

Test(space, a_reserve_is_written_for_real_and_is_there_after_a_start)
{
    struct node_fixture at;
    begin(&at, 256 * KIB, UINT64_MAX);
    node_fixture_settle(&at);
    struct gm_bytes file = sim_disk_contents(at.sim, RESERVE_NAME);
    cr_assert_eq(file.size, 256 * KIB);
    unsigned zeros = 0;
    for (size_t i = 0; i < file.size; i++) {
        zeros += file.data[i] == 0;
    }
    cr_expect_lt(zeros, file.size / 100, "nothing that could be left out");
    node_fixture_close(&at);
    sim_disk_cut(at.sim, RESERVE_NAME, 1000); /* a crash while it was made */
    cr_assert_eq(start(&at), STATUS_OK);
    node_fixture_settle(&at);
    cr_expect_eq(sim_disk_contents(at.sim, RESERVE_NAME).size, 256 * KIB);
    node_fixture_close(&at);
    at.config.disk_reserve = 0;
    cr_assert_eq(start(&at), STATUS_OK);
    node_fixture_settle(&at);
    cr_expect_not(has_reserve(&at), "0: none");
    node_fixture_finish(&at);
}

/* One key overwritten: nearly all of the log is superfluous, but there is no space for the snapshot that would say so.
 */
Test(space, a_log_that_fills_the_disk_makes_its_own_room)
{
    struct node_fixture at;
    begin(&at, 256 * KIB, 2048 * KIB);
    for (unsigned written = 0; written < 6000;) {
        written += overwrite(&at, 6000 - written);
        cr_assert(recovers(&at), "after %u", written);
    }
    cr_expect_geq(count(&at, snapshot_name_parse), 1u);
    cr_expect_lt(count(&at, segment_name_parse), 40u);
    node_fixture_finish(&at);
}

Test(space, it_recovers_by_itself_after_the_refusals)
{
    struct node_fixture at;
    begin(&at, 256 * KIB, 2048 * KIB);
    for (unsigned round = 0; round < 4; round++) {
        (void)overwrite(&at, 3000);
        cr_expect(recovers(&at), "round %u", round);
        node_fixture_settle(&at);
    }
    node_fixture_settle(&at);
    cr_expect(recovers(&at));
    for (unsigned i = 0; i < 30 && !has_reserve(&at); i++) {
        at.monotonic_ms += 500;
        node_fixture_turn(&at, 4);
        node_fixture_settle(&at);
    }
    cr_expect(has_reserve(&at), "it is made again");
    node_fixture_finish(&at);
}

/* The other way round: the older snapshot and its log stand where the next one should go. */
Test(space, the_older_snapshot_goes_once_the_newer_was_read_back)
{
    struct node_fixture at;
    begin(&at, 0, UINT64_MAX);
    for (unsigned i = 0; i < 300; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET k%u %01000u", i, i), "OK");
    }
    cr_assert_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    cr_assert_str_eq(node_fixture_say(&at, "SET a 1"), "OK");
    cr_assert_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    node_fixture_settle(&at);
    cr_assert_eq(count(&at, snapshot_name_parse), 2u);
    cr_assert_str_eq(node_fixture_say(&at, "SET b 1"), "OK");
    sim_disk_limit(at.sim, sim_disk_used(at.sim) + 200 * KIB);
    (void)node_fixture_say(&at, "SAVE"); /* there is no room for a third */
    node_fixture_settle(&at);
    cr_expect(logged(&at, "no space left"));
    for (unsigned i = 0; i < 50 && !logged(&at, "made: "); i++) {
        at.monotonic_ms += 100;
        node_fixture_turn(&at, 4);
    }
    node_fixture_settle(&at);
    cr_expect(logged(&at, "read back whole"), "%s", (const char *)at.log.data);
    cr_expect_eq(at.node->replica.saver.failed, false, "tried again at once: %s", (const char *)at.log.data);
    node_fixture_close(&at);
    cr_assert_eq(start(&at), STATUS_OK, "%s", at.complaint.text);
    cr_expect_str_eq(node_fixture_say(&at, "MGET a b"), "[\"1\" \"1\"]");
    node_fixture_finish(&at);
}

Test(space, a_newer_snapshot_that_is_damaged_lets_nothing_go)
{
    struct node_fixture at;
    begin(&at, 0, UINT64_MAX);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert_str_eq(node_fixture_say(&at, "SET a %u%0500u", i, i), "OK");
        cr_assert_str_eq(node_fixture_say(&at, "SAVE"), "OK");
    }
    node_fixture_settle(&at);
    char name[DISK_NAME_MAX];
    snapshot_name(at.node->replica.saver.newest, name);
    sim_disk_flip(at.sim, name, 200 * 8);
    cr_assert_str_eq(node_fixture_say(&at, "SET b 1"), "OK");
    sim_disk_fault(at.sim, SIM_NO_SPACE, 1, 20);
    (void)node_fixture_say(&at, "SAVE");
    for (unsigned i = 0; i < 100; i++) {
        node_fixture_turn(&at, 4);
    }
    cr_expect_not(logged(&at, "read back whole"));
    cr_expect_eq(count(&at, snapshot_name_parse), 2u, "%s", (const char *)at.log.data);
    node_fixture_finish(&at);
}

/* A torn tail, and not a byte for its copy. */
static void tear_and_fill(struct node_fixture *at)
{
    node_fixture_settle(at);
    const char *name = "wal-00000000000000000001.log";
    struct gm_bytes old = sim_disk_contents(at->sim, name);
    size_t end = old.size;
    while (end > 0 && old.data[end - 1] == 0) {
        end--;
    }
    uint8_t *bytes = calloc(1, old.size + 4096);
    memcpy(bytes, old.data, old.size);
    memset(bytes + (end + 511) / 512 * 512, 0x55, 40); /* a group that was under way, without its first sector */
    size_t size = old.size;
    node_fixture_stop(at);
    sim_disk_kill(at->sim);
    sim_disk_put(at->sim, name, (struct gm_bytes){bytes, size});
    free(bytes);
}

Test(space, none_for_the_copy_of_a_torn_tail_is_a_start_all_the_same)
{
    struct node_fixture at;
    begin(&at, 0, UINT64_MAX);
    cr_assert_str_eq(node_fixture_say(&at, "SET a 1"), "OK");
    tear_and_fill(&at);
    sim_disk_limit(at.sim, sim_disk_used(at.sim));
    cr_assert_eq(start(&at), STATUS_OK, "%s", at.complaint.text);
    cr_expect(logged(&at, "writes are refused until there is space"), "%s", (const char *)at.log.data);
    cr_expect_str_eq(node_fixture_say(&at, "GET a"), "\"1\"");
    cr_expect(is_full(node_fixture_say(&at, "SET a 2")));
    const char *said = node_fixture_say(&at, "SAVE");
    cr_expect(said != NULL && strstr(said, "make room") != NULL, "%s", said);
    said = node_fixture_say(&at, "INFO persistence");
    cr_expect(said != NULL && strstr(said, "log_disk_full:1") != NULL, "%s", said);
    sim_disk_limit(at.sim, UINT64_MAX);
    cr_expect(recovers(&at));
    cr_expect(logged(&at, "there is space on the disk again"));
    cr_expect_not_null(sim_disk_contents(at.sim, "torn-00000000000000000003-1.log").data);
    node_fixture_close(&at);
    cr_assert_eq(start(&at), STATUS_OK);
    cr_expect_str_eq(node_fixture_say(&at, "GET a"), "\"1\"");
    node_fixture_finish(&at);
}

Test(space, a_start_takes_the_reserve_for_it)
{
    struct node_fixture at;
    begin(&at, 128 * KIB, UINT64_MAX);
    cr_assert_str_eq(node_fixture_say(&at, "SET a 1"), "OK");
    node_fixture_settle(&at);
    cr_assert(has_reserve(&at));
    tear_and_fill(&at);
    sim_disk_limit(at.sim, sim_disk_used(at.sim));
    cr_assert_eq(start(&at), STATUS_OK, "%s", at.complaint.text);
    cr_expect(logged(&at, "is given up"));
    cr_expect_not_null(sim_disk_contents(at.sim, "torn-00000000000000000003-1.log").data);
    cr_expect_str_eq(node_fixture_say(&at, "GET a"), "\"1\"");
    node_fixture_finish(&at);
}

Test(space, none_at_the_first_start_is_a_start_all_the_same)
{
    struct node_fixture at;
    node_fixture_init(&at, 3);
    sim_disk_limit(at.sim, 0);
    cr_assert_eq(start(&at), STATUS_OK, "%s", at.complaint.text);
    cr_expect_str_eq(node_fixture_say(&at, "GET a"), "nil");
    cr_expect(is_full(node_fixture_say(&at, "SET a 2")));
    sim_disk_limit(at.sim, UINT64_MAX);
    cr_expect(recovers(&at));
    node_fixture_finish(&at);
}
