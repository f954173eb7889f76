/* SPDX-License-Identifier: MIT */

/* kv_set.c - commands that read and write whole values, and their expiry.
 *
 * Why     GET and SET are nearly all that most stores ever do: their plans do one look at one key, one reply, one
 *         record whose body is the argument itself, and nothing else.
 *
 * Promises
 *   P1  A value given by the client is never copied here: records borrow argv.
 *   P2  Times become unix milliseconds here, once; arithmetic that would overflow is the client's mistake.
 *   P3  Arguments are judged before the state of the key is, so that a wrong call is wrong on every store; GETEX
 *       alone answers for an absent key first, as clients know it.
 */
#include "kv_plan.h"

/* ---- expiry -------------------------------------------------------------------------------------------------- */

struct expiry {
    bool given;
    int64_t at_ms; /* unix time */
};

/* amount * unit_ms + base_ms, if it is a time that an expiry may have. By a clock before 1970 none is, which the host
 * says better; it must not become 0, though, which is never. */
static bool time_from(int64_t amount, int64_t unit_ms, int64_t base_ms, struct expiry *out)
{
    out->given = true;
    if (amount <= 0 || __builtin_mul_overflow(amount, unit_ms, &out->at_ms) ||
        __builtin_add_overflow(out->at_ms, base_ms, &out->at_ms)) {
        return false;
    }
    out->at_ms = out->at_ms != 0 ? out->at_ms : 1;
    return true;
}

/* The option among the words from `first` (EX) on, if one was given. False: its number is no time. */
static bool option_expiry(const struct gm_call *call, uint32_t first, struct expiry *out)
{
    if (gm_given(call, first + EXPIRY_EX)) {
        return time_from(gm_arg(call, first + EXPIRY_SECONDS)->integer, 1000, call->now_ms, out);
    }
    if (gm_given(call, first + EXPIRY_PX)) {
        return time_from(gm_arg(call, first + EXPIRY_MILLISECONDS)->integer, 1, call->now_ms, out);
    }
    if (gm_given(call, first + EXPIRY_EXAT)) {
        return time_from(gm_arg(call, first + EXPIRY_UNIX_SECONDS)->integer, 1000, 0, out);
    }
    if (gm_given(call, first + EXPIRY_PXAT)) {
        return time_from(gm_arg(call, first + EXPIRY_UNIX_MILLISECONDS)->integer, 1, 0, out);
    }
    return true;
}

/* ---- what several commands do -------------------------------------------------------------------------------- */

static void reply_text(struct gm_call *call, uint32_t key)
{
    if (kv_plan_has_text(call, key)) {
        gm_reply_bytes(call, kv_plan_text(call, key));
    } else {
        gm_reply_null(call);
    }
}

/* The same of a command that writes: that there is none is told to those who listen. */
static void reply_old(struct gm_call *call, uint32_t key)
{
    if (gm_key(call, key)->state == GM_KEY_ABSENT) {
        gm_miss(call, key);
    }
    reply_text(call, key);
}

/* The whole value of a key, whatever it held, without an expiry unless one is given. */
static void emit_value(struct gm_call *call, uint32_t key, struct gm_bytes value, struct expiry expiry)
{
    gm_emit(call, &GM_EMISSION(.key = key, .op = KV_OP_SET,
                               .flags = (uint32_t)(GM_FRESH | GM_BORROWED | (expiry.given ? GM_EXPIRE : 0)),
                               .expire_at_ms = expiry.at_ms, .body = value));
}

/* ---- SET and its relatives ----------------------------------------------------------------------------------- */

#define ERROR_SET_TIME "ERR invalid expire time in 'set' command"

/* The bare number and the options are two ways to say one thing, so only one of them may be there. */
static const char *set_expiry(const struct gm_call *call, struct expiry *out)
{
    if (!gm_given(call, SET_MILLISECONDS)) {
        return option_expiry(call, SET_EX, out) ? NULL : ERROR_SET_TIME;
    }
    for (uint32_t word = SET_EX; word <= SET_KEEPTTL; word++) {
        if (gm_given(call, word)) {
            return "ERR syntax error";
        }
    }
    return time_from(gm_arg(call, SET_MILLISECONDS)->integer, 1, call->now_ms, out) ? NULL : ERROR_SET_TIME;
}

