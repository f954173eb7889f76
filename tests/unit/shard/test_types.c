/* SPDX-License-Identifier: MIT */

/* test_types.c - a shard goes over to other registries while values are there: modules come, go, and are replaced.
 *
 * The type "box" is a text that grows. Its first version keeps it inline in the cell, its second behind a pointer: what
 * one has made, the other must never touch. Version 1 says "1:" before what it reads, version 2 "2:". */
#include <criterion/criterion.h>

#include "shard/digest.h"
#include "shard/frozen.h"
#include "shard/settle.h"
#include "support/shard_fixture.h"

enum { OP_SET = 1, OP_ADD = 2, OP_ODD = 3 /* which the second version does not know */ };

/* ---- the first version: inline ---- */

static int apply_inline(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op == OP_SET) {
        gm_clear(apply);
    }
    size_t before = apply->cell.form == GM_BYTES ? apply->cell.size : 0;
    uint8_t *text = gm_resize(apply, before + record->body.size);
    if (record->body.size > 0) {
        memcpy(text + before, record->body.data, record->body.size);
    }
    return GM_OK;
}

static uint64_t dump_inline(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    cr_assert_eq(cell->form, GM_BYTES, "made by another version");
    bool odd = cell->size >= 3 && memcmp(cell->data, "odd", 3) == 0;
    gm_dump(sink, odd ? OP_ODD : OP_SET, (struct gm_bytes){cell->data, cell->size});
    return 0;
}

static uint64_t dump_nothing(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cell;
    (void)cursor;
    (void)sink;
    return 0;
}

/* ---- the second: behind a pointer ---- */

struct box {
    size_t size;
    uint8_t text[];
};

static struct box *box_of(const struct gm_cell *cell)
{
    cr_assert_eq(cell->form, GM_WORD, "made by another version"); /* types P1 */
    return (struct box *)(uintptr_t)cell->word;
}

static void free_box(struct gm_apply *apply)
{
    gm_release(apply, box_of(&apply->cell));
}

static int apply_box(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op == OP_ODD) {
        return GM_CORRUPT;
    }
    struct box *old = apply->cell.form == GM_ABSENT ? NULL : box_of(&apply->cell);
    size_t before = old != NULL && record->op == OP_ADD ? old->size : 0;
    struct box *box = gm_realloc(apply, old, sizeof *box + before + record->body.size);
    box->size = before + record->body.size;
    if (record->body.size > 0) {
        memcpy(box->text + before, record->body.data, record->body.size);
    }
    gm_set_word(apply, (uint64_t)(uintptr_t)box);
    return GM_OK;
}

static uint64_t dump_box(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    const struct box *box = box_of(cell);
    gm_dump(sink, OP_SET, (struct gm_bytes){box->text, box->size});
    return 0;
}

/* ---- commands ---- */

