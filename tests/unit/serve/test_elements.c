/* SPDX-License-Identifier: MIT */

/* test_elements.c - what one module reads and makes of another's values: elements, keys that plan asks for, keys that
 * may hold anything; and those who break the contract of it. */
#include <criterion/criterion.h>

#include "geomys/codec.h"
#include "geomys/module.h"
#include "support/shard_fixture.h"

/* ---- a bag: items one after the other ---- */

static int apply_bag(struct gm_apply *apply, const struct gm_record *record)
{
    size_t before = apply->cell.form == GM_BYTES ? apply->cell.size : 0;
    uint8_t *target = gm_resize(apply, before + gm_item_size(record->body.size));
    (void)gm_store_item(target + before, record->body);
    return GM_OK;
}

static uint64_t dump_bag(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    struct gm_reader in = gm_reader_of((struct gm_bytes){cell->data, cell->size});
    while (gm_read_left(&in) > 0) {
        gm_dump(sink, 1, gm_read_item(&in));
    }
    return 0;
}

/* Two of them a page: the cursor is the place in the bytes. Each has its size as its score, and as a text that is made
 * for who looks. */
static uint64_t show_bag(const struct gm_cell *cell, uint64_t cursor, struct gm_visitor *visitor)
{
    struct gm_reader in = gm_reader_of((struct gm_bytes){cell->data + cursor, cell->size - cursor});
    for (int i = 0; i < 2 && gm_read_left(&in) > 0; i++) {
        struct gm_bytes item = gm_read_item(&in);
        char *text = gm_visit_scratch(visitor, 8);
        if (text == NULL) {
            return 0;
        }
        int size = snprintf(text, 8, "%zu", item.size);
        if (!gm_visit(visitor, &(struct gm_element){.name = item,
                                                    .bytes = {(const uint8_t *)text, (size_t)size},
                                                    .score = (double)item.size,
                                                    .scored = true})) {
            return 1;
        }
    }
    return gm_read_left(&in) > 0 ? cell->size - gm_read_left(&in) : 0;
}

static void make_bag(struct gm_call *call, uint32_t key, const struct gm_element *elements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        gm_emit(call, &GM_EMISSION(.key = key, .op = 1, .flags = GM_BORROWED | (i == 0 ? GM_FRESH : 0),
                                   .body = elements[i].name));
    }
}

static const struct gm_type bag = {.size = sizeof bag,
                                   .id = "test.bag/1",
                                   .name = "bag",
                                   .apply = apply_bag,
                                   .dump = dump_bag,
                                   .elements = show_bag,
                                   .from_elements = make_bag};

/* ---- those that do it wrong ---- */

static uint64_t show_for_ever(const struct gm_cell *cell, uint64_t cursor, struct gm_visitor *visitor)
{
    (void)cell;
    (void)gm_visit(visitor, &(struct gm_element){.name = gm_bytes_of("again")});
    return cursor > 2 ? cursor : cursor + 1;
}

static void make_nothing(struct gm_call *call, uint32_t key, const struct gm_element *elements, size_t count)
{
    (void)call;
    (void)key;
    (void)elements;
    (void)count;
}

static const struct gm_type loop = {.size = sizeof loop,
                                    .id = "test.loop/1",
                                    .name = "loop",
                                    .apply = apply_bag,
                                    .dump = dump_bag,
                                    .elements = show_for_ever,
                                    .from_elements = make_nothing};

static void make_far(struct gm_call *call, uint32_t key, const struct gm_element *elements, size_t count)
{
    (void)count;
    gm_emit(call, &GM_EMISSION(.key = key + 1, .op = 1, .flags = GM_FRESH, .body = elements[0].name));
}

static const struct gm_type far = {.size = sizeof far,
                                   .id = "test.far/1",
                                   .name = "far",
                                   .apply = apply_bag,
                                   .dump = dump_bag,
                                   .from_elements = make_far};

