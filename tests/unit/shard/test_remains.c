/* SPDX-License-Identifier: MIT */

/* test_remains.c - a large value that goes is released in parts, between the commands of others, and nothing of it is
 * forgotten. The type of the test has values of so many pieces, which it counts; the rest is lists. */
#include <criterion/criterion.h>

#include "geomys/module.h"
#include "shard/upkeep.h"
#include "support/shard_fixture.h"

/* ---- a type that counts; each test is a process of its own ---- */

static uint64_t released;
static uint64_t most_at_once;

static int apply_pieces(struct gm_apply *apply, const struct gm_record *record)
{
    uint32_t count;
    if (record->body.size != sizeof count) {
        return GM_CORRUPT;
    }
    memcpy(&count, record->body.data, sizeof count);
    gm_set_word(apply, count);
    return GM_OK;
}

static uint64_t dump_pieces(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    uint32_t count = (uint32_t)cell->word;
    (void)cursor;
    gm_dump(sink, 1, (struct gm_bytes){(const uint8_t *)&count, sizeof count});
    return 0;
}

static void note(uint64_t count)
{
    released += count;
    most_at_once = count > most_at_once ? count : most_at_once;
}

static void free_pieces(struct gm_apply *apply)
{
    note(apply->cell.word);
}

static bool free_some_pieces(struct gm_apply *apply, uint64_t budget)
{
    uint64_t count = apply->cell.word < budget ? apply->cell.word : budget;
    cr_assert_gt(budget, 0);
    note(count);
    apply->cell.word -= count;
    return apply->cell.word > 0;
}

static const struct gm_type pieces = {.size = sizeof pieces,
                                      .id = "test.pieces/1",
                                      .name = "pieces",
                                      .apply = apply_pieces,
                                      .dump = dump_pieces,
                                      .free = free_pieces,
                                      .free_some = free_some_pieces};

static void plan_make(struct gm_call *call)
{
    uint32_t count = (uint32_t)gm_arg(call, 1)->integer;
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = GM_FRESH, .body = {(const uint8_t *)&count, sizeof count}));
    gm_reply_status(call, "OK");
}

static const struct gm_command commands[] = {
    {.size = sizeof(struct gm_command),
     .usage = "MAKE key number:int",
     .flags = GM_WRITE | GM_ACCEPT_ANY,
     .type = &pieces,
     .plan = plan_make,
     .summary = "For the test.",
     .complexity = "O(1)"},
};
static const struct gm_type *const types[] = {&pieces};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.pieces",
                                        .version = "1.0.0",
                                        .summary = "For the test.",
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0],
                                        .types = types,
                                        .type_count = 1};

#define PIECES 20000

static void open_with_value(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){.module = &module});
    expect_said(at, 0, "OK", "MAKE a %d", PIECES);
}

/* Sends a command and takes no turn's end. */
static void begin(struct shard_fixture *at, const char *command)
{
    size_t wants;
    size_t size = strlen(command);
    turn_begin(&at->worker, at->now_ms, at->monotonic_ms);
    cr_assert_eq(pipeline_input(at->clients[0], (const uint8_t *)command, size, &wants), size);
}

/* What goes with the command is little, and each turn has its part of the rest. */
static void expect_parts(struct shard_fixture *at, const char *command)
{
    released = 0;
    begin(at, command);
    cr_expect_leq(released, 100, "%s", command);
    unsigned turns = 1;
    while (upkeep_turn(&at->shard)) {
        turns++;
        cr_assert_lt(turns, 1000u);
    }
    cr_expect_eq(released, PIECES, "%s", command);
    cr_expect_geq(turns, 4, "%s", command);
    cr_expect_leq(most_at_once, 5000);
    cr_expect_eq(at->shard.remains.count, 0);
    shard_fixture_pass(at, 0);
}

