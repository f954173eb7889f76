/* SPDX-License-Identifier: MIT */

/* bytes.h - borrowed runs of bytes, and the few things one does with them. The struct itself is the ABI's gm_bytes, so
 * that nothing is converted on the way between host and module. [any thread] */
#ifndef GEOMYS_BASE_BYTES_H
#define GEOMYS_BASE_BYTES_H

#include <stdarg.h>

#include "geomys/bytes.h"

#define BYTES(literal) ((struct gm_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

#define BYTES_NONE ((struct gm_bytes){NULL, 0})

/* Compares without regard to the case of ASCII letters. `text` is a C string. O(n). */
bool bytes_equal_nocase(struct gm_bytes bytes, const char *text);

/* Reads a decimal integer in its one canonical form: "-"? digits, no sign "+", no leading zeros or blanks, within
 * int64. The form that Redis accepts for integer arguments and integer values. O(n). */
bool bytes_to_int(struct gm_bytes bytes, int64_t *out);

/* Reads a finite decimal number ("12", "-3.5", "1e3"); no blanks, no hex, no NaN, no infinity. O(n). */
bool bytes_to_double(struct gm_bytes bytes, double *out);

/* Writes `number` in decimal; returns how many bytes (at most 20). Not terminated. */
size_t bytes_from_int(char out[static 20], int64_t number);

#endif