/* Asks for a value of another type in the midst of its own. */
static void make_both(struct gm_call *call, uint32_t key, const struct gm_element *elements, size_t count)
{
    (void)gm_emit_elements(call, key, "bag", elements, count);
    gm_emit(call, &GM_EMISSION(.key = key, .op = 1, .flags = GM_FRESH, .body = elements[0].name));
}

static const struct gm_type both = {.size = sizeof both,
                                    .id = "test.both/1",
                                    .name = "both",
                                    .apply = apply_bag,
                                    .dump = dump_bag,
                                    .from_elements = make_both};

/* ---- plans ---- */

static void plan_add(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = GM_BORROWED, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

struct gathered {
    struct gm_element elements[64];
    size_t count;
    size_t most;
};

static bool gather(void *context, const struct gm_element *element)
{
    struct gathered *gathered = context;
    gathered->elements[gathered->count++] = *element;
    return gathered->count < gathered->most;
}

static void gather_key(struct gm_call *call, uint32_t key, struct gathered *gathered)
{
    uint64_t cursor = 0;
    do {
        cursor = gm_walk(call, key, cursor, gather, gathered);
    } while (cursor != 0 && cursor != GM_WALK_REFUSED);
}

static void plan_join(struct gm_call *call)
{
    struct gathered gathered = {.most = 64};
    for (uint32_t k = 1; k < call->key_count; k++) {
        gather_key(call, k, &gathered);
    }
    char name[16] = "";
    memcpy(name, gm_arg_at(call, 0, 0).data, gm_arg_at(call, 0, 0).size < 15 ? gm_arg_at(call, 0, 0).size : 15);
    if (gm_emit_elements(call, 0, name, gathered.elements, gathered.count)) {
        gm_reply_int(call, (int64_t)gathered.count);
    }
}

static void plan_show(struct gm_call *call)
{
    struct gathered gathered = {.most = (size_t)gm_arg(call, 1)->integer};
    gather_key(call, 0, &gathered);
    gm_reply_array(call, gathered.count);
    for (size_t i = 0; i < gathered.count; i++) {
        gm_reply_array(call, 3);
        gm_reply_bytes(call, gathered.elements[i].name);
        gm_reply_bytes(call, gathered.elements[i].bytes);
        gm_reply_double(call, gathered.elements[i].scored ? gathered.elements[i].score : -1);
    }
}

static void plan_may(struct gm_call *call)
{
    gm_reply_int(call, gm_walk(call, 0, 0, gather, &(struct gathered){.most = 1}) != GM_WALK_REFUSED);
}

/* SMOVE's order: what is not there matters before what the destination is. */
static void plan_move(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_int(call, 0);
    } else if (gm_key(call, 1)->state > GM_KEY_OWN) {
        gm_reply_error(call, "WRONGTYPE the destination is something else");
    } else {
        gm_emit(call, &GM_EMISSION(.key = 1, .op = 1, .body = gm_bytes_of("moved")));
        gm_reply_int(call, 1);
    }
}

/* As many keys as it is told, by the name and a number: the sum of what they hold. */
static void plan_sum(struct gm_call *call)
{
    struct gm_bytes prefix = gm_arg_at(call, 0, 0);
    double sum = 0;
    int64_t count = gm_arg(call, 1)->integer;
    for (int64_t i = 0; i < count; i++) {
        char *name = gm_scratch_raw(call, prefix.size + 24);
        if (name == NULL) {
            return;
        }
        int size =
            snprintf(name, prefix.size + 24, "%.*s%lld", (int)prefix.size, (const char *)prefix.data, (long long)i);
        uint32_t key = gm_key_add(call, (struct gm_bytes){(const uint8_t *)name, (size_t)size});
        if (key == GM_KEY_NONE) {
            return;
        }
        cr_assert_eq(key + 1, call->key_count);
        struct gm_bytes text = gm_scalar(call, key);
        cr_assert_eq(text.data != NULL, gm_key(call, key)->state == GM_KEY_SCALAR);
        if (text.data != NULL) {
            char copy[32] = "";
            memcpy(copy, text.data, text.size < 31 ? text.size : 31);
            sum += strtod(copy, NULL);
        }
    }
    gm_reply_double(call, sum);
}