static void emit(struct gm_call *call, uint16_t op)
{
    gm_emit(call, &GM_EMISSION(.op = op, .flags = op == OP_ADD ? 0 : GM_FRESH, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

static void plan_set(struct gm_call *call)
{
    emit(call, OP_SET);
}

static void plan_add(struct gm_call *call)
{
    emit(call, OP_ADD);
}

static void reply_with(struct gm_call *call, char version, struct gm_bytes text)
{
    uint8_t *said = gm_scratch(call, text.size + 2);
    said[0] = (uint8_t)version;
    said[1] = ':';
    memcpy(said + 2, text.data, text.size);
    gm_reply_bytes(call, (struct gm_bytes){said, text.size + 2});
}

static void plan_get_inline(struct gm_call *call)
{
    const struct gm_cell *cell = &gm_key(call, 0)->cell;
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_null(call);
    } else {
        cr_assert_eq(cell->form, GM_BYTES, "made by another version");
        reply_with(call, '1', (struct gm_bytes){cell->data, cell->size});
    }
}

static void plan_get_box(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_null(call);
    } else {
        const struct box *box = box_of(&gm_key(call, 0)->cell);
        reply_with(call, '2', (struct gm_bytes){box->text, box->size});
    }
}

static void plan_nothing(struct gm_call *call)
{
    gm_reply_status(call, "OK");
}

#define TYPE(its_apply, its_dump, its_free)                                                                            \
    {                                                                                                                  \
        .size = sizeof(struct gm_type), .id = "test.box/1", .name = "box", .apply = (its_apply), .dump = (its_dump),   \
        .free = (its_free)                                                                                             \
    }
#define WORDS .size = sizeof(struct gm_command), .summary = "For the test.", .complexity = "O(1)"

static const struct gm_type inline_type = TYPE(apply_inline, dump_inline, NULL);
static const struct gm_type box_type = TYPE(apply_box, dump_box, free_box);
static const struct gm_type mute_type = TYPE(apply_inline, dump_nothing, NULL);
static const struct gm_type *const types_1[] = {&inline_type};
static const struct gm_type *const types_2[] = {&box_type};
static const struct gm_type *const types_mute[] = {&mute_type};
static const struct gm_command commands_1[] = {
    {WORDS, .usage = "BOXOLD", .flags = GM_READ, .plan = plan_nothing},
    {WORDS, .usage = "BOXSET key text", .flags = GM_WRITE, .type = &inline_type, .plan = plan_set},
    {WORDS, .usage = "BOXADD key text", .flags = GM_WRITE, .type = &inline_type, .plan = plan_add},
    {WORDS, .usage = "BOXGET key", .flags = GM_READ, .type = &inline_type, .plan = plan_get_inline},
};
static const struct gm_command commands_2[] = {
    {WORDS, .usage = "BOXNEW", .flags = GM_READ, .plan = plan_nothing},
    {WORDS, .usage = "BOXGET key", .flags = GM_READ, .type = &box_type, .plan = plan_get_box},
    {WORDS, .usage = "BOXSET key text", .flags = GM_WRITE, .type = &box_type, .plan = plan_set},
    {WORDS, .usage = "BOXADD key text", .flags = GM_WRITE, .type = &box_type, .plan = plan_add},
};
static const struct gm_command commands_mute[] = {
    {WORDS, .usage = "BOXSET key text", .flags = GM_WRITE, .type = &mute_type, .plan = plan_set},
};

#define MODULE(number, its_types, its_commands)                                                                        \
    {                                                                                                                  \
        .size = sizeof(struct gm_module), .abi_major = GM_ABI_MAJOR, .abi_minor = GM_ABI_MINOR, .name = "test.box",    \
        .version = (number), .types = (its_types), .type_count = 1, .commands = (its_commands),                        \
        .command_count = sizeof(its_commands) / sizeof((its_commands)[0])                                              \
    }
static const struct gm_module box_1 = MODULE("1.0.0", types_1, commands_1);
static const struct gm_module box_2 = MODULE("2.0.0", types_2, commands_2);
static const struct gm_module box_mute = MODULE("0.9.0", types_mute, commands_mute);

/* ---- the scene ---- */

/* How often a module's file was closed. */
struct counted_file {
    struct module_file base;
    unsigned closed;
};

static void count_close(struct module_file *file)
{
    container_of(file, struct counted_file, base)->closed++;
}

/* The shard goes over to a registry with that version. No turn is taken, so no value was looked at yet. */
static void load(struct shard_fixture *at, const struct gm_module *module, struct counted_file *file)
{
    const struct registry *newer;
    struct complaint complaint;
    struct module_offer offer = {
        .abi = module, .path = "box.so", .replaces = true, .file = file != NULL ? &file->base : NULL};
    cr_assert_eq(registry_with(at->shard.registry, &offer, &newer, &complaint), STATUS_OK, "%s", complaint.text);
    shard_fixture_adopt(at, newer);
    registry_release(newer);
}

static void unload(struct shard_fixture *at, const char *name)
{
    const struct registry *newer;
    struct complaint complaint;
    cr_assert_eq(registry_without(at->shard.registry, gm_bytes_of(name), &newer, &complaint), STATUS_OK);
    shard_fixture_adopt(at, newer);
    registry_release(newer);
}

/* The fixture's own reference would keep the modules that it began with. */
static void open_bare(struct shard_fixture *at)
{
    shard_fixture_open(at, &(struct shard_fixture_options){0});
    registry_release(at->registry);
    at->registry = NULL;
}

static void open_with(struct shard_fixture *at, const struct gm_module *module, struct counted_file *file)
{
    open_bare(at);
    load(at, module, file);
}

static void fill(struct shard_fixture *at, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        expect_said(at, 0, "OK", "BOXSET key%u text%u", i, i);
    }
}

