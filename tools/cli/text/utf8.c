/* SPDX-License-Identifier: MIT */

/* utf8.c - one strict decoder for the editor and for every output format, so that they agree on what is text. */
#include "cli/text/utf8.h"

#include <wchar.h>

size_t utf8_decode(struct gm_bytes bytes, uint32_t *out)
{
    if (bytes.size == 0) {
        return 0;
    }
    uint8_t first = bytes.data[0];
    if (first < 0x80) {
        *out = first;
        return 1;
    }
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || bytes.size < size) {
        return 0;
    }
    uint32_t character = first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes.data[i] & 0xc0) != 0x80) {
            return 0;
        }
        character = character << 6 | (bytes.data[i] & 0x3fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (character < least[size] || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff)) {
        return 0;
    }
    *out = character;
    return size;
}

bool utf8_valid(struct gm_bytes bytes)
{
    for (size_t at = 0; at < bytes.size;) {
        uint32_t character;
        size_t size = utf8_decode((struct gm_bytes){bytes.data + at, bytes.size - at}, &character);
        if (size == 0) {
            return false;
        }
        at += size;
    }
    return true;
}

static bool changes_direction(uint32_t character)
{
    return (character >= 0x200e && character <= 0x200f) || (character >= 0x202a && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069) || character == 0x061c;
}

int utf8_width(uint32_t character)
{
    if (character < 0x20 || (character >= 0x7f && character < 0xa0) || changes_direction(character)) {
        return -1;
    }
    return character < 0x7f ? 1 : wcwidth((wchar_t)character);
}
