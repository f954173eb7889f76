/* SPDX-License-Identifier: MIT */

/* holdings.h - the memory that one client holds, by what it is used for.
 *
 * Why      A client makes the server keep things in many places: bytes that have arrived, commands that MULTI has
 *          queued, answers that are not read, names that it watches, tracks or listens to. Each of them has a ceiling,
 *          and the sum of the ceilings over all clients is far more than a machine has. What counts is the sum.
 *
 * Idea     One number per use and client, changed where the thing itself changes, in O(1); the sums over all clients
 *          change along (crowd.h). What several clients share (the name of a key that ten of them watch) counts to one
 *          of them, the payer; when the payer leaves, another one of them pays.
 *
 * Promises
 *   I1  `sum` is the sum of what counts against the limit: all but HOLDING_RECORD, which maxclients bounds.
 *   I2  The sums of the crowd are the sums of its members.
 *
 * Limits   What lies on the hash tables beside an element is HOLDINGS_PLACE bytes, on the average. The stretches of
 *          memory are those of the allocator (memory_class). */
#ifndef GEOMYS_SERVE_HOLDINGS_H
#define GEOMYS_SERVE_HOLDINGS_H

#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

#define HOLDINGS_PLACE ((size_t)16) /* bytes of a hash table for each element */

struct crowd;

enum holding {
    HOLDING_RECORD,     /* the connection and its session themselves */
    HOLDING_INPUT,      /* bytes that have arrived and were not carried out yet */
    HOLDING_ARGUMENTS,  /* where the words of a command are; the command that waits, and what it keeps */
    HOLDING_QUEUE,      /* commands between MULTI and EXEC */
    HOLDING_OUTPUT,     /* answers and messages that were not read yet */
    HOLDING_WATCHED,    /* keys that it watches, or waits for */
    HOLDING_TRACKED,    /* keys and prefixes of CLIENT TRACKING */
    HOLDING_SUBSCRIBED, /* channels and patterns */
    HOLDINGS
};

struct holdings {
    struct crowd *crowd;    /* borrowed; NULL: of none */
    struct list sized;      /* in crowd->by_size, or alone: it is about to be closed */
    struct list restrained; /* in crowd->restrained, or alone */
    size_t of[HOLDINGS];    /* bytes */
    size_t sum;             /* bytes: holdings I1 */
    int64_t progress_ms;    /* monotonic: when it had last sent or taken CROWD_STEP bytes */
    size_t moved;           /* bytes that it has sent and taken since, fewer than that */
    size_t needs;    /* bytes that it will hold beyond `sum` before its query or reply is through, as far as known */
    size_t promised; /* of these, what has been set aside for it: crowd->promised */
    bool exempt;     /* it is neither restrained nor cut: CLIENT NO-EVICT */
};

/* So many bytes more, or fewer, are held for this. */
void holdings_add(struct holdings *holdings, enum holding holding, size_t bytes);
void holdings_remove(struct holdings *holdings, enum holding holding, size_t bytes);

/* So many are held for this now. */
static inline void holdings_set(struct holdings *holdings, enum holding holding, size_t bytes)
{
    size_t before = holdings->of[holding];
    if (__builtin_expect(bytes == before, 1)) {
        return;
    }
    if (bytes > before) {
        holdings_add(holdings, holding, bytes - before);
    } else {
        holdings_remove(holdings, holding, before - bytes);
    }
}

/* What belongs to one query or one reply, and is gone when that is through. */
static inline size_t holdings_transit(const struct holdings *holdings)
{
    return holdings->of[HOLDING_INPUT] + holdings->of[HOLDING_ARGUMENTS] + holdings->of[HOLDING_QUEUE] +
           holdings->of[HOLDING_OUTPUT];
}

#endif
