/* SPDX-License-Identifier: MIT */

/* test_breach.c - modules that break their side of the contract: the client gets one error, the next answer is right,
 * and nothing has changed. */
#include <criterion/criterion.h>

#include "geomys/ext/wait.h"
#include "geomys/module.h"
#include "support/shard_fixture.h"

/* ---- a value that is its bytes; op 1 replaces it ---- */

static int apply_note(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op != 1) {
        return GM_CORRUPT;
    }
    uint8_t *target = gm_resize(apply, record->body.size);
    if (record->body.size > 0) {
        memcpy(target, record->body.data, record->body.size);
    }
    return GM_OK;
}

static uint64_t dump_note(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    gm_dump(sink, 1, (struct gm_bytes){cell->data, cell->size});
    return 0;
}

static const struct gm_type note = {
    .size = sizeof note, .id = "test.note/1", .name = "note", .apply = apply_note, .dump = dump_note};

static const struct gm_type memo = {
    .size = sizeof memo, .id = "test.memo/1", .name = "memo", .apply = apply_note, .dump = dump_note};
static const struct gm_type stranger = {
    .size = sizeof stranger, .id = "test.stranger/1", .name = "stranger", .apply = apply_note, .dump = dump_note};

static void put(struct gm_call *call, uint32_t key, uint16_t op)
{
    gm_emit(call, &GM_EMISSION(.key = key, .op = op, .body = gm_bytes_of("written")));
}

/* ---- the breaches ---- */

static void plan_good(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_status(call, "OK");
}

static void plan_silent(struct gm_call *call)
{
    put(call, 0, 1);
}

static void plan_few(struct gm_call *call)
{
    gm_reply_array(call, 3);
    gm_reply_int(call, 1);
    gm_reply_int(call, 2);
    put(call, 0, 1);
}

static void plan_many(struct gm_call *call)
{
    gm_reply_array(call, 1);
    gm_reply_int(call, 1);
    gm_reply_int(call, 2);
    put(call, 0, 1);
}

static void plan_few_inside(struct gm_call *call)
{
    gm_reply_array(call, 2);
    gm_reply_map(call, 2);
    gm_reply_int(call, 1);
    gm_reply_int(call, 2);
    gm_reply_set(call, 0);
    put(call, 0, 1);
}

static void plan_twice(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_status(call, "OK");
    gm_reply_status(call, "OK");
}

static void plan_endless_array(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_array(call, (size_t)INT64_MAX + 1);
}

/* Twice as many elements, which is none if one counts too short. */
static void plan_endless_map(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_map(call, (size_t)INT64_MAX + 1);
}

/* Each can be announced, all together cannot be counted. */
static void plan_endless_nest(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_array(call, INT64_MAX);
    gm_reply_set(call, INT64_MAX);
    gm_reply_array(call, 4);
}

static void plan_endless_bytes(struct gm_call *call)
{
    static const uint8_t byte = 1;
    put(call, 0, 1);
    gm_reply_bytes(call, (struct gm_bytes){&byte, SIZE_MAX});
}

static void plan_error_then_more(struct gm_call *call)
{
    gm_reply_array(call, 2);
    gm_reply_error(call, "ERR no\r\n+OK\r\n");
    gm_reply_array(call, 7);
    put(call, 0, 1);
}

static void plan_error_emits(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_error(call, "ERR refused");
    put(call, 0, 1);
    gm_emit_delete(call, 0);
    gm_emit_expire(call, 0, 1);
}

static void plan_read_emits(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_status(call, "OK");
}

static void plan_read_deletes(struct gm_call *call)
{
    gm_reply_status(call, "OK");
    gm_emit_delete(call, 0);
}

static void plan_far_key(struct gm_call *call)
{
    put(call, 0, 1);
    put(call, call->key_count, 1);
    gm_reply_status(call, "OK");
}

static void plan_far_delete(struct gm_call *call)
{
    gm_reply_status(call, "OK");
    gm_emit_delete(call, call->key_count);
}