static void plan_kind(struct gm_call *call)
{
    uint32_t key = gm_key_add(call, gm_arg_at(call, 0, 0));
    if (key != GM_KEY_NONE) {
        gm_reply_int(call, (int64_t)gm_key(call, key)->state);
    }
}

static void plan_put_added(struct gm_call *call)
{
    uint32_t key = gm_key_add(call, gm_bytes_of("other"));
    gm_emit(call, &GM_EMISSION(.key = key, .op = 1, .body = gm_bytes_of("x")));
    gm_reply_status(call, "OK");
}

static void plan_delete_added(struct gm_call *call)
{
    gm_emit_delete(call, gm_key_add(call, gm_bytes_of("other")));
    gm_reply_status(call, "OK");
}

static void plan_walk_far(struct gm_call *call)
{
    gm_reply_int(call, (int64_t)gm_walk(call, 7, 0, gather, NULL));
}

static void plan_null_type(struct gm_call *call)
{
    (void)gm_emit_elements(call, 0, NULL, NULL, 0);
}

static void plan_null_elements(struct gm_call *call)
{
    (void)gm_emit_elements(call, 0, "bag", NULL, 3);
}

static void plan_null_name(struct gm_call *call)
{
    gm_reply_int(call, gm_key_add(call, (struct gm_bytes){NULL, 3}));
}

static void plan_nothing(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .body = gm_bytes_of("x")));
}

static void answer_asks(struct gm_call *call)
{
    gm_reply_int(call, gm_key_add(call, gm_bytes_of("k")));
}

#define WORDS .size = sizeof(struct gm_command), .summary = "One more.", .complexity = "O(n)"

static const struct gm_command commands[] = {
    {WORDS, .usage = "ADD key item", .flags = GM_WRITE, .type = &bag, .plan = plan_add},
    {WORDS, .usage = "LOOPADD key item", .flags = GM_WRITE, .type = &loop, .plan = plan_add},
    {WORDS, .usage = "JOIN as destination:key-any source:rkey-elements...", .flags = GM_WRITE, .plan = plan_join},
    {WORDS, .usage = "SHOW key:rkey-elements most:int", .flags = GM_READ, .plan = plan_show},
    {WORDS, .usage = "MAY key:rkey-any", .flags = GM_READ, .plan = plan_may},
    {WORDS, .usage = "MOVEONE source:key destination:key-any", .flags = GM_WRITE, .type = &bag, .plan = plan_move},
    {WORDS, .usage = "SUM prefix count:int [key:rkey-any...]", .flags = GM_READ, .plan = plan_sum},
    {WORDS, .usage = "KIND name", .flags = GM_READ, .plan = plan_kind},
    {WORDS, .usage = "PUTADDED key", .flags = GM_WRITE, .type = &bag, .plan = plan_put_added},
    {WORDS, .usage = "DELETEADDED key", .flags = GM_WRITE, .type = &bag, .plan = plan_delete_added},
    {WORDS, .usage = "WALKFAR key", .flags = GM_READ, .type = &bag, .plan = plan_walk_far},
    {WORDS, .usage = "NULLTYPE key", .flags = GM_WRITE, .type = &bag, .plan = plan_null_type},
    {WORDS, .usage = "NULLELEMENTS key", .flags = GM_WRITE, .type = &bag, .plan = plan_null_elements},
    {WORDS, .usage = "NULLNAME key", .flags = GM_READ, .type = &bag, .plan = plan_null_name},
    {WORDS, .usage = "LATE key", .flags = GM_WRITE, .type = &bag, .plan = plan_nothing, .answer = answer_asks,
     .answer_max = 64},
};

static const struct gm_type *const types[] = {&bag, &loop, &far, &both};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.elements",
                                        .version = "1.0.0",
                                        .summary = "Reads what others have.",
                                        .types = types,
                                        .type_count = 4,
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0]};

static const struct shard_fixture_options options = {.module = &module};

