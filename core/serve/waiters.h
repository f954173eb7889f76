/* SPDX-License-Identifier: MIT */

/* waiters.h - commands that wait for a key to change: parked, run again in the order of their arrival, timed out. */
#ifndef GEOMYS_SERVE_WAITERS_H
#define GEOMYS_SERVE_WAITERS_H

#include "serve/call.h"

/* Parks the call, whose plan asked for it, until one of its keys changes or its time is over. */
void waiters_park(struct call *call);

/* Runs those again whose keys have changed, until nothing is ready. While the data may not change (shard_may_change)
 * keys stay ready. */
void waiters_serve_slow(struct worker *worker);
static inline void waiters_serve(struct worker *worker)
{
    if (__builtin_expect(!list_empty(&worker->interest.ready), 0)) {
        waiters_serve_slow(worker);
    }
}

/* Whether waiters_serve would have something to do. */
bool waiters_ready(const struct worker *worker);

/* Runs those again that have no key, and so wait for the disk or for other nodes (WAITAOF, SAVE, WAIT): if the log has
 * synced, or in any case. */
void waiters_synced(struct worker *worker);
void waiters_try(struct worker *worker);

/* The session's command has been answered: it waits no more. */
void waiters_release(struct session *session);

/* Answers those whose time is over. */
void waiters_time_out(struct worker *worker);

#endif