static void plan_far_expire(struct gm_call *call)
{
    put(call, 0, 1);
    gm_emit_expire(call, UINT32_MAX, 1);
    gm_reply_status(call, "OK");
}

static void plan_far_scalar(struct gm_call *call)
{
    gm_reply_bool(call, gm_scalar(call, UINT32_MAX).data == NULL && gm_scalar(call, 0).data == NULL);
}

static void plan_endless_body(struct gm_call *call)
{
    static const uint8_t byte = 1;
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = GM_BORROWED, .body = {&byte, GM_VALUE_SIZE_MAX + 1}));
    gm_reply_status(call, "OK");
}

#define EMITS(name, ...)                                                                                               \
    static void name(struct gm_call *call)                                                                             \
    {                                                                                                                  \
        put(call, 0, 1);                                                                                               \
        gm_emit(call, &(const struct gm_emission){__VA_ARGS__});                                                       \
        gm_reply_status(call, "OK");                                                                                   \
    }
#define WHOLE .size = sizeof(struct gm_emission), .op = 1

EMITS(plan_small_size, .size = 40, .op = 1)
EMITS(plan_large_size, .size = 4096, .op = 1)
EMITS(plan_new_flag, WHOLE, .flags = GM_FRESH | 1 << 16)
EMITS(plan_reserved, WHOLE, .reserved = 1)
EMITS(plan_reserved_more, WHOLE, .reserved2 = 1)
EMITS(plan_strange_type, WHOLE, .type = &stranger)
EMITS(plan_rkey_put, WHOLE, .key = 1)
EMITS(plan_rkey_gone, WHOLE, .key = 1, .flags = GM_DELETE)
EMITS(plan_fresh_memo, WHOLE, .type = &memo, .flags = GM_FRESH)

static const struct gm_bytes endless_parts[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", SIZE_MAX}};
static const struct gm_bytes many_parts[] = {{(const uint8_t *)"a", GM_VALUE_SIZE_MAX}, {(const uint8_t *)"b", 1}};
EMITS(plan_endless_parts, WHOLE, .parts = endless_parts, .part_count = 2)
EMITS(plan_many_parts, WHOLE, .parts = many_parts, .part_count = 2)

static void plan_rkey_delete(struct gm_call *call)
{
    put(call, 0, 1);
    gm_emit_delete(call, 1);
    gm_reply_status(call, "OK");
}

static void plan_rkey_expire(struct gm_call *call)
{
    put(call, 0, 1);
    gm_emit_expire(call, 1, INT64_MAX);
    gm_reply_status(call, "OK");
}

/* Of one type, then of another over it. */
static void plan_two_types(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .type = &memo));
    put(call, 0, 1);
    gm_reply_status(call, "OK");
}

/* The same as it may be done: a deletion between them, or GM_FRESH. */
static void plan_two_types_well(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .type = &memo));
    gm_emit_delete(call, 0);
    put(call, 0, 1);
    gm_emit(call, &GM_EMISSION(.op = 1, .type = &memo, .flags = GM_FRESH));
    gm_reply_status(call, "OK");
}

/* A body in pieces, some of them empty, that are gone when the call is applied. */
static void plan_parts(struct gm_call *call)
{
    uint8_t text[] = "one two ";
    const struct gm_bytes parts[] = {{text + 4, 4}, {NULL, 0}, gm_arg_at(call, 0, 0)};
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = GM_BORROWED, .body = {text, 4}, .parts = parts, .part_count = 3));
    memset(text, 'x', sizeof text);
    gm_reply_status(call, "OK");
}

static void plan_read(struct gm_call *call)
{
    const struct gm_cell *cell = &gm_key(call, 0)->cell;
    gm_reply_bytes(call, (struct gm_bytes){cell->data, cell->size});
}

static void plan_far_miss(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_null(call);
    gm_miss(call, call->key_count);
}

static void plan_no_keys(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_status(call, "OK");
}

/* ---- replies whose length comes last ---- */

static void plan_begin(struct gm_call *call)
{
    gm_reply_begin(call, GM_REPLY_ARRAY);
    gm_reply_int(call, 1);
}

