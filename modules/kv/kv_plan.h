/* SPDX-License-Identifier: MIT */

/* kv_plan.h - each command as its usage line says it, the numbers of its words, and what the plans have in common.
 *
 * An enum numbers the words of the line above it, tokens and arguments alike, as the host counts them. The plan
 * functions are grouped by file: kv_set.c writes whole values and expiries, kv_range.c reads and writes parts,
 * kv_bits.c and kv_bitfield.c bits, kv_lcs.c compares.
 */
#ifndef GEOMYS_KV_PLAN_H
#define GEOMYS_KV_PLAN_H

#include "geomys/call.h"
#include "kv_type.h"
#include "kv_value.h"

/* ---- whole values: kv_set.c ---------------------------------------------------------------------------------- */

#define USAGE_SET                                                                                                      \
    "SET key value [milliseconds:int] [NX|XX] [GET] "                                                                  \
    "[EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:unix|PXAT unix-time-milliseconds:unix-ms|KEEPTTL]"
enum {
    SET_KEY,
    SET_VALUE,
    SET_MILLISECONDS,
    SET_NX,
    SET_XX,
    SET_GET,
    SET_EX, /* and seven more words up to PXAT's, as enum expiry_word counts them */
    SET_KEEPTTL = SET_EX + 8,
};

#define USAGE_GET "GET key"

#define USAGE_GETSET "GETSET key value"
enum { GETSET_KEY, GETSET_VALUE };

#define USAGE_GETDEL "GETDEL key"

#define USAGE_GETEX                                                                                                    \
    "GETEX key "                                                                                                       \
    "[EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:unix|PXAT unix-time-milliseconds:unix-ms|PERSIST]"
enum { GETEX_KEY, GETEX_EX, GETEX_PERSIST = GETEX_EX + 8 };

#define USAGE_SETNX "SETNX key value"
enum { SETNX_KEY, SETNX_VALUE };

#define USAGE_SETEX "SETEX key seconds:int value"
enum { SETEX_KEY, SETEX_SECONDS, SETEX_VALUE };

#define USAGE_PSETEX "PSETEX key milliseconds:int value"
enum { PSETEX_KEY, PSETEX_MILLISECONDS, PSETEX_VALUE };

#define USAGE_MSET   "MSET {key value}..."
#define USAGE_MSETNX "MSETNX {key value}..."
enum { MSET_KEY, MSET_VALUE };

#define USAGE_MGET "MGET key..."

/* Words of the four expiry options, counted from EX. */
enum expiry_word {
    EXPIRY_EX,
    EXPIRY_SECONDS,
    EXPIRY_PX,
    EXPIRY_MILLISECONDS,
    EXPIRY_EXAT,
    EXPIRY_UNIX_SECONDS,
    EXPIRY_PXAT,
    EXPIRY_UNIX_MILLISECONDS,
};

void kv_plan_set(struct gm_call *call);
void kv_plan_get(struct gm_call *call);
void kv_plan_getset(struct gm_call *call);
void kv_plan_getdel(struct gm_call *call);
void kv_plan_getex(struct gm_call *call);
void kv_plan_setnx(struct gm_call *call);
void kv_plan_setex(struct gm_call *call);
void kv_plan_psetex(struct gm_call *call);
void kv_plan_mset(struct gm_call *call);
void kv_plan_msetnx(struct gm_call *call);
void kv_plan_mget(struct gm_call *call);

/* ---- parts: kv_range.c --------------------------------------------------------------------------------------- */

#define USAGE_APPEND "APPEND key value"
enum { APPEND_KEY, APPEND_VALUE };

#define USAGE_STRLEN "STRLEN key"

#define USAGE_GETRANGE "GETRANGE key start:int end:int"
#define USAGE_SUBSTR   "SUBSTR key start:int end:int"
enum { GETRANGE_KEY, GETRANGE_START, GETRANGE_END };

#define USAGE_SETRANGE "SETRANGE key offset:int value"
enum { SETRANGE_KEY, SETRANGE_OFFSET, SETRANGE_VALUE };

void kv_plan_append(struct gm_call *call);
void kv_plan_strlen(struct gm_call *call);
void kv_plan_getrange(struct gm_call *call);
void kv_plan_setrange(struct gm_call *call);
uint64_t kv_reach_setrange(const struct gm_bytes *argv, uint32_t argc);

/* ---- bits: kv_bits.c, kv_bitfield.c -------------------------------------------------------------------------- */