Test(elements, go_from_one_type_to_another)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &options);
    expect_said(&at, 0, ":3", "RPUSH l one three four");
    expect_said(&at, 0, ":3", "JOIN bag b l none");
    expect_said(&at, 0, "bag", "TYPE b");
    /* made in scratch memory, page by page, and still there when all is replied */
    expect_said(&at, 0, "[[\"one\" \"3\" \"3\"] [\"three\" \"5\" \"5\"] [\"four\" \"4\" \"4\"]]", "SHOW b 64");
    expect_said(&at, 0, "[[\"one\" \"\" \"-1\"] [\"three\" \"\" \"-1\"]]", "SHOW l 2");
    (void)shard_fixture_records(&at);
    expect_said(&at, 0, ":6", "JOIN list l b l");
    expect_records(&at, "deque l fresh");
    expect_said(&at, 0, "[\"one\" \"three\" \"four\" \"one\" \"three\" \"four\"]", "LRANGE l 0 -1");
    expect_said(&at, 0, "OK", "SET s text EX 100");
    expect_said(&at, 0, ":3", "JOIN list s b");
    expect_said(&at, 0, ":-1", "TTL s");
    expect_said(&at, 0, ":0", "JOIN list s none");
    expect_said(&at, 0, ":0", "EXISTS s");
    shard_fixture_close(&at);
}

Test(elements, one_type_may_ask_another)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &options);
    expect_said(&at, 0, ":2", "RPUSH l one two");
    expect_said(&at, 0, ":2", "JOIN both b l");
    expect_said(&at, 0, "both", "TYPE b");
    expect_said(&at, 0, ":2", "JOIN bag b l");
    shard_fixture_close(&at);
}

Test(elements, a_long_list_is_shown_whole)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &options);
    for (int i = 0; i < 3000; i++) {
        (void)shard_fixture_say(&at, 0, "RPUSH l %d", i);
    }
    expect_said(&at, 0, ":3000", "SORT l STORE sorted");
    expect_said(&at, 0, ":3000", "SORT l BY nosort STORE same");
    for (int i = 0; i < 3000; i += 377) {
        char text[16];
        (void)snprintf(text, sizeof text, "\"%d\"", i);
        expect_said(&at, 0, text, "LINDEX sorted %d", i);
        expect_said(&at, 0, text, "LINDEX same %d", i);
    }
    shard_fixture_close(&at);
}

Test(elements, what_a_key_takes_stands_in_the_usage_line)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &options);
    expect_said(&at, 0, "OK", "SET s text");
    expect_said(&at, 0, ":1", "INCR c");
    expect_said(&at, 0, ":1", "RPUSH l a");
    expect_begins(&at, 0, "-WRONGTYPE ", "JOIN bag b s");
    expect_begins(&at, 0, "-WRONGTYPE ", "SHOW c 1");
    expect_said(&at, 0, ":0", "MAY s");
    expect_said(&at, 0, ":1", "MAY l");
    expect_said(&at, 0, ":1", "MAY none");
    expect_said(&at, 0, ":0", "MOVEONE none l");
    expect_begins(&at, 0, "-WRONGTYPE Operation", "MOVEONE l none");
    expect_said(&at, 0, "OK", "ADD b x");
    expect_said(&at, 0, "-WRONGTYPE the destination is something else", "MOVEONE b l");
    expect_said(&at, 0, ":1", "MOVEONE b b2");
    shard_fixture_close(&at);
}