static void plan_end(struct gm_call *call)
{
    gm_reply_end(call);
    gm_reply_int(call, 1);
}

static void plan_end_twice(struct gm_call *call)
{
    gm_reply_begin(call, GM_REPLY_ARRAY);
    gm_reply_end(call);
    gm_reply_end(call);
}

static void plan_end_early(struct gm_call *call)
{
    gm_reply_begin(call, GM_REPLY_SET);
    gm_reply_array(call, 3);
    gm_reply_int(call, 1);
    gm_reply_end(call);
}

static void plan_odd_pairs(struct gm_call *call)
{
    gm_reply_begin(call, GM_REPLY_PAIRS);
    gm_reply_int(call, 1);
    gm_reply_end(call);
}

static void plan_odd_map(struct gm_call *call)
{
    gm_reply_begin(call, GM_REPLY_MAP);
    gm_reply_int(call, 1);
    gm_reply_end(call);
}

static void plan_new_kind(struct gm_call *call)
{
    gm_reply_begin(call, (enum gm_reply_kind)9);
    gm_reply_end(call);
}

static void plan_deep(struct gm_call *call)
{
    for (int i = 0; i < 9; i++) {
        gm_reply_begin(call, GM_REPLY_ARRAY);
    }
    for (int i = 0; i < 9; i++) {
        gm_reply_end(call);
    }
}

static void plan_lone_error(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_error_element(call, "ERR an element");
}

static void plan_error_in_late(struct gm_call *call)
{
    gm_reply_begin(call, GM_REPLY_ARRAY);
    gm_reply_int(call, 1);
    put(call, 0, 1);
    gm_reply_error(call, "ERR the whole");
}

/* What all of it is for. */
static void plan_late(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_begin(call, GM_REPLY_ARRAY);
    gm_reply_begin(call, GM_REPLY_PAIRS);
    gm_reply_bytes(call, gm_bytes_of("a"));
    gm_reply_int(call, 1);
    gm_reply_bytes(call, gm_bytes_of("b"));
    gm_reply_int(call, 2);
    gm_reply_end(call);
    gm_reply_error_element(call, "ERR this one\nfailed");
    gm_reply_int(call, gm_protocol(call));
    gm_reply_end(call);
}

static void plan_no_text(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_error(call, "");
}

static void plan_no_error(struct gm_call *call)
{
    gm_reply_error(call, NULL);
    put(call, 0, 1);
}

static void plan_no_status(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_status(call, NULL);
}

static void plan_no_bytes(struct gm_call *call)
{
    put(call, 0, 1);
    gm_reply_bytes(call, (struct gm_bytes){NULL, 3});
}

/* Wrong in two ways: the first is told. */
static void plan_first_reply(struct gm_call *call)
{
    gm_reply_status(call, "OK");
    gm_reply_status(call, "OK");
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = 1 | 1u << 16));
}

static void plan_first_flag(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = 1, .flags = 1 | 1u << 16));
    gm_reply_status(call, "OK");
    gm_reply_status(call, "OK");
}

static bool wait(struct gm_call *call, int64_t timeout_ms)
{
    return ((const struct gm_wait_2 *)call->interfaces[0])->wait(call, timeout_ms, (struct gm_bytes){0});
}

/* The bytes are not looked at: so many are never kept. */
static void plan_keep_much(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    struct gm_bytes much = {(const uint8_t *)"", GM_KEEP_MAX + 1};
    if (!wait->wait(call, 0, much)) {
        gm_reply_null(call);
    }
}

/* Waits for a key that never suits it, whatever it is told, and says and writes what it should not. */
static void plan_wait_anyhow(struct gm_call *call)
{
    gm_reply_array(call, 5);
    put(call, 0, 1);
    (void)wait(call, 50);
    gm_reply_int(call, 1);
}

static void plan_wait_long(struct gm_call *call)
{
    if (gm_key(call, 0)->state == GM_KEY_OWN) {
        gm_reply_status(call, "THERE");
    } else if (!wait(call, INT64_MAX)) {
        gm_reply_null(call);
    }
}

