/* SPDX-License-Identifier: MIT */

/* glob.h - whether a text matches a pattern, with the meaning that KEYS and SCAN MATCH have in Redis.
 *
 *     *        any bytes, none too
 *     ?        one byte
 *     [abc]    one of these     [a-z]  from a to z, in either order     [^a-z]  any other byte
 *     \x       x itself, also inside brackets; a backslash at the very end is a backslash
 *
 * A bracket that is never closed is closed by the end of the pattern. Bytes, not characters. [any thread] */
#ifndef GEOMYS_BASE_GLOB_H
#define GEOMYS_BASE_GLOB_H

#include "base/bytes.h"

#define GLOB_PATTERN_MAX 1024 /* bytes: what is longer matches nothing; refuse it where somebody can be told */

/* What one match costs at most, in steps of a nanosecond or two. For each byte of text 64 bytes of pattern are one
 * step; 4 and 64 are tried before; the pattern is walked once for each different byte, and a few times more. */
#define GLOB_STEPS_MAX(pattern, text) (264ull * (pattern) + ((pattern) / 64 + 6ull) * (text) + 64ull * ((pattern) + 1))

/* `nocase`: without regard to the case of ASCII letters. No allocation, no recursion. O(pattern + text) for patterns
 * as people write them, GLOB_STEPS_MAX steps at worst. */
bool glob_match(struct gm_bytes pattern, struct gm_bytes text, bool nocase);

/* The same; adds the steps that it took to `*steps`. */
bool glob_match_counted(struct gm_bytes pattern, struct gm_bytes text, bool nocase, uint64_t *steps);

#endif
