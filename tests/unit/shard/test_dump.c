/* SPDX-License-Identifier: MIT */

/* test_dump.c - what is believed of a type's dump: that it comes forward, and nothing else. The types of the test do by
 * their value's first letter what a type must not do. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "geomys/module.h"
#include "shard/digest.h"
#include "shard/dump.h"
#include "support/shard_fixture.h"

/* ---- a type that tells its value in odd ways ---- */

static struct gm_bytes text_of(const struct gm_cell *cell)
{
    return (struct gm_bytes){cell->data, cell->size};
}

static int apply_text(struct gm_apply *apply, const struct gm_record *record)
{
    size_t kept = record->op == 2 ? apply->cell.size : 0;
    if (record->op != 1 && record->op != 2) {
        return GM_CORRUPT;
    }
    uint8_t *target = gm_resize(apply, kept + record->body.size);
    if (record->body.size > 0) {
        memcpy(target + kept, record->body.data, record->body.size);
    }
    return GM_OK;
}

/* One letter after the other, and a record more for each, in parts and from scratch memory. */
static uint64_t tell_parts(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    if (cursor == 0) {
        gm_dump_parts(sink, 1, NULL, 0);
        return 1;
    }
    uint8_t *copy = gm_dump_scratch(sink, 1);
    *copy = cell->data[cursor - 1];
    bool more = cursor + 1 < cell->size;
    struct gm_bytes parts[] = {{copy, 1}, {0}, {cell->data + cursor, more ? 1 : 0}};
    gm_dump_parts(sink, 2, parts, 3);
    return cursor + 2 <= cell->size ? cursor + 2 : 0;
}

static uint64_t dump_odd(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    switch (cell->size > 0 ? cell->data[0] : 0) {
    case 'r':
        return GM_DUMP_REFUSED;
    case 's': /* nothing at all */
        return 0;
    case 'l': /* nothing, and more of it */
        return cursor + 1;
    case 'c': /* the same for ever */
        gm_dump(sink, 1, text_of(cell));
        return 1;
    case 'b': /* back */
        gm_dump(sink, 2, BYTES("x"));
        return cursor == 0 ? 9 : 8;
    case 'h': /* a record that is too large; nobody looks where it is */
        gm_dump_parts(sink, 1, (struct gm_bytes[]){{cell->data, SIZE_MAX}, {cell->data, 2}}, 2);
        gm_dump(sink, 1, text_of(cell));
        return 0;
    case 'p':
        return tell_parts(cell, cursor, sink);
    default:
        gm_dump(sink, 1, text_of(cell));
        return 0;
    }
}

static const struct gm_type odd = {
    .size = sizeof odd, .id = "test.odd/1", .name = "odd", .apply = apply_text, .dump = dump_odd};

/* ---- a bag: the order in which its letters came is no matter ---- */

static uint64_t digest_bag(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    if (cell->data[0] == 'l') {
        return cursor; /* it does not come forward */
    }
    gm_dump(sink, 1, (struct gm_bytes){cell->data + cursor, 1});
    return cursor + 1 < cell->size ? cursor + 1 : 0;
}

static uint64_t dump_bag(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, 1, text_of(cell));
    return 0;
}

static const struct gm_type bag = {
    .size = sizeof bag, .id = "test.bag/1", .name = "bag", .apply = apply_text, .dump = dump_bag, .digest = digest_bag};

/* ---- a type that owns what it does not weigh: its word is how many records it is told in ---- */

static int apply_heap(struct gm_apply *apply, const struct gm_record *record)
{
    gm_set_word(apply, apply->cell.word + record->body.size);
    return GM_OK;
}

static uint64_t dump_heap(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    gm_dump(sink, 1, BYTES("x"));
    return cursor + 1 < cell->word ? cursor + 1 : 0;
}

static void free_heap(struct gm_apply *apply)
{
    (void)apply;
}

static const struct gm_type heap = {.size = sizeof heap,
                                    .id = "test.heap/1",
                                    .name = "heap",
                                    .apply = apply_heap,
                                    .dump = dump_heap,
                                    .free = free_heap};

static void plan_put(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = GM_FRESH, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

#define COMMAND(line, of)                                                                                              \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .usage = (line), .flags = GM_WRITE | GM_ACCEPT_ANY, .type = (of),           \
        .plan = plan_put, .summary = "For the test.", .complexity = "O(1)"                                             \
    }

static const struct gm_command commands[] = {COMMAND("ODD key body", &odd), COMMAND("BAG key body", &bag),
                                             COMMAND("HEAP key body", &heap)};
static const struct gm_type *const types[] = {&odd, &bag, &heap};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.dumps",
                                        .version = "1.0.0",
                                        .summary = "For the test.",
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0],
                                        .types = types,
                                        .type_count = sizeof types / sizeof types[0]};

static void open(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){.module = &module});
}

/* ---- the tests ---- */

static void expect_named(struct shard_fixture *at, const char *value, const char *why)
{
    char sentence[256];
    (void)snprintf(sentence, sizeof sentence,
                   "ERR the type test.odd/1 of the module test.dumps does not dump the value of key \"k\": %s; nothing "
                   "was changed",
                   why);
    expect_said(at, 0, "OK", "ODD k %s", value);
    const char *said = shard_fixture_say(at, 0, "COPY k other");
    cr_expect(strstr(said, sentence) != NULL, "%s: '%s'", value, said);
    expect_said(at, 0, ":0", "EXISTS other");
    uint64_t digest = digest_shard(&at->shard); /* it ends */
    cr_expect_eq(digest_shard(&at->shard), digest);
}

