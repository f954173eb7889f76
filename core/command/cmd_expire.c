/* SPDX-License-Identifier: MIT */

/* cmd_expire.c - setting and asking when keys expire.
 *
 * Idea     Whatever a client says (seconds or milliseconds, from now or as a date), plan makes it one unix time in
 *          milliseconds, and that is what is logged. A time that has passed is a deletion.
 *
 * Promises
 *   I1  A time that does not fit into 64 bits of milliseconds is refused, never wrapped.
 *       Nothing is set by a clock that is before 1970: commit.c refuses it.
 *   I2  With conditions (NX, XX, GT, LT) a key that never expires counts as one that expires after all others. */
#include "command/cmd.h"

enum { KEY, TIME, NX, XX, GT, LT };

/* ---- EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT ---- */

static const char *check_conditions(const struct gm_call *abi)
{
    if (gm_given(abi, NX) && (gm_given(abi, XX) || gm_given(abi, GT) || gm_given(abi, LT))) {
        return "ERR NX and XX, GT or LT options at the same time are not compatible";
    }
    if (gm_given(abi, GT) && gm_given(abi, LT)) {
        return "ERR GT and LT options at the same time are not compatible";
    }
    return NULL;
}

static bool is_wanted(const struct gm_call *abi, int64_t at_ms)
{
    int64_t now = gm_key(abi, KEY)->expire_at_ms; /* 0: never */
    if ((gm_given(abi, NX) && now != 0) || (gm_given(abi, XX) && now == 0)) {
        return false;
    }
    if (gm_given(abi, GT) && (now == 0 || at_ms <= now)) {
        return false;
    }
    return !gm_given(abi, LT) || now == 0 || at_ms < now;
}

/* The time is args[TIME] units after the base. */
static void set(struct gm_call *abi, int64_t unit_ms, int64_t base_ms)
{
    struct call *call = call_of(abi);
    const char *error = check_conditions(abi);
    if (error != NULL) {
        gm_reply_error(abi, error);
        return;
    }
    int64_t at_ms;
    if (__builtin_mul_overflow(gm_arg(abi, TIME)->integer, unit_ms, &at_ms) ||
        __builtin_add_overflow(at_ms, base_ms, &at_ms)) {
        reply_errorf(&call->reply, "ERR invalid expire time in '%s' command", call->command->usage.name);
        return;
    }
    bool sets = call_entry(call, KEY) != NULL && is_wanted(abi, at_ms);
    if (sets) {
        gm_emit_expire(abi, KEY, at_ms != 0 ? at_ms : 1); /* 0 would be never */
    }
    gm_reply_int(abi, sets);
}

static void plan_expire(struct gm_call *abi)
{
    set(abi, 1000, abi->now_ms);
}

static void plan_pexpire(struct gm_call *abi)
{
    set(abi, 1, abi->now_ms);
}

static void plan_expireat(struct gm_call *abi)
{
    set(abi, 1000, 0);
}

static void plan_pexpireat(struct gm_call *abi)
{
    set(abi, 1, 0);
}

static void plan_persist(struct gm_call *abi)
{
    bool expires = gm_key(abi, KEY)->expire_at_ms != 0;
    if (expires) {
        gm_emit_expire(abi, KEY, 0);
    }
    gm_reply_int(abi, expires);
}

/* ---- TTL, PTTL, EXPIRETIME, PEXPIRETIME ---- */

/* -2: there is no such key, -1: it never expires; else its time less the base, rounded to units. */
static void ask(struct gm_call *abi, int64_t unit_ms, int64_t base_ms)
{
    int64_t at_ms = gm_key(abi, KEY)->expire_at_ms;
    if (call_entry(call_of(abi), KEY) == NULL) {
        gm_reply_int(abi, -2);
    } else if (at_ms == 0) {
        gm_reply_int(abi, -1);
    } else {
        int64_t left_ms = expire_left_ms(at_ms, base_ms);
        gm_reply_int(abi, left_ms / unit_ms + (left_ms % unit_ms * 2 >= unit_ms));
    }
}

static void plan_ttl(struct gm_call *abi)
{
    ask(abi, 1000, abi->now_ms);
}

static void plan_pttl(struct gm_call *abi)
{
    ask(abi, 1, abi->now_ms);
}

static void plan_expiretime(struct gm_call *abi)
{
    ask(abi, 1000, 0);
}

static void plan_pexpiretime(struct gm_call *abi)
{
    ask(abi, 1, 0);
}

/* ---- the table ---- */

#define SETS                                                                                                           \
    CMD_COMMAND, .flags = GM_WRITE | GM_FAST | GM_ACCEPT_ANY | CALL_FROZEN, .unfit = "ERR Unsupported option %",       \
                 .complexity = "O(log n), n the keys that expire"
#define ASKS CMD_COMMAND, .flags = GM_READ | GM_FAST | GM_ACCEPT_ANY | CALL_FROZEN | CALL_NO_TOUCH, .complexity = "O(1)"

static const struct gm_command commands[] = {
    {SETS, .usage = "EXPIRE key seconds:int [NX] [XX] [GT] [LT]", .plan = plan_expire,
     .example = "EXPIRE session:1 3600",
     .summary = "Lets a key expire in some seconds, and replies with 1 if it does."},
    {SETS, .usage = "PEXPIRE key milliseconds:int [NX] [XX] [GT] [LT]", .plan = plan_pexpire,
     .example = "PEXPIRE session:1 1500",
     .summary = "Lets a key expire in some milliseconds, and replies with 1 if it does."},
    {SETS, .usage = "EXPIREAT key unix-time-seconds:unix [NX] [XX] [GT] [LT]", .plan = plan_expireat,
     .example = "EXPIREAT session:1 4102444800",
     .summary = "Lets a key expire at a unix time in seconds, and replies with 1 if it does."},
    {SETS, .usage = "PEXPIREAT key unix-time-milliseconds:unix-ms [NX] [XX] [GT] [LT]", .plan = plan_pexpireat,
     .example = "PEXPIREAT session:1 4102444800000",
     .summary = "Lets a key expire at a unix time in milliseconds, and replies with 1 if it does."},
    {SETS, .usage = "PERSIST key", .plan = plan_persist, .example = "PERSIST session:1",
     .summary = "Takes a key's expiry away, and replies with 1 if it had one."},
    {ASKS, .usage = "TTL key", .plan = plan_ttl, .example = "TTL session:1",
     .summary = "Tells in how many seconds a key expires; -1: never, -2: there is no such key."},
    {ASKS, .usage = "PTTL key", .plan = plan_pttl, .example = "PTTL session:1",
     .summary = "Tells in how many milliseconds a key expires; -1: never, -2: there is no such key."},
    {ASKS, .usage = "EXPIRETIME key", .plan = plan_expiretime, .example = "EXPIRETIME session:1",
     .summary = "Tells the unix time in seconds at which a key expires; -1: never, -2: there is no such key."},
    {ASKS, .usage = "PEXPIRETIME key", .plan = plan_pexpiretime, .example = "PEXPIRETIME session:1",
     .summary = "Tells the unix time in milliseconds at which a key expires; -1: never, -2: there is no such key."},
};

CMD_MODULE(cmd_expire, .name = "geomys.expire", .group = "generic", .summary = "Lets keys expire.");