/* How many values are of code that is not the newest, or of none though there is some. */
static uint64_t left(const struct shard_fixture *at)
{
    const struct types *types = &at->shard.types;
    uint64_t keys = 0;
    for (uint32_t i = 1; i < types->count; i++) {
        keys += types_newest(types, i) ? 0 : databases_keys(&at->shard.databases, (uint8_t)i);
    }
    return keys;
}

static uint8_t number_of(struct shard_fixture *at, const char *key)
{
    return shard_fixture_entry(at, key)->type;
}

/* ---- stories ---- */

/* settle P1, settle P2 */
Test(types, values_go_over_to_newer_code_bit_by_bit_and_nothing_else_changes)
{
    struct shard_fixture at;
    struct counted_file first = {{count_close}, 0};
    open_with(&at, &box_1, &first);
    fill(&at, 500);
    expect_said(&at, 0, ":1", "PEXPIRE key7 5000");
    expect_said(&at, 0, "OK", "BOXSET '' empty-name");
    uint64_t digest = digest_shard(&at.shard);
    (void)shard_fixture_records(&at);
    load(&at, &box_2, NULL);
    cr_expect_eq(left(&at), 501, "none was touched");
    cr_expect_eq(digest_shard(&at.shard), digest, "dumped by the code that made them");
    cr_expect(settle_turn(&at.shard), "there is more to do");
    cr_expect(left(&at) > 0 && left(&at) < 501, "%llu", (unsigned long long)left(&at));
    cr_expect_eq(first.closed, 0, "there are values of it");
    cr_expect_eq(digest_shard(&at.shard), digest, "of both versions");
    expect_said(&at, 0, "\"2:text499\"", "BOXGET key499"); /* the fixture takes turns until nothing is left to do */
    cr_expect_eq(left(&at), 0);
    cr_expect_eq(first.closed, 1, "its code is gone");
    cr_expect_eq(digest_shard(&at.shard), digest);
    expect_records(&at, "");
    expect_said(&at, 0, "\"2:text3\"", "BOXGET key3");
    expect_said(&at, 0, "\"2:empty-name\"", "BOXGET ''");
    expect_said(&at, 0, ":5000", "PTTL key7");
    expect_said(&at, 0, "OK", "BOXADD key3 more");
    expect_records(&at, "test.box key3");
    cr_expect(!settle_turn(&at.shard) && !at.shard.types.settling);
    cr_expect_eq(at.damages, 0);
    shard_fixture_close(&at);
}

/* Whoever asks for a value gets it from the newest code, also before the walk has come by. */
Test(types, a_value_that_is_asked_for_goes_over_at_once)
{
    struct shard_fixture at;
    open_with(&at, &box_1, NULL);
    fill(&at, 4);
    uint8_t older = number_of(&at, "key0");
    load(&at, &box_2, NULL);
    at.shard.sweep.active = true; /* as while a snapshot is made whose writer has failed: the walk rests */
    at.shard.databases.ledger.swept ^= ENTRY_SWEPT;
    cr_expect_not(settle_turn(&at.shard));
    expect_said(&at, 0, "\"2:text0\"", "BOXGET key0");
    expect_said(&at, 0, "OK", "BOXADD key1 more");
    expect_said(&at, 0, "\"2:text1more\"", "BOXGET key1");
    expect_said(&at, 0, ":1", "COPY key2 copy");
    cr_expect_neq(number_of(&at, "key0"), older);
    cr_expect_neq(number_of(&at, "copy"), older, "what is new is made by the newest code");
    cr_expect_eq(number_of(&at, "key3"), older, "nobody asked");
    expect_said(&at, 0, "\"2:text2\"", "BOXGET copy");
    expect_said(&at, 0, "OK", "BOXSET key3 anew");
    expect_said(&at, 0, "\"2:anew\"", "BOXGET key3");
    cr_expect_eq(left(&at), 0);
    expect_said(&at, 0, ":1", "DEL key1");
    at.shard.sweep.active = false;
    shard_fixture_pass(&at, 1);
    shard_fixture_close(&at);
}

