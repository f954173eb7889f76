/* SPDX-License-Identifier: MIT */

/* counter_value.h - numbers and their texts, as clients of Redis know them.
 *
 * Nothing here allocates or fails but by saying no. The text of a long double is made once, in plan, and travels as
 * text: what a long double is differs from machine to machine.
 */
#ifndef GEOMYS_COUNTER_VALUE_H
#define GEOMYS_COUNTER_VALUE_H

#include "geomys/bytes.h"

#define COUNTER_TEXT_MAX  5120 /* bytes of a fractional number's text, as Redis */
#define COUNTER_INT_TEXT  20   /* bytes of the longest integer's                */
#define COUNTER_VARINT    10   /* bytes of the longest coded integer            */
#define COUNTER_FRACTIONS 17   /* digits after the point, at most               */

/* Reads a canonical integer: no blanks, no plus sign, no leading zeros, no "-0". */
bool counter_int_read(struct gm_bytes text, int64_t *number);

/* Reads a float as strtold does, the whole of `text`, but no blanks in front and no NaN; an overflow is refused. */
bool counter_float_read(struct gm_bytes text, long double *number);

/* Writes the text of a finite number: 17 digits after the point, trailing zeros cut off. Returns its size. */
size_t counter_float_write(char text[COUNTER_TEXT_MAX], long double number);

/* Whether a text could have come from counter_float_write and is not a 64-bit integer's. */
bool counter_float_canonical(struct gm_bytes text);

/* An integer as 7 bits per byte, low bits first, zigzag: 1, -1 and 63 take one byte. Returns the size. */
size_t counter_code_write(uint8_t code[COUNTER_VARINT], int64_t number);

/* Reads a whole code; false if it is anything else, or longer than need be. */
bool counter_code_read(struct gm_bytes code, int64_t *number);

#endif
