/* SPDX-License-Identifier: MIT */

/* test_damage.c - a record that does not fit its value: the key is set aside, told once, and nothing else is touched.
 *
 * The type of this test lives on two nodes that disagree: operation OP_DISPUTED empties the value here and fills it
 * there. */
#include <criterion/criterion.h>

#include "geomys/module.h"
#include "log/record.h"
#include "shard/digest.h"
#include "support/shard_fixture.h"

enum { OP_SET = 1, OP_REFUSED = 2, OP_CLEAR = 3, OP_DISPUTED = 4 };

static int set(struct gm_apply *apply, const struct gm_record *record)
{
    uint8_t *target = gm_resize(apply, record->body.size);
    if (record->body.size > 0) {
        memcpy(target, record->body.data, record->body.size);
    }
    return GM_OK;
}

static int apply_either(struct gm_apply *apply, const struct gm_record *record, bool disputed_empties)
{
    if (record->op == OP_REFUSED) {
        return GM_CORRUPT;
    }
    if (record->op == OP_CLEAR || (record->op == OP_DISPUTED && disputed_empties)) {
        gm_clear(apply);
        return GM_OK;
    }
    return set(apply, record);
}

static int apply_here(struct gm_apply *apply, const struct gm_record *record)
{
    return apply_either(apply, record, true);
}

static int apply_there(struct gm_apply *apply, const struct gm_record *record)
{
    return apply_either(apply, record, false);
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, OP_SET, (struct gm_bytes){cell->data, cell->size});
    return 0;
}

#define TYPE(function)                                                                                                 \
    {                                                                                                                  \
        .size = sizeof(struct gm_type), .id = "test.cell/1", .name = "cell", .apply = function, .dump = dump           \
    }
static const struct gm_type cell_here = TYPE(apply_here);
static const struct gm_type cell_there = TYPE(apply_there);

static void plan_cell(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = (uint16_t)gm_arg(call, 1)->integer, .body = gm_arg_at(call, 2, 0)));
    gm_reply_status(call, "OK");
}

/* Two records for one key. */
static void plan_two(struct gm_call *call)
{
    for (uint32_t i = 1; i <= 2; i++) {
        gm_emit(call, &GM_EMISSION(.op = (uint16_t)gm_arg(call, i)->integer, .body = gm_arg_at(call, 3, 0)));
    }
    gm_reply_status(call, "OK");
}

static void plan_cell_get(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_OWN) {
        gm_reply_bytes(call, (struct gm_bytes){gm_key(call, 0)->cell.data, gm_key(call, 0)->cell.size});
    } else {
        gm_reply_null(call);
    }
}

#define WORDS .size = sizeof(struct gm_command), .summary = "For the test.", .complexity = "O(1)"
#define COMMANDS(cell)                                                                                                 \
    {                                                                                                                  \
        {WORDS, .usage = "CELL key op:int body", .flags = GM_WRITE, .type = cell, .plan = plan_cell},                  \
            {WORDS, .usage = "CELLANY key op:int body", .flags = GM_WRITE | GM_ACCEPT_ANY, .type = cell,               \
             .plan = plan_cell},                                                                                       \
            {WORDS, .usage = "CELLTWO key first:int second:int body", .flags = GM_WRITE, .type = cell,                 \
             .plan = plan_two},                                                                                        \
            {WORDS, .usage = "CELLGET key", .flags = GM_READ, .type = cell, .plan = plan_cell_get},                    \
    }
static const struct gm_command commands_here[] = COMMANDS(&cell_here);
static const struct gm_command commands_there[] = COMMANDS(&cell_there);
static const struct gm_type *const types_here[] = {&cell_here};
static const struct gm_type *const types_there[] = {&cell_there};

#define MODULE(its_types, its_commands)                                                                                \
    {                                                                                                                  \
        .size = sizeof(struct gm_module), .abi_major = GM_ABI_MAJOR, .abi_minor = GM_ABI_MINOR, .name = "test.cell",   \
        .version = "1.0.0", .summary = "A cell.", .types = its_types, .type_count = 1, .commands = its_commands,       \
        .command_count = 4                                                                                             \
    }