Test(types, a_thousand_upgrades_take_two_numbers)
{
    struct shard_fixture at;
    open_with(&at, &box_1, NULL);
    fill(&at, 10);
    for (unsigned i = 0; i < 1000; i++) {
        load(&at, i % 2 == 0 ? &box_2 : &box_1, NULL);
        shard_fixture_pass(&at, 1);
        cr_assert_eq(left(&at), 0);
    }
    unsigned boxes = 0;
    for (uint32_t i = 1; i < at.shard.types.count; i++) {
        boxes += strcmp(at.shard.types.by_number[i].name, "test.box/1") == 0;
    }
    cr_expect_eq(boxes, 2, "%u", boxes);
    expect_said(&at, 0, "\"1:text9\"", "BOXGET key9");
    shard_fixture_close(&at);
}

/* Rolled back in the middle: what has not gone over yet stays where it is. */
Test(types, the_older_version_comes_back_before_all_have_gone_over)
{
    struct shard_fixture at;
    open_with(&at, &box_1, NULL);
    fill(&at, 300);
    uint8_t older = number_of(&at, "key0");
    uint64_t digest = digest_shard(&at.shard);
    load(&at, &box_2, NULL);
    cr_assert(settle_turn(&at.shard));
    uint64_t gone_over = 300 - left(&at);
    load(&at, &box_1, NULL);
    cr_expect_eq(left(&at), gone_over);
    shard_fixture_pass(&at, 1);
    cr_expect_eq(left(&at), 0);
    cr_expect_eq(number_of(&at, "key0"), older);
    expect_said(&at, 0, "\"1:text0\"", "BOXGET key0");
    cr_expect_eq(digest_shard(&at.shard), digest);
    shard_fixture_close(&at);
}

Test(types, values_freeze_when_their_module_goes_and_thaw_when_it_comes_back)
{
    struct shard_fixture at;
    struct counted_file first = {{count_close}, 0};
    struct counted_file second = {{count_close}, 0};
    open_with(&at, &box_2, &first);
    fill(&at, 100);
    expect_said(&at, 0, "OK", "SET other v");
    expect_said(&at, 0, ":1", "PEXPIRE key7 5000");
    uint64_t digest = digest_shard(&at.shard);
    unload(&at, "test.box");
    expect_begins(&at, 0, "-ERR unknown command 'BOXGET'", "BOXGET key1");
    expect_begins(&at, 0, "-MODMISSING", "GET key1");
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 100);
    cr_expect_eq(first.closed, 1);
    cr_expect_eq(digest_shard(&at.shard), digest);
    expect_said(&at, 0, ":5000", "PTTL key7");
    expect_said(&at, 0, ":1", "DEL key99");
    digest = digest_shard(&at.shard);
    load(&at, &box_1, &second);
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 99, "nobody has asked yet");
    expect_said(&at, 0, "\"1:text1\"", "BOXGET key1");
    cr_expect_eq(databases_frozen(&at.shard.databases).frozen, 0);
    cr_expect_eq(digest_shard(&at.shard), digest);
    expect_said(&at, 0, "\"v\"", "GET other");
    shard_fixture_close(&at);
    cr_expect(first.closed == 1 && second.closed == 1);
}

/* As after a recovery without the module: the frozen records are applied in their order. */
Test(types, what_was_read_without_its_module_thaws_when_that_comes)
{
    struct shard_fixture full, plain;
    open_with(&full, &box_1, NULL);
    open_bare(&plain);
    expect_said(&full, 0, "OK", "BOXSET a one");
    expect_said(&full, 0, "OK", "BOXADD a two");
    expect_said(&full, 0, "OK", "BOXADD a three");
    expect_said(&full, 0, ":1", "PEXPIRE a 9000");
    shard_fixture_replay(&full, &plain);
    cr_expect_eq(databases_frozen(&plain.shard.databases).frozen, 1);
    load(&plain, &box_2, NULL);
    expect_said(&plain, 0, "\"2:onetwothree\"", "BOXGET a");
    expect_said(&plain, 0, ":9000", "PTTL a");
    cr_expect_eq(digest_shard(&plain.shard), digest_shard(&full.shard));
    shard_fixture_close(&full);
    shard_fixture_close(&plain);
}

