/* SPDX-License-Identifier: MIT */

/* bytes.c - comparing bytes with text, and numbers in their canonical decimal form. */
#include "base/bytes.h"

#include <math.h>
#include <stdlib.h>

#include "geomys/number.h"

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

bool bytes_equal_nocase(struct gm_bytes bytes, const char *text)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (text[i] == '\0' || lower(bytes.data[i]) != lower((uint8_t)text[i])) {
            return false;
        }
    }
    return text[bytes.size] == '\0';
}

bool bytes_to_int(struct gm_bytes bytes, int64_t *out)
{
    return gm_parse_int(bytes, out);
}

bool bytes_to_double(struct gm_bytes bytes, double *out)
{
    char text[128];
    if (bytes.size == 0 || bytes.size >= sizeof text) {
        return false;
    }
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.data[i];
        bool fine =
            (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' || byte == 'E';
        if (!fine) {
            return false;
        }
    }
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    char *end;
    double value = strtod(text, &end);
    if (end != text + bytes.size || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

size_t bytes_from_int(char out[static 20], int64_t number)
{
    return gm_format_int(out, number);
}