static const struct gm_module here = MODULE(types_here, commands_here);
static const struct gm_module there = MODULE(types_there, commands_there);

/* ---- what a damaged key is to clients ---- */

static void expect_damaged(struct shard_fixture *at, const char *key)
{
    const struct entry *entry = shard_fixture_entry(at, key);
    cr_assert_not_null(entry);
    cr_expect_eq(entry->flags & (ENTRY_FROZEN | ENTRY_DAMAGED), ENTRY_FROZEN | ENTRY_DAMAGED);
    expect_begins(at, 0, "-DAMAGED the value of this key is damaged", "CELLGET %s", key);
    expect_begins(at, 0, "-DAMAGED the value of this key is damaged", "CELL %s 1 x", key);
    expect_begins(at, 0, "-DAMAGED the value of this key is damaged", "GET %s", key);
    expect_begins(at, 0, "-DAMAGED the value of this key is damaged", "MGET other %s", key);
    expect_said(at, 0, ":1", "EXISTS %s", key);
}

static void open_pair(struct shard_fixture *a, struct shard_fixture *b)
{
    shard_fixture_open(a, &(struct shard_fixture_options){.module = &here});
    shard_fixture_open(b, &(struct shard_fixture_options){.module = &there, .seed = 1});
}

/* ---- the stories ---- */

Test(damage, a_plan_whose_record_its_own_type_refuses)
{
    struct shard_fixture at, copy;
    open_pair(&at, &copy);
    expect_said(&at, 0, "OK", "CELL k 1 good");
    expect_said(&at, 0, "OK", "CELL bystander 1 good");
    expect_begins(&at, 0, "-DAMAGED the module test.cell planned a change that its own type refuses", "CELL k 2 bad");
    cr_expect_eq(at.damages, 1);
    cr_expect_str_eq(at.damage.text,
                     "key \"k\" is damaged: record 3 (test.cell/1, operation 2) has a body that its type does "
                     "not accept. Its records are kept, commands on it are refused, DEL removes it");
    expect_damaged(&at, "k");
    cr_expect_eq(at.damages, 1, "commands on a damaged key are refused, not told");
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 1);
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 1);
    expect_said(&at, 0, "\"good\"", "CELLGET bystander");
    /* the record is part of the history: whoever replays it has the same damage */
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(copy.damages, 1);
    expect_damaged(&copy, "k");
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    expect_said(&at, 0, ":1", "DEL k");
    expect_said(&at, 0, "OK", "CELL k 1 new");
    expect_said(&at, 0, "\"new\"", "CELLGET k");
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 0);
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

Test(damage, a_first_record_that_is_refused)
{
    struct shard_fixture at, copy;
    open_pair(&at, &copy);
    expect_begins(&at, 0, "-DAMAGED", "CELL k 2 bad");
    expect_damaged(&at, "k");
    shard_fixture_replay(&at, &copy);
    expect_damaged(&copy, "k");
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

/* One command, two records: the value that the first has made is not shown, nor what a third would make of it. */
Test(damage, a_second_record_that_is_refused)
{
    struct shard_fixture at, copy;
    open_pair(&at, &copy);
    expect_said(&at, 0, "OK", "CELLTWO k 1 1 good");
    expect_begins(&at, 0, "-DAMAGED the module test.cell planned a change", "CELLTWO k 1 2 bad");
    expect_damaged(&at, "k");
    expect_begins(&at, 0, "-DAMAGED", "CELLTWO fresh 1 2 bad");
    expect_damaged(&at, "fresh");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "CELL other 1 good");
    expect_said(&at, 0, "QUEUED", "CELLTWO third 1 2 bad");
    expect_said(&at, 0, "QUEUED", "CELLTWO third 1 1 good");
    expect_said(&at, 0, "QUEUED", "CELLGET other");
    expect_begins(&at, 0, "[OK -DAMAGED ", "EXEC");
    expect_damaged(&at, "third");
    expect_said(&at, 0, "\"good\"", "CELLGET other");
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 3);
    shard_fixture_replay(&at, &copy);
    expect_damaged(&copy, "k");
    expect_damaged(&copy, "third");
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    expect_said(&at, 0, ":3", "DEL k fresh third");
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 0);
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
}

