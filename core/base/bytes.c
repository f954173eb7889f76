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

/* Two digits at a time: a division takes longer than everything else here. */
size_t bytes_from_int(char out[static 20], int64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    for (; rest >= 10; rest /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (rest % 100), 2);
    }
    if (rest > 0 || at == sizeof digits) {
        digits[--at] = (char)('0' + rest);
    }
    size_t sign = number < 0;
    out[0] = '-';
    memcpy(out + sign, digits + at, sizeof digits - at);
    return sign + sizeof digits - at;
}