/* dump P1 */
Test(dump, one_that_does_not_come_forward_ends_and_is_named)
{
    struct shard_fixture at;
    open(&at);
    expect_named(&at, "refused", "it refuses to");
    expect_named(&at, "silent", "it emits nothing at all");
    expect_named(&at, "loops", "a call emitted nothing, though more is to come");
    expect_named(&at, "circles", "its cursor does not grow, so it would never end");
    expect_named(&at, "back", "its cursor does not grow, so it would never end");
    shard_fixture_close(&at);
}

/* dump P2 */
Test(dump, a_record_is_not_larger_than_the_log_takes)
{
    struct shard_fixture at;
    open(&at);
    expect_named(&at, "huge", "it emits a record of more than 512 MiB");
    shard_fixture_close(&at);
}

Test(dump, a_body_may_be_gathered_from_parts)
{
    struct shard_fixture at;
    open(&at);
    expect_said(&at, 0, "OK", "ODD a parts");
    expect_said(&at, 0, ":1", "COPY a b");
    const struct entry *entry = shard_fixture_entry(&at, "b");
    cr_assert_not_null(entry);
    cr_expect(gm_bytes_equal((struct gm_bytes){entry_value(entry), entry->value_size}, BYTES("parts")));
    shard_fixture_close(&at);
}

/* ---- scratch ---- */

static uint64_t ask_scratch(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cell;
    uint8_t *odd_one = gm_dump_scratch(sink, 3);
    uint64_t *number = gm_dump_scratch(sink, sizeof *number);
    cr_assert(odd_one != NULL && number != NULL && (uintptr_t)number % sizeof *number == 0);
    cr_expect_null(gm_dump_scratch(sink, SIZE_MAX));
    cr_expect_null(gm_dump_scratch(sink, GM_DUMP_SCRATCH));
    uint8_t *rest = gm_dump_scratch(sink, GM_DUMP_SCRATCH - 32);
    cr_assert_not_null(rest);
    memset(rest, 'r', GM_DUMP_SCRATCH - 32);
    *number = 7;
    memset(odd_one, 'o', 3);
    cr_expect_eq(*number, 7u);
    cr_expect_null(gm_dump_scratch(sink, 1));
    gm_dump(sink, 1, BYTES("x"));
    return cursor == 0 ? 1 : 0; /* each call has all of it again */
}

static void ignore(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    (void)sink;
    (void)op;
    (void)body;
}

/* dump P2 */
Test(dump, what_a_call_is_lent_is_bounded_and_ends_with_it)
{
    struct shard_fixture at;
    struct complaint complaint;
    struct dump_sink sink = {.take = ignore};
    open(&at);
    expect_said(&at, 0, "OK", "ODD k v");
    const struct entry *entry = shard_fixture_entry(&at, "k");
    struct shard_type *type = &at.shard.types.by_number[entry->type];
    struct gm_type asks = *type->abi;
    const struct gm_type *before = type->abi;
    asks.dump = ask_scratch;
    type->abi = &asks;
    cr_expect(dump_value(&at.shard, entry, &sink, &complaint));
    type->abi = before;
    shard_fixture_close(&at);
}

/* ---- digests ---- */

static uint64_t digest_of(struct shard_fixture *at, const char *value)
{
    expect_said(at, 0, "OK", "BAG k %s", value);
    return digest_shard(&at->shard);
}

Test(dump, values_of_a_type_with_a_digest_are_equal_in_any_order)
{
    struct shard_fixture at;
    open(&at);
    uint64_t digest = digest_of(&at, "abca");
    cr_expect_eq(digest_of(&at, "caba"), digest);
    cr_expect_neq(digest_of(&at, "abc"), digest, "how often each of them is there counts");
    cr_expect_neq(digest_of(&at, "abcb"), digest);
    uint64_t endless = digest_of(&at, "loop"); /* it ends */
    cr_expect_eq(digest_of(&at, "loop"), endless);
    shard_fixture_close(&at);
}

/* ---- what is not weighed ---- */

static void count(struct sweep_target *target, const struct record *record);

struct counter {
    struct sweep_target base;
    unsigned records;
};

static void count(struct sweep_target *target, const struct record *record)
{
    (void)record;
    container_of(target, struct counter, base)->records++;
}

static void declare(struct sweep_target *target, uint16_t type, struct gm_bytes name)
{
    (void)target;
    (void)type;
    (void)name;
}

static bool always(const struct sweep_target *target)
{
    (void)target;
    return true;
}

static void fail(struct sweep_target *target, const char *reason)
{
    (void)target;
    cr_assert_fail("%s", reason);
}

Test(dump, a_large_value_that_does_not_say_how_large_it_is_is_dumped_in_pieces)
{
    struct shard_fixture at;
    struct counter counter = {
        .base = {.declare = declare, .add = count, .is_open = always, .has_room = always, .fail = fail, .remedy = ""}};
    open(&at);
    expect_said(&at, 0, "OK", "HEAP k %01000d", 0);
    sweep_begin(&at.shard, &counter.base);
    unsigned turns = 0;
    while (sweep_turn(&at.shard, 0)) {
        turns++;
    }
    cr_expect_eq(counter.records, 1000u);
    cr_expect_geq(turns, 1000u / 64);
    /* And a client that would change it waits, rather than have all of it dumped at once. */
    counter.records = 0;
    sweep_begin(&at.shard, &counter.base);
    cr_expect(sweep_claim(&at.shard, databases_see(&at.shard.databases, 0), shard_fixture_entry(&at, "k")));
    while (sweep_turn(&at.shard, 0)) {
    }
    cr_expect_eq(counter.records, 1000u);
    shard_fixture_close(&at);
}
