/* SPDX-License-Identifier: MIT */

/* retain.h - the log behind followers that are away stays, until it is too much. See retain.c for the argument.
 * [worker's thread] */
#ifndef GEOMYS_REPLICA_RETAIN_H
#define GEOMYS_REPLICA_RETAIN_H

#include "replica/feed.h"

struct retain {
    struct wal_hold holds[2]; /* one of them holds, or none */
    bool now;                 /* which */
    uint64_t unknown; /* who has not been heard of in this epoch may need the log from here; 0: it was let go of */
    uint64_t epoch;   /* that `unknown` is of */
    int64_t next_ms;  /* monotonic */
    uint32_t streams; /* that there were when it looked */
    uint32_t away;    /* members of the set that do not follow now */
    uint32_t lost;    /* ... and that the log does not reach back to */
    bool told;        /* that it was let go of, since somebody was away */
};

/* Once per turn; does something once per second. `limit`: bytes of log above which nothing is kept for those who are
 * away. O(members * feeds). */
void retain_turn(struct retain *retain, struct feeds *feeds, uint64_t limit);

/* The log is about to go. */
void retain_drop(struct retain *retain);

#endif