Test(elements, keys_that_plan_asks_for)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &options);
    for (int i = 0; i < 100; i += 2) {
        (void)shard_fixture_say(&at, 0, "SET k%d %d", i, i);
        (void)shard_fixture_say(&at, 0, "INCRBY k%d 1", i + 1);
    }
    expect_said(&at, 0, "\"2500\"", "SUM k 100");
    /* beside keys of its own: 16 fill the room that a call has, 17 do not */
    expect_said(&at, 0, "\"2500\"", "SUM k 100 a b c d e f g h i j k l m n o p");
    expect_said(&at, 0, "\"2500\"", "SUM k 100 a b c d e f g h i j k l m n o p q");
    expect_said(&at, 0, "\"0\"", "SUM none 3");
    expect_said(&at, 0, ":1", "RPUSH l a");
    expect_said(&at, 0, ":3", "KIND l");
    expect_said(&at, 0, ":2", "KIND k0");
    expect_said(&at, 0, ":0", "KIND none");
    expect_said(&at, 0, ":1", "PEXPIRE k0 5");
    at.one_turn = true;
    shard_fixture_jump(&at, SHARD_FIXTURE_START_MS + 100);
    expect_said(&at, 0, ":0", "KIND k0");
    expect_said(&at, 0,
                "-ERR this command would look at more than a million keys beside those that it names: nothing "
                "was changed by it",
                "SUM none 1048577");
    expect_said(&at, 0, "\"0\"", "SUM none 1048576");
    shard_fixture_close(&at);
}

/* What it shows of another key waits for the disk as that key's value does. */
Test(elements, what_an_added_key_shows_waits_for_the_log)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module, .held = true});
    expect_said(&at, 0, "", "SET k0 7");
    expect_said(&at, 1, "", "SUM k 1");
    shard_fixture_release(&at, 1);
    expect_heard(&at, 1, "\"7\"");
    shard_fixture_close(&at);
}

Test(elements, a_frozen_value_is_not_passed_over)
{
    struct shard_fixture from;
    struct shard_fixture at;
    shard_fixture_open(&from, &options);
    expect_said(&from, 0, "OK", "SET k0 7");
    expect_said(&from, 0, "OK", "SET s x");
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module, .without = SHARD_FIXTURE_KV});
    shard_fixture_replay(&from, &at);
    expect_begins(&at, 0, "-MODMISSING ", "SUM k 1");
    expect_begins(&at, 0, "-MODMISSING ", "JOIN list d s");
    expect_said(&at, 0, ":0", "EXISTS d");
    shard_fixture_close(&from);
    shard_fixture_close(&at);
}

/* ---- what is wrong ---- */

#define MODULE "-ERR the module test.elements "
#define LOOP   "-ERR the type test.loop/1 of the module test.elements "

Test(elements, breaches_are_named)
{
    static const struct {
        const char *line;
        const char *heard;
    } breaches[] = {
        {"SHOW endless 64", LOOP "comes to no end when its elements are read: its cursor does not grow, in 'show'"},
        {"SORT endless ALPHA", LOOP "comes to no end when its elements are read"},
        {"JOIN loop d l", LOOP "makes nothing of 1 elements, in 'join': nothing was changed by it"},
        {"JOIN far d l", "-ERR the type test.far/1 of the module test.elements emitted a record for its key number 1, "
                         "which its usage line declares as only read (rkey)"},
        {"JOIN heap d l", "-MODMISSING no module is loaded that makes a value which clients call \"heap\""},
        {"PUTADDED k", MODULE "emitted a record for its key number 1, which it has added to read it"},
        {"DELETEADDED k", MODULE "emitted a record for its key number 1, which it has added to read it"},
        {"WALKFAR k", MODULE "walks its key number 7, but the call has 1"},
        {"NULLTYPE k", MODULE "makes a value of a type, or of elements, at NULL"},
        {"NULLELEMENTS k", MODULE "makes a value of a type, or of elements, at NULL"},
        {"NULLNAME k", MODULE "asks for a key whose name is at NULL"},
    };
    struct shard_fixture at;
    shard_fixture_open(&at, &options);
    expect_said(&at, 0, ":1", "RPUSH l a");
    expect_said(&at, 0, "OK", "SET other x");
    expect_said(&at, 0, "OK", "LOOPADD endless x");
    (void)shard_fixture_records(&at);
    for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++) {
        expect_begins(&at, 0, breaches[i].heard, "%s", breaches[i].line);
        expect_said(&at, 0, "PONG", "PING");
    }
    expect_records(&at, "");
    expect_begins(&at, 0, MODULE "asks for a key in its answer, in 'late': what it has changed stands", "LATE k");
    shard_fixture_close(&at);
}
