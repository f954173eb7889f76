/* SPDX-License-Identifier: MIT */

/* geomys/codec.h - numbers and runs of bytes in the bodies of records: written in plan and dump, read in apply.
 *
 * Why     A body comes from a file or from a peer, so each number in it is hostile. A check per number is what is
 *         forgotten; a loop per byte is what costs.
 *
 * Idea    A reader remembers that something did not fit: what it gives from then on is zero or empty, and one question
 *         at the end covers all that was read.
 *
 *             struct gm_reader in = gm_reader_of(record->body);
 *             uint64_t start = gm_read_varint(&in);
 *             struct gm_bytes name = gm_read_item(&in);
 *             if (!gm_read_all(&in)) {
 *                 return GM_CORRUPT;
 *             }
 *
 *             fixed     u8 u16 u32 u64 f64, little-endian on every machine, not aligned
 *             varint    7 bits per byte, low bits first, the high bit says that another byte follows: 1 to 10 bytes
 *             item      a varint, and as many bytes
 *
 * Promises
 *   P1  A reader never looks behind the end of what it was given, whatever the bytes are.
 *   P2  A number has one form: a varint that is longer than need be, or above 64 bits, is a failure. So what was read
 *       and is written again is the same bytes.
 *
 * Nothing allocates. All of it is for any context, [plan], [apply] and [read] alike.
 */
#ifndef GEOMYS_CODEC_H
#define GEOMYS_CODEC_H

#include "geomys/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- fixed: the caller has made sure that the bytes are there ---- */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define GM_LITTLE(bits, value) __builtin_bswap##bits(value)
#else
#define GM_LITTLE(bits, value) (value)
#endif

static inline uint16_t gm_load_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return GM_LITTLE(16, value);
}

static inline uint32_t gm_load_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return GM_LITTLE(32, value);
}

static inline uint64_t gm_load_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return GM_LITTLE(64, value);
}

