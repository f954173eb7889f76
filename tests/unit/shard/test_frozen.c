/* SPDX-License-Identifier: MIT */

/* test_frozen.c - values whose module is absent: everything but reading works, and nothing is lost.
 *
 * One shard (full) has all modules and writes the history; the other (plain) is without the deque and is given that
 * history. */
#include <criterion/criterion.h>

#include "shard/digest.h"
#include "shard/frozen.h"
#include "support/shard_fixture.h"

static void open_plain(struct shard_fixture *plain)
{
    shard_fixture_open(plain, &(struct shard_fixture_options){.without = SHARD_FIXTURE_DEQUE, .seed = 3});
}

static void open_full(struct shard_fixture *full)
{
    shard_fixture_open(full, &(struct shard_fixture_options){0});
}

/* Carries on: what `from` wrote since the last time. */
static void give(struct shard_fixture *from, struct shard_fixture *into)
{
    shard_fixture_replay(from, into);
    buf_clear(&from->history, 0);
    from->told = 0;
}

static unsigned count_records(const struct entry *entry)
{
    unsigned count = 0;
    size_t at = 0;
    struct frozen_record record;
    while (frozen_next(entry, &at, &record)) {
        count++;
    }
    return count;
}

Test(frozen, records_are_kept_in_order_and_clients_are_told_why)
{
    struct shard_fixture full, plain;
    open_full(&full);
    open_plain(&plain);
    expect_said(&full, 0, ":2", "RPUSH list a b");
    expect_said(&full, 0, "OK", "SET text v");
    give(&full, &plain);
    const struct entry *entry = shard_fixture_entry(&plain, "list");
    cr_assert_not_null(entry);
    cr_expect_eq(entry->flags & (ENTRY_FROZEN | ENTRY_DAMAGED), ENTRY_FROZEN);
    cr_expect_eq(count_records(entry), 1);
    expect_said(&full, 0, ":3", "LPUSH list c");
    expect_said(&full, 0, "\"b\"", "RPOP list");
    give(&full, &plain);
    cr_expect_eq(count_records(shard_fixture_entry(&plain, "list")), 3);
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 1);
    expect_begins(&plain, 0, "-MODMISSING", "GET list");
    expect_begins(&plain, 0, "-MODMISSING", "SET list v");
    expect_begins(&plain, 0, "-MODMISSING", "INCR list");
    expect_begins(&plain, 0, "-ERR unknown command", "LLEN list");
    expect_said(&plain, 0, "\"v\"", "GET text");
    expect_said(&plain, 0, ":2", "DBSIZE");
    cr_expect_eq(plain.damages, 0);
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

/* The author says in the record that the value is gone: who cannot apply it relies on that. */
Test(frozen, the_last_element_takes_the_key_with_it)
{
    struct shard_fixture full, plain;
    open_full(&full);
    open_plain(&plain);
    expect_said(&full, 0, ":1", "RPUSH list a");
    expect_said(&full, 0, ":1", "RPUSH kept a");
    expect_said(&full, 0, "\"a\"", "LPOP list");
    expect_records(&full, "deque list fresh; deque kept fresh; deque list removes");
    give(&full, &plain);
    expect_said(&plain, 0, "[\"kept\"]", "KEYS *");
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 1);
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

Test(frozen, expiry_rename_copy_and_deletion)
{
    struct shard_fixture full, plain;
    open_full(&full);
    open_plain(&plain);
    expect_said(&full, 0, ":3", "RPUSH list a b c");
    give(&full, &plain);
    expect_said(&plain, 0, ":1", "PEXPIRE list 1000");
    expect_said(&plain, 0, ":1", "COPY list copy");
    expect_said(&plain, 0, ":1000", "PTTL copy");
    expect_said(&plain, 0, ":1", "PERSIST copy");
    expect_said(&plain, 0, "OK", "SET text v");
    expect_said(&plain, 0, "OK", "RENAME copy text");
    expect_said(&plain, 0, ":0", "EXISTS copy");
    expect_said(&plain, 0, ":1", "COPY text list REPLACE");
    expect_said(&plain, 0, ":-1", "PTTL list");
    expect_said(&plain, 0, ":1", "PEXPIRE list 1000");
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 2);
    cr_expect_eq(shard_fixture_rebuilt_digest(&plain.shard), digest_shard(&plain.shard));
    shard_fixture_pass(&plain, 1000);
    expect_said(&plain, 0, "[\"text\"]", "KEYS *");
    expect_said(&plain, 0, ":1", "DEL text");
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 0);
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