static void plan_wait_negative(struct gm_call *call)
{
    if (!wait(call, -1)) {
        gm_reply_null(call);
    }
}

#define WORDS .size = sizeof(struct gm_command), .summary = "For the test.", .complexity = "O(1)"
#define WRITES(name, function, ...)                                                                                    \
    {                                                                                                                  \
        WORDS, .usage = name " key" __VA_ARGS__, .flags = GM_WRITE, .type = &note, .plan = function                    \
    }
#define READS(name, function)                                                                                          \
    {                                                                                                                  \
        WORDS, .usage = name " key", .flags = GM_READ, .type = &note, .plan = function                                 \
    }
#define WAITS(name, function)                                                                                          \
    {                                                                                                                  \
        WORDS, .usage = name " key", .flags = GM_WRITE | GM_BLOCKS, .type = &note, .plan = function                    \
    }

static const struct gm_command commands[] = {
    WRITES("GOOD", plan_good),
    WRITES("SILENT", plan_silent),
    WRITES("FEW", plan_few),
    WRITES("MANY", plan_many),
    WRITES("FEWINSIDE", plan_few_inside),
    WRITES("TWICE", plan_twice),
    WRITES("ENDLESSARRAY", plan_endless_array),
    WRITES("ENDLESSMAP", plan_endless_map),
    WRITES("ENDLESSNEST", plan_endless_nest),
    WRITES("ENDLESSBYTES", plan_endless_bytes),
    WRITES("ERRORTHENMORE", plan_error_then_more),
    WRITES("ERROREMITS", plan_error_emits),
    READS("READEMITS", plan_read_emits),
    READS("READDELETES", plan_read_deletes),
    WRITES("FARKEY", plan_far_key),
    WRITES("FARDELETE", plan_far_delete),
    WRITES("FAREXPIRE", plan_far_expire),
    READS("FARSCALAR", plan_far_scalar),
    WRITES("ENDLESSBODY", plan_endless_body),
    WRITES("SMALLSIZE", plan_small_size),
    WRITES("LARGESIZE", plan_large_size),
    WRITES("NEWFLAG", plan_new_flag),
    WRITES("RESERVED", plan_reserved),
    WRITES("RESERVEDMORE", plan_reserved_more),
    WRITES("ENDLESSPARTS", plan_endless_parts),
    WRITES("MANYPARTS", plan_many_parts),
    WRITES("STRANGETYPE", plan_strange_type),
    WRITES("RKEYPUT", plan_rkey_put, " other:rkey"),
    WRITES("RKEYDELETE", plan_rkey_delete, " other:rkey"),
    WRITES("RKEYEXPIRE", plan_rkey_expire, " other:rkey"),
    WRITES("RKEYGONE", plan_rkey_gone, " other:rkey"),
    WRITES("TWOTYPES", plan_two_types),
    WRITES("TWOTYPESWELL", plan_two_types_well),
    WRITES("FRESHMEMO", plan_fresh_memo),
    WRITES("PARTS", plan_parts),
    WRITES("FARMISS", plan_far_miss),
    WRITES("BEGIN", plan_begin),
    WRITES("END", plan_end),
    WRITES("ENDTWICE", plan_end_twice),
    WRITES("ENDEARLY", plan_end_early),
    WRITES("ODDPAIRS", plan_odd_pairs),
    WRITES("ODDMAP", plan_odd_map),
    WRITES("NEWKIND", plan_new_kind),
    WRITES("DEEP", plan_deep),
    WRITES("LONEERROR", plan_lone_error),
    WRITES("ERRORINLATE", plan_error_in_late),
    WRITES("LATE", plan_late),
    WRITES("NOTEXT", plan_no_text),
    WRITES("NOERROR", plan_no_error),
    WRITES("NOSTATUS", plan_no_status),
    WRITES("NOBYTES", plan_no_bytes),
    WRITES("FIRSTREPLY", plan_first_reply),
    WRITES("FIRSTFLAG", plan_first_flag),
    READS("READ", plan_read),
    {WORDS, .usage = "PUTANY key", .flags = GM_WRITE | GM_ACCEPT_ANY, .type = &note, .plan = plan_good},
    {WORDS, .usage = "NOKEYS word [k:key]", .flags = GM_WRITE, .type = &note, .plan = plan_no_keys},
    WAITS("WAITANYHOW", plan_wait_anyhow),
    WAITS("WAITLONG", plan_wait_long),
    WAITS("WAITNEGATIVE", plan_wait_negative),
    WAITS("KEEPMUCH", plan_keep_much),
};

