/* SPDX-License-Identifier: MIT */

/* wrong.c - a module that is wrong in one way, chosen when it is compiled or by the command that is called.
 *
 *     cc -DTYPE_FLAGS=1 ...      a descriptor that is as it should be but for what is defined
 *     cc -DNO_ENTRY ...          no function geomys_module; NULL_ENTRY, MANGLED, UNRESOLVED, CRASH_EARLY, CRASH_ENTRY,
 *                                EXIT_EARLY: see below
 *     WRONG.PUT key text, WRONG.GET key                    a value as any other; but "undumped" refuses to be dumped,
 *                                                          the dump of "endless" never ends, and that of "misdumped"
 *                                                          is what apply refuses; in "due:how" something is due at
 *                                                          once, and plan_due is wrong in that way; "due!" crashes
 *                                                          when it is asked
 *     WRONG.READ how key, WRONG.WRITE how key other        breaks the contract of plan in that way
 *     WRONG.APPLY key how                                  that of a type, as the record is applied: refuse, exit, hang
 */
#include <stdlib.h>

#include "geomys/module.h"

#ifndef MODULE_SIZE
#define MODULE_SIZE sizeof(struct gm_module)
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR GM_ABI_MAJOR
#endif
#ifndef ABI_MINOR
#define ABI_MINOR GM_ABI_MINOR
#endif
#ifndef MODULE_NAME
#define MODULE_NAME "test.wrong"
#endif
#ifndef MODULE_VERSION
#define MODULE_VERSION "1.0.0"
#endif
#ifndef MODULE_SUMMARY
#define MODULE_SUMMARY "Is wrong in one way."
#endif
#ifndef MODULE_GROUP
#define MODULE_GROUP NULL
#endif
#ifndef MODULE_RESERVED
#define MODULE_RESERVED 0
#endif
#ifndef SETTING_COUNT
#define SETTING_COUNT 2
#endif
#ifndef SETTINGS
#define SETTINGS settings
#endif
#ifndef SETTING /* the first one */
#define SETTING WHOLE(GM_SETTING_INT, 1, 9, 5)
#endif
#define SAYS(word, line) .size = sizeof(struct gm_setting), .name = (word), .help = (line)
#define WHOLE(as, least, most, by)                                                                                     \
    SAYS("first", "For the tests."), .kind = (as), .min = (least), .max = (most), .fallback = (by)
#define DOUBLE(least, most, by)                                                                                        \
    SAYS("first", "For the tests."), .kind = GM_SETTING_NUMBER, .number_min = (least), .number_max = (most),           \
                                     .number_fallback = (by)
#define CHOICE(list, by) SAYS("first", "For the tests."), .kind = GM_SETTING_WORD, .words = (list), .fallback = (by)
#ifndef TYPE_COUNT
#define TYPE_COUNT 1
#endif
#ifndef COMMAND_COUNT
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])
#endif
#ifndef NEED
#ifndef NEED_COUNT
#define NEED_COUNT 0
#endif
#define NEED ""
#endif
#ifndef NEED_COUNT
#define NEED_COUNT 1
#endif
#ifndef TYPE_SIZE
#define TYPE_SIZE sizeof(struct gm_type)
#endif
#ifndef TYPE_FLAGS
#define TYPE_FLAGS 0
#endif
#ifndef TYPE_ID
#define TYPE_ID "test.wrong/1"
#endif
#ifndef TYPE_NAME
#define TYPE_NAME "wrong"
#endif
#ifndef TYPE_APPLY
#define TYPE_APPLY apply_record
#endif
#ifndef TYPE_DUMP
#define TYPE_DUMP dump
#endif
#ifndef TYPE_FREE_SOME
#define TYPE_FREE_SOME NULL
#endif
#ifndef TYPE_DUE
#define TYPE_DUE due
#endif
#ifndef TYPE_PLAN_DUE
#define TYPE_PLAN_DUE plan_due
#endif
#ifndef TYPE_REVISION
#define TYPE_REVISION 0
#endif
#ifdef TYPE_LATER
#define LATER       later_ops
#define LATER_COUNT (sizeof later_ops / sizeof later_ops[0])
#else
#define TYPE_LATER                                                                                                     \
    {                                                                                                                  \
        MISDO, 2                                                                                                       \
    }
