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

/* `nocase`: without regard to the case of ASCII letters. No allocation, no recursion. O(pattern + text) for patterns
 * with one star at most, else O(pattern * text) at worst. */
bool glob_match(struct gm_bytes pattern, struct gm_bytes text, bool nocase);

#endif
