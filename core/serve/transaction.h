/* SPDX-License-Identifier: MIT */

/* transaction.h - what MULTI has queued for one session. Watched keys are the session's (interest.h).
 *
 * Promises
 *   I1  `flags` are those of all queued commands, or-ed: so whether a transaction writes is known without looking.
 *   I2  `size` is the memory of what is queued, and at most the limit that whoever queues is given.
 *   I3  Each queued command knows the database that its keys are of. Where one before it exchanges databases (SWAPDB)
 *       or fails, what it knows is a guess.
 */
#ifndef GEOMYS_SERVE_TRANSACTION_H
#define GEOMYS_SERVE_TRANSACTION_H

#include "serve/request.h"

struct transaction {
    struct request_kept *queue; /* owned */
    struct request_kept **end;  /* where the next one goes */
    uint32_t count;
    uint32_t flags;
    size_t size;
    uint32_t database;  /* that is chosen behind what is queued */
    uint32_t databases; /* how many there are */
    bool open;          /* MULTI was said */
    bool failed;        /* a command could not be queued: EXEC will refuse */
};

void transaction_init(struct transaction *transaction);

/* MULTI: `database` is chosen, of `databases`. */
void transaction_begin(struct transaction *transaction, uint32_t database, uint32_t databases);

/* Queues a copy of the request. False: its memory would pass `size_max`, and nothing is queued. O(request). */
must_use bool transaction_queue(struct transaction *transaction, const struct request *request, size_t size_max);

/* What was queued last chooses database `number` for those behind it; nothing, if there is none of that number. */
void transaction_choose(struct transaction *transaction, int64_t number);

/* Forgets the commands, and that MULTI was said. O(commands). */
void transaction_discard(struct transaction *transaction);

/* Takes the commands out, and ends the transaction: they are the caller's, who releases each by memory_free. */
struct request_kept *transaction_take(struct transaction *transaction);

#endif
