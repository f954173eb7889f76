/* SPDX-License-Identifier: MIT */

/* printable.h - text for a person that holds bytes of somebody else: a name out of a file, a path, what a client said.
 *
 * Whoever writes to a log or a terminal passes the whole line through here, so that no name can move the cursor, turn
 * the text around, begin a line of its own or hide. [any thread] */
#ifndef GEOMYS_BASE_PRINTABLE_H
#define GEOMYS_BASE_PRINTABLE_H

#include "base/bytes.h"

/* Writes `text` to `out`, a terminator behind it; `room` > 0 is the size of `out`. What is not utf8_plain, or not
 * UTF-8, becomes \n, \r, \t or \xHH, one for each byte; all else stays as it is, backslashes too, so that what went
 * through once stays as it is the second time. What does not fit is left out, whole characters and escapes alone.
 * Returns the size without the terminator. O(n). `out` may not overlap with `text`. */
size_t printable_write(char *out, size_t room, struct gm_bytes text);

/* The same in place, for a terminated text in a buffer of `room` bytes, PRINTABLE_MAX at most. */
#define PRINTABLE_MAX 4096
void printable_clean(char *text, size_t room);

#endif
