/* SPDX-License-Identifier: MIT */

/* kv_value.h - what can be asked of a string of bytes, without the module ABI: ranges, bits and bit fields.
 *
 * Bits are numbered from the most significant bit of the first byte on, as clients know it: bit 0 is 0x80 of byte 0.
 * All functions are pure; sizes are at most GM_VALUE_SIZE_MAX bytes, bit numbers below 8 * GM_VALUE_SIZE_MAX + 64.
 */
#ifndef GEOMYS_KV_VALUE_H
#define GEOMYS_KV_VALUE_H

#include "geomys/bytes.h"

/* ---- ranges -------------------------------------------------------------------------------------------------- */

struct kv_range {
    uint64_t first;
    uint64_t count; /* 0: empty */
};

/* The part start..end, both included, of `size` things; negative numbers count from the end (-1 is the last). Numbers
 * before the beginning mean the beginning. O(1). */
struct kv_range kv_value_clamp(int64_t start, int64_t end, uint64_t size);

/* The same, but empty if both are negative and in the wrong order, even when both lie before the beginning. O(1). */
struct kv_range kv_value_range(int64_t start, int64_t end, uint64_t size);

/* What OBJECT ENCODING answers: "int", "embstr" (44 bytes or fewer) or "raw". Derived from the bytes. O(1). */
const char *kv_value_encoding(struct gm_bytes value);

/* ---- bits ---------------------------------------------------------------------------------------------------- */

/* One bit; false behind the end. O(1). */
bool kv_value_bit(struct gm_bytes value, uint64_t bit);

/* How many bits are set in a range of bits that lies within the value. O(count), 8 bytes at a time. */
uint64_t kv_value_bit_count(struct gm_bytes value, struct kv_range bits);

/* The number of the first bit equal to `wanted` in a range of bits that lies within the value; -1: none. O(count), 8
 * bytes at a time. */
int64_t kv_value_bit_find(struct gm_bytes value, bool wanted, struct kv_range bits);

enum kv_bit_op { KV_BIT_AND, KV_BIT_OR, KV_BIT_XOR };

/* target = target op source, where a source shorter than the target is followed by zeros; source.size <= size.
 * O(size). */
void kv_value_bit_combine(enum kv_bit_op op, uint8_t *target, size_t size, struct gm_bytes source);

/* Turns every bit. O(size). */
void kv_value_bit_invert(uint8_t *target, size_t size);

/* ---- bit fields ---------------------------------------------------------------------------------------------- */

/* An integer of `width` bits somewhere in a value. Signed: 1 to 64 bits; unsigned: 1 to 63, so that it fits an int64.
 * */
struct kv_field {
    uint64_t bit; /* of the value, where the field begins */
    uint8_t width;
    bool is_signed;
};

/* "i8", "u63": fills in width and is_signed. O(1). */
bool kv_value_parse_field(struct gm_bytes text, struct kv_field *out);

/* Reads; bits behind the end of the value are zero. O(1). */
int64_t kv_value_field_get(struct gm_bytes value, struct kv_field field);

/* Writes the low `width` bits of `number`; the field lies wholly within `data`. O(1). */
void kv_value_field_set(uint8_t *data, struct kv_field field, int64_t number);

enum kv_overflow { KV_WRAP, KV_SATURATE, KV_FAIL };

/* What the field holds once `number` is stored, or added to `old`. False: it does not fit, and overflow is KV_FAIL.
 * O(1). */
bool kv_value_field_store(struct kv_field field, int64_t number, enum kv_overflow overflow, int64_t *out);
bool kv_value_field_add(struct kv_field field, int64_t old, int64_t number, enum kv_overflow overflow, int64_t *out);

#endif