/* Offsets and bits are untyped words because clients know an error of their own for them. */
#define USAGE_SETBIT "SETBIT key offset value"
enum { SETBIT_KEY, SETBIT_OFFSET, SETBIT_VALUE };

#define USAGE_GETBIT "GETBIT key offset"
enum { GETBIT_KEY, GETBIT_OFFSET };

#define USAGE_BITCOUNT "BITCOUNT key [start:int end:int [BYTE|BIT]]"
enum { BITCOUNT_KEY, BITCOUNT_START, BITCOUNT_END, BITCOUNT_BYTE, BITCOUNT_BIT };

#define USAGE_BITPOS "BITPOS key bit:int [start:int [end:int [BYTE|BIT]]]"
enum { BITPOS_KEY, BITPOS_WANTED, BITPOS_START, BITPOS_END, BITPOS_BYTE, BITPOS_BIT };

#define USAGE_BITOP "BITOP <AND|OR|XOR|NOT> destkey:key key:rkey..."
enum { BITOP_AND, BITOP_OR, BITOP_XOR, BITOP_NOT, BITOP_DESTKEY, BITOP_KEY };

/* The parts differ in length, so the plan walks argv. */
#define USAGE_BITFIELD                                                                                                 \
    "BITFIELD key [GET encoding offset|SET encoding offset value:int|INCRBY encoding offset increment:int"             \
    "|OVERFLOW behaviour]..."
#define USAGE_BITFIELD_RO "BITFIELD_RO key [GET encoding offset]..."

void kv_plan_setbit(struct gm_call *call);
uint64_t kv_reach_setbit(const struct gm_bytes *argv, uint32_t argc);
void kv_plan_getbit(struct gm_call *call);
void kv_plan_bitcount(struct gm_call *call);
void kv_plan_bitpos(struct gm_call *call);
void kv_plan_bitop(struct gm_call *call);
void kv_plan_bitfield(struct gm_call *call);
uint64_t kv_reach_bitfield(const struct gm_bytes *argv, uint32_t argc);

/* ---- comparing: kv_lcs.c ------------------------------------------------------------------------------------- */

#define USAGE_LCS "LCS key1:key key2:key [LEN] [IDX] [MINMATCHLEN length:int] [WITHMATCHLEN]"
enum { LCS_KEY1, LCS_KEY2, LCS_LEN, LCS_IDX, LCS_MINMATCHLEN, LCS_LENGTH, LCS_WITHMATCHLEN };

void kv_plan_lcs(struct gm_call *call);

/* ---- what plans have in common ------------------------------------------------------------------------------- */

#define KV_ERROR_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"
#define KV_ERROR_SIZE "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

/* Whether the key has a text: a string, or another type's scalar. */
static inline bool kv_plan_has_text(const struct gm_call *call, uint32_t key)
{
    uint32_t state = gm_key(call, key)->state;
    return state == GM_KEY_OWN || state == GM_KEY_SCALAR;
}

/* The text of a key, empty if it has none. Valid until plan returns. */
static inline struct gm_bytes kv_plan_text(struct gm_call *call, uint32_t key)
{
    const struct gm_key *found = gm_key(call, key);
    if (found->state == GM_KEY_OWN) {
        return (struct gm_bytes){found->cell.data, found->cell.size};
    }
    return found->state == GM_KEY_SCALAR ? gm_scalar(call, key) : (struct gm_bytes){NULL, 0};
}

/* Before the first record that changes a part of key `key`: a scalar of another type becomes a string of the same
 * text and expiry. */
static inline void kv_plan_own(struct gm_call *call, uint32_t key)
{
    if (gm_key(call, key)->state == GM_KEY_SCALAR) {
        gm_emit(call, &GM_EMISSION(.key = key, .op = KV_OP_SET, .flags = GM_FRESH | GM_KEEP_EXPIRY,
                                   .body = gm_scalar(call, key)));
    }
}

/* Asks for the memory that a value of `size` bytes needs beyond those of `old`, which it grows from. False: there is
 * none, the host answers. */
static inline bool kv_plan_afford(struct gm_call *call, struct gm_bytes old, uint64_t size)
{
    return size <= old.size || gm_afford(call, size - old.size);
}

/* Emits `bytes` standing at `offset` of key `key`, which is a string by then. Offset and end are within
 * GM_VALUE_SIZE_MAX. */
void kv_plan_patch(struct gm_call *call, uint32_t key, uint64_t offset, struct gm_bytes bytes);

#endif
