/* SPDX-License-Identifier: MIT */

/* utf8.h - reading characters out of bytes that may be anything. [any thread] */
#ifndef GEOMYS_CLI_UTF8_H
#define GEOMYS_CLI_UTF8_H

#include "base/bytes.h"

/* Decodes the character at the beginning of `bytes`. Returns its length in bytes and sets `out`; 0 if there is none: an
 * overlong form, a surrogate, above U+10FFFF, cut off, or nothing at all. O(1). */
size_t utf8_decode(struct gm_bytes bytes, uint32_t *out);

/* True if all of `bytes` is valid. O(n). */
bool utf8_valid(struct gm_bytes bytes);

/* Cells of a terminal that `character` takes: 0 for a combining mark, 1, 2, or -1 if it must not be sent to a terminal
 * (a control, or one that changes the direction of the text). By the process's LC_CTYPE. */
int utf8_width(uint32_t character);

#endif
