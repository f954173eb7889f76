/* SPDX-License-Identifier: MIT */

/* SELECT, MOVE, SWAPDB, COPY ... DB, FLUSHDB: what each client sees of each database, what is logged, and who hears. */
#include <criterion/criterion.h>

#include "shard/digest.h"
#include "support/shard_fixture.h"

static void open_two(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){0});
    expect_said(at, 0, "OK", "SET a zero");
    expect_said(at, 1, "OK", "SELECT 1");
    expect_said(at, 1, "OK", "SET a one");
}

/* ---- SELECT ---- */

Test(databases, each_client_sees_the_one_that_it_has_chosen)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 0, "\"zero\"", "GET a");
    expect_said(&at, 1, "\"one\"", "GET a");
    expect_said(&at, 1, "OK", "SET b only-here");
    expect_said(&at, 0, "nil", "GET b");
    expect_said(&at, 0, ":1", "DBSIZE");
    expect_said(&at, 1, ":2", "DBSIZE");
    expect_said(&at, 0, "[\"a\"]", "KEYS *");
    expect_said(&at, 0, "\"a\"", "RANDOMKEY");
    expect_said(&at, 0, "[\"0\" [\"a\"]]", "SCAN 0 COUNT 100");
    expect_said(&at, 2, "OK", "SELECT 15");
    expect_said(&at, 2, "nil", "RANDOMKEY");
    expect_said(&at, 2, ":0", "DBSIZE");
    expect_said(&at, 2, "OK", "SELECT 1");
    expect_said(&at, 2, "\"one\"", "GET a");
    expect_said(&at, 2, "RESET", "RESET");
    expect_said(&at, 2, "\"zero\"", "GET a");
    shard_fixture_close(&at);
}

Test(databases, numbers_that_are_none_are_refused)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 0, "-ERR DB index is out of range", "SELECT 16");
    expect_said(&at, 0, "-ERR DB index is out of range", "SELECT -1");
    expect_said(&at, 0, "-ERR value is not an integer or out of range", "SELECT x");
    expect_said(&at, 0, "-ERR DB index is out of range", "MOVE a 16");
    expect_said(&at, 0, "-ERR source and destination objects are the same", "MOVE a 0");
    expect_said(&at, 0, "-ERR DB index is out of range", "COPY a b DB 16");
    expect_said(&at, 0, "-ERR DB index is out of range", "SWAPDB 0 16");
    expect_said(&at, 0, "-ERR invalid first DB index", "SWAPDB x 1");
    expect_said(&at, 0, "-ERR invalid second DB index", "SWAPDB 1 x");
    expect_said(&at, 0, "\"zero\"", "GET a");
    shard_fixture_close(&at);
}

Test(databases, a_transaction_may_go_from_one_to_another)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "SET t 0");
    expect_said(&at, 0, "QUEUED", "SELECT 1");
    expect_said(&at, 0, "QUEUED", "GET a");
    expect_said(&at, 0, "QUEUED", "SET t 1");
    expect_said(&at, 0, "[OK OK \"one\" OK]", "EXEC");
    expect_said(&at, 0, "\"1\"", "GET t");
    expect_said(&at, 0, "OK", "SELECT 0");
    expect_said(&at, 0, "\"0\"", "GET t");
    shard_fixture_close(&at);
}

/* ---- MOVE, COPY ---- */

Test(databases, a_key_moves_with_its_expiry_if_its_place_is_free)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 0, ":0", "MOVE a 1");
    expect_said(&at, 0, ":0", "MOVE absent 1");
    expect_said(&at, 0, ":3", "RPUSH list x y z");
    expect_said(&at, 0, ":1", "PEXPIRE list 1000");
    expect_said(&at, 0, ":1", "MOVE list 1");
    expect_said(&at, 0, ":0", "EXISTS list");
    expect_said(&at, 1, ":1000", "PTTL list");
    expect_said(&at, 1, "[\"x\" \"y\" \"z\"]", "LRANGE list 0 -1");
    expect_said(&at, 1, "OK", "SET soon v PX 10");
    expect_said(&at, 0, "OK", "SET soon mine");
    shard_fixture_jump(&at, at.now_ms + 20); /* its time has come, and nobody has removed it */
    expect_said(&at, 0, ":1", "MOVE soon 1");
    expect_said(&at, 1, "\"mine\"", "GET soon");
    shard_fixture_pass(&at, 1000);
    expect_said(&at, 1, ":0", "EXISTS list");
    shard_fixture_close(&at);
}

