/* SPDX-License-Identifier: MIT */

/* test_expiry.c - that a key's time has come is decided once, by whoever leads, and is a record like any other. */
#include <criterion/criterion.h>

#include "shard/digest.h"
#include "support/shard_fixture.h"

Test(expiry, removed_by_nobodys_command_and_logged_once)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET a 1 PX 100");
    expect_records(&at, "string a @1000100 fresh");
    cr_expect_eq(turn_next_ms(&at.worker), at.monotonic_ms + 100);
    shard_fixture_pass(&at, 99);
    expect_records(&at, "");
    shard_fixture_pass(&at, 1);
    expect_records(&at, "expired a removes");
    shard_fixture_pass(&at, 1000);
    expect_records(&at, "");
    cr_expect_eq(at.shard.stats.expired, 1);
    cr_expect_eq(turn_next_ms(&at.worker), INT64_MAX);
    shard_fixture_close(&at);
}

/* Found before its turn: by a read, by a write, twice in one command. */
Test(expiry, removed_by_whoever_finds_it_and_logged_once)
{
    static const struct {
        const char *line, *heard, *records;
    } finders[] = {
        {"GET a", "nil", "expired a removes"},
        {"EXISTS a a a", ":0", "expired a removes"},
        {"SET a 2", "OK", "expired a removes; string a fresh"},
        {"SET a 2 KEEPTTL", "OK", "expired a removes; string a fresh keep"},
        {"APPEND a 2", ":1", "expired a removes; string a fresh"},
        {"SET a 2 XX", "nil", "expired a removes"},
        {"DEL a", ":0", "expired a removes"},
        {"PERSIST a", ":0", "expired a removes"},
        {"RENAME a b", "-ERR no such key", "expired a removes"},
        {"RPUSH a x", ":1", "expired a removes; deque a fresh"},
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (size_t i = 0; i < sizeof finders / sizeof finders[0]; i++) {
        expect_said(&at, 0, "OK", "FLUSHALL");
        expect_said(&at, 0, "OK", "SET a 1 PX 100");
        (void)shard_fixture_records(&at);
        shard_fixture_jump(&at, at.now_ms + 100);
        expect_said(&at, 0, finders[i].heard, "%s", finders[i].line);
        expect_records(&at, finders[i].records);
    }
    shard_fixture_close(&at);
}

Test(expiry, a_reader_of_the_log_decides_nothing)
{
    struct shard_fixture at, copy;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    shard_fixture_open(&copy, &(struct shard_fixture_options){.seed = 1});
    expect_said(&at, 0, "OK", "SET a 1 PX 100");
    copy.shard.role = SHARD_LOADING;
    shard_fixture_replay(&at, &copy);
    shard_fixture_pass(&copy, 5000);
    cr_expect_not_null(shard_fixture_entry(&copy, "a"), "while it reads, its clock says nothing");
    expect_records(&copy, "");
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    copy.shard.role = SHARD_ALONE;
    shard_fixture_pass(&copy, 0);
    expect_records(&copy, "expired a removes");
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

Test(expiry, many_at_once_are_removed_a_slice_per_turn)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (int i = 0; i < 1000; i++) {
        expect_said(&at, 0, "OK", "SET key%d v PX 100", i);
    }
    turn_begin(&at.worker, at.now_ms + 100, at.monotonic_ms + 100);
    cr_expect(turn_end(&at.worker), "there is more to do at once");
    cr_expect_gt(at.shard.databases.ledger.keys, 500);
    cr_expect_lt(at.shard.databases.ledger.keys, 1000);
    shard_fixture_pass(&at, 100);
    expect_said(&at, 0, ":0", "DBSIZE");
    cr_expect_eq(at.shard.stats.expired, 1000);
    shard_fixture_close(&at);
}

/* ---- default_expiry ---- */

Test(expiry, values_written_without_one_get_the_default)
{
    static const struct {
        const char *before, *line, *ttl; /* `before`, then 40 ms, then the line */
    } stories[] = {
        {"PING", "SET k v", ":100"},
        {"PING", "INCR k", ":100"},
        {"PING", "LPUSH k v", ":100"},
        {"PING", "APPEND k v", ":100"},
        {"PING", "MSET k v", ":100"},
        {"PING", "SETBIT k 7 1", ":100"},
        {"PING", "SET k v PX 30", ":30"},
        {"SET k v", "SET k w", ":100"},
        {"SET k v PX 5000", "SET k w", ":100"},
        {"RPUSH k v", "SET k w", ":100"},
        {"SET k v", "SET k w KEEPTTL", ":60"},
        {"SET k v PX 5000", "SET k w KEEPTTL", ":4960"},
        {"INCR k", "INCR k", ":60"},
        {"SET k 1", "INCR k", ":60"},
        {"RPUSH k v", "LPUSH k w", ":60"},
        {"SET k v", "APPEND k w", ":60"},
        {"SET j v", "RENAME j k", ":60"},
        {"SET j v", "COPY j k", ":60"},
        {"SET k v PX 5000", "PERSIST k", ":-1"},
        {"RPUSH j v", "LMOVE j k LEFT LEFT", ":100"},
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.default_expiry_ms = 100});
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        (void)shard_fixture_say(&at, 0, "FLUSHALL");
        (void)shard_fixture_say(&at, 0, "%s", stories[i].before);
        shard_fixture_pass(&at, 40);
        cr_expect_neq(shard_fixture_say(&at, 0, "%s", stories[i].line)[0], '-', "%s", stories[i].line);
        const char *ttl = shard_fixture_say(&at, 0, "PTTL k");
        cr_expect_str_eq(ttl, stories[i].ttl, "%s, %s: %s", stories[i].before, stories[i].line, ttl);
    }
    shard_fixture_close(&at);
}