/* Here the value was emptied, there it is filled: the record says which, and the other one notices. */
Test(damage, two_nodes_that_disagree_about_the_outcome)
{
    for (int emptied_first = 0; emptied_first < 2; emptied_first++) {
        struct shard_fixture a, b;
        open_pair(&a, &b);
        struct shard_fixture *author = emptied_first ? &a : &b;
        struct shard_fixture *reader = emptied_first ? &b : &a;
        expect_said(author, 0, "OK", "CELL k 1 good");
        expect_said(author, 0, "OK", "CELL k 4 disputed");
        expect_said(author, 0, "OK", "CELL z 1 good");
        expect_records(author, emptied_first ? "test.cell k fresh; test.cell k removes; test.cell z fresh"
                                             : "test.cell k fresh; test.cell k; test.cell z fresh");
        cr_expect_eq(author->damages, 0);
        shard_fixture_replay(author, reader);
        cr_expect_eq(reader->damages, 1);
        cr_expect_not_null(strstr(reader->damage.text, emptied_first ? "fills a value that its author saw emptied"
                                                                     : "empties a value that its author saw filled"),
                           "%s", reader->damage.text);
        expect_damaged(reader, "k");
        expect_said(reader, 0, "\"good\"", "CELLGET z");
        shard_fixture_close(&a);
        shard_fixture_close(&b);
    }
}

Test(damage, a_record_of_another_type_or_of_no_value)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &here});
    expect_said(&at, 0, ":2", "RPUSH k a b");
    struct record record = {.op = OP_SET, .key = BYTES("k"), .body = BYTES("x")};
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    cr_expect_eq(at.damages, 1);
    cr_expect_not_null(strstr(at.damage.text, "is of another type than the value"), "%s", at.damage.text);
    expect_damaged(&at, "k");
    record.key = BYTES("nobody");
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    cr_expect_eq(at.damages, 2);
    cr_expect_not_null(strstr(at.damage.text, "changes a key that is not there"), "%s", at.damage.text);
    expect_damaged(&at, "nobody");
    expect_said(&at, 0, ":2", "DEL k nobody");
    expect_said(&at, 0, ":0", "DBSIZE");
    shard_fixture_close(&at);
}

/* The value that the wrong record made goes with what it owns: shard_fixture_close finds the accounts empty. */
Test(damage, a_fresh_value_that_should_not_have_been)
{
    struct shard_fixture author, at;
    open_pair(&author, &at);
    static char word[5001];
    memset(word, 'w', sizeof word - 1);
    expect_said(&author, 0, ":2", "RPUSH k %s %s", word, word);
    struct record record;
    size_t size;
    record_read(author.history.data, &record, &size);
    record.flags = RECORD_FRESH | RECORD_REMOVES;
    cr_expect_eq(shard_fixture_accept(&at, "geomys.deque/1", record), STATUS_OK);
    cr_expect_eq(at.damages, 1);
    expect_damaged(&at, "k");
    shard_fixture_close(&at);
    shard_fixture_close(&author);
}

/* A module's breach: it writes its own type's record over a value of another type. */
Test(damage, a_plan_that_changes_another_types_value)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &here});
    expect_said(&at, 0, ":1", "RPUSH k a");
    expect_begins(&at, 0, "-ERR the module test.cell emitted a record of the type test.cell/1", "CELLANY k 1 x");
    expect_said(&at, 0, "[\"a\"]", "LRANGE k 0 -1");
    cr_expect_eq(at.damages, 0);
    struct record record = {
        .op = OP_SET, .key = BYTES("k"), .body = BYTES("one")}; /* from elsewhere it comes through */
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    expect_damaged(&at, "k");
    shard_fixture_close(&at);
}

