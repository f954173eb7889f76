/* SPDX-License-Identifier: MIT */

/* counter_value.c - numbers and their texts.
 *
 * Limits   The texts of floats depend on the C library's printf and strtold in the "C" locale; the host never sets
 *          another.
 */
#include "counter_value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool counter_int_read(struct gm_bytes text, int64_t *number)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.size || text.size > COUNTER_INT_TEXT) {
        return false;
    }
    if (text.data[at] == '0' && text.size > 1) {
        return false;
    }
    int64_t value = 0;
    for (; at < text.size; at++) {
        if (!is_digit(text.data[at])) {
            return false;
        }
        int64_t digit = text.data[at] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -digit : digit, &value)) {
            return false;
        }
    }
    *number = value;
    return true;
}

bool counter_float_read(struct gm_bytes text, long double *number)
{
    char terminated[COUNTER_TEXT_MAX];
    if (text.size == 0 || text.size >= sizeof terminated) {
        return false;
    }
    memcpy(terminated, text.data, text.size);
    terminated[text.size] = '\0';
    char *end = NULL;
    errno = 0;
    long double value = strtold(terminated, &end);
    bool lost = errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO);
    if (isspace((unsigned char)terminated[0]) || end != terminated + text.size || lost || errno == EINVAL ||
        isnan(value)) {
        return false;
    }
    *number = value;
    return true;
}

size_t counter_float_write(char text[COUNTER_TEXT_MAX], long double number)
{
    size_t size = (size_t)snprintf(text, COUNTER_TEXT_MAX, "%.*Lf", COUNTER_FRACTIONS, number);
    while (text[size - 1] == '0') {
        size--;
    }
    if (text[size - 1] == '.') {
        size--;
    }
    if (size == 2 && text[0] == '-' && text[1] == '0') {
        text[0] = '0';
        size = 1;
    }
    return size;
}

bool counter_float_canonical(struct gm_bytes text)
{
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = at;
    while (at < text.size && is_digit(text.data[at])) {
        at++;
    }
    if (text.size >= COUNTER_TEXT_MAX || at == whole || (text.data[whole] == '0' && at > whole + 1)) {
        return false;
    }
    if (at == text.size) {
        int64_t number = 0;
        bool minus_zero = text.data[whole] == '0' && whole == 1;
        return !minus_zero && !counter_int_read(text, &number);
    }
    size_t fractions = text.size - at - 1;
    if (text.data[at] != '.' || fractions == 0 || fractions > COUNTER_FRACTIONS || text.data[text.size - 1] == '0') {
        return false;
    }
    while (++at < text.size) {
        if (!is_digit(text.data[at])) {
            return false;
        }
    }
    return true;
}

size_t counter_code_write(uint8_t code[COUNTER_VARINT], int64_t number)
{
    uint64_t left = ((uint64_t)number << 1) ^ (number < 0 ? UINT64_MAX : 0);
    size_t size = 0;
    for (; left >= 0x80; left >>= 7) {
        code[size++] = (uint8_t)(left | 0x80);
    }
    code[size++] = (uint8_t)left;
    return size;
}

bool counter_code_read(struct gm_bytes code, int64_t *number)
{
    uint64_t value = 0;
    if (code.size == 0 || code.size > COUNTER_VARINT ||
        (code.size == COUNTER_VARINT && code.data[code.size - 1] != 1)) {
        return false;
    }
    for (size_t i = 0; i < code.size; i++) {
        bool last = i + 1 == code.size;
        if ((code.data[i] < 0x80) != last) {
            return false;
        }
        value |= (uint64_t)(code.data[i] & 0x7f) << (7 * i);
    }
    if (code.size > 1 && code.data[code.size - 1] == 0) {
        return false;
    }
    *number = (int64_t)(value >> 1) ^ ((value & 1) != 0 ? -1 : 0);
    return true;
}