/* cmd_keys I1 */
/* What was persisted stays so when it is renamed, copied or changed. */
Test(expiry, the_default_is_for_new_values_only)
{
    struct shard_fixture at, copy;
    shard_fixture_open(&at, &(struct shard_fixture_options){.default_expiry_ms = 100});
    shard_fixture_open(&copy, &(struct shard_fixture_options){.seed = 8});
    expect_said(&at, 0, ":1", "RPUSH list a");
    expect_said(&at, 0, ":1", "PERSIST list");
    expect_said(&at, 0, ":2", "RPUSH list b");
    expect_said(&at, 0, "OK", "RENAME list moved");
    expect_said(&at, 0, ":1", "COPY moved copy");
    expect_said(&at, 0, ":-1", "PTTL moved");
    expect_said(&at, 0, ":-1", "PTTL copy");
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard),
                 "the record says it, not the reader's configuration");
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

/* ---- times that have passed, clocks that jump ---- */

Test(expiry, a_time_that_has_passed_is_a_deletion)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.default_expiry_ms = 100});
    expect_said(&at, 0, "OK", "SET a 1 PXAT 1000000");
    expect_records(&at, "");
    expect_said(&at, 0, "nil", "GET a");
    expect_said(&at, 0, "OK", "SET a 1");
    (void)shard_fixture_records(&at);
    expect_said(&at, 0, "OK", "SET a 2 PXAT 999999");
    expect_records(&at, "delete a removes");
    expect_said(&at, 0, "OK", "SET a 1 PXAT 1000001");
    expect_records(&at, "string a @1000001 fresh");
    expect_said(&at, 0, ":1", "EXPIREAT a 5");
    expect_records(&at, "delete a removes");
    expect_said(&at, 0, ":0", "EXISTS a");
    shard_fixture_close(&at);
}

Test(expiry, a_clock_that_jumps_back)
{
    struct shard_fixture at, copy;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    shard_fixture_open(&copy, &(struct shard_fixture_options){.seed = 2});
    expect_said(&at, 0, "OK", "SET a 1 PX 100");
    expect_said(&at, 0, "OK", "SET b 1 PX 5000");
    shard_fixture_pass(&at, 100);
    expect_said(&at, 0, "nil", "GET a");
    shard_fixture_jump(&at, SHARD_FIXTURE_START_MS - 1000);
    expect_said(&at, 0, "nil", "GET a"); /* what is gone is gone */
    expect_said(&at, 0, ":6000", "PTTL b");
    expect_said(&at, 0, "OK", "SET a 2 PX 100");
    shard_fixture_pass(&at, 99);
    expect_said(&at, 0, "\"2\"", "GET a");
    shard_fixture_pass(&at, 1);
    expect_said(&at, 0, "nil", "GET a");
    shard_fixture_jump(&at, 0);
    expect_said(&at, 0, "OK", "SET c 1 PX 1");
    expect_said(&at, 0, ":1005000", "PTTL b");
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}
