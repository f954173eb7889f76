/* SPDX-License-Identifier: MIT */

/* ledger.h - what the keyspaces of one shard have in common: what they cost, and what their entries are marked with.
 *
 * Why      The limit of memory is one for all databases, a module's memory is its type's, and a snapshot is of all
 *          keys: so each of these is one number here, and nobody sums up over databases while a command runs.
 *
 * Promises
 *   I1  account[t].bytes is the memory of all entries of type t in all keyspaces, what was flushed and not released yet
 *       among it, and whatever else was charged to t; `total` is the sum over t.
 *   I2  `overhead` is the sum of keyspace_overhead, `keys` and `expires` are the sums of the tables' and the heaps'
 *       counts, without what was flushed; so is `wakes`.
 *   I3  No key expires before `expires_ms`, and in no value something is due before `wakes_ms`.
 */
#ifndef GEOMYS_STORE_LEDGER_H
#define GEOMYS_STORE_LEDGER_H

#include "base/memory.h"
#include "store/entry.h"
#include "store/heat.h"

struct ledger {
    struct memory_account account[ENTRY_TYPE_COUNT];
    struct memory_account total;
    struct heat heat;   /* what the notes of the slots say */
    uint64_t overhead;  /* bytes of the keyspaces themselves, of their tables and heaps */
    uint64_t keys;      /* in all keyspaces */
    uint64_t expires;   /* of them, with an expiry */
    uint64_t flushed;   /* entries that are not released yet */
    int64_t expires_ms; /* a lower bound, see I3; INT64_MAX: none does */
    uint64_t wakes;     /* keys in whose values something is due at some time */
    int64_t wakes_ms;   /* a lower bound, as above */
    uint8_t swept;      /* ENTRY_SWEPT or 0: what entries are marked with (shard/sweep.h) */
};

static inline void ledger_init(struct ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
    ledger->expires_ms = INT64_MAX;
    ledger->wakes_ms = INT64_MAX;
    for (size_t i = 0; i < ENTRY_TYPE_COUNT; i++) {
        ledger->account[i].parent = &ledger->total;
    }
}

/* Bytes of all that is stored: overhead, entries, and what is charged to the types. O(1). */
static inline uint64_t ledger_memory(const struct ledger *ledger)
{
    return ledger->total.bytes + ledger->overhead;
}

#endif
