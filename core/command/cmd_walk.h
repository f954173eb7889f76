/* SPDX-License-Identifier: MIT */

/* cmd_walk.h - all names of a table that match a pattern, in as many turns as it takes: KEYS, PUBSUB CHANNELS.
 *
 * Idea     The table's own scan, bucket after bucket, until a turn's steps are done; what was found is kept as the
 *          bytes of the answer (stint.h), which become the session's output as they are. Between the stints others
 *          change the table. While it does not shrink, a name keeps its place in the order of a scan, so none comes
 *          twice; after it has shrunk, or become another, the walk begins again.
 *
 * Promises
 *   I1  A name that is there from beginning to end is found, and no name is found twice.
 *   I2  A stint is WALK_STEPS of a nanosecond or two, and what the last element takes. What was found is copied only
 *       where the session has other output that waits.
 *
 * Limits   A walk that has begun WALK_TRIES times, because so much is removed meanwhile, is carried through in one go.
 *          It finds no more than what a reply may hold. */
#ifndef GEOMYS_COMMAND_CMD_WALK_H
#define GEOMYS_COMMAND_CMD_WALK_H

#include "base/table.h"
#include "serve/call.h"

struct cmd_walk {
    const struct table *table; /* that of a database may be another at a later stint */
    struct gm_bytes pattern;   /* at most GLOB_PATTERN_MAX bytes */
    bool (*is_shown)(const struct call *call, const void *element); /* or NULL: all of them */
};

/* Answers the call, or parks it to go on. The plan does nothing else before or after. O(elements). [plan] */
void cmd_walk(struct call *call, const struct cmd_walk *what);

#endif