static const struct gm_type *const types[] = {&note, &memo};
static const char *const needs[] = {GM_WAIT_2};
static const struct gm_module module = {.size = sizeof module,
                                        .abi_major = GM_ABI_MAJOR,
                                        .abi_minor = GM_ABI_MINOR,
                                        .name = "test.breach",
                                        .version = "1.0.0",
                                        .summary = "Breaks every rule.",
                                        .types = types,
                                        .type_count = 2,
                                        .commands = commands,
                                        .command_count = sizeof commands / sizeof commands[0],
                                        .needs = needs,
                                        .need_count = 1};

#define FAULT    "-ERR the module test.breach "
#define LEFT_OUT FAULT "left out "
#define WENT_ON  FAULT "went on answering though its answer was whole, in '"
#define ENDLESS  FAULT "announced more elements than there can be, in '"
#define FAR_KEY  FAULT "emitted a record for its key number "
#define CHANGES  FAULT "changes values, though it declares the command as reading, in '"

static const struct {
    const char *command;
    const char *answer; /* its beginning */
} breaches[] = {
    {"SILENT k", FAULT "gave no answer, in 'silent': nothing was changed by it"},
    {"FEW k", LEFT_OUT "1 of the elements that it announced, in 'few'"},
    {"MANY k", WENT_ON},
    {"FEWINSIDE k", LEFT_OUT "2 of"},
    {"TWICE k", WENT_ON},
    /* call M1 */
    {"ENDLESSARRAY k", ENDLESS},
    {"ENDLESSMAP k", ENDLESS},
    {"ENDLESSNEST k", ENDLESS},
    {"ENDLESSBYTES k", FAULT "answered with more bytes than there can be"},
    {"ERRORTHENMORE k", WENT_ON},
    {"BEGIN k", FAULT "left open what it has begun, in 'begin'"},
    {"END k", FAULT "ended what it has not begun, in 'end'"},
    {"ENDTWICE k", FAULT "ended what it has not begun, in 'endtwice'"},
    {"ENDEARLY k", FAULT "ended what lacks elements that it announced, or half of a pair, in 'endearly'"},
    {"ODDPAIRS k", FAULT "ended what lacks elements that it announced, or half of a pair, in 'oddpairs'"},
    {"ODDMAP k", FAULT "ended what lacks elements that it announced, or half of a pair, in 'oddmap'"},
    {"NEWKIND k", FAULT "begins a reply of the kind 9, which this server does not know"},
    {"DEEP k", FAULT "begins more than 8 containers in each other"},
    {"LONEERROR k", FAULT "replies with nothing but an error that is an element"},
    /* call P2 */
    {"ERRORINLATE k", "-ERR the whole"},
    {"ERROREMITS k", "-ERR refused"},
    /* call M2 */
    {"READEMITS k", CHANGES},
    {"READDELETES k", CHANGES},
    {"FARKEY k", FAR_KEY "1, but the call has 1, in 'farkey': nothing was changed by it"},
    {"FARDELETE k", FAR_KEY "1"},
    {"FAREXPIRE k", FAR_KEY "4294967295"},
    {"ENDLESSBODY k", FAULT "emitted a record of more than 512 MiB"},
    {"NOKEYS k", FAR_KEY "0, but the call has 0"},
    /* rule 3 and 5 of version.h */
    {"SMALLSIZE k", FAULT "emitted a record of the size 40, "},
    {"LARGESIZE k", FAULT "emitted a record of the size 4096, "},
    {"NEWFLAG k", FAULT "emitted a record with the flags 0x10001, of which this server does not know 0x10000, in 'ne"},
    {"RESERVED k", FAULT "emitted a record whose reserved fields are not zero"},
    {"RESERVEDMORE k", FAULT "emitted a record whose reserved fields are not zero"},
    {"ENDLESSPARTS k", FAULT "emitted a record of more than 512 MiB"},
    {"MANYPARTS k", FAULT "emitted a record of more than 512 MiB"},
    {"STRANGETYPE k", FAULT "emitted a record of a type that is not one of its own"},
    /* call M2 */
    {"RKEYPUT k r", FAR_KEY "1, which its usage line declares as only read (rkey)"},
    {"RKEYDELETE k r", FAR_KEY "1, which its usage line declares as only read (rkey)"},
    {"RKEYEXPIRE k r", FAR_KEY "1, which its usage line declares as only read (rkey)"},
    {"RKEYGONE k r", FAR_KEY "1, which its usage line declares as only read (rkey)"},
    /* call M3 */
    {"TWOTYPES k", FAULT "emitted a record of the type test.note/1 for a value of the type test.memo/1, without GM_F"},
    {"KEEPMUCH k", FAULT "wants to keep 1048577 bytes while it waits, at most 1048576 are kept"},
    {"NOTEXT k", FAULT "gave an error without a text"},
    {"NOERROR k", FAULT "gave an error without a text"},
    {"NOSTATUS k", FAULT "gave a status without a text"},
    {"NOBYTES k", FAULT "answered with 3 bytes at NULL"},
    /* call I3 */
    {"FIRSTREPLY k", WENT_ON},
    {"FIRSTFLAG k", FAULT "emitted a record with the flags 0x10001"},
    {"FARMISS k", FAULT "says that a key is missing which it does not have"},
};

