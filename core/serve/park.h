/* SPDX-License-Identifier: MIT */

/* park.h - a session that waits: its command kept aside, and what would make it go on. waiters.c runs it again.
 *
 * Promises
 *   I1  A session is parked at most once; its interest in all its keys, its place among those that wait for the disk
 *       and its timeout end together.
 *   I2  What is kept for it, at most GM_KEEP_MAX bytes, is counted with the command (holdings.h) and goes with it.
 */
#ifndef GEOMYS_SERVE_PARK_H
#define GEOMYS_SERVE_PARK_H

#include "serve/worker.h"

/* Parks the request until one of its keys changes, or without keys until the log has synced, or the moment comes
 * (monotonic ms; 0 = never); a session that has a stint to go on with until it has gone on. O(request). */
void park_begin(struct session *session, const struct request *request, int64_t until_ms);

/* What its command has given to keep, in place of what was kept before. Of a waiting session. O(bytes). */
void park_keep(struct session *session, struct gm_bytes bytes);

/* It waits no more; nothing happens if it did not. O(keys). */
void park_end(struct session *session);

/* Of a waiting session: as if its time was over. It is answered at the end of the turn. */
void park_time_out(struct session *session);

/* Whether anything but its time can make it go on: not so a session that has been timed out a moment ago. */
static inline bool park_is_served(const struct session *session)
{
    return !list_empty(&session->waits) || !list_empty(&session->syncing);
}

#endif
