/* SPDX-License-Identifier: MIT */

/* resp_text.h - replies as a client reads them, RESP2 and RESP3: is this whole, is it well-formed, and what does it
 * say?
 *
 * The text of a reply: OK or any other status as it is, -ERR ... an error, :3 an integer, "a" a bulk string, nil, nil[]
 * the null array of RESP2, [a b] an array, {k v} a map, <a b> a set, (a b) a push, #t, ,1.5 a double, =text a verbatim
 * string.
 */
#ifndef GEOMYS_TESTS_SUPPORT_RESP_TEXT_H
#define GEOMYS_TESTS_SUPPORT_RESP_TEXT_H

#include "base/buf.h"

#define RESP_TEXT_BROKEN SIZE_MAX
#define RESP_TEXT_DEPTH  16 /* aggregates in each other; deeper is broken */

/* How many bytes the first reply takes, 0 if it goes on behind the end of `bytes`, RESP_TEXT_BROKEN if it is no reply.
 * Its text is appended to `text`, if that is not NULL, for whole replies only. O(reply). */
size_t resp_text_reply(struct gm_bytes bytes, struct buf *text);

#endif