Test(breach, an_error_and_the_next_answer_is_right)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    for (int resp3 = 0; resp3 < 2; resp3++) {
        for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++) {
            expect_begins(&at, 0, breaches[i].answer, "%s", breaches[i].command);
            expect_said(&at, 0, "\"next\"", "ECHO next");
        }
        expect_said(&at, 0, resp3 ? "#t" : ":1", "FARSCALAR k");
        expect_said(&at, 0, ":0", "DBSIZE");
        expect_records(&at, "");
        cr_expect_eq(at.shard.tail.last_sequence, 0);
        (void)shard_fixture_say(&at, 0, "HELLO 3");
    }
    expect_said(&at, 0, "OK", "GOOD k");
    expect_records(&at, "test.note k fresh");
    cr_expect_eq(at.damages, 0);
    shard_fixture_close(&at);
}

/* call I4: a line of the log for each command, not for each call. */
Test(breach, is_logged_once)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    for (int i = 0; i < 3; i++) {
        expect_begins(&at, 0, FAULT, "NEWFLAG k");
        cr_expect_eq(at.faults, 1);
        cr_expect_str_eq(at.damage.text,
                         "the module test.breach emitted a record with the flags 0x10001, of which this server does "
                         "not know 0x10000, in 'newflag': nothing was changed by it");
    }
    expect_begins(&at, 0, FAULT, "SILENT k");
    expect_begins(&at, 0, CHANGES, "READEMITS k");
    expect_begins(&at, 0, CHANGES, "READEMITS k");
    cr_expect_eq(at.faults, 3);
    shard_fixture_close(&at);
}

/* host_emit P2: a value of another type is not touched, whatever the command accepts. */
Test(breach, another_types_value)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 0, ":1", "RPUSH l a");
    expect_said(&at, 0, "OK", "FRESHMEMO m");
    expect_said(&at, 0, "memo", "TYPE m");
    (void)shard_fixture_records(&at);
    expect_begins(&at, 0, FAULT "emitted a record of the type test.note/1 for a value of the type geomys.deque/1, ",
                  "PUTANY l");
    expect_begins(&at, 0, FAULT "emitted a record of the type test.note/1 for a value of the type test.memo/1, ",
                  "PUTANY m");
    expect_records(&at, "");
    expect_said(&at, 0, "[\"a\"]", "LRANGE l 0 -1");
    cr_expect_eq(at.damages, 0);
    expect_said(&at, 0, "OK", "PUTANY n");
    expect_said(&at, 0, "OK", "PUTANY n");
    expect_said(&at, 0, "OK", "TWOTYPESWELL p");
    expect_said(&at, 0, "memo", "TYPE p");
    shard_fixture_close(&at);
}