Test(databases, a_copy_goes_to_another_one)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 0, ":0", "COPY a a DB 1");
    expect_said(&at, 0, ":1", "COPY a a DB 1 REPLACE");
    expect_said(&at, 1, "\"zero\"", "GET a");
    expect_said(&at, 0, ":1", "COPY a b DB 2");
    expect_said(&at, 0, "nil", "GET b");
    expect_said(&at, 0, "-ERR source and destination objects are the same", "COPY a a DB 0");
    expect_said(&at, 0, ":1", "COPY a b");
    expect_said(&at, 1, ":1", "COPY a c DB 0");
    expect_said(&at, 0, "\"zero\"", "GET c");
    shard_fixture_close(&at);
}

/* ---- SWAPDB, FLUSHDB ---- */

Test(databases, two_change_places_at_once_for_all_who_have_chosen_them)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 2, "OK", "SWAPDB 0 1");
    expect_said(&at, 0, "\"one\"", "GET a");
    expect_said(&at, 1, "\"zero\"", "GET a");
    expect_said(&at, 2, "OK", "SWAPDB 1 1");
    expect_said(&at, 2, "OK", "SWAPDB 0 9");
    expect_said(&at, 0, "nil", "GET a");
    expect_said(&at, 0, "OK", "SET new v");
    expect_said(&at, 2, "OK", "SELECT 9");
    expect_said(&at, 2, "\"one\"", "GET a");
    shard_fixture_close(&at);
}

Test(databases, one_is_flushed_or_all_are)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 1, "OK", "FLUSHDB");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 0, "\"zero\"", "GET a");
    expect_said(&at, 1, "OK", "SET a again");
    expect_said(&at, 0, "OK", "FLUSHALL");
    expect_said(&at, 1, "nil", "GET a");
    expect_said(&at, 0, "nil", "GET a");
    expect_said(&at, 1, "OK", "FLUSHDB"); /* there is nothing */
    shard_fixture_close(&at);
}

/* What each of them writes is one record, and a second shard comes to the same. */
Test(databases, what_was_done_is_done_again_from_the_log)
{
    struct shard_fixture at, again;
    shard_fixture_open(&at, &(struct shard_fixture_options){.log = true});
    shard_fixture_open(&again, &(struct shard_fixture_options){.seed = 9});
    static const char *const lines[] = {"SET a zero",
                                        "SELECT 3",
                                        "SET a three",
                                        "RPUSH list x y",
                                        "MOVE list 7",
                                        "SET gone v PX 5",
                                        "COPY a b DB 0",
                                        "SWAPDB 0 3",
                                        "SELECT 7",
                                        "LPUSH list w",
                                        "SELECT 5",
                                        "SET five v",
                                        "COPY five f DB 4",
                                        "RENAME five fifth",
                                        "SELECT 4",
                                        "FLUSHDB",
                                        "SET four 4",
                                        "SWAPDB 4 15",
                                        "PEXPIREAT four 99999999999999",
                                        /* nothing: it is in 15 now */ "SELECT 15",
                                        "PEXPIREAT four 99999999999999"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        (void)shard_fixture_say(&at, 0, "%s", lines[i]);
    }
    shard_fixture_pass(&at, 10);
    uint64_t digest = digest_shard(&at.shard);
    shard_fixture_replay(&at, &again);
    cr_expect_eq(digest_shard(&again.shard), digest);
    cr_expect_eq(shard_fixture_rebuilt_digest(&at.shard), digest);
    expect_said(&again, 0, "OK", "SELECT 7");
    expect_said(&again, 0, "[\"w\" \"x\" \"y\"]", "LRANGE list 0 -1");
    expect_said(&again, 0, "OK", "SELECT 3");
    expect_said(&again, 0, "\"zero\"", "GET a");
    expect_said(&at, 0, "OK", "SWAPDB 3 7");
    cr_expect_neq(digest_shard(&at.shard), digest, "the number counts");
    shard_fixture_close(&again);
    shard_fixture_close(&at);
}

/* ---- who watches, waits, listens ---- */

