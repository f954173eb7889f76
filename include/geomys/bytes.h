/* SPDX-License-Identifier: MIT */

/* geomys/bytes.h - a run of bytes that belongs to somebody else.
 *
 * A gm_bytes is always borrowed: the function that hands one out says until when it is valid, and keeping it longer
 * means copying it. `data` may be NULL only when `size` is 0. The bytes are arbitrary: never text unless said so, never
 * terminated by a zero.
 */
#ifndef GEOMYS_BYTES_H
#define GEOMYS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct gm_bytes {
    const uint8_t *data;
    size_t size;
};

/* The bytes of a C string, without its terminator. */
static inline struct gm_bytes gm_bytes_of(const char *text)
{
    return (struct gm_bytes){(const uint8_t *)text, strlen(text)};
}

static inline bool gm_bytes_equal(struct gm_bytes a, struct gm_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif
