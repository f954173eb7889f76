/* SPDX-License-Identifier: MIT */

/* stand.h - where a replica stands, shared by the two who act for it: the worker, which has the log, and the cluster
 * loop, which votes. See stand.c for the argument. */
#ifndef GEOMYS_REPLICA_STAND_H
#define GEOMYS_REPLICA_STAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "env/lock.h"

/* The highest that this replica has said yes to. All zeros: to nobody yet. */
struct stand_promise {
    uint64_t epoch;
    uint64_t leader; /* node ID */
    uint64_t start;  /* which of the leader's lives */
};

/* The last record of a log that is on stable storage. Compared by epoch, then by sequence. */
struct stand_position {
    uint64_t epoch;
    uint64_t sequence;
};

struct stand {
    struct lock *lock; /* borrowed; NULL: one thread has both sides */
    struct stand_promise promise;
    struct stand_position position;
    bool known;                 /* the position is: nothing is said yes to before the log has been read */
    struct stand_position owes; /* it has acknowledged up to here, and may not have it at the moment; zeros: it has */
};

/* A negative number, 0, a positive one: `one` is behind the other, equal, or before it. */
static inline int stand_compare(struct stand_position one, struct stand_position other)
{
    if (one.epoch != other.epoch) {
        return one.epoch < other.epoch ? -1 : 1;
    }
    return one.sequence < other.sequence ? -1 : one.sequence > other.sequence;
}

void stand_init(struct stand *stand, struct lock *lock);

/* The worker's side. [worker's thread] */

/* The log is on stable storage up to here. True: nothing higher than `epoch` is promised, so that it may be said to the
 * leader of that epoch, or be counted by it (cluster C7). Before that is done. */
must_use bool stand_publish(struct stand *stand, struct stand_position position, uint64_t epoch);

/* Whether records of this (epoch, leader) may be taken, or its epoch be begun: it is the one that is promised (cluster
 * C8). */
bool stand_allows(struct stand *stand, uint64_t epoch, uint64_t leader);

/* Something is given up: the position falls, and what was acknowledged is owed. Before the first byte of the log is.
 * `owes`: zeros leave what is owed as it is. */
void stand_fall(struct stand *stand, struct stand_position position, struct stand_position owes);

/* What the last life owed, before the first position is published. */
void stand_recall(struct stand *stand, struct stand_position owes);

/* What was owed is there again. */
void stand_settle(struct stand *stand);

/* The cluster loop's side. [its thread] */

/* What was promised in lives before, as it stands on the disk. Before anything is asked of this one. */
void stand_remember(struct stand *stand, const struct stand_promise *promise);

enum stand_answer {
    STAND_YES,
    STAND_LOWER,   /* the epoch is not above the one that is promised, */
    STAND_OTHER,   /* or is the same, of another leader or another of its lives */
    STAND_BEHIND,  /* its position is behind what this replica has, or owes */
    STAND_OWES,    /* it is this replica that is to lead, and it owes */
    STAND_UNKNOWN, /* its log is still being read: nobody knows what it has */
};

/* Raises the promise if this replica may say yes to a leader at that position, in one step. What was promised before
 * comes back in `before`, for stand_put_back if it cannot be stored. `self`: it is this replica itself. The same
 * promise once more is a yes. O(1). */
enum stand_answer stand_raise(struct stand *stand, const struct stand_promise *promise, struct stand_position position,
                              bool self, struct stand_promise *before);

/* It could not be stored: nothing was answered for it. */
void stand_put_back(struct stand *stand, const struct stand_promise *before);

/* Whether its log has been read: before, nobody knows where it ends. */
bool stand_is_known(struct stand *stand);

/* All of it at one moment. */
void stand_read(struct stand *stand, struct stand_promise *promise, struct stand_position *position,
                struct stand_position *owes);

#endif
