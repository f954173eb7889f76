/* SPDX-License-Identifier: MIT */

/* span.c - where a reply ends.
 *
 * Idea     Values are counted: one is owed at the beginning, each that comes is one less, and a container owes what its
 *          head announces. So nothing is kept of how deep it is in. */
#include "wire/span.h"

#include <string.h>

#include "base/bytes.h"

/* The end of the line at `at`, without its line break; SIZE_MAX: there is none. */
static size_t line_end(struct gm_bytes bytes, size_t at)
{
    const uint8_t *found = at < bytes.size ? memchr(bytes.data + at, '\r', bytes.size - at) : NULL;
    size_t end = found != NULL ? (size_t)(found - bytes.data) : SIZE_MAX;
    return end < bytes.size - 1 && bytes.data[end + 1] == '\n' ? end : SIZE_MAX;
}

/* A count or a size; false: it is none. -1 is that of a null. */
static bool read_count(struct gm_bytes text, int64_t *out)
{
    return bytes_to_int(text, out) && *out >= -1;
}

/* The value whose head ends there: what is behind the head in bytes, and how many values it owes. False: no value. */
static bool look(struct gm_bytes head, size_t *bytes, uint64_t *values)
{
    int64_t count = 0;
    *bytes = 0;
    *values = 0;
    if (head.size == 0) {
        return false;
    }
    uint8_t kind = head.data[0];
    if (memchr("+-:_#,(", kind, 7) != NULL) {
        return true;
    }
    if (memchr("$=!*~>%|", kind, 8) == NULL || !read_count((struct gm_bytes){head.data + 1, head.size - 1}, &count)) {
        return false;
    }
    if (count < 0) {
        return kind == '$' || kind == '*';
    }
    if (memchr("$=!", kind, 3) != NULL) {
        *bytes = (size_t)count + 2; /* and a line break */
    } else {
        *values = (uint64_t)count * (kind == '%' || kind == '|' ? 2 : 1);
        *values += kind == '|'; /* attributes stand before the value that they are of */
    }
    return true;
}

size_t span_reply(struct gm_bytes bytes)
{
    size_t at = 0;
    for (uint64_t owed = 1; owed > 0; owed--) {
        size_t end = line_end(bytes, at);
        size_t more;
        uint64_t values;
        if (end == SIZE_MAX || !look((struct gm_bytes){bytes.data + at, end - at}, &more, &values)) {
            return 0;
        }
        at = end + 2;
        if (more > bytes.size - at || __builtin_add_overflow(owed, values, &owed)) {
            return 0;
        }
        at += more;
    }
    return at;
}