Test(breach, a_body_in_parts_is_gathered_at_once)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 0, "OK", "PARTS k");
    expect_said(&at, 0, "\"one two k\"", "READ k");
    shard_fixture_close(&at);
}

/* Inside EXEC a breach is one element, and the others count. */
Test(breach, inside_a_transaction)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    for (size_t i = 0; i < sizeof breaches / sizeof breaches[0]; i++) {
        expect_said(&at, 0, "OK", "MULTI");
        expect_said(&at, 0, "QUEUED", "GOOD before%zu", i);
        expect_said(&at, 0, "QUEUED", "%s", breaches[i].command);
        expect_said(&at, 0, "QUEUED", "GOOD behind%zu", i);
        expect_begins(&at, 0, "[OK -ERR ", "EXEC");
        expect_said(&at, 0, "PONG", "PING");
        expect_said(&at, 0, ":2", "EXISTS before%zu behind%zu k", i, i);
    }
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "WAITANYHOW k");
    expect_said(&at, 0, "QUEUED", "WAITLONG k");
    expect_said(&at, 0, "QUEUED", "PING");
    expect_said(&at, 0,
                "[" LEFT_OUT
                "4 of the elements that it announced, in 'waitanyhow': nothing was changed by it nil PONG]",
                "EXEC");
    cr_expect_eq(at.worker.sessions.blocked, 0);
    shard_fixture_close(&at);
}

/* A plan that waits has neither spoken nor written, whatever it did. */
Test(breach, waiting_and_talking_at_once)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 1, "", "WAITANYHOW k");
    cr_expect_eq(at.clients[1]->out.size, 0);
    expect_said(&at, 0, ":0", "EXISTS k");
    expect_said(&at, 0, "OK", "GOOD k"); /* runs it again, and it waits again */
    expect_heard(&at, 1, "");
    cr_expect_eq(at.clients[1]->out.size, 0);
    shard_fixture_pass(&at, 50);
    expect_heard(&at, 1, LEFT_OUT "4 of the elements that it announced, in 'waitanyhow': nothing was changed by it");
    expect_said(&at, 1, "PONG", "PING");
    shard_fixture_close(&at);
}

Test(breach, waiting_longer_than_time_goes_on)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 1, "", "WAITLONG k");
    expect_said(&at, 2, "nil", "WAITNEGATIVE k");
    shard_fixture_pass(&at, 1000000);
    expect_heard(&at, 1, "");
    expect_said(&at, 0, "OK", "GOOD k");
    expect_heard(&at, 1, "THERE");
    shard_fixture_close(&at);
}

/* The length, pairs and the error are as either protocol has them, within a transaction too, and what was emitted is
 * done. */
Test(breach, a_reply_whose_length_comes_last)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.module = &module});
    expect_said(&at, 0, "[[\"a\" :1 \"b\" :2] -ERR this one failed :2]", "LATE k");
    expect_said(&at, 0, "\"written\"", "READ k");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "LATE k");
    expect_said(&at, 0, "QUEUED", "BEGIN k");
    expect_said(&at, 0, "QUEUED", "READ k");
    const char *said = shard_fixture_say(&at, 0, "EXEC");
    cr_expect(strstr(said, "[[[\"a\" :1 \"b\" :2] -ERR this one failed :2] -ERR the module test.breach") == said, "%s",
              said);
    (void)shard_fixture_say(&at, 0, "HELLO 3");
    expect_said(&at, 0, "[[[\"a\" :1] [\"b\" :2]] -ERR this one failed :3]", "LATE k");
    shard_fixture_close(&at);
}