/* A stream of records that told its names before goes on after. */
Test(types, records_from_elsewhere_are_for_the_newest_code)
{
    struct shard_fixture from, into;
    open_with(&from, &box_1, NULL);
    open_with(&into, &box_1, NULL);
    expect_said(&from, 0, "OK", "BOXSET a one");
    shard_fixture_replay(&from, &into);
    buf_clear(&from.history, 0);
    load(&into, &box_2, NULL);
    expect_said(&from, 0, "OK", "BOXADD a two");
    expect_said(&from, 0, "OK", "BOXSET b three");
    into.shard.sweep.active = true; /* the walk rests */
    into.shard.databases.ledger.swept ^= ENTRY_SWEPT;
    shard_fixture_replay(&from, &into);
    cr_expect_eq(into.damages, 0, "%s", into.damage.text);
    cr_expect_eq(left(&into), 0);
    into.shard.sweep.active = false;
    expect_said(&into, 0, "\"2:onetwo\"", "BOXGET a");
    expect_said(&into, 0, "\"2:three\"", "BOXGET b");
    shard_fixture_close(&from);
    shard_fixture_close(&into);
}

Test(types, what_newer_code_does_not_accept_is_damaged_and_kept)
{
    struct shard_fixture at;
    struct counted_file first = {{count_close}, 0};
    open_with(&at, &box_1, &first);
    expect_said(&at, 0, "OK", "BOXSET good text");
    expect_said(&at, 0, "OK", "BOXSET bad oddity");
    uint64_t digest = digest_shard(&at.shard);
    load(&at, &box_2, NULL);
    shard_fixture_pass(&at, 1);
    cr_expect_eq(at.damages, 1);
    cr_expect(strstr(at.damage.text, "key \"bad\" is damaged") != NULL, "%s", at.damage.text);
    cr_expect(strstr(at.damage.text, "newer version of its type does not accept") != NULL, "%s", at.damage.text);
    expect_begins(&at, 0, "-DAMAGED", "BOXGET bad");
    expect_said(&at, 0, "\"2:text\"", "BOXGET good");
    cr_expect_eq(first.closed, 1, "what is kept are records");
    cr_expect_eq(digest_shard(&at.shard), digest);
    load(&at, &box_1, NULL);
    shard_fixture_pass(&at, 1); /* apply P4 */
    cr_expect_eq(at.mended, 1);
    expect_said(&at, 0, "\"1:oddity\"", "BOXGET bad");
    expect_said(&at, 0, "\"1:text\"", "BOXGET good");
    cr_expect_eq(digest_shard(&at.shard), digest);
    shard_fixture_close(&at);
}

static enum status accept(struct shard_fixture *at, const char *key, uint16_t op, uint16_t flags)
{
    struct record record = {.op = op, .flags = flags, .key = gm_bytes_of(key), .body = BYTES("odd")};
    return shard_fixture_accept(at, "test.box/1", record);
}

/* apply P4: only what the type's code refused; and by each code once. */
Test(types, what_was_damaged_is_tried_again_by_other_code_unless_its_records_do_not_fit)
{
    struct shard_fixture at;
    open_with(&at, &box_2, NULL);
    cr_assert_eq(accept(&at, "refused", OP_ODD, RECORD_FRESH), STATUS_OK);
    cr_assert_eq(accept(&at, "refused", OP_ADD, 0), STATUS_OK); /* it may go on */
    cr_assert_eq(accept(&at, "headless", OP_ADD, 0), STATUS_OK);
    expect_said(&at, 0, "OK", "SET other v");
    cr_assert_eq(accept(&at, "other", OP_ADD, 0), STATUS_OK);
    cr_assert_eq(accept(&at, "emptied", OP_ODD, RECORD_FRESH | RECORD_REMOVES), STATUS_OK);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 4);
    cr_expect_eq(at.damages, 4);
    unload(&at, "test.box");
    shard_fixture_pass(&at, 1);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 4);
    load(&at, &box_2, NULL); /* the same code again: it is asked, and says the same, once and quietly */
    shard_fixture_pass(&at, 1);
    cr_expect(at.damages == 4 && at.mended == 0 && !at.shard.types.settling);
    load(&at, &box_1, NULL);
    shard_fixture_pass(&at, 1);
    expect_said(&at, 0, "\"1:oddodd\"", "BOXGET refused");
    cr_expect_eq(at.mended, 1);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 3);
    expect_begins(&at, 0, "-DAMAGED", "BOXGET headless");
    expect_begins(&at, 0, "-DAMAGED", "BOXGET other");
    expect_begins(&at, 0, "-DAMAGED", "BOXGET emptied");
    shard_fixture_close(&at);
}

