/* SPDX-License-Identifier: MIT */

/* bytes.c - comparing bytes with text, and numbers in their canonical decimal form. */
#include "base/bytes.h"

#include <math.h>
#include <stdlib.h>

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
    if (bytes.size == 0 || bytes.size > 20) {
        return false;
    }
    size_t at = bytes.data[0] == '-' ? 1 : 0;
    if (at == bytes.size) {
        return false;
    }
    if (bytes.data[at] == '0' && bytes.size > 1) {
        return false; /* "-0", "007" */
    }
    uint64_t value = 0;
    for (size_t i = at; i < bytes.size; i++) {
        uint8_t digit = (uint8_t)(bytes.data[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (at == 1) {
        if (value > (uint64_t)INT64_MAX + 1) {
            return false;
        }
        *out = value == (uint64_t)INT64_MAX + 1 ? INT64_MIN : -(int64_t)value;
        return true;
    }
    if (value > INT64_MAX) {
        return false;
    }
    *out = (int64_t)value;
    return true;
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
    char reversed[20];
    size_t size = 0;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        reversed[size++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    size_t at = 0;
    if (number < 0) {
        out[at++] = '-';
    }
    while (size > 0) {
        out[at++] = reversed[--size];
    }
    return at;
}
