/* SPDX-License-Identifier: MIT */

/* utf8.c - one strict decoder, and one list of what is not shown, for everybody who writes to a person: the log, the
 * tools, the editor of a line. So they agree on what is text.
 *
 * The list is of code points that Unicode calls Cc, Zl, Zp, or Default_Ignorable_Code_Point (as of version 15), the
 * selectors of a variant (U+FE00 to U+FE0F) but for: they belong to the emoji that people write. */
#include "base/utf8.h"

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

bool utf8_plain(uint32_t character)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},   {0x61c, 0x61c},
        {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f}, {0x2028, 0x202e},
        {0x2060, 0x206f},   {0x3164, 0x3164},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0] && character >= hidden[i].first; i++) {
        if (character <= hidden[i].last) {
            return false;
        }
    }
    return true;
}
