/* SPDX-License-Identifier: MIT */

/* usage_again.h - options that may be given again: the last one counts, as clients know it from Redis.
 *
 * Why     A client library puts a call together from what its user has said; SET k v EX 10 EX 20 is no mistake of
 *         anybody's, and each peer takes it.
 *
 * Idea    Options that stand side by side at the end of a line, of which a call may have any in any order, are looked
 *         for as long as there are words; so each may come again. What it was given before is forgotten, as if only the
 *         last had been there. An option that stands alone has one place, and is given once (FLUSHALL [ASYNC|SYNC]).
 *
 * Promises
 *   P1  Of one option the same alternative is given: EX after EX, never PX after EX.
 *   P2  None that may come again has keys: those that were found stay as they are. */
#ifndef GEOMYS_MODULE_USAGE_USAGE_AGAIN_H
#define GEOMYS_MODULE_USAGE_USAGE_AGAIN_H

#include "module/usage/usage.h"

/* Marks them (USAGE_AGAIN), once all else is known of the line. */
void usage_again_mark(struct usage *usage);

/* Before option `number` is matched again from `token` on: whether it may be (usage_again P1); then what was given of
 * it before is zero. O(leaves). */
bool usage_again_begin(const struct usage *usage, uint8_t number, int token, struct gm_arg *args);

#endif
