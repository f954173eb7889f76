/* SPDX-License-Identifier: MIT */

/* buf.h - a growable run of bytes with a ceiling.
 *
 * Promises
 *   I1  An append that would pass `limit` is refused as a whole and sets `full`. So `size` exceeds it only where
 *       buf_limit has lowered it below what was there.
 *   I2  Memory at most doubles per growth, and does not grow beyond `limit`.
 *   I3  Running out of memory stops the process: budgets are admitted elsewhere.
 *
 * A struct buf with all zeros but `limit` is an empty, valid buffer. Pointers into it are valid until the next append.
 */
#ifndef GEOMYS_BASE_BUF_H
#define GEOMYS_BASE_BUF_H

#include "base/bytes.h"
#include "base/check.h"

struct buf {
    uint8_t *data;   /* owned */
    size_t size;     /* bytes used */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* bytes, the ceiling */
    bool full;       /* an append was refused since buf_clear */
};

void buf_init(struct buf *buf, size_t limit);

/* Another ceiling. What is there stays, even if it is more; then nothing more is taken until enough has gone. */
void buf_limit(struct buf *buf, size_t limit);

/* Releases the memory; the buffer is empty and usable afterwards. Zeroed memory is fine. */
void buf_finish(struct buf *buf);

/* Makes room for `size` more bytes and returns where they go, without counting them as used; NULL past the ceiling.
 * Amortised O(1) per byte. */
uint8_t *buf_reserve_slow(struct buf *buf, size_t size);

static inline uint8_t *buf_reserve(struct buf *buf, size_t size)
{
    if (__builtin_expect(buf->capacity - buf->size >= size, 1) && buf->data != NULL) {
        return buf->data + buf->size;
    }
    return buf_reserve_slow(buf, size);
}

/* False, and `full`, past the ceiling. */
static inline bool buf_append(struct buf *buf, struct gm_bytes bytes)
{
    uint8_t *target = buf_reserve(buf, bytes.size);
    if (__builtin_expect(target == NULL, 0)) {
        return false;
    }
    if (bytes.size > 0) {
        memcpy(target, bytes.data, bytes.size);
    }
    buf->size += bytes.size;
    return true;
}

/* Appends formatted text of any length, without a terminator. False, and `full`, past the ceiling: then as a whole. */
__attribute__((format(printf, 2, 3))) bool buf_format(struct buf *buf, const char *format, ...);

/* Removes `size` bytes from the beginning. O(rest). */
void buf_consume(struct buf *buf, size_t size);

/* Gives memory back that is beyond `capacity` and beyond the content; what is there stays. O(size). */
void buf_fit(struct buf *buf, size_t capacity);

/* Forgets the content; keeps the memory if it is at most `keep` bytes. */
void buf_clear(struct buf *buf, size_t keep);

static inline struct gm_bytes buf_bytes(const struct buf *buf)
{
    return (struct gm_bytes){buf->data, buf->size};
}

#endif
