/* SPDX-License-Identifier: MIT */

/* escape.h - what a backslash means between double quotes: in an inline command, and in a line typed into the client.
 *
 *   \n \r \t \a \b    the control character
 *   \xHH              the byte, if both are hexadecimal digits
 *   \ and any other   that character
 *
 * [any thread] */
#ifndef GEOMYS_WIRE_ESCAPE_H
#define GEOMYS_WIRE_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/* Reads one escape: `at` is on its backslash, with at least one byte behind it before `end`. Returns its size, and sets
 * `out` to the byte that it means. O(1). */
size_t escape_read(const uint8_t *at, const uint8_t *end, uint8_t *out);

/* The value of a hexadecimal digit, -1 if it is none. */
int escape_hex(uint8_t digit);

#endif