Test(remains, a_large_value_goes_in_parts_however_it_goes)
{
    struct shard_fixture at;
    open_with_value(&at);
    expect_parts(&at, "DEL a\r\n");
    expect_said(&at, 0, ":1 | OK", "MAKE a %d", PIECES);
    expect_parts(&at, "SET a x\r\n");
    expect_said(&at, 0, "OK | OK", "MAKE a %d", PIECES);
    expect_parts(&at, "MAKE a 0\r\n");
    expect_said(&at, 0, "OK | OK", "MAKE b %d", PIECES);
    expect_parts(&at, "RENAME a b\r\n");
    expect_said(&at, 0, "OK | OK", "MAKE a %d", PIECES);
    expect_parts(&at, "FLUSHALL\r\n");
    shard_fixture_close(&at);
}

Test(remains, what_has_expired_goes_in_parts)
{
    struct shard_fixture at;
    open_with_value(&at);
    expect_said(&at, 0, ":1", "PEXPIRE a 1000");
    at.now_ms += 2000;
    at.monotonic_ms += 2000;
    turn_begin(&at.worker, at.now_ms, at.monotonic_ms);
    cr_expect(upkeep_turn(&at.shard));
    cr_expect_lt(released, PIECES / 2);
    shard_fixture_pass(&at, 0);
    cr_expect_eq(released, PIECES);
    shard_fixture_close(&at);
}

Test(remains, a_small_value_goes_at_once)
{
    struct shard_fixture at;
    open_with_value(&at);
    expect_said(&at, 0, "OK", "MAKE small 10");
    begin(&at, "DEL small\r\n");
    cr_expect_eq(released, 10);
    cr_expect_eq(at.shard.remains.count, 0);
    shard_fixture_close(&at);
}

Test(remains, nothing_is_left_when_data_are_loaded_anew)
{
    struct shard_fixture at;
    open_with_value(&at);
    begin(&at, "DEL a\r\n");
    cr_expect_eq(at.shard.remains.count, 1);
    shard_become(&at.shard, SHARD_LOADING);
    tail_cursor_close(&at.cursor); /* the fixture's own, which would keep the history */
    shard_clear(&at.shard);
    cr_assert_eq(tail_cursor_open(&at.cursor, &at.shard.tail, 1, true), STATUS_OK);
    cr_expect_eq(released, PIECES);
    shard_become(&at.shard, SHARD_ALONE);
    shard_fixture_close(&at);
}

/* remains I2: the code may go as soon as the shard has gone over. */
Test(remains, all_goes_before_the_code_changes)
{
    struct shard_fixture at;
    open_with_value(&at);
    begin(&at, "DEL a\r\n");
    cr_expect_eq(at.shard.remains.count, 1);
    shard_fixture_adopt(&at, at.shard.registry);
    cr_expect_eq(released, PIECES);
    shard_fixture_close(&at);
}

/* remains I1: lists of 4 MB each, above the limit by less than one. */
Test(remains, no_second_key_is_evicted_for_memory_that_is_being_released)
{
    static char element[4000];
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){
                                .memory = {.policy = EVICT_ALL_RECENCY, .log_factor = 10, .decay_minutes = 1}});
    memset(element, 'x', sizeof element - 1);
    for (unsigned i = 0; i < 4000; i++) {
        expect_begins(&at, 0, ":", "RPUSH l%u %s", i / 1000, element);
    }
    struct evict_options options = at.shard.evict.options;
    options.limit = ledger_memory(&at.shard.databases.ledger) - 1000000;
    evict_configure(&at.shard, &options);
    begin(&at, "SET new x\r\n");
    cr_expect_eq(at.shard.remains.count, 1);
    cr_expect_gt(at.shard.remains.bytes, 3000000);
    cr_expect_gt(ledger_memory(&at.shard.databases.ledger), options.limit, "it counts until it is released");
    shard_fixture_pass(&at, 0);
    cr_expect_eq(at.shard.stats.evicted, 1);
    cr_expect_eq(at.shard.remains.bytes, 0);
    cr_expect_leq(ledger_memory(&at.shard.databases.ledger), options.limit);
    shard_fixture_close(&at);
}
