/* SPDX-License-Identifier: MIT */

/* escape.c - reading escapes; escape.h says which. */
#include "wire/escape.h"

int escape_hex(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    uint8_t lower = digit | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static uint8_t named(uint8_t name)
{
    switch (name) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'a':
        return '\a';
    case 'b':
        return '\b';
    default:
        return name;
    }
}

size_t escape_read(const uint8_t *at, const uint8_t *end, uint8_t *out)
{
    if (end - at >= 4 && at[1] == 'x' && escape_hex(at[2]) >= 0 && escape_hex(at[3]) >= 0) {
        *out = (uint8_t)(escape_hex(at[2]) * 16 + escape_hex(at[3]));
        return 4;
    }
    *out = named(at[1]);
    return 2;
}
