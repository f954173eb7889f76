/* SPDX-License-Identifier: MIT */

/* counter.c - the module: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.
 *
 * Idea    Plan reads the number, from its own cell or from the text of a value of another type, and refuses what would
 *         not fit. What it logs for an own integer is the offset; for anything else the new value. A value that was of
 *         another type becomes a counter by that, and keeps its expiry.
 *
 * Promises
 *   P1  No sum wraps: what does not fit is refused and the value stays.
 *   P2  Uncertain arithmetic (a long double, and its text) happens in plan only; the log has the text.
 */
#include "counter_type.h"
#include "geomys/codec.h"
#include "geomys/number.h"

#include <math.h>

#define NOT_AN_INTEGER "ERR value is not an integer or out of range"
#define NOT_A_FLOAT    "ERR value is not a valid float"
#define OVERFLOWS      "ERR increment or decrement would overflow"

/* Numbers in the usage lines: key [offset:int], key increment */
enum { STEP_KEY, STEP_OFFSET };

static void emit(struct gm_call *call, enum counter_op op, struct gm_bytes body)
{
    bool foreign = gm_key(call, 0)->state == GM_KEY_SCALAR;
    gm_emit(call, &GM_EMISSION(.op = (uint16_t)op, .flags = foreign ? GM_FRESH | GM_KEEP_EXPIRY : 0, .body = body));
}

static void emit_number(struct gm_call *call, enum counter_op op, int64_t number)
{
    uint8_t code[GM_VARINT_MAX];
    emit(call, op, gm_bytes_between(code, gm_store_varint(code, gm_zigzag(number))));
}

/* The integer that the key holds now, 0 if it is absent. */
static bool integer_now(struct gm_call *call, int64_t *number)
{
    const struct gm_key *key = gm_key(call, 0);
    *number = 0;
    if (key->state == GM_KEY_ABSENT) {
        return true;
    }
    if (key->state == GM_KEY_OWN) {
        *number = (int64_t)key->cell.word;
        return key->cell.form == GM_WORD;
    }
    return gm_parse_int(gm_scalar(call, 0), number);
}

static void step(struct gm_call *call, int64_t offset)
{
    int64_t number = 0;
    if (!integer_now(call, &number)) {
        gm_reply_error(call, NOT_AN_INTEGER);
        return;
    }
    if (__builtin_add_overflow(number, offset, &number)) {
        gm_reply_error(call, OVERFLOWS);
        return;
    }
    if (gm_key(call, 0)->state == GM_KEY_SCALAR) {
        emit_number(call, COUNTER_SET, number);
    } else {
        emit_number(call, COUNTER_ADD, offset);
    }
    gm_reply_int(call, number);
}

static void step_back(struct gm_call *call, int64_t offset)
{
    if (offset == INT64_MIN) {
        gm_reply_error(call, "ERR decrement would overflow");
        return;
    }
    step(call, -offset);
}

static void plan_incr(struct gm_call *call)
{
    step(call, gm_given(call, STEP_OFFSET) ? gm_arg(call, STEP_OFFSET)->integer : 1);
}

static void plan_decr(struct gm_call *call)
{
    step_back(call, gm_given(call, STEP_OFFSET) ? gm_arg(call, STEP_OFFSET)->integer : 1);
}

/* The number that the key holds now, 0 if it is absent. */
static bool float_now(struct gm_call *call, long double *number)
{
    const struct gm_key *key = gm_key(call, 0);
    *number = 0;
    if (key->state == GM_KEY_ABSENT) {
        return true;
    }
    if (key->state == GM_KEY_OWN && key->cell.form == GM_WORD) {
        *number = (long double)(int64_t)key->cell.word;
        return true;
    }
    return gm_parse_long_double(gm_scalar(call, 0), number);
}

static void plan_incrbyfloat(struct gm_call *call)
{
    long double number = 0;
    long double increment = 0;
    if (!float_now(call, &number) || !gm_parse_long_double(gm_arg_at(call, STEP_OFFSET, 0), &increment)) {
        gm_reply_error(call, NOT_A_FLOAT);
        return;
    }
    number += increment;
    if (isnan(number) || isinf(number)) {
        gm_reply_error(call, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[GM_FLOAT_TEXT];
    struct gm_bytes written = gm_bytes_at(text, gm_format_long_double(text, number));
    int64_t whole = 0;
    if (gm_parse_int(written, &whole)) {
        emit_number(call, COUNTER_SET, whole);
    } else {
        emit(call, COUNTER_FLOAT, written);
    }
    gm_reply_bytes(call, written);
}

#define COMMAND(...)                                                                                                   \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .flags = GM_WRITE | GM_FAST | GM_GROWS | GM_ACCEPT_SCALAR,                  \
        .type = &counter_type, .complexity = "O(1)", __VA_ARGS__                                                       \
    }

static const struct gm_command commands[] = {
    COMMAND(.event = "incrby", .usage = "INCR key [offset:int]", .example = "INCR visits", .plan = plan_incr,
            .summary =
                "Adds one, or the offset, to the integer at a key (0 if there is none), and replies with the sum."),
    COMMAND(.event = "incrby", .usage = "DECR key [offset:int]", .example = "DECR stock", .plan = plan_decr,
            .summary =
                "Subtracts one, or the offset, from the integer at a key (0 if there is none), and replies with the "
                "difference."),
    COMMAND(.usage = "INCRBY key increment:int", .example = "INCRBY visits 10", .plan = plan_incr,
            .summary = "Adds to the integer at a key (0 if there is none), and replies with the sum."),
    COMMAND(.event = "incrby", .usage = "DECRBY key decrement:int", .example = "DECRBY stock 3", .plan = plan_decr,
            .summary = "Subtracts from the integer at a key (0 if there is none), and replies with the difference."),
    COMMAND(.usage = "INCRBYFLOAT key increment", .example = "INCRBYFLOAT price 0.25", .plan = plan_incrbyfloat,
            .summary =
                "Adds a fractional number to the number at a key (0 if there is none), and replies with the sum."),
};

static const struct gm_type *const types[] = {&counter_type};

GM_MODULE(.name = "geomys.counter", .version = GEOMYS_VERSION, .licence = "MIT",
          .summary = "Counters: 64-bit integers, and fractions once INCRBYFLOAT made them so.", .group = "string",
          .types = types, .commands = commands, .type_count = sizeof types / sizeof types[0],
          .command_count = sizeof commands / sizeof commands[0])
