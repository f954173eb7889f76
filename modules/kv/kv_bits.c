/* SPDX-License-Identifier: MIT */

/* kv_bits.c - a string as an array of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP.
 *
 * Promises
 *   P1  SETBIT costs a record of five bytes, whatever the size of the value; setting what is set already costs none.
 *   P2  BITOP's result is computed once, here, and logged as a value: its sources may differ on a later day.
 */
#include "kv_plan.h"

#include "geomys/codec.h"
#include "geomys/number.h"

/* ---- one bit ------------------------------------------------------------------------------------------------- */

static bool read_bit_offset(struct gm_call *call, struct gm_bytes word, uint64_t *out)
{
    int64_t offset;
    if (!gm_parse_int(word, &offset) || offset < 0 || (uint64_t)offset >> 3 >= GM_VALUE_SIZE_MAX) {
        gm_reply_error(call, "ERR bit offset is not an integer or out of range");
        return false;
    }
    *out = (uint64_t)offset;
    return true;
}

uint64_t kv_reach_setbit(const struct gm_bytes *argv, uint32_t argc)
{
    int64_t offset;
    (void)argc;
    return gm_parse_int(argv[2], &offset) && offset >= 0 ? ((uint64_t)offset >> 3) + 1 : 0;
}

void kv_plan_setbit(struct gm_call *call)
{
    uint64_t offset;
    int64_t bit;
    if (!read_bit_offset(call, gm_arg_at(call, SETBIT_OFFSET, 0), &offset)) {
        return;
    }
    if (!gm_parse_int(gm_arg_at(call, SETBIT_VALUE, 0), &bit) || (bit != 0 && bit != 1)) {
        gm_reply_error(call, "ERR bit is not an integer or out of range");
        return;
    }
    struct gm_bytes text = kv_plan_text(call, 0);
    bool old = kv_value_bit(text, offset);
    if (!kv_plan_afford(call, text, (offset >> 3) + 1)) {
        return;
    }
    if (old != (bit == 1) || offset >> 3 >= text.size) {
        uint8_t body[KV_BIT_BODY];
        gm_store_u8(gm_store_u32(body, (uint32_t)offset), (uint8_t)bit);
        kv_plan_own(call, 0);
        gm_emit(call, &GM_EMISSION(.op = KV_OP_BIT, .body = {body, sizeof body}));
    }
    gm_reply_int(call, old);
}

void kv_plan_getbit(struct gm_call *call)
{
    uint64_t offset;
    if (read_bit_offset(call, gm_arg_at(call, GETBIT_OFFSET, 0), &offset)) {
        gm_reply_int(call, kv_value_bit(kv_plan_text(call, 0), offset));
    }
}

/* ---- many bits ----------------------------------------------------------------------------------------------- */

static struct kv_range bits_of(struct kv_range bytes)
{
    return (struct kv_range){bytes.first * 8, bytes.count * 8};
}

void kv_plan_bitcount(struct gm_call *call)
{
    struct gm_bytes text = kv_plan_text(call, 0);
    struct kv_range bits = {0, (uint64_t)text.size * 8};
    if (gm_given(call, BITCOUNT_START)) {
        int64_t start = gm_arg(call, BITCOUNT_START)->integer;
        int64_t end = gm_arg(call, BITCOUNT_END)->integer;
        bits = gm_given(call, BITCOUNT_BIT) ? kv_value_range(start, end, bits.count)
                                            : bits_of(kv_value_range(start, end, text.size));
    }
    gm_reply_int(call, (int64_t)kv_value_bit_count(text, bits));
}

/* Without an end the value counts as followed by endless zeros; with one, only what lies within it counts. */
static int64_t find_bit(const struct gm_call *call, struct gm_bytes text, bool wanted)
{
    int64_t start = gm_given(call, BITPOS_START) ? gm_arg(call, BITPOS_START)->integer : 0;
    int64_t end = gm_given(call, BITPOS_END) ? gm_arg(call, BITPOS_END)->integer : -1;
    struct kv_range bits = gm_given(call, BITPOS_BIT) ? kv_value_clamp(start, end, (uint64_t)text.size * 8)
                                                      : bits_of(kv_value_clamp(start, end, text.size));
    if (bits.count == 0) {
        return -1;
    }
    int64_t found = kv_value_bit_find(text, wanted, bits);
    return found < 0 && !wanted && !gm_given(call, BITPOS_END) ? (int64_t)(bits.first + bits.count) : found;
}

void kv_plan_bitpos(struct gm_call *call)
{
    int64_t bit = gm_arg(call, BITPOS_WANTED)->integer;
    if (bit != 0 && bit != 1) {
        gm_reply_error(call, "ERR The bit argument must be 1 or 0.");
        return;
    }
    if (gm_key(call, 0)->state == GM_KEY_ABSENT) {
        gm_reply_int(call, -bit);
        return;
    }
    gm_reply_int(call, find_bit(call, kv_plan_text(call, 0), bit == 1));
}

/* ---- BITOP --------------------------------------------------------------------------------------------------- */

/* Bytes of the longest source; false, and the call is answered: a source is no text. */
static bool measure_sources(struct gm_call *call, size_t *size)
{
    *size = 0;
    for (uint32_t i = 1; i < call->key_count; i++) {
        if (gm_key(call, i)->state == GM_KEY_OTHER) {
            gm_reply_error(call, KV_ERROR_TYPE);
            return false;
        }
        size_t own = kv_plan_text(call, i).size;
        *size = own > *size ? own : *size;
    }
    return true;
}

static enum kv_bit_op bit_op_of(const struct gm_call *call)
{
    return gm_given(call, BITOP_AND) ? KV_BIT_AND : gm_given(call, BITOP_OR) ? KV_BIT_OR : KV_BIT_XOR;
}

static void combine_sources(struct gm_call *call, uint8_t *target, size_t size)
{
    struct gm_bytes first = kv_plan_text(call, 1);
    if (first.size > 0) {
        memcpy(target, first.data, first.size);
    }
    memset(target + first.size, 0, size - first.size);
    for (uint32_t i = 2; i < call->key_count; i++) {
        kv_value_bit_combine(bit_op_of(call), target, size, kv_plan_text(call, i));
    }
    if (gm_given(call, BITOP_NOT)) {
        kv_value_bit_invert(target, size);
    }
}

void kv_plan_bitop(struct gm_call *call)
{
    size_t size;
    if (gm_given(call, BITOP_NOT) && call->key_count != 2) {
        gm_reply_error(call, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    if (!measure_sources(call, &size)) {
        return;
    }
    if (size > 0) {
        bool own = gm_key(call, 0)->state == GM_KEY_OWN;
        uint8_t *target = kv_plan_afford(call, own ? kv_plan_text(call, 0) : (struct gm_bytes){NULL, 0}, size)
                              ? gm_scratch_raw(call, size)
                              : NULL;
        if (target == NULL) {
            return;
        }
        combine_sources(call, target, size);
        gm_emit(call, &GM_EMISSION(.op = KV_OP_SET, .flags = GM_FRESH | GM_BORROWED, .body = {target, size}));
    } else if (gm_key(call, 0)->state != GM_KEY_ABSENT) {
        gm_emit_delete(call, 0);
    }
    gm_reply_int(call, (int64_t)size);
}