#endif
#ifndef LATER
#define LATER NULL
#endif
#ifndef LATER_COUNT
#define LATER_COUNT 0
#endif
#ifdef BEFORE
#define SUCCEEDS       predecessors
#define SUCCEEDS_COUNT (sizeof predecessors / sizeof predecessors[0])
#else
#define BEFORE "test.wrong/1", 0, 0, apply_record
#endif
#ifndef SUCCEEDS
#define SUCCEEDS NULL
#endif
#ifndef SUCCEEDS_COUNT
#define SUCCEEDS_COUNT 0
#endif
#ifndef COMMAND_SIZE
#define COMMAND_SIZE sizeof(struct gm_command)
#endif
#ifndef COMMAND_USAGE
#define COMMAND_USAGE "WRONG.PUT key text"
#endif
#ifndef COMMAND_FLAGS
#define COMMAND_FLAGS GM_WRITE
#endif
#ifndef COMMAND_SUMMARY
#define COMMAND_SUMMARY "Is wrong in one way."
#endif
#ifndef COMMAND_COMPLEXITY
#define COMMAND_COMPLEXITY "O(1)"
#endif
#ifndef COMMAND_EVENT
#define COMMAND_EVENT NULL
#endif
#ifndef COMMAND_GROUP
#define COMMAND_GROUP NULL
#endif
#ifndef COMMAND_UNFIT
#define COMMAND_UNFIT NULL
#endif
#ifndef COMMAND_TYPE
#define COMMAND_TYPE &type
#endif
#ifndef COMMAND_PLAN
#define COMMAND_PLAN plan_put
#endif
#ifndef SECOND_USAGE
#define SECOND_USAGE "WRONG.GET key"
#endif

enum { PUT = 1, MISDO = 2 };

static bool is(struct gm_bytes word, const char *name)
{
    return gm_bytes_equal(word, gm_bytes_of(name));
}

static void hang(void)
{
    for (volatile bool for_ever = true; for_ever;) {
    }
}

/* ---- the type ---- */

static int apply_record(struct gm_apply *apply, const struct gm_record *record)
{
    if (record->op == MISDO && is(record->body, "exit")) {
        exit(0);
    }
    if (record->op == MISDO && is(record->body, "hang")) {
        hang();
    }
    if (record->op != PUT) {
        return GM_CORRUPT;
    }
    uint8_t *data = gm_resize(apply, record->body.size);
    if (data == NULL) {
        return GM_CORRUPT;
    }
    if (record->body.size > 0) {
        memcpy(data, record->body.data, record->body.size);
    }
    return GM_OK;
}

static uint64_t dump(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    (void)cursor;
    if (is(gm_bytes_at(cell->data, cell->size), "undumped")) {
        return GM_DUMP_REFUSED;
    }
    if (is(gm_bytes_at(cell->data, cell->size), "endless")) {
        gm_dump(sink, PUT, gm_bytes_of("endless"));
        return 1;
    }
    gm_dump(sink, is(gm_bytes_at(cell->data, cell->size), "misdumped") ? MISDO : PUT,
            gm_bytes_at(cell->data, cell->size));
    return 0;
}

__attribute__((unused)) static bool free_some(struct gm_apply *apply, uint64_t budget)
{
    (void)apply;
    (void)budget;
    return false;
}

__attribute__((unused)) static int64_t due(const struct gm_cell *cell)
{
    struct gm_bytes text = gm_bytes_at(cell->data, cell->size);
    if (is(text, "due!")) {
        __builtin_trap();
    }
    return text.size > 4 && memcmp(text.data, "due:", 4) == 0 ? 1 : 0;
}

static bool misreply(struct gm_call *call, struct gm_bytes how);
static void misdo_due(struct gm_call *call, struct gm_bytes how);

__attribute__((unused)) static void plan_due(struct gm_call *call)
{
    const struct gm_cell *cell = &gm_key(call, 0)->cell;
    misdo_due(call, gm_bytes_at(cell->data + 4, cell->size - 4));
}

__attribute__((unused)) static const struct gm_op_since later_ops[] = {TYPE_LATER};

__attribute__((unused)) static const struct gm_predecessor predecessors[] = {{BEFORE}};

static const struct gm_type type = {.size = (uint32_t)(TYPE_SIZE),
                                    .flags = TYPE_FLAGS,
                                    .id = TYPE_ID,
                                    .name = TYPE_NAME,
                                    .apply = TYPE_APPLY,
                                    .dump = TYPE_DUMP,
                                    .free_some = TYPE_FREE_SOME,
                                    .due = TYPE_DUE,
                                    .plan_due = TYPE_PLAN_DUE,
                                    .revision = TYPE_REVISION,
                                    .later_count = LATER_COUNT,
                                    .later = LATER,
                                    .succeeds = SUCCEEDS,
                                    .succeeds_count = SUCCEEDS_COUNT};
