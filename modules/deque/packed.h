/* SPDX-License-Identifier: MIT */

/* packed.h - elements one after another in a run of bytes, readable from both ends.
 *
 *     element    [length][bytes ......][length mirrored]
 *     length     7 bits per byte, low bits first, the high bit says that another byte follows; mirrored: the same bytes
 *                in the reverse order, so that reading backwards decodes it
 *
 * Idea       An element of less than 128 bytes costs two bytes more than itself, and both neighbours of any boundary
 *            are found in O(1). The inline form of a deque and every block of a big one hold the same runs, so that
 *            changing from one to the other is a copy.
 *
 * Limits     An element has at most GM_VALUE_SIZE_MAX bytes, so that its length has at most five. Runs are made here
 *            and only here: reading them checks nothing.
 */
#ifndef GEOMYS_DEQUE_PACKED_H
#define GEOMYS_DEQUE_PACKED_H

#include "geomys/codec.h"
#include "geomys/value.h"

/* Bytes that the length of an element of `size` bytes takes, once. */
static inline size_t packed_length_size(size_t size)
{
    if (__builtin_expect(size < 0x80, 1)) {
        return 1;
    }
    return size < 0x4000 ? 2 : size < 0x200000 ? 3 : size < 0x10000000 ? 4 : 5;
}

/* Bytes that an element of `size` bytes takes in a run. */
static inline size_t packed_size(size_t size)
{
    return size + 2 * packed_length_size(size);
}

/* Writes one element of which packed_size bytes must fit; returns the byte behind it. */
static inline uint8_t *packed_write(uint8_t *at, struct gm_bytes element)
{
    size_t width = packed_length_size(element.size);
    size_t left = element.size;
    uint8_t *mirrored = at + width + element.size + width;
    uint8_t *end = mirrored;
    for (size_t i = 1; i < width; i++) {
        uint8_t byte = (uint8_t)(left | 0x80);
        *at++ = byte;
        *--mirrored = byte;
        left >>= 7;
    }
    *at++ = (uint8_t)left;
    *--mirrored = (uint8_t)left;
    if (element.size > 0) {
        memcpy(at, element.data, element.size);
    }
    return end;
}

/* The element that begins at `at`, valid as long as the run; returns the byte behind it. */
static inline const uint8_t *packed_next(const uint8_t *at, struct gm_bytes *element)
{
    const uint8_t *begin = at;
    size_t size = *at++;
    if (__builtin_expect(size >= 0x80, 0)) {
        size &= 0x7f;
        for (int shift = 7;; shift += 7) {
            uint8_t byte = *at++;
            size |= (size_t)(byte & 0x7f) << shift;
            if (byte < 0x80) {
                break;
            }
        }
    }
    *element = (struct gm_bytes){at, size};
    return at + size + (at - begin);
}

/* The element that ends before `at`; returns its first byte. */
static inline const uint8_t *packed_prev(const uint8_t *at, struct gm_bytes *element)
{
    const uint8_t *end = at;
    size_t size = *--at;
    if (__builtin_expect(size >= 0x80, 0)) {
        size &= 0x7f;
        for (int shift = 7;; shift += 7) {
            uint8_t byte = *--at;
            size |= (size_t)(byte & 0x7f) << shift;
            if (byte < 0x80) {
                break;
            }
        }
    }
    *element = (struct gm_bytes){at - size, size};
    return at - size - (end - at);
}

/* The boundary before element `index` of a run of `count` elements, 0 <= index <= count: walked to from the nearer
 * end. */
static inline const uint8_t *packed_seek(const uint8_t *begin, const uint8_t *end, uint64_t count, uint64_t index)
{
    struct gm_bytes passed;
    if (index <= count / 2) {
        for (; index > 0; index--) {
            begin = packed_next(begin, &passed);
        }
        return begin;
    }
    for (; index < count; index++) {
        end = packed_prev(end, &passed);
    }
    return end;
}

#endif
