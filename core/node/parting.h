/* SPDX-License-Identifier: MIT */

/* parting.h - a leader that is to end lets those who follow have what it has first. [worker's thread]
 *
 * Why      What nobody else has when a leader ends is cut when it comes back, and no follower can take over that has
 *          not all of it (cluster/loop_resign.c).
 *
 * Idea     Writes wait, as in CLIENT PAUSE, and turns go on, until every follower that streams has all on its disk, or
 *          PARTING_MS have passed. Who waits with a write at another node is not told of it: that has not begun, and is
 *          asked of the next leader. */
#ifndef GEOMYS_NODE_PARTING_H
#define GEOMYS_NODE_PARTING_H

#include "node/membership.h"

#define PARTING_MS 250

struct parting {
    int64_t until_ms; /* monotonic; 0: it is not asked to end */
};

/* False: there is nobody to wait for. */
bool parting_begin(struct parting *parting, const struct membership *membership);

/* It may end. Once per turn. */
bool parting_is_over(const struct parting *parting, const struct membership *membership);

#endif