/* Read by a host that has the module, the same history is alive: also what was written while it was absent. */
Test(frozen, it_thaws)
{
    struct shard_fixture full, plain, again;
    open_full(&full);
    open_plain(&plain);
    open_full(&again);
    for (int i = 0; i < 300; i++) {
        expect_said(&full, 0,
                    i % 3 == 2   ? "\"v\""
                    : i % 3 == 0 ? ":1"
                                 : ":2",
                    i % 3 == 2 ? "LPOP list" : "RPUSH list v");
        if (i % 3 == 2) {
            expect_said(&full, 0, "\"v\"", "LPOP list");
        }
    }
    expect_said(&full, 0, ":5", "RPUSH list a b c d e");
    shard_fixture_replay(&full, &plain);
    expect_said(&plain, 0, ":1", "PEXPIRE list 5000");
    expect_said(&plain, 0, "OK", "RENAME list moved");
    expect_said(&plain, 0, ":1", "COPY moved copy");
    /* first what full has written, then what plain has written on top */
    shard_fixture_replay(&full, &again);
    shard_fixture_replay(&plain, &again);
    expect_said(&again, 0, "[\"a\" \"b\" \"c\" \"d\" \"e\"]", "LRANGE moved 0 -1");
    expect_said(&again, 0, "[\"a\" \"b\" \"c\" \"d\" \"e\"]", "LRANGE copy 0 -1");
    expect_said(&again, 0, ":5000", "PTTL copy");
    expect_said(&again, 0, ":0", "EXISTS list");
    cr_expect_eq(databases_frozen(&again.shard.databases).frozen, 0);
    cr_expect_eq(again.damages, 0);
    shard_fixture_close(&again);
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

/* Two hosts without the module agree, whatever their tables look like; and with one more record no longer. */
Test(frozen, the_digest_sees_the_records)
{
    struct shard_fixture full, plain, other;
    open_full(&full);
    open_plain(&plain);
    shard_fixture_open(&other,
                       &(struct shard_fixture_options){.without = SHARD_FIXTURE_DEQUE | SHARD_FIXTURE_KV, .seed = 9});
    for (int i = 0; i < 200; i++) {
        expect_said(&full, 0, ":2", "RPUSH list%d a %d", i, i);
        expect_said(&full, 0, "OK", "SET text%d %d", i, i);
    }
    shard_fixture_replay(&full, &plain);
    shard_fixture_replay(&full, &other);
    cr_expect_eq(databases_frozen(&other.shard.databases).frozen, 400);
    cr_expect_eq(shard_fixture_rebuilt_digest(&plain.shard), digest_shard(&plain.shard));
    cr_expect_eq(shard_fixture_rebuilt_digest(&other.shard), digest_shard(&other.shard));
    uint64_t before = digest_shard(&plain.shard);
    struct record record = {.op = 1, .key = BYTES("list7"), .body = BYTES("")};
    cr_expect_eq(shard_fixture_accept(&plain, "geomys.deque/1", record), STATUS_OK);
    cr_expect_neq(digest_shard(&plain.shard), before);
    expect_said(&plain, 0, "OK", "FLUSHALL");
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 0);
    expect_said(&plain, 0, ":0", "DBSIZE");
    shard_fixture_close(&other);
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}

/* A record of a type that is loaded, for a value of one that is not: damaged, like any other that does not fit. */
Test(frozen, a_record_of_another_type)
{
    struct shard_fixture full, plain;
    open_full(&full);
    open_plain(&plain);
    expect_said(&full, 0, ":1", "RPUSH list a");
    give(&full, &plain);
    struct record record = {.op = 2, .key = BYTES("list"), .body = BYTES("x")};
    cr_expect_eq(shard_fixture_accept(&plain, "geomys.string/1", record), STATUS_OK);
    cr_expect_eq(plain.damages, 1);
    expect_begins(&plain, 0, "-DAMAGED", "GET list");
    expect_said(&plain, 0, ":1", "DEL list");
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}