Test(damage, further_records_are_kept_and_told_no_more)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &here});
    struct record record = {.op = OP_SET, .flags = RECORD_FRESH, .key = BYTES("k"), .body = BYTES("one")};
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    record.flags = 0;
    record.op = OP_REFUSED;
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    uint64_t damaged = digest_shard(&at.shard);
    record.op = OP_SET;
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    cr_expect_neq(digest_shard(&at.shard), damaged, "it is kept");
    record.op = 1;
    cr_expect_eq(shard_fixture_accept(&at, "geomys.deque/1", record), STATUS_OK);
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    cr_expect_eq(at.damages, 1);
    expect_damaged(&at, "k");
    /* an expiry is still heeded, and so is the record that removes it */
    struct record expire = {
        .op = RECORD_OP_EXPIRE, .flags = RECORD_EXPIRE, .key = BYTES("k"), .expire_at_ms = at.now_ms + 50};
    cr_expect_eq(shard_fixture_accept(&at, NULL, expire), STATUS_OK);
    expect_said(&at, 0, ":50", "PTTL k");
    record.op = OP_CLEAR;
    record.flags = RECORD_REMOVES;
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    expect_said(&at, 0, ":0", "DBSIZE");
    shard_fixture_close(&at);
}

/* A value that begins anew owes nothing to what was there. */
Test(damage, a_fresh_record_heals)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &here});
    struct record record = {.op = OP_REFUSED, .flags = RECORD_FRESH, .key = BYTES("k"), .body = BYTES("one")};
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    expect_damaged(&at, "k");
    record.op = OP_SET;
    cr_expect_eq(shard_fixture_accept(&at, "test.cell/1", record), STATUS_OK);
    expect_said(&at, 0, "\"one\"", "CELLGET k");
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 0);
    cr_expect_eq(at.damages, 1);
    shard_fixture_close(&at);
}

/* record I3 */
Test(damage, an_operation_of_the_host_that_nobody_knows_is_refused_and_not_taken_for_nothing)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct complaint complaint;
    static const uint16_t ops[] = {0, RECORD_OP_REVISION + 1, UINT16_MAX};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        struct record record = {.sequence = 7, .epoch = 1, .op = ops[i], .key = BYTES("k")};
        cr_expect_eq(at.source.sink.accept(&at.source.sink, &record, &complaint), STATUS_VERSION);
        char expected[96];
        (void)snprintf(expected, sizeof expected, "record 7 has operation %u of the host, which this program does not",
                       ops[i]);
        cr_expect_not_null(strstr(complaint.text, expected), "%s", complaint.text);
    }
    shard_fixture_close(&at);
}

Test(damage, an_epoch_that_begins_touches_no_key_and_nobody_hears_of_it)
{
    struct shard_fixture at;
    uint8_t body[RECORD_EPOCH_MAX];
    struct record_epoch epoch = {.leader = 3};
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET k 1");
    expect_said(&at, 0, "OK", "WATCH k");
    uint64_t digest = digest_shard(&at.shard);
    struct record record = {.op = RECORD_OP_EPOCH, .body = record_epoch_body(&epoch, body)};
    cr_expect_eq(shard_fixture_accept(&at, NULL, record), STATUS_OK);
    cr_expect_eq(digest_shard(&at.shard), digest);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "GET k");
    expect_said(&at, 0, "[\"1\"]", "EXEC");
    shard_fixture_close(&at);
}

Test(damage, a_number_that_was_never_declared_is_refused)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct complaint complaint;
    static const uint16_t numbers[] = {77, 1023, 1024, UINT16_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct record record = {
            .sequence = 1, .epoch = 1, .op = 1, .type = numbers[i], .flags = RECORD_FRESH, .key = BYTES("k")};
        cr_expect_eq(at.source.sink.accept(&at.source.sink, &record, &complaint), STATUS_CORRUPT);
    }
    cr_expect_eq(at.source.sink.declare(&at.source.sink, 1024, BYTES("test.x/1"), &complaint), STATUS_CORRUPT);
    cr_expect_eq(at.source.sink.declare(&at.source.sink, 0, BYTES("test.x/1"), &complaint), STATUS_CORRUPT);
    expect_said(&at, 0, ":0", "DBSIZE");
    shard_fixture_close(&at);
}
