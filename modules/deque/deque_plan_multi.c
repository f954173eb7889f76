/* SPDX-License-Identifier: MIT */

/* deque_plan_multi.c - LMOVE, RPOPLPUSH, LMPOP, and those that wait: BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP.
 *
 * Idea    A command that waits is the one that does not, with another answer when there is nothing: it asks the host to
 *         be run again when a key changes. If the host will not wait (inside MULTI, or the time is over) it says null.
 */
#include "deque_plan.h"
#include "geomys/ext/wait.h"

/* Numbers in the usage lines. */
enum {
    LMOVE_SOURCE,
    LMOVE_DESTINATION,
    LMOVE_FROM_LEFT,
    LMOVE_FROM_RIGHT,
    LMOVE_TO_LEFT,
    LMOVE_TO_RIGHT,
    LMOVE_TIMEOUT
};
enum { RPOPLPUSH_SOURCE, RPOPLPUSH_DESTINATION, RPOPLPUSH_TIMEOUT };
enum { BPOP_KEY, BPOP_TIMEOUT };
enum { LMPOP_NUMKEYS, LMPOP_KEY, LMPOP_LEFT, LMPOP_RIGHT, LMPOP_COUNT, LMPOP_COUNT_VALUE };
enum { BLMPOP_TIMEOUT, BLMPOP_SHIFT }; /* what LMPOP has follows, one number later */

/* Whether the host runs this call again later: then nothing may be replied now. `timeout` is an argument's number. */
static bool waits(struct gm_call *call, uint32_t timeout)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    return wait->wait(call, gm_arg(call, timeout)->integer, (struct gm_bytes){0});
}

/* The answer of BLMOVE when there was nothing: in RESP2 clients of Redis see which of the two it was. */
static void reply_nothing_moved(struct gm_call *call)
{
    const struct gm_wait_2 *wait = call->interfaces[0];
    if (wait->timed_out(call)) {
        gm_reply_null_array(call);
    } else {
        gm_reply_null(call);
    }
}

/* ---- moving --------------------------------------------------------------------------------------------------- */

/* Moves one element from key 0 to key 1 and replies with it, or with an error. False: key 0 is absent, nothing was
 * said. */
static bool move(struct gm_call *call, enum deque_side from, enum deque_side to)
{
    uint32_t source = gm_key(call, 0)->state;
    uint32_t destination = gm_key(call, 1)->state;
    if (source == GM_KEY_ABSENT) {
        return false;
    }
    if (source != GM_KEY_OWN || (destination != GM_KEY_OWN && destination != GM_KEY_ABSENT)) {
        gm_reply_error(call, DEQUE_WRONG_TYPE);
        return true;
    }
    struct deque_cursor cursor = deque_end(call, 0, from);
    struct gm_bytes element = {0};
    (void)deque_take(&cursor, from, &element);
    gm_reply_bytes(call, element);
    if (gm_bytes_equal(gm_key(call, 0)->name, gm_key(call, 1)->name)) {
        /* Pushing first, so that a deque of one element does not cease to exist in between, and its expiry with it.
         * When both are the same side, this pops what it has just pushed: the order stays, and watchers see a
         * change. */
        deque_emit_push(call, 0, to, element, false);
    } else {
        deque_emit_push(call, 1, to, element, false);
    }
    deque_emit_pop(call, 0, from, 1); /* behind the push: listeners hear them in this order */
    return true;
}

static bool move_as_asked(struct gm_call *call)
{
    return move(call, gm_given(call, LMOVE_FROM_LEFT) ? DEQUE_LEFT : DEQUE_RIGHT,
                gm_given(call, LMOVE_TO_LEFT) ? DEQUE_LEFT : DEQUE_RIGHT);
}

void deque_plan_lmove(struct gm_call *call)
{
    if (!move_as_asked(call)) {
        gm_reply_null(call);
    }
}

void deque_plan_rpoplpush(struct gm_call *call)
{
    if (!move(call, DEQUE_RIGHT, DEQUE_LEFT)) {
        gm_reply_null(call);
    }
}

void deque_plan_blmove(struct gm_call *call)
{
    if (!move_as_asked(call) && !waits(call, LMOVE_TIMEOUT)) {
        reply_nothing_moved(call);
    }
}

void deque_plan_brpoplpush(struct gm_call *call)
{
    if (!move(call, DEQUE_RIGHT, DEQUE_LEFT) && !waits(call, RPOPLPUSH_TIMEOUT)) {
        reply_nothing_moved(call);
    }
}

/* ---- popping from the first that has something ---------------------------------------------------------------- */

/* The first of the call's keys that exists. False: there is none, or, with an error as the reply (`*refused`), it is
 * not a deque. */
static bool first_present(struct gm_call *call, uint32_t *key, bool *refused)
{
    *refused = false;
    for (*key = 0; *key < call->key_count; ++*key) {
        uint32_t state = gm_key(call, *key)->state;
        if (state == GM_KEY_OWN) {
            return true;
        }
        if (state != GM_KEY_ABSENT) {
            gm_reply_error(call, DEQUE_WRONG_TYPE);
            *refused = true;
            return false;
        }
    }
    return false;
}

static void blocking_pop(struct gm_call *call, enum deque_side side)
{
    uint32_t key = 0;
    bool refused = false;
    if (first_present(call, &key, &refused)) {
        struct deque_cursor cursor = deque_end(call, key, side);
        struct gm_bytes element = {0};
        (void)deque_take(&cursor, side, &element);
        gm_reply_array(call, 2);
        gm_reply_bytes(call, gm_key(call, key)->name);
        gm_reply_bytes(call, element);
        deque_emit_pop(call, key, side, 1);
    } else if (!refused && !waits(call, BPOP_TIMEOUT)) {
        gm_reply_null_array(call);
    }
}

void deque_plan_blpop(struct gm_call *call)
{
    blocking_pop(call, DEQUE_LEFT);
}

void deque_plan_brpop(struct gm_call *call)
{
    blocking_pop(call, DEQUE_RIGHT);
}

/* LMPOP's arguments begin at number `shift`. False: nothing was there and nothing was said. */
static bool pop_several(struct gm_call *call, uint32_t shift)
{
    uint32_t key = 0;
    bool refused = false;
    if (!first_present(call, &key, &refused)) {
        return refused;
    }
    uint64_t count =
        gm_given(call, shift + LMPOP_COUNT) ? (uint64_t)gm_arg(call, shift + LMPOP_COUNT_VALUE)->integer : 1;
    gm_reply_array(call, 2);
    gm_reply_bytes(call, gm_key(call, key)->name);
    deque_reply_popped(call, key, gm_given(call, shift + LMPOP_LEFT) ? DEQUE_LEFT : DEQUE_RIGHT, count);
    return true;
}

void deque_plan_lmpop(struct gm_call *call)
{
    if (!pop_several(call, 0)) {
        gm_reply_null_array(call);
    }
}

void deque_plan_blmpop(struct gm_call *call)
{
    if (!pop_several(call, BLMPOP_SHIFT) && !waits(call, BLMPOP_TIMEOUT)) {
        gm_reply_null_array(call);
    }
}