Test(databases, a_watched_key_is_one_of_its_database)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 0, "OK", "WATCH a");
    expect_said(&at, 1, "OK", "SET a changed");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "[]", "EXEC");
    expect_said(&at, 0, "OK", "WATCH a");
    expect_said(&at, 0, "OK", "SELECT 2");
    expect_said(&at, 2, "OK", "SET a changed");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "nil[]", "EXEC");
    expect_said(&at, 0, "OK", "WATCH a b"); /* of 2, where neither is */
    expect_said(&at, 1, "OK", "SWAPDB 2 3");
    expect_said(&at, 1, "OK", "SELECT 2");
    expect_said(&at, 1, "OK", "FLUSHDB");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "[]", "EXEC");
    expect_said(&at, 0, "OK", "WATCH a b");
    expect_said(&at, 1, "OK", "SWAPDB 2 0"); /* a is there now */
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "nil[]", "EXEC");
    expect_said(&at, 0, "OK", "WATCH a");
    expect_said(&at, 1, ":1", "MOVE a 5");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "nil[]", "EXEC");
    shard_fixture_close(&at);
}

Test(databases, who_waits_is_served_in_the_database_where_he_waits)
{
    struct shard_fixture at;
    open_two(&at);
    expect_said(&at, 1, "", "BLPOP q 0");
    expect_said(&at, 0, ":1", "RPUSH q zero");
    expect_heard(&at, 1, "");
    expect_said(&at, 0, ":1", "MOVE q 1");
    expect_heard(&at, 1, "[\"q\" \"zero\"]");
    expect_said(&at, 1, "", "BLPOP q 0");
    expect_said(&at, 0, "OK", "SELECT 6");
    expect_said(&at, 0, ":1", "RPUSH q six");
    expect_said(&at, 0, "OK", "SWAPDB 6 1");
    expect_heard(&at, 1, "[\"q\" \"six\"]");
    expect_said(&at, 1, "", "BLPOP q 0");
    expect_said(&at, 0, "OK", "SELECT 7");
    expect_said(&at, 0, ":1", "RPUSH q seven");
    expect_said(&at, 0, ":1", "COPY q q DB 1");
    expect_heard(&at, 1, "[\"q\" \"seven\"]");
    shard_fixture_close(&at);
}

Test(databases, events_say_which_one)
{
    struct shard_fixture at;
    open_two(&at);
    at.options.notify = notify_classes("KEA");
    shard_fixture_configure(&at);
    (void)shard_fixture_say(&at, 2, "PSUBSCRIBE __key*__:*");
    expect_said(&at, 1, "OK", "SET x v PX 5");
    expect_heard(&at, 2,
                 "[\"pmessage\" \"__key*__:*\" \"__keyspace@1__:x\" \"set\"] | [\"pmessage\" \"__key*__:*\" "
                 "\"__keyevent@1__:set\" \"x\"] | [\"pmessage\" \"__key*__:*\" \"__keyspace@1__:x\" \"expire\"] | "
                 "[\"pmessage\" \"__key*__:*\" \"__keyevent@1__:expire\" \"x\"]");
    shard_fixture_pass(&at, 10);
    expect_heard(&at, 2,
                 "[\"pmessage\" \"__key*__:*\" \"__keyspace@1__:x\" \"expired\"] | [\"pmessage\" \"__key*__:*\" "
                 "\"__keyevent@1__:expired\" \"x\"]");
    at.options.notify = notify_classes("EA");
    shard_fixture_configure(&at);
    expect_said(&at, 1, ":1", "MOVE a 4");
    expect_heard(&at, 2,
                 "[\"pmessage\" \"__key*__:*\" \"__keyevent@1__:move_from\" \"a\"] | [\"pmessage\" \"__key*__:*\" "
                 "\"__keyevent@4__:move_to\" \"a\"]");
    expect_said(&at, 0, ":1", "COPY a c DB 9");
    expect_heard(&at, 2, "[\"pmessage\" \"__key*__:*\" \"__keyevent@9__:copy_to\" \"c\"]");
    shard_fixture_close(&at);
}

