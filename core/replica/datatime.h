/* SPDX-License-Identifier: MIT */

/* datatime.h - the one time that the data of a shard have, on all nodes: the leader's (cluster C27). See datatime.c for
 * the argument. [worker's thread] */
#ifndef GEOMYS_REPLICA_DATATIME_H
#define GEOMYS_REPLICA_DATATIME_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros: nothing is known yet. */
struct datatime {
    bool known;
    int64_t now_ms;      /* unix time, as the data have it */
    int64_t at_ms;       /* monotonic: when it was that */
    int64_t half;        /* 0 or 1: what was left when a span was halved */
    bool heard;          /* a leader has said what time it is, */
    int64_t heard_ms;    /* this, */
    int64_t heard_at_ms; /* and when: monotonic */
};

/* The time of this turn. `newest_ms`: of the newest record, 0: there is none. `leads`: the time is this node's to say,
 * and its wall clock counts; else its leader's. O(1). */
int64_t datatime_turn(struct datatime *time, bool leads, int64_t newest_ms, int64_t wall_ms, int64_t monotonic_ms);

/* A leader has said that it is `time_ms`: a record of it was applied, or a progress. */
void datatime_hear(struct datatime *time, int64_t time_ms, int64_t monotonic_ms);

/* The data begin anew: what they have as time is in them. */
void datatime_forget(struct datatime *time);

#endif
