/* SPDX-License-Identifier: MIT */

/* type_id.c - what a type may be called.
 *
 * Why      Right checksums prove nothing about who wrote a file. A name with a NUL in it would be taken for the shorter
 *          one by whatever reads it as text; one with an escape sequence would reach a terminal.
 *
 *              part "." part ... "/" number       part: a-z 0-9 _ -      number: 1 to 9 first, then digits
 *
 * Limits   A number may have any length within TYPE_ID_MAX: it is text, never counted with. */
#include "base/type_id.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_of_part(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-';
}

/* Behind the parts that begin the text; *parts: how many, 0 if one is empty. */
static size_t skip_parts(struct gm_bytes text, unsigned *parts)
{
    size_t at = 0;
    for (*parts = 0;; at++) {
        size_t begin = at;
        while (at < text.size && is_of_part(text.data[at])) {
            at++;
        }
        if (at == begin) {
            *parts = 0;
            return at;
        }
        ++*parts;
        if (at == text.size || text.data[at] != '.') {
            return at;
        }
    }
}

bool type_id_is_valid(struct gm_bytes text)
{
    unsigned parts;
    if (text.size == 0 || text.size > TYPE_ID_MAX) {
        return false;
    }
    size_t at = skip_parts(text, &parts);
    if (parts < 2 || at == text.size || text.data[at] != '/') {
        return false;
    }
    size_t number = ++at;
    while (at < text.size && is_digit(text.data[at])) {
        at++;
    }
    return at == text.size && at > number && text.data[number] != '0';
}