/* Invalidations name keys without their database, so a swap is told as a flush is. */
Test(databases, who_keeps_copies_hears_of_a_swap)
{
    struct shard_fixture at;
    open_two(&at);
    (void)shard_fixture_say(&at, 0, "HELLO 3");
    expect_said(&at, 0, "OK", "CLIENT TRACKING ON");
    expect_said(&at, 0, "\"zero\"", "GET a");
    expect_said(&at, 1, "OK", "SET a again"); /* the same name */
    expect_heard(&at, 0, "(\"invalidate\" [\"a\"])");
    expect_said(&at, 0, "\"zero\"", "GET a");
    expect_said(&at, 1, "OK", "SWAPDB 2 3");
    expect_heard(&at, 0, "(\"invalidate\" nil)");
    shard_fixture_close(&at);
}

/* ---- the host's own decisions ---- */

Test(databases, keys_are_evicted_and_expire_in_all_of_them)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    for (int i = 0; i < 3000; i++) {
        (void)shard_fixture_say(&at, 0, "SELECT %d", i % 3);
        (void)shard_fixture_say(&at, 0, "SETRANGE k%d 200 v", i); /* more than their places in the tables take */
    }
    struct evict_options options = {.limit = ledger_memory(&at.shard.databases.ledger) / 2,
                                    .policy = EVICT_ALL_RECENCY};
    evict_configure(&at.shard, &options);
    for (int i = 0; i < 10; i++) {
        shard_fixture_pass(&at, 1);
    }
    cr_expect_leq(ledger_memory(&at.shard.databases.ledger), options.limit);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t left = databases_see(&at.shard.databases, i)->table.count;
        uint64_t all = at.shard.databases.ledger.keys;
        cr_expect(left > all / 6 && left < all / 2, "%u: %llu", i, (unsigned long long)left);
    }
    options.limit = 0;
    evict_configure(&at.shard, &options);
    for (int i = 0; i < 16; i++) {
        (void)shard_fixture_say(&at, 0, "SELECT %d", i);
        (void)shard_fixture_say(&at, 0, "SET soon v PX %d", 100 + i);
    }
    uint64_t before = at.shard.databases.ledger.keys;
    shard_fixture_pass(&at, 107);
    cr_expect_eq(at.shard.databases.ledger.keys, before - 8);
    shard_fixture_pass(&at, 100);
    cr_expect_eq(at.shard.databases.ledger.keys, before - 16);
    shard_fixture_close(&at);
}

Test(databases, damaged_and_frozen_values_are_counted_where_they_are)
{
    struct shard_fixture full, plain;
    shard_fixture_open(&full, &(struct shard_fixture_options){.log = true});
    shard_fixture_open(&plain, &(struct shard_fixture_options){.without = SHARD_FIXTURE_DEQUE});
    expect_said(&full, 0, "OK", "SELECT 2");
    expect_said(&full, 0, ":1", "RPUSH list x");
    expect_said(&full, 0, "OK", "SELECT 3");
    expect_said(&full, 0, ":1", "RPUSH list x");
    shard_fixture_replay(&full, &plain);
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 2);
    expect_said(&plain, 0, "OK", "SELECT 2");
    expect_said(&plain, 0, ":1", "MOVE list 8");
    expect_said(&plain, 0, "OK", "SELECT 8");
    expect_said(&plain, 0, "geomys.deque/1", "TYPE list");
    expect_said(&plain, 0, "OK", "FLUSHDB");
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 1);
    cr_expect_eq(digest_shard(&plain.shard), shard_fixture_rebuilt_digest(&plain.shard));
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

/* source I4 */
Test(databases, records_of_those_that_are_not_there_are_not_carried_out_and_counted_to_the_end)
{
    struct shard_fixture at;
    struct complaint complaint = {""};
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    cr_expect_eq(source_lack(&at.source, &complaint), STATUS_OK);
    static const uint16_t numbers[] = {15, 16, 300, 20, 0};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct record record = {.sequence = i + 1, .epoch = 1, .op = RECORD_OP_FLUSH_DATABASE, .database = numbers[i]};
        cr_assert_eq(at.source.sink.accept(&at.source.sink, &record, &complaint), STATUS_OK);
    }
    cr_expect_eq(source_lack(&at.source, &complaint), STATUS_REFUSED);
    cr_expect_not_null(strstr(complaint.text, "keys in database 300"), "%s", complaint.text);
    cr_expect_not_null(strstr(complaint.text, "--databases=301"), "%s", complaint.text);
    shard_fixture_close(&at);
}
