/* SPDX-License-Identifier: MIT */

/* geomys/number.h - numbers as clients write and read them: the texts that Redis 7.0 takes for one, and those that it
 * answers with.
 *
 * Why     Clients compare texts. "1.10", "1e3", "+1", " 1" and "0.1" each have one right answer, and it is not what
 *         strtod or printf alone would say.
 *
 * Promises
 *   P1  What gm_parse_int takes is what gm_format_int writes, and nothing else: one integer, one text.
 *
 * Limits  Floats are made in plan only, never in apply: their texts depend on the C library (in the "C" locale; the
 *         host sets no other), and what a long double is on the machine. Write the text, or the bits of a double, into
 *         the record.
 */
#ifndef GEOMYS_NUMBER_H
#define GEOMYS_NUMBER_H

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "geomys/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GM_INT_TEXT    20   /* bytes of the longest int64 */
#define GM_DOUBLE_TEXT 32   /* of the longest text of a double, and some */
#define GM_FLOAT_TEXT  5120 /* of the longest text of a long double: what is as long or longer is not read as a float */

/* ---- integers ---- */

/* The one form of an int64: digits, perhaps a '-' before them; no '+', no leading zeros, no "-0", no blanks. O(1). */
static inline bool gm_parse_int(struct gm_bytes text, int64_t *out)
{
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    if (at == text.size || text.size > GM_INT_TEXT || (text.data[at] == '0' && text.size > 1)) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = at; i < text.size; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    if (value > (uint64_t)INT64_MAX + at) {
        return false;
    }
    *out = (int64_t)(at == 1 ? 0 - value : value);
    return true;
}

/* Writes the text, without a zero behind it; returns its size. Two digits at a time: a division takes longer than all
 * else here. */
static inline size_t gm_format_int(char out[GM_INT_TEXT], int64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[GM_INT_TEXT];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
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

/* ---- floats ---- */

static inline bool gm_number_is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* A terminated copy for strtod and strtold; false: it can be no number for either. */
static inline bool gm_number_terminate(struct gm_bytes text, char copy[GM_FLOAT_TEXT])
{
    if (text.size == 0 || text.size >= GM_FLOAT_TEXT || gm_number_is_space(text.data[0])) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return true;
}

/* What ZADD takes for a score: all that strtod reads, to the last byte: "1e3", "0x1p-2", "inf", "-Infinity", "+5". No
 * blank in front, no NaN, nothing that overflows, or that underflows to zero. */
static inline bool gm_parse_double(struct gm_bytes text, double *out)
{
    char copy[GM_FLOAT_TEXT];
    char *end = NULL;
    if (!gm_number_terminate(text, copy)) {
        return false;
    }
    int before = errno;
    errno = 0;
    double value = strtod(copy, &end);
    bool lost = errno == ERANGE && (value == 0 || value > DBL_MAX || value < -DBL_MAX);
    errno = before;
    if (end != copy + text.size || lost || value != value) {
        return false;
    }
    *out = value;
    return true;
}

/* What INCRBYFLOAT takes: the same, with more digits. */
static inline bool gm_parse_long_double(struct gm_bytes text, long double *out)
{
    char copy[GM_FLOAT_TEXT];
    char *end = NULL;
    if (!gm_number_terminate(text, copy)) {
        return false;
    }
    int before = errno;
    errno = 0;
    long double value = strtold(copy, &end);
    bool lost = errno == ERANGE && (value == 0 || value > LDBL_MAX || value < -LDBL_MAX);
    errno = before;
    if (end != copy + text.size || lost || value != value) {
        return false;
    }
    *out = value;
    return true;
}

/* What ZSCORE answers: 17 significant digits, "inf", "-inf". Returns the size; no zero behind it counts. */
static inline size_t gm_format_double(char out[GM_DOUBLE_TEXT], double number)
{
    return (size_t)snprintf(out, GM_DOUBLE_TEXT, "%.17g", number);
}

/* What INCRBYFLOAT answers, of a finite number: 17 digits behind the point, without the zeros at the end; never
 * "-0". */
static inline size_t gm_format_long_double(char out[GM_FLOAT_TEXT], long double number)
{
    size_t size = (size_t)snprintf(out, GM_FLOAT_TEXT, "%.17Lf", number);
    while (out[size - 1] == '0') {
        size--;
    }
    if (out[size - 1] == '.') {
        size--;
    }
    if (size == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        size = 1;
    }
    return size;
}

#ifdef __cplusplus
}
#endif

#endif
