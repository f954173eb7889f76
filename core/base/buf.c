/* SPDX-License-Identifier: MIT */

/* buf.c - growing, never past the ceiling. */
#include "base/buf.h"

#include <stdio.h>

#include "base/memory.h"

#define BUF_FIRST 256 /* bytes of the first allocation */

void buf_init(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.limit = limit};
}

void buf_finish(struct buf *buf)
{
    memory_free(buf->data);
    *buf = (struct buf){.limit = buf->limit};
}

uint8_t *buf_reserve_slow(struct buf *buf, size_t size)
{
    check(buf->size <= buf->limit); /* buf I1 */
    if (size > buf->limit - buf->size) {
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
    if (capacity != buf->capacity || buf->data == NULL) {
        buf->data = memory_realloc(buf->data, capacity > 0 ? capacity : 1);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

bool buf_format(struct buf *buf, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(size >= 0);
    size_t used = (size_t)size < sizeof line ? (size_t)size : sizeof line - 1;
    return buf_append(buf, (struct gm_bytes){(const uint8_t *)line, used});
}

void buf_consume(struct buf *buf, size_t size)
{
    check(size <= buf->size);
    if (size < buf->size) {
        memmove(buf->data, buf->data + size, buf->size - size);
    }
    buf->size -= size;
}

void buf_clear(struct buf *buf, size_t keep)
{
    buf->size = 0;
    buf->full = false;
    if (buf->capacity > keep) {
        buf_finish(buf);
    }
}
