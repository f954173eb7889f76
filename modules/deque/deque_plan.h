/* SPDX-License-Identifier: MIT */

/* deque_plan.h - the plans of the commands, by file, and what they share.
 *
 * The host has checked arity and argument types, and the type of the key of a command with one key. Commands with
 * several keys accept any type and look for themselves, in the order in which clients of Redis know it: LMOVE with a
 * source that does not exist does not mind what the destination is.
 */
#ifndef GEOMYS_DEQUE_PLAN_H
#define GEOMYS_DEQUE_PLAN_H

#include "deque_type.h"
#include "geomys/module.h"

enum deque_side { DEQUE_LEFT, DEQUE_RIGHT };

#define DEQUE_WRONG_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"

/* Elements of key number `key`; 0 if it is absent. */
static inline uint64_t deque_key_length(const struct gm_call *call, uint32_t key)
{
    return gm_key(call, key)->state == GM_KEY_OWN ? deque_cell_length(&gm_key(call, key)->cell) : 0;
}

/* The next element from one side of what is between cursor and end. */
static inline bool deque_take(struct deque_cursor *cursor, enum deque_side side, struct gm_bytes *element)
{
    return side == DEQUE_LEFT ? deque_next(cursor, element) : deque_prev(cursor, element);
}

/* A cursor at one end of key `key`, which is a deque. */
static inline struct deque_cursor deque_end(const struct gm_call *call, uint32_t key, enum deque_side side)
{
    const struct gm_cell *cell = &gm_key(call, key)->cell;
    return deque_cell_seek(cell, side == DEQUE_LEFT ? 0 : deque_cell_length(cell));
}

/* deque_plan_ends.c: pushing and popping. The emitters are for elements in argv or of a value, as `borrowed` says. */
void deque_emit_push(struct gm_call *call, uint32_t key, enum deque_side side, struct gm_bytes element, bool borrowed);
void deque_emit_pop(struct gm_call *call, uint32_t key, enum deque_side side, uint64_t count);
void deque_reply_popped(struct gm_call *call, uint32_t key, enum deque_side side, uint64_t count);
void deque_plan_lpush(struct gm_call *call);
void deque_plan_rpush(struct gm_call *call);
void deque_plan_lpushx(struct gm_call *call);
void deque_plan_rpushx(struct gm_call *call);
void deque_plan_lpop(struct gm_call *call);
void deque_plan_rpop(struct gm_call *call);
void deque_plan_llen(struct gm_call *call);

/* deque_plan_inside.c: by index and by value. */
void deque_plan_lindex(struct gm_call *call);
void deque_plan_linsert(struct gm_call *call);
void deque_plan_lpos(struct gm_call *call);
void deque_plan_lrange(struct gm_call *call);
void deque_plan_lrem(struct gm_call *call);
void deque_plan_lset(struct gm_call *call);
void deque_plan_ltrim(struct gm_call *call);

/* deque_plan_multi.c: several keys, with and without waiting. */
void deque_plan_lmove(struct gm_call *call);
void deque_plan_rpoplpush(struct gm_call *call);
void deque_plan_lmpop(struct gm_call *call);
void deque_plan_blpop(struct gm_call *call);
void deque_plan_brpop(struct gm_call *call);
void deque_plan_blmove(struct gm_call *call);
void deque_plan_brpoplpush(struct gm_call *call);
void deque_plan_blmpop(struct gm_call *call);

#endif
