/* SPDX-License-Identifier: MIT */

/* buf.c - growing, never past the ceiling. */
#include "base/buf.h"

#include <stdio.h>

#include "base/memory.h"

#define BUF_FIRST  256  /* bytes of the first allocation */
#define LINE_USUAL 1024 /* bytes of text that are formatted without an allocation of their own */

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_limit(struct buf *buf, size_t limit)
{
    size_t capacity = limit > buf->size ? limit : buf->size;
    buf->limit = limit;
    if (buf->capacity > capacity) { /* buf_reserve looks at the room alone */
        buf->data = memory_realloc(buf->data, capacity > 0 ? capacity : 1);
        buf->capacity = capacity;
    }
}

void buf_fit(struct buf *buf, size_t capacity)
{
    size_t least = capacity > buf->size ? capacity : buf->size;
    if (buf->capacity > least && buf->data != NULL) {
        buf->data = memory_realloc(buf->data, least > 0 ? least : 1);
        buf->capacity = least;
    }
}

void buf_finish(struct buf *buf)
{
    memory_free(buf->data);
    *buf = (struct buf){.limit = buf->limit};
}

uint8_t *buf_reserve_slow(struct buf *buf, size_t size)
{
    if (buf->size > buf->limit || size > buf->limit - buf->size) {
        buf->full = true;
        return NULL;
    }
    size_t wanted = buf->size + size;
    size_t capacity = buf->capacity < BUF_FIRST ? BUF_FIRST : buf->capacity;
    while (capacity < wanted) {
        capacity = capacity > SIZE_MAX / 2 ? wanted : capacity * 2;
    }
    if (capacity > buf->limit) {
        capacity = buf->limit < wanted ? wanted : buf->limit;
    }
    check(capacity >= wanted && wanted <= buf->limit); /* buf I1 */
    if (capacity != buf->capacity || buf->data == NULL) {
        buf->data = memory_realloc(buf->data, capacity > 0 ? capacity : 1);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

bool buf_format(struct buf *buf, const char *format, ...)
{
    char line[LINE_USUAL];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(size >= 0);
    if ((size_t)size < sizeof line) {
        return buf_append(buf, (struct gm_bytes){(const uint8_t *)line, (size_t)size});
    }
    uint8_t *target = buf_reserve(buf, (size_t)size);
    if (target == NULL) {
        return false;
    }
    /* Not in place: vsnprintf ends with a zero byte, for which there may be no room below the ceiling. */
    char *whole = memory_alloc((size_t)size + 1);
    va_start(args, format);
    int again = vsnprintf(whole, (size_t)size + 1, format, args);
    va_end(args);
    check(again == size);
    memcpy(target, whole, (size_t)size);
    memory_free(whole);
    buf->size += (size_t)size;
    return true;
}

void buf_consume(struct buf *buf, size_t size)
{
    check(size <= buf->size);
    if (size < buf->size) {
        memmove(buf->data, buf->data + size, buf->size - size);
    }
    buf->size -= size;
    if (__builtin_expect(buf->capacity > buf->limit, 0)) {
        buf_limit(buf, buf->limit);
    }
}

void buf_clear(struct buf *buf, size_t keep)
{
    buf->size = 0;
    buf->full = false;
    if (buf->capacity > keep || buf->capacity > buf->limit) {
        buf_finish(buf);
    }
}
