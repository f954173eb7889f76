/* SPDX-License-Identifier: MIT */

/* word.h - comparing words without regard to case, eight bytes at a time: the inside of usage_bind and
 * registry_find. */
#ifndef GEOMYS_MODULE_USAGE_WORD_H
#define GEOMYS_MODULE_USAGE_WORD_H

#include "base/bytes.h"

/* Each byte of `eight` that is a lower-case ASCII letter becomes the capital. */
static inline uint64_t word_capitals(uint64_t eight)
{
    const uint64_t each = 0x0101010101010101u;
    uint64_t low = eight & (each * 0x7f);
    uint64_t from_a = low + each * (0x80 - 'a');
    uint64_t past_z = low + each * (0x80 - 'z' - 1);
    uint64_t letters = from_a & ~past_z & ~eight & (each * 0x80);
    return eight - (letters >> 2);
}

/* Up to eight bytes, zeros after them. The order of the bytes in it is the machine's. */
static inline uint64_t word_load(const uint8_t *data, size_t size)
{
    uint64_t eight = 0;
    if (size >= 8) {
        memcpy(&eight, data, 8);
        return eight;
    }
    if (size >= 4) {
        uint32_t front;
        uint32_t back;
        memcpy(&front, data, 4);
        memcpy(&back, data + size - 4, 4);
        return front | ((uint64_t)back << (8 * (size - 4)));
    }
    if (size > 0) {
        eight =
            data[0] | ((uint64_t)data[size / 2] << (8 * (size / 2))) | ((uint64_t)data[size - 1] << (8 * (size - 1)));
    }
    return eight;
}

static inline uint64_t word_head(struct gm_bytes word)
{
    return word_capitals(word_load(word.data, word.size));
}

/* Whether the bytes after the first eight are equal; the sizes are, and above eight. */
static inline bool word_rest_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t at = 8; at < size; at += 8) {
        size_t left = size - at;
        if (word_capitals(word_load(a + at, left)) != word_capitals(word_load(b + at, left))) {
            return false;
        }
    }
    return true;
}

#endif