static inline double gm_load_f64(const uint8_t *from)
{
    uint64_t bits = gm_load_u64(from);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Each writes, and returns the byte behind: so a body is written by one after the other. */
static inline uint8_t *gm_store_u8(uint8_t *to, uint8_t value)
{
    *to = value;
    return to + 1;
}

static inline uint8_t *gm_store_u16(uint8_t *to, uint16_t value)
{
    value = GM_LITTLE(16, value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static inline uint8_t *gm_store_u32(uint8_t *to, uint32_t value)
{
    value = GM_LITTLE(32, value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static inline uint8_t *gm_store_u64(uint8_t *to, uint64_t value)
{
    value = GM_LITTLE(64, value);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

static inline uint8_t *gm_store_f64(uint8_t *to, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return gm_store_u64(to, bits);
}

/* ---- varints and items ---- */

#define GM_VARINT_MAX 10 /* bytes of the longest */

/* Signed numbers as varints, so that -1 takes one byte: 0 -1 1 -2 2 become 0 1 2 3 4. */
static inline uint64_t gm_zigzag(int64_t number)
{
    return ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0);
}

static inline int64_t gm_unzigzag(uint64_t code)
{
    return (int64_t)((code >> 1) ^ ((code & 1) != 0 ? UINT64_MAX : 0));
}

/* Bytes that the number takes as a varint. */
static inline size_t gm_varint_size(uint64_t number)
{
    return ((size_t)(63 - __builtin_clzll(number | 1)) + 7) / 7;
}

/* Writes at most GM_VARINT_MAX bytes; returns the byte behind them. */
static inline uint8_t *gm_store_varint(uint8_t *to, uint64_t number)
{
    for (; number >= 0x80; number >>= 7) {
        *to++ = (uint8_t)(number | 0x80);
    }
    *to++ = (uint8_t)number;
    return to;
}

static inline uint8_t *gm_store_bytes(uint8_t *to, struct gm_bytes bytes)
{
    if (bytes.size > 0) {
        memcpy(to, bytes.data, bytes.size);
    }
    return to + bytes.size;
}

/* Bytes that an item of `size` bytes takes. */
static inline size_t gm_item_size(size_t size)
{
    return gm_varint_size(size) + size;
}

static inline uint8_t *gm_store_item(uint8_t *to, struct gm_bytes bytes)
{
    return gm_store_bytes(gm_store_varint(to, bytes.size), bytes);
}

/* ---- the reader ---- */

struct gm_reader {
    const uint8_t *at;  /* the next byte; `end` after a failure */
    const uint8_t *end; /* not read */
    bool failed;
};

static inline struct gm_reader gm_reader_of(struct gm_bytes bytes)
{
    struct gm_reader reader = {bytes.data, bytes.size > 0 ? bytes.data + bytes.size : bytes.data, false};
    return reader;
}

/* Bytes that have not been read; 0 after a failure. So a loop over what repeats ends in any case. */
static inline size_t gm_read_left(const struct gm_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Whether nothing failed. */
static inline bool gm_read_fine(const struct gm_reader *reader)
{
    return !reader->failed;
}

/* Whether nothing failed and nothing is left: what apply asks before the first change. */
static inline bool gm_read_all(const struct gm_reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}

/* Makes the reader one that has failed: for what the caller finds wrong itself. */
static inline void gm_read_fail(struct gm_reader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
}

/* The next `size` bytes, valid as long as what the reader was given; after a failure NULL and 0. */
static inline struct gm_bytes gm_read_bytes(struct gm_reader *reader, uint64_t size)
{
    struct gm_bytes bytes = {NULL, 0};
    if (__builtin_expect(size > gm_read_left(reader), 0)) {
        gm_read_fail(reader); /* codec P1 */
        return bytes;
    }
    bytes.data = reader->at;
    bytes.size = (size_t)size;
    reader->at += size;
    return bytes;
}

/* All that is left. */
static inline struct gm_bytes gm_read_rest(struct gm_reader *reader)
{
    return gm_read_bytes(reader, gm_read_left(reader));
}

static inline uint8_t gm_read_u8(struct gm_reader *reader)
{
    struct gm_bytes bytes = gm_read_bytes(reader, sizeof(uint8_t));
    return bytes.size > 0 ? bytes.data[0] : 0;
}

static inline uint16_t gm_read_u16(struct gm_reader *reader)
{
    struct gm_bytes bytes = gm_read_bytes(reader, sizeof(uint16_t));
    return bytes.size > 0 ? gm_load_u16(bytes.data) : 0;
}

static inline uint32_t gm_read_u32(struct gm_reader *reader)
{
    struct gm_bytes bytes = gm_read_bytes(reader, sizeof(uint32_t));
    return bytes.size > 0 ? gm_load_u32(bytes.data) : 0;
}

static inline uint64_t gm_read_u64(struct gm_reader *reader)
{
    struct gm_bytes bytes = gm_read_bytes(reader, sizeof(uint64_t));
    return bytes.size > 0 ? gm_load_u64(bytes.data) : 0;
}

/* Any of the 2^64 bit patterns, so perhaps NaN or an infinity: the caller says what belongs to the type. */
static inline double gm_read_f64(struct gm_reader *reader)
{
    struct gm_bytes bytes = gm_read_bytes(reader, sizeof(double));
    return bytes.size > 0 ? gm_load_f64(bytes.data) : 0;
}

static inline uint64_t gm_read_varint(struct gm_reader *reader)
{
    const uint8_t *at = reader->at;
    uint64_t value = 0;
    for (unsigned shift = 0; at < reader->end && shift < 7 * GM_VARINT_MAX; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (byte == 0 && shift > 0) {
                break; /* codec P2 */
            }
            reader->at = at;
            return value;
        }
    }
    gm_read_fail(reader);
    return 0;
}

/* What gm_zigzag made a varint of. */
static inline int64_t gm_read_signed(struct gm_reader *reader)
{
    return gm_unzigzag(gm_read_varint(reader));
}

static inline struct gm_bytes gm_read_item(struct gm_reader *reader)
{
    return gm_read_bytes(reader, gm_read_varint(reader));
}

#ifdef __cplusplus
}
#endif

#endif
