/* SPDX-License-Identifier: MIT */

/* replies.c - counting what is owed. */
#include "wire/replies.h"

#include <string.h>

#include "base/check.h"

#define LINE_MAX  ((size_t)64 * 1024) /* bytes of one line */
#define COUNT_MAX (INT64_C(1) << 32)  /* of elements, or bytes, that anything announces */
#define OWED_MAX  (UINT64_C(1) << 40)

/* The number of a head, of -1 or more. False: it is none. */
static bool number_of(struct gm_bytes line, int64_t *out)
{
    return bytes_to_int(line, out) && *out >= -1 && *out <= COUNT_MAX;
}

/* A container of `count` times `each` elements takes the place of the one that was owed; an attribute takes none. */
static bool owe(struct replies *replies, int64_t count, uint64_t each, bool in_place)
{
    uint64_t more = count < 0 ? 0 : (uint64_t)count * each;
    replies->owed += more;
    replies->owed -= in_place ? 1 : 0;
    return replies->owed <= OWED_MAX;
}

/* One line, from its kind to before its end. */
static bool take_line(struct replies *replies, struct gm_bytes line)
{
    int64_t count = 0;
    struct gm_bytes rest = {line.data + 1, line.size - 1};
    switch (line.data[0]) {
    case '+':
    case '-':
    case ':':
    case ',':
    case '#':
    case '_':
    case '(':
        replies->owed--;
        return true;
    case '$':
    case '=':
    case '!':
        if (!number_of(rest, &count)) {
            return false;
        }
        replies->owed--;
        replies->position += count >= 0 ? (size_t)count + 2 : 0;
        return true;
    case '*':
    case '~':
    case '>':
        return number_of(rest, &count) && owe(replies, count, 1, true);
    case '%':
        return number_of(rest, &count) && owe(replies, count, 2, true);
    case '|':
        return number_of(rest, &count) && owe(replies, count, 2, false);
    default:
        return false;
    }
}

static enum replies_result end(struct replies *replies)
{
    enum replies_result result = replies->push ? REPLIES_PUSH : REPLIES_REPLY;
    replies->begun = false;
    replies->push = false;
    return result;
}

enum replies_result replies_next(struct replies *replies, struct gm_bytes bytes)
{
    for (;;) {
        if (replies->position > bytes.size) {
            return REPLIES_MORE;
        }
        if (replies->begun && replies->owed == 0) {
            return end(replies);
        }
        const uint8_t *at = bytes.data + replies->position;
        size_t left = bytes.size - replies->position;
        const uint8_t *newline = left > 0 ? memchr(at, '\n', left) : NULL;
        size_t size = newline != NULL ? (size_t)(newline - at) : left;
        if (size > LINE_MAX) {
            return REPLIES_BROKEN;
        }
        if (newline == NULL) {
            return REPLIES_MORE;
        }
        if (size < 2 || at[size - 1] != '\r') {
            return REPLIES_BROKEN;
        }
        if (!replies->begun) {
            *replies = (struct replies){.owed = 1, .begun = true, .push = at[0] == '>', .position = replies->position};
        }
        replies->position += size + 1;
        if (!take_line(replies, (struct gm_bytes){at, size - 1})) {
            return REPLIES_BROKEN;
        }
    }
}

void replies_consumed(struct replies *replies, size_t size)
{
    check(size <= replies->position);
    replies->position -= size;
}
