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

#ifdef __cplusplus
extern "C" {
#endif

struct gm_bytes {
    const uint8_t *data;
    size_t size;
};

/* `size` bytes from `data` on. */
static inline struct gm_bytes gm_bytes_at(const void *data, size_t size)
{
    struct gm_bytes bytes = {(const uint8_t *)data, size};
    return bytes;
}

/* The bytes of a C string, without its terminator. */
static inline struct gm_bytes gm_bytes_of(const char *text)
{
    return gm_bytes_at(text, strlen(text));
}

/* What was written from `begin` on, up to `end` (codec.h writes so). */
static inline struct gm_bytes gm_bytes_between(const uint8_t *begin, const uint8_t *end)
{
    return gm_bytes_at(begin, (size_t)(end - begin));
}

static inline bool gm_bytes_equal(struct gm_bytes a, struct gm_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#define GM_SECRET_SIZE 16

/* What nobody outside knows of a data set: drawn once, when it begins, and the same wherever these data are (this
 * node after each restart, each node that holds them, a copy that was restored), for ever. For tables whose places
 * nobody may foresee (hash.h). Any 16 bytes. It is never shown, so a module keeps it out of replies, records and logs.
 */
struct gm_secret {
    uint8_t bytes[GM_SECRET_SIZE];
};

#ifdef __cplusplus
}
#endif

#endif
