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
        shard_fixture_sync(at);
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
    expect_begins(&at, 2, "-DISKFULL", "STRLEN written"); /* what it would show may be lost yet */
    free_space(&at);
    expect_heard(&at, 0, "OK");
    expect_said(&at, 2, ":60000", "STRLEN written");
    expect_said(&at, 1, "OK", "SET a 1");
    expect_said(&at, 1, ":3", "DBSIZE");
    shard_fixture_close(&at);
}

/* Whatever it is: it says something, at once. */
static bool is_refused(struct shard_fixture *at, const char *format, const char *key)
{
    char line[100];
    (void)snprintf(line, sizeof line, format, key);
    const char *heard = shard_fixture_say(at, 1, "%s", line);
    cr_expect_neq(heard[0], '\0', "%s hangs", line);
    return heard[0] == '-';
}

/* No read waits for space (gate I1, call I2): of all keys it shows what is in memory, of a key whose last change waits
 * it says so. */
Test(diskfull, reads_answer)
{
    static const char *const of_all_keys[] = {"KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE"};
    static const char *const of_a_key[] = {
        "GET %s",        "STRLEN %s",          "EXISTS %s",       "TYPE %s", "TTL %s",
        "PTTL %s",       "EXPIRETIME %s",      "TOUCH %s",        "MGET %s", "SUBSTR %s 0 1",
        "LRANGE %s 0 1", "WATCH %s",           "GETRANGE %s 0 1", "LLEN %s", "BITPOS %s 1",
        "BITCOUNT %s",   "OBJECT ENCODING %s",
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true});
    expect_said(&at, 0, "OK", "SET before 1");
    expect_said(&at, 0, ":1", "RPUSH list 1");
    fill(&at);
    for (size_t i = 0; i < sizeof of_all_keys / sizeof *of_all_keys; i++) {
        cr_expect_not(is_refused(&at, of_all_keys[i], ""), "%s", of_all_keys[i]);
    }
    expect_said(&at, 1, ":3", "DBSIZE");
    for (size_t i = 0; i < sizeof of_a_key / sizeof *of_a_key; i++) {
        bool of_a_list = of_a_key[i][0] == 'L';
        cr_expect(is_refused(&at, of_a_key[i], "written"), "%s", of_a_key[i]);
        cr_expect_not(is_refused(&at, of_a_key[i], of_a_list ? "list" : "before"), "%s", of_a_key[i]);
    }
    expect_said(&at, 1, "OK", "UNWATCH");
    expect_said(&at, 1, "OK", "MULTI");
    expect_said(&at, 1, "QUEUED", "DBSIZE");
    expect_said(&at, 1, "QUEUED", "GET before");
    expect_said(&at, 1, "[:3 \"1\"]", "EXEC");
    free_space(&at);
    expect_said(&at, 1, ":60000", "STRLEN written");
    shard_fixture_close(&at);
}

/* What was under way when the space ended: an answer about all keys goes, one about a change waits with that change. */
Test(diskfull, reads_that_came_before_it_was_known)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true, .held = true});
    expect_said(&at, 0, "", "SET before 1");
    shard_fixture_sync(&at);
    expect_heard(&at, 0, "OK");
    sim_disk_limit(at.sim, sim_disk_used(at.sim));
    char value[60001];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    expect_said(&at, 0, "", "SET written %s", value);
    expect_said(&at, 1, "", "DBSIZE");
    expect_said(&at, 2, "", "STRLEN written");
    expect_said(&at, 2, "", "KEYS *");
    shard_fixture_sync(&at);
    cr_assert(wal_full(at.wal));
    expect_heard(&at, 0, "");
    expect_heard(&at, 1, ":2");
    expect_heard(&at, 2, "");
    free_space(&at);
    shard_fixture_sync(&at);
    expect_heard(&at, 0, "OK");
    expect_heard(&at, 2, ":60000 | [\"before\" \"written\"]");
    shard_fixture_close(&at);
}

/* Whoever has waited for a key whose last change is not durable hears that, when the time is over. */
Test(diskfull, who_times_out_at_a_key_that_waits)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true, .held = true});
    expect_said(&at, 0, "", "RPUSH q a");
    shard_fixture_sync(&at);
    expect_heard(&at, 0, ":1");
    sim_disk_limit(at.sim, sim_disk_used(at.sim));
    char value[60001];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    expect_said(&at, 1, "", "SET written %s", value);
    expect_said(&at, 0, "", "LPOP q");
    expect_said(&at, 2, "", "BLPOP q 0.01");
    shard_fixture_sync(&at);
    cr_assert(wal_full(at.wal));
    shard_fixture_pass(&at, 50);
    const char *heard = shard_fixture_hear(&at, 2);
    cr_expect_eq(strncmp(heard, "-DISKFULL", 9), 0, "%s", heard);
    free_space(&at);
    shard_fixture_close(&at);
}

/* The same for all that passes: no descriptor, no memory, a limit of the file's size. */
Test(diskfull, reads_answer_while_the_log_is_held_by_something_else)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true, .held = true});
    sim_disk_lacking(at.sim, STATUS_FILE_LIMIT);
    sim_disk_fault(at.sim, SIM_LACKING, 1, 1000);
    expect_said(&at, 0, "", "SET written 1");
    shard_fixture_sync(&at);
    cr_assert_neq(wal_lack(at.wal), STATUS_OK);
    expect_said(&at, 1, ":1", "DBSIZE");
    expect_begins(&at, 1, "-MISCONF", "GET written");
    expect_begins(&at, 1, "-MISCONF", "SET a 1");
    expect_said(&at, 1, "nil", "GET nothing");
    sim_disk_fault(at.sim, SIM_LACKING, 0, 0);
    shard_fixture_pass(&at, 2000);
    shard_fixture_sync(&at);
    expect_heard(&at, 0, "OK");
    expect_said(&at, 1, "\"1\"", "GET written");
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