/* As a snapshot has them: it is not known which code has refused them, so what there is now is asked. */
Test(types, what_a_snapshot_has_of_damaged_values_is_tried_once_it_is_loaded)
{
    struct shard_fixture at;
    const uint16_t damaged = RECORD_DUMP | RECORD_DAMAGED;
    open_with(&at, &box_1, NULL);
    cr_assert_eq(accept(&at, "refused", OP_ODD, damaged | RECORD_FRESH), STATUS_OK);
    cr_assert_eq(accept(&at, "refused", OP_ADD, damaged), STATUS_OK);
    cr_assert_eq(accept(&at, "misfit", OP_ODD, damaged | RECORD_MISFIT | RECORD_FRESH), STATUS_OK);
    cr_assert_eq(accept(&at, "misfit", OP_ADD, damaged | RECORD_MISFIT), STATUS_OK);
    cr_expect_eq(at.damages, 0);
    cr_expect_eq(databases_frozen(&at.shard.databases).damaged, 2);
    at.shard.role = SHARD_LOADING; /* as recovery ends */
    shard_become(&at.shard, SHARD_ALONE);
    shard_fixture_pass(&at, 1);
    expect_said(&at, 0, "\"1:oddodd\"", "BOXGET refused");
    expect_begins(&at, 0, "-DAMAGED", "BOXGET misfit");
    cr_expect_eq(frozen_stamp(shard_fixture_entry(&at, "misfit")), FROZEN_MISFIT);
    shard_fixture_close(&at);
}

Test(types, a_value_that_its_code_does_not_dump_stays_with_it)
{
    struct shard_fixture at;
    struct counted_file first = {{count_close}, 0};
    open_with(&at, &box_mute, &first);
    fill(&at, 2);
    load(&at, &box_2, NULL);
    shard_fixture_pass(&at, 1);
    cr_expect_eq(at.damages, 2, "said once for each");
    cr_expect(strstr(at.damage.text, "stays with the older version of its module") != NULL, "%s", at.damage.text);
    expect_begins(&at, 0, "-WRONGTYPE", "BOXGET key0");
    expect_said(&at, 0, ":1", "DEL key0");
    cr_expect_eq(first.closed, 0);
    expect_said(&at, 0, ":1", "DEL key1");
    cr_expect_eq(first.closed, 1);
    expect_said(&at, 0, "OK", "BOXSET key1 anew");
    expect_said(&at, 0, "\"2:anew\"", "BOXGET key1");
    cr_expect_eq(at.damages, 2);
    shard_fixture_close(&at);
}

/* FLUSHALL gives its memory back later, by the code that took it. */
Test(types, code_stays_until_what_was_flushed_is_released)
{
    struct shard_fixture at;
    struct counted_file second = {{count_close}, 0};
    open_with(&at, &box_2, &second);
    fill(&at, 50);
    databases_flush_all(&at.shard.databases);
    load(&at, &box_1, NULL);
    while (settle_turn(&at.shard)) {
    }
    cr_expect_eq(second.closed, 0);
    shard_fixture_pass(&at, 1); /* releases, */
    shard_fixture_pass(&at, 1); /* and lets go */
    cr_expect_eq(second.closed, 1);
    shard_fixture_close(&at);
}

/* ---- commands ---- */

static uint64_t calls_of(const struct shard_fixture *at, const char *name)
{
    const struct command *command = registry_command_named(at->shard.registry, gm_bytes_of(name));
    return at->worker.meters.commands[command->index].calls;
}

