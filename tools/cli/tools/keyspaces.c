/* SPDX-License-Identifier: MIT */

/* keyspaces.c - reading those lines; what comes from a server may be anything. */
#include "cli/tools/keyspaces.h"

#include <string.h>

/* Digits up to something else. False: there are none, or too many. */
static bool take_number(struct gm_bytes *text, uint64_t *out)
{
    size_t size = 0;
    *out = 0;
    while (size < text->size && text->data[size] >= '0' && text->data[size] <= '9') {
        if (__builtin_mul_overflow(*out, (uint64_t)10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(text->data[size] - '0'), out)) {
            return false;
        }
        size++;
    }
    text->data += size;
    text->size -= size;
    return size > 0;
}

static bool take_word(struct gm_bytes *text, const char *word)
{
    size_t size = strlen(word);
    if (text->size < size || memcmp(text->data, word, size) != 0) {
        return false;
    }
    text->data += size;
    text->size -= size;
    return true;
}

static bool read_line(struct gm_bytes line, struct keyspaces_line *out)
{
    uint64_t number;
    if (!take_word(&line, "db") || !take_number(&line, &number) || number > UINT16_MAX || !take_word(&line, ":keys=") ||
        !take_number(&line, &out->keys)) {
        return false;
    }
    out->database = (int)number;
    return true;
}

bool keyspaces_next(struct gm_bytes info, size_t *at, struct keyspaces_line *out)
{
    while (*at < info.size) {
        const uint8_t *begin = info.data + *at;
        const uint8_t *end = memchr(begin, '\n', info.size - *at);
        size_t size = end != NULL ? (size_t)(end - begin) : info.size - *at;
        *at += size + (end != NULL);
        if (read_line((struct gm_bytes){begin, size}, out)) {
            return true;
        }
    }
    return false;
}
