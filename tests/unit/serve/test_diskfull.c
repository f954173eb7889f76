/* SPDX-License-Identifier: MIT */

/* test_diskfull.c - a disk without space: writes are refused by name, what is not affected goes on, nothing
 * acknowledged is lost. */
#include <criterion/criterion.h>

#include "support/shard_fixture.h"

/* Writes into the room that the log has prepared, until there is none: the answer to the last one is held. */
static void fill(struct shard_fixture *at)
{
    sim_disk_limit(at->sim, sim_disk_used(at->sim));
    static char value[60001];
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < 1000 && !wal_full(at->wal); i++) {
        const char *heard = shard_fixture_say(at, 0, "SET written %s", value);
        cr_assert_str_eq(heard, wal_full(at->wal) ? "" : "OK");
    }
    cr_assert(wal_full(at->wal));
}

static void free_space(struct shard_fixture *at)
{
    sim_disk_limit(at->sim, UINT64_MAX);
    for (int i = 0; i < 100 && wal_full(at->wal); i++) {
        shard_fixture_pass(at, 100);
    }
    cr_assert_not(wal_full(at->wal), "it recovers by itself");
}

Test(diskfull, writes_are_refused_until_there_is_space_again)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true});
    expect_said(&at, 0, "OK", "SET before 1");
    fill(&at);
    expect_begins(&at, 1, "-DISKFULL", "SET a 1");
    expect_begins(&at, 1, "-DISKFULL", "DEL before");
    expect_begins(&at, 1, "-DISKFULL", "RPUSH q a");
    expect_begins(&at, 1, "-DISKFULL", "FLUSHALL");
    expect_said(&at, 1, "\"1\"", "GET before");
    expect_said(&at, 1, "PONG", "PING");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 2, "", "STRLEN written"); /* what it would show may be lost yet */
    free_space(&at);
    expect_heard(&at, 0, "OK");
    expect_heard(&at, 2, ":60000");
    expect_said(&at, 1, "OK", "SET a 1");
    expect_said(&at, 1, ":3", "DBSIZE");
    shard_fixture_close(&at);
}

Test(diskfull, transactions_that_write_and_transactions_that_read)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true});
    expect_said(&at, 0, "OK", "SET before 1");
    expect_said(&at, 3, "OK", "MULTI");
    expect_said(&at, 3, "QUEUED", "SET a 1");
    expect_said(&at, 3, "QUEUED", "SET b 1");
    fill(&at);
    expect_begins(&at, 3, "-EXECABORT", "EXEC"); /* wholly or not at all */
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 1, "QUEUED", "GET before");
    expect_said(&at, 1, "[\"1\"]", "EXEC");
    free_space(&at);
    expect_said(&at, 1, ":0", "EXISTS a b");
    shard_fixture_close(&at);
}

/* While no decision can be logged, none is taken: a key whose time has come is absent, and is removed later. */
Test(diskfull, expiry_is_put_off)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true});
    expect_said(&at, 0, "OK", "SET soon 1 PX 100");
    fill(&at);
    (void)shard_fixture_records(&at);
    shard_fixture_jump(&at, at.now_ms + 100);
    expect_said(&at, 1, "nil", "GET soon");
    expect_said(&at, 1, ":0", "EXISTS soon");
    expect_records(&at, "");
    cr_expect_not_null(shard_fixture_entry(&at, "soon"));
    free_space(&at);
    shard_fixture_pass(&at, 0);
    expect_records(&at, "expired soon removes");
    cr_expect_null(shard_fixture_entry(&at, "soon"));
    shard_fixture_close(&at);
}

Test(diskfull, who_waits_goes_on_waiting_and_may_time_out)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true});
    expect_said(&at, 1, "", "BLPOP q 0.05");
    expect_said(&at, 2, "", "BLPOP q 0");
    fill(&at);
    expect_begins(&at, 3, "-DISKFULL", "RPUSH q a");
    expect_begins(&at, 3, "-DISKFULL", "BLPOP q 0");
    shard_fixture_pass(&at, 50);
    expect_heard(&at, 1, "nil[]");
    free_space(&at);
    expect_said(&at, 3, ":1", "RPUSH q a");
    expect_heard(&at, 2, "[\"q\" \"a\"]");
    shard_fixture_close(&at);
}