Test(types, counts_stay_with_their_names)
{
    struct shard_fixture at;
    open_with(&at, &box_1, NULL);
    fill(&at, 5);
    expect_said(&at, 0, "\"1:text0\"", "BOXGET key0");
    expect_said(&at, 0, "OK", "BOXOLD");
    expect_said(&at, 0, "OK", "SET a b");
    load(&at, &box_2, NULL);
    expect_said(&at, 0, "OK", "BOXNEW");
    expect_said(&at, 0, "\"2:text0\"", "BOXGET key0");
    cr_expect(calls_of(&at, "boxset") == 5 && calls_of(&at, "boxget") == 2 && calls_of(&at, "boxnew") == 1);
    cr_expect_eq(calls_of(&at, "set"), 1);
    expect_begins(&at, 0, "-ERR unknown command 'BOXOLD'", "BOXOLD");
    load(&at, &box_1, NULL);
    expect_said(&at, 0, "OK", "BOXOLD");
    cr_expect(calls_of(&at, "boxold") == 2 && calls_of(&at, "boxget") == 2);
    shard_fixture_close(&at);
}

/* Sessions have kept commands, and the name of the last one: none of it is of a registry that is gone. */
Test(types, sessions_forget_what_has_gone)
{
    struct shard_fixture at;
    open_with(&at, &box_1, NULL);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "BOXOLD");
    expect_said(&at, 0, "QUEUED", "BOXSET a one");
    expect_said(&at, 1, "OK", "BOXOLD");
    expect_said(&at, 2, "", "BLPOP list 0");
    expect_said(&at, 3, "OK", "BOXSET b one");
    load(&at, &box_2, NULL);
    unload(&at, "geomys.deque");
    cr_expect_null(at.clients[1]->last_command);
    cr_expect_str_eq(at.clients[3]->last_command, "boxset");
    shard_fixture_pass(&at, 1);
    const char *heard = shard_fixture_hear(&at, 2);
    cr_expect(strncmp(heard, "-ERR unknown command 'BLPOP'", 28) == 0, "%s", heard);
    cr_expect_eq(at.worker.sessions.blocked, 0);
    expect_said(&at, 2, "\"2:one\"", "BOXGET b");
    heard = shard_fixture_say(&at, 0, "EXEC");
    cr_expect(strstr(heard, "unknown command 'BOXOLD'") != NULL && strstr(heard, "OK") != NULL, "%s", heard);
    expect_said(&at, 0, "\"2:one\"", "BOXGET a");
    shard_fixture_close(&at);
}

Test(types, too_many_types_are_refused_before_anything_changes)
{
    static struct gm_type many[255];
    static const struct gm_type *list[255];
    static char names[255][32];
    struct shard_fixture at;
    open_with(&at, &box_1, NULL);
    fill(&at, 1);
    for (unsigned i = 0; i < 255; i++) {
        snprintf(names[i], sizeof names[i], "test.many%u/1", i);
        many[i] = inline_type;
        many[i].id = names[i];
        list[i] = &many[i];
    }
    const uint32_t room = 255 - (at.shard.types.count - 1);
    struct gm_module module = box_1;
    module.name = "test.many";
    module.command_count = 0;
    module.types = list;
    module.type_count = room;
    load(&at, &module, NULL);
    cr_expect_eq(at.shard.types.count, 256);
    const struct registry *newer;
    struct complaint complaint;
    struct module_offer offer = {.abi = &box_2, .path = "box.so", .replaces = true};
    cr_assert_eq(registry_with(at.shard.registry, &offer, &newer, &complaint), STATUS_OK);
    cr_expect_eq(shard_adopt(&at.shard, newer, &complaint), STATUS_TOO_BIG, "the newer box has no number");
    cr_expect(strstr(complaint.text, "more than 255 types") != NULL, "%s", complaint.text);
    registry_release(newer);
    expect_said(&at, 0, "\"1:text0\"", "BOXGET key0");
    struct gm_module more = module;
    more.name = "test.more";
    more.type_count = 1;
    offer = (struct module_offer){.abi = &more, .path = "more.so"};
    cr_expect_eq(registry_with(at.shard.registry, &offer, &newer, &complaint), STATUS_TOO_BIG);
    cr_expect(strstr(complaint.text, "there would be 256, 255 are the limit") != NULL, "%s", complaint.text);
    shard_fixture_close(&at);
}
