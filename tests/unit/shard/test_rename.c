/* SPDX-License-Identifier: MIT */

/* A value goes over to another key as it is: one short record, no copy, the same here, at a follower and after a
 * crash. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "log/record.h"
#include "shard/digest.h"
#include "support/shard_fixture.h"

#define LARGE ((size_t)3 * 1024 * 1024)

static void set_large(struct shard_fixture *at, const char *key)
{
    uint8_t *text = malloc(LARGE + 256);
    int head = snprintf((char *)text, 256, "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(key), key, LARGE);
    memset(text + head, 'v', LARGE);
    memcpy(text + head + LARGE, "\r\n", 2);
    size_t size = (size_t)head + LARGE + 2;
    cr_assert_eq(shard_fixture_send(at, 3, (struct gm_bytes){text, size}), size);
    expect_heard(at, 3, "OK");
    free(text);
}

/* rename P2: the run of bytes lies where it lay, and the record is as long as its keys. */
Test(rename, a_large_value_is_not_copied_and_not_logged_again)
{
    struct shard_fixture at;
    struct shard_fixture copy;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    shard_fixture_open(&copy, &(struct shard_fixture_options){.registry = at.registry});
    set_large(&at, "source");
    const uint8_t *value = entry_value(shard_fixture_entry(&at, "source"));
    (void)shard_fixture_records(&at);
    size_t before = at.history.size;
    uint64_t bytes = at.shard.databases.ledger.total.bytes;
    expect_said(&at, 0, "OK", "RENAME source target");
    expect_records(&at, "rename source removes");
    cr_expect_lt(at.history.size - before, 128);
    cr_expect_eq(entry_value(shard_fixture_entry(&at, "target")), value);
    cr_expect_null(shard_fixture_entry(&at, "source"));
    cr_expect_leq(at.shard.databases.ledger.total.bytes, bytes + 64);
    expect_said(&at, 0, ":1", "PEXPIRE target 1000"); /* nor is it for an expiry */
    cr_expect_eq(entry_value(shard_fixture_entry(&at, "target")), value);
    expect_said(&at, 0, ":1", "RENAMENX target a-longer-name");
    cr_expect_eq(entry_value(shard_fixture_entry(&at, "a-longer-name")), value);
    expect_said(&at, 0, ":1000", "PTTL a-longer-name");
    shard_fixture_replay(&at, &copy); /* as recovery does */
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    shard_fixture_pass(&at, 1000);
    expect_said(&at, 0, ":0", "DBSIZE"); /* the heap of expiries has followed */
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

Test(rename, what_the_target_held_goes_with_its_expiry_and_values_of_every_form_move)
{
    struct shard_fixture at;
    struct shard_fixture copy;
    shard_fixture_open(&at, &(struct shard_fixture_options){.default_expiry_ms = 5000});
    shard_fixture_open(&copy, &(struct shard_fixture_options){.registry = at.registry});
    for (int i = 0; i < 300; i++) {
        (void)shard_fixture_say(&at, 0, "RPUSH list element-%d", i);
    }
    (void)shard_fixture_say(&at, 0, "INCR word");
    (void)shard_fixture_say(&at, 0, "SET text v");
    (void)shard_fixture_say(&at, 0, "PERSIST word");
    expect_said(&at, 0, "OK", "RENAME list text");
    expect_said(&at, 0, "OK", "RENAME word list");
    expect_said(&at, 0, ":-1", "PTTL list"); /* the default is for what is new */
    expect_said(&at, 0, ":5000", "PTTL text");
    expect_said(&at, 0, ":300", "LLEN text");
    expect_said(&at, 0, ":2", "INCR list");
    expect_said(&at, 0, ":0", "RENAMENX list text");
    expect_said(&at, 0, "OK", "RENAME list list"); /* nothing to do, nothing is written */
    (void)shard_fixture_records(&at);
    expect_said(&at, 0, "OK", "RENAME list text");
    expect_records(&at, "rename list removes");
    expect_begins(&at, 0, "-ERR no such key", "RENAME list text");
    expect_records(&at, "");
    expect_said(&at, 0, ":1", "DBSIZE");
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

/* change I1: both keys are heard of; here and where the record comes from elsewhere. */
Test(rename, both_keys_are_announced)
{
    struct shard_fixture from;
    struct shard_fixture into;
    shard_fixture_open(&from, &(struct shard_fixture_options){0});
    shard_fixture_open(&into, &(struct shard_fixture_options){.registry = from.registry});
    (void)shard_fixture_say(&from, 0, "RPUSH a x y");
    shard_fixture_replay(&from, &into);
    (void)shard_fixture_records(&from);
    (void)shard_fixture_send(&from, 1, BYTES("BLPOP b 0\r\n"));
    for (unsigned key = 0; key < 2; key++) {
        expect_said(&into, key, "OK", key == 0 ? "WATCH a" : "WATCH b");
        expect_said(&into, key, "OK", "MULTI");
    }
    (void)shard_fixture_say(&into, 2, "HELLO 3");
    expect_said(&into, 2, "OK", "CLIENT TRACKING ON");
    expect_said(&into, 2, ":1", "EXISTS a");
    expect_said(&into, 2, ":0", "EXISTS b");
    expect_said(&from, 0, "OK", "RENAME a b");
    expect_heard(&from, 1, "[\"b\" \"x\"]");
    shard_fixture_replay(&from, &into);
    shard_fixture_pass(&into, 0);
    expect_said(&into, 0, "nil[]", "EXEC");
    expect_said(&into, 1, "nil[]", "EXEC");
    const char *heard = shard_fixture_hear(&into, 2);
    cr_expect(strstr(heard, "[\"a\"]") != NULL && strstr(heard, "[\"b\"]") != NULL, "%s", heard);
    shard_fixture_close(&into);
    shard_fixture_close(&from);
}

static enum status rename_record(struct shard_fixture *at, struct record record)
{
    record.op = RECORD_OP_RENAME;
    return shard_fixture_accept(at, NULL, record);
}

/* rename P3 */
Test(rename, a_record_that_cannot_be_carried_out_is_refused_and_not_passed_over)
{
    struct shard_fixture at;
    uint8_t body[16];
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET there v");
    uint64_t digest = digest_shard(&at.shard);
    struct record good = {.flags = RECORD_REMOVES,
                          .key = BYTES("there"),
                          .body = record_target_body(&(struct record_target){.key = BYTES("other")}, body)};
    struct record bad = good;
    bad.key = BYTES("absent");
    cr_expect_eq(rename_record(&at, bad), STATUS_CORRUPT);
    bad = good;
    bad.key = BYTES("other"); /* to itself */
    cr_expect_eq(rename_record(&at, bad), STATUS_CORRUPT);
    bad = good;
    bad.flags = 0;
    cr_expect_eq(rename_record(&at, bad), STATUS_CORRUPT);
    bad = good;
    bad.body.size = 1;
    cr_expect_eq(rename_record(&at, bad), STATUS_CORRUPT);
    bad = good;
    bad.body = BYTES_NONE;
    cr_expect_eq(rename_record(&at, bad), STATUS_CORRUPT);
    uint8_t *long_body = calloc(1, RECORD_TARGET_MAX + 1);
    bad.body = (struct gm_bytes){long_body, RECORD_TARGET_MAX + 1};
    cr_expect_eq(rename_record(&at, bad), STATUS_CORRUPT);
    free(long_body);
    cr_expect_eq(digest_shard(&at.shard), digest);
    cr_expect_eq(rename_record(&at, good), STATUS_OK);
    expect_said(&at, 0, "\"v\"", "GET other");
    shard_fixture_close(&at);
}

/* rename P2: no code is asked, so a value whose module is absent, or that is damaged here alone, goes too. */
Test(rename, frozen_and_damaged_values_go_as_they_are)
{
    struct shard_fixture full;
    struct shard_fixture plain;
    uint8_t body[16];
    shard_fixture_open(&full, &(struct shard_fixture_options){0});
    shard_fixture_open(&plain, &(struct shard_fixture_options){.without = SHARD_FIXTURE_DEQUE});
    (void)shard_fixture_say(&full, 0, "RPUSH list a b c");
    shard_fixture_replay(&full, &plain);
    struct record wrong = {.op = 9999, .key = BYTES("bad"), .flags = RECORD_FRESH};
    cr_expect_eq(shard_fixture_accept(&plain, "geomys.string/1", wrong), STATUS_OK);
    cr_expect_eq(databases_frozen(&plain.shard.databases).damaged, 1);
    expect_said(&plain, 0, "OK", "RENAME list moved");
    cr_expect_eq(shard_fixture_entry(&plain, "moved")->flags & ENTRY_FROZEN, ENTRY_FROZEN);
    struct record record = {.flags = RECORD_REMOVES,
                            .key = BYTES("bad"),
                            .body = record_target_body(&(struct record_target){.key = BYTES("worse")}, body)};
    cr_expect_eq(rename_record(&plain, record), STATUS_OK);
    cr_expect_eq(databases_frozen(&plain.shard.databases).damaged, 1);
    cr_expect_null(shard_fixture_entry(&plain, "bad"));
    expect_begins(&plain, 0, "-DAMAGED", "GET worse");
    shard_fixture_close(&plain);
    shard_fixture_close(&full);
}
