/* SPDX-License-Identifier: MIT */

/* retract.h - answers that are held, and will not leave as they are: who waits for them is told why. See retract.c for
 * the argument. */
#ifndef GEOMYS_SERVE_RETRACT_H
#define GEOMYS_SERVE_RETRACT_H

#include "serve/worker.h"

/* What is answered instead; borrowed. */
struct retract_words {
    const char *wrote; /* for a command that may have changed something */
    const char *read;  /* for one that has not: it can be asked again */
};

/* Each answer that the gate holds becomes an error, of the sessions (dirty links) in `gated` and of those that are
 * dirty; all of them are dirty then. Between commands. Returns how many answers there were. O(their bytes). */
uint64_t retract_held(struct worker *worker, struct list *gated, const struct retract_words *words);

/* Commands of clients here that wait for a key, or for other nodes (GM_BLOCKS), end with this error, unless they can go
 * on waiting elsewhere (worker.reroute). Between commands, behind retract_held. O(sessions). */
void retract_waiting(struct worker *worker, const char *error);

/* Whether the last write of a session is in the history is known up to this record alone: WAIT counts nobody for one
 * behind it, until the session writes again (cluster C25). O(sessions). */
void retract_written(struct worker *worker, uint64_t known);

#endif
