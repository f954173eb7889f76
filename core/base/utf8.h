/* SPDX-License-Identifier: MIT */

/* utf8.h - reading characters out of bytes that may be anything, and which of them a person sees. [any thread] */
#ifndef GEOMYS_BASE_UTF8_H
#define GEOMYS_BASE_UTF8_H

#include "base/bytes.h"

/* Decodes the character at the beginning of `bytes`. Returns its length in bytes and sets `out`; 0 if there is none: an
 * overlong form, a surrogate, above U+10FFFF, cut off, or nothing at all. O(1). */
size_t utf8_decode(struct gm_bytes bytes, uint32_t *out);

/* True if all of `bytes` is valid. O(n). */
bool utf8_valid(struct gm_bytes bytes);

/* False for what must not be shown to a person as it is: a control, a character that changes the direction or the lines
 * of the text around it, or one that cannot be seen and so makes two texts look like one. Ordinary blanks are plain.
 * O(1). */
bool utf8_plain(uint32_t character);

#endif