static const struct gm_type stranger = {
    .size = sizeof stranger, .id = "test.stranger/1", .name = "stranger", .apply = apply_record, .dump = dump};

/* ---- plans ---- */

static void plan_put(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = PUT, .flags = GM_BORROWED, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

static void plan_get(struct gm_call *call)
{
    const struct gm_key *key = gm_key(call, 0);
    key->state == GM_KEY_OWN ? gm_reply_bytes(call, gm_bytes_at(key->cell.data, key->cell.size)) : gm_reply_null(call);
}

static void plan_apply(struct gm_call *call)
{
    gm_emit(call, &GM_EMISSION(.op = MISDO, .flags = GM_BORROWED, .body = gm_arg_at(call, 1, 0)));
    gm_reply_status(call, "OK");
}

static void put(struct gm_call *call, uint32_t key)
{
    gm_emit(call, &GM_EMISSION(.op = PUT, .key = key, .body = gm_bytes_of("wrong")));
}

/* What is wrong with a reply. True: that was meant. */
static bool misreply(struct gm_call *call, struct gm_bytes how)
{
    if (is(how, "silent")) {
        return true;
    }
    if (is(how, "few")) {
        gm_reply_array(call, 3);
        gm_reply_int(call, 1);
    } else if (is(how, "many")) {
        gm_reply_array(call, 1);
        gm_reply_int(call, 1);
        gm_reply_int(call, 2);
    } else if (is(how, "twice")) {
        gm_reply_status(call, "OK");
        gm_reply_status(call, "OK");
    } else if (is(how, "endless-array")) {
        gm_reply_array(call, SIZE_MAX);
    } else if (is(how, "endless-map")) {
        gm_reply_map(call, (size_t)INT64_MAX + 1);
    } else if (is(how, "endless-bytes")) {
        gm_reply_bytes(call, gm_bytes_at("x", SIZE_MAX));
    } else if (is(how, "no-bytes")) {
        gm_reply_bytes(call, gm_bytes_at(NULL, 3));
    } else if (is(how, "empty-error")) {
        gm_reply_error(call, "");
    } else if (is(how, "no-error")) {
        gm_reply_error(call, NULL);
    } else if (is(how, "no-status")) {
        gm_reply_status(call, NULL);
    } else if (is(how, "far-setting")) {
        gm_reply_int(call, gm_setting_int(call, 7));
    } else if (is(how, "setting-int")) {
        gm_reply_int(call, gm_setting_int(call, 1));
    } else if (is(how, "setting-number")) {
        gm_reply_double(call, gm_setting_number(call, 0));
    } else if (is(how, "after-error")) {
        gm_reply_error(call, "ERR no");
        gm_reply_int(call, 1);
    } else {
        return false;
    }
    return true;
}

static void misdo(struct gm_call *call, struct gm_bytes how)
{
    if (is(how, "exit")) {
        exit(0);
    } else if (is(how, "hang")) {
        hang();
    } else if (is(how, "crash")) {
        __builtin_trap();
    } else if (is(how, "far-key")) {
        put(call, 7);
    } else if (is(how, "far-delete")) {
        gm_emit_delete(call, 7);
    } else if (is(how, "far-expire")) {
        gm_emit_expire(call, 7, 1);
    } else if (is(how, "far-miss")) {
        gm_miss(call, 7);
    } else if (is(how, "rkey")) {
        put(call, 1);
    } else if (is(how, "rkey-delete")) {
        gm_emit_delete(call, 1);
    } else if (is(how, "small-emission")) {
        gm_emit(call, &(struct gm_emission){.size = 8, .op = PUT});
    } else if (is(how, "large-emission")) {
        gm_emit(call, &(struct gm_emission){.size = 4096, .op = PUT});
    } else if (is(how, "new-flag")) {
        gm_emit(call, &GM_EMISSION(.op = PUT, .flags = 1u << 16));
    } else if (is(how, "reserved")) {
        gm_emit(call, &GM_EMISSION(.op = PUT, .reserved = 1));
    } else if (is(how, "endless-body")) {
        gm_emit(call, &GM_EMISSION(.op = PUT, .flags = GM_BORROWED, .body = gm_bytes_at("x", SIZE_MAX)));
    } else if (is(how, "strange-type")) {
        gm_emit(call, &GM_EMISSION(.op = PUT, .type = &stranger));
    } else if (is(how, "two-ways")) { /* the first is told */
        gm_reply_status(call, "OK");
        gm_reply_status(call, "OK");
        gm_emit(call, &GM_EMISSION(.op = PUT, .flags = 1u << 16));
    } else {
        put(call, 0);
    }
    gm_reply_status(call, "OK");
}

static void misdo_due(struct gm_call *call, struct gm_bytes how)
{
    if (is(how, "nothing") || (!is(how, "silent") && misreply(call, how))) {
        return;
    }
    if (is(how, "exit")) {
        exit(0);
    } else if (is(how, "hang")) {
        hang();
    } else if (is(how, "crash")) {
        __builtin_trap();
    } else if (is(how, "far-key")) {
        put(call, 1);
    } else if (is(how, "same")) {
        gm_emit(call, &GM_EMISSION(.op = PUT, .body = gm_bytes_of("due:same")));
    } else if (is(how, "refused")) {
        gm_emit(call, &GM_EMISSION(.op = MISDO, .body = gm_bytes_of("refuse")));
    } else {
        put(call, 0);
    }
}

static void plan_wrong(struct gm_call *call)
{
    struct gm_bytes how = gm_arg_at(call, 0, 0);
    if (!misreply(call, how)) {
        misdo(call, how);
    } else if (call->key_count > 1) {
        put(call, 0);
    }
}

/* ---- the descriptor ---- */

#define COMMAND(line, bits, function)                                                                                  \
    {                                                                                                                  \
        .size = (uint32_t)(COMMAND_SIZE), .usage = (line), .flags = (bits), .summary = "Is wrong.",                    \
        .complexity = "O(1)", .type = &type, .plan = (function)                                                        \
    }

static const struct gm_command commands[] = {
    {.size = (uint32_t)(COMMAND_SIZE),
     .usage = COMMAND_USAGE,
     .flags = COMMAND_FLAGS,
     .summary = COMMAND_SUMMARY,
     .complexity = COMMAND_COMPLEXITY,
     .type = COMMAND_TYPE,
     .plan = COMMAND_PLAN,
     .event = COMMAND_EVENT,
     .group = COMMAND_GROUP,
     .unfit = COMMAND_UNFIT},
    COMMAND(SECOND_USAGE, GM_READ, plan_get),
    COMMAND("WRONG.READ how key", GM_READ, plan_wrong),
    COMMAND("WRONG.WRITE how key other:rkey", GM_WRITE, plan_wrong),
    COMMAND("WRONG.APPLY key how", GM_WRITE, plan_apply),
    COMMAND("WRONGS|ONE key", GM_READ, plan_get), /* a container without HELP */
};

#ifdef BESIDE
static const struct gm_type beside = {
    .size = sizeof beside, .name = "beside", .apply = apply_record, .dump = dump, BESIDE};
static const struct gm_type *const types[] = {&type, &beside};
#else
static const struct gm_type *const types[] = {&type};
#endif
static const char *const needs[] = {NEED};

static const struct gm_setting settings[] = {
    {SETTING},
    {.size = sizeof(struct gm_setting),
     .name = "second",
     .help = "For the tests.",
     .kind = GM_SETTING_NUMBER,
     .number_max = 1},
};

static const struct gm_module descriptor = {.size = (uint32_t)(MODULE_SIZE),
                                            .abi_major = ABI_MAJOR,
                                            .abi_minor = ABI_MINOR,
                                            .name = MODULE_NAME,
                                            .version = MODULE_VERSION,
                                            .summary = MODULE_SUMMARY,
                                            .group = MODULE_GROUP,
                                            .types = types,
                                            .type_count = TYPE_COUNT,
                                            .commands = commands,
                                            .command_count = COMMAND_COUNT,
                                            .needs = needs,
                                            .need_count = NEED_COUNT,
                                            .reserved = MODULE_RESERVED,
                                            .settings = SETTINGS,
                                            .setting_count = SETTING_COUNT};

#ifdef MANGLED /* as a C++ compiler would name it */
#define geomys_module _Z13geomys_modulev
#endif
#ifdef NO_ENTRY
#define geomys_module geomys_modul
#endif

__attribute__((visibility("default"))) const struct gm_module *geomys_module(void);
const struct gm_module *geomys_module(void)
{
#ifdef CRASH_ENTRY
    __builtin_trap();
#endif
#ifdef NULL_ENTRY
    return NULL;
#endif
#ifdef UNRESOLVED
    extern int nobody_has_this_function(void);
    (void)nobody_has_this_function();
#endif
    return &descriptor;
}

#ifdef CRASH_EARLY
__attribute__((constructor)) static void early(void)
{
    __builtin_trap();
}
#endif
#ifdef EXIT_EARLY
__attribute__((constructor)) static void early(void)
{
    exit(0);
}
#endif