/* Aside, so that plain SET keeps no registers for it. */
__attribute__((noinline)) static void set_with_options(struct gm_call *call)
{
    struct expiry expiry = {0};
    const char *error = set_expiry(call, &expiry);
    const struct gm_key *key = gm_key(call, 0);
    bool get = gm_given(call, SET_GET);
    if (error == NULL && get && key->state == GM_KEY_OTHER) {
        error = KV_ERROR_TYPE;
    }
    if (error != NULL) {
        gm_reply_error(call, error);
        return;
    }
    bool exists = key->state != GM_KEY_ABSENT;
    bool writes = !(gm_given(call, SET_NX) && exists) && !(gm_given(call, SET_XX) && !exists);
    if (get) {
        reply_old(call, 0);
    } else if (writes) {
        gm_reply_status(call, "OK");
    } else {
        gm_reply_null(call);
    }
    if (writes && gm_given(call, SET_KEEPTTL)) {
        gm_emit(call, &GM_EMISSION(.key = 0, .op = KV_OP_SET, .flags = GM_FRESH | GM_BORROWED | GM_KEEP_EXPIRY,
                                   .body = gm_arg_at(call, SET_VALUE, 0)));
    } else if (writes) {
        emit_value(call, 0, gm_arg_at(call, SET_VALUE, 0), expiry);
    }
}

void kv_plan_set(struct gm_call *call)
{
    if (call->argc > 3) {
        set_with_options(call);
        return;
    }
    gm_emit(call, &GM_EMISSION(.op = KV_OP_SET, .flags = GM_FRESH | GM_BORROWED, .body = call->argv[2]));
    gm_reply_status(call, "OK");
}

void kv_plan_setnx(struct gm_call *call)
{
    bool absent = gm_key(call, 0)->state == GM_KEY_ABSENT;
    if (absent) {
        emit_value(call, 0, gm_arg_at(call, SETNX_VALUE, 0), (struct expiry){0});
    }
    gm_reply_int(call, absent);
}

void kv_plan_setex(struct gm_call *call)
{
    struct expiry expiry;
    if (!time_from(gm_arg(call, SETEX_SECONDS)->integer, 1000, call->now_ms, &expiry)) {
        gm_reply_error(call, "ERR invalid expire time in 'setex' command");
        return;
    }
    emit_value(call, 0, gm_arg_at(call, SETEX_VALUE, 0), expiry);
    gm_reply_status(call, "OK");
}

void kv_plan_psetex(struct gm_call *call)
{
    struct expiry expiry;
    if (!time_from(gm_arg(call, PSETEX_MILLISECONDS)->integer, 1, call->now_ms, &expiry)) {
        gm_reply_error(call, "ERR invalid expire time in 'psetex' command");
        return;
    }
    emit_value(call, 0, gm_arg_at(call, PSETEX_VALUE, 0), expiry);
    gm_reply_status(call, "OK");
}

static void emit_pairs(struct gm_call *call)
{
    for (uint32_t i = 0; i < call->key_count; i++) {
        emit_value(call, i, gm_arg_at(call, MSET_VALUE, i), (struct expiry){0});
    }
}

void kv_plan_mset(struct gm_call *call)
{
    emit_pairs(call);
    gm_reply_status(call, "OK");
}

void kv_plan_msetnx(struct gm_call *call)
{
    for (uint32_t i = 0; i < call->key_count; i++) {
        if (gm_key(call, i)->state != GM_KEY_ABSENT) {
            gm_reply_int(call, 0);
            return;
        }
    }
    emit_pairs(call);
    gm_reply_int(call, 1);
}

/* ---- GET and its relatives ----------------------------------------------------------------------------------- */

void kv_plan_get(struct gm_call *call)
{
    reply_text(call, 0);
}

void kv_plan_mget(struct gm_call *call)
{
    gm_reply_array(call, call->key_count);
    for (uint32_t i = 0; i < call->key_count; i++) {
        reply_text(call, i);
    }
}

void kv_plan_getset(struct gm_call *call)
{
    reply_old(call, 0);
    emit_value(call, 0, gm_arg_at(call, GETSET_VALUE, 0), (struct expiry){0});
}

void kv_plan_getdel(struct gm_call *call)
{
    reply_old(call, 0);
    if (gm_key(call, 0)->state != GM_KEY_ABSENT) {
        gm_emit_delete(call, 0);
    }
}

void kv_plan_getex(struct gm_call *call)
{
    struct expiry expiry = {0};
    const struct gm_key *key = gm_key(call, 0);
    if (key->state != GM_KEY_ABSENT && !option_expiry(call, GETEX_EX, &expiry)) {
        gm_reply_error(call, "ERR invalid expire time in 'getex' command");
        return;
    }
    reply_old(call, 0);
    bool sets = expiry.given || gm_given(call, GETEX_PERSIST); /* to 0 = never */
    if (sets && key->state != GM_KEY_ABSENT && key->expire_at_ms != expiry.at_ms) {
        gm_emit_expire(call, 0, expiry.at_ms);
    }
}
