/* SPDX-License-Identifier: MIT */

/* sweep.h - everything as it was at one moment, dumped while it goes on changing. See sweep.c for the argument.
 *
 * Use, by who makes snapshots
 *
 *     sweep_begin(writer)  ->  sweep_turn(budget) once per turn, until sweep.active is false
 *
 * Use, by who changes values:  sweep_before(entry), before anything of the entry changes. */
#ifndef GEOMYS_SHARD_SWEEP_H
#define GEOMYS_SHARD_SWEEP_H

#include "shard/shard.h"

/* Begins: what is stored now, between two batches, goes to `writer`, which is borrowed until sweep.active is false
 * or the writer has failed. Not while a sweep is active. O(types). */
void sweep_begin(struct shard *shard, struct snapshot_writer *writer);

/* Dumps on, for about `budget_us` (without a clock: a fixed number of values), as long as the writer has room. True:
 * it could go on at once. */
bool sweep_turn(struct shard *shard, int64_t budget_us);

/* The slow half of sweep_before. */
void sweep_dump_owed(struct shard *shard, struct entry *entry);

/* The entry is about to change or to go: if a sweep has not dumped it yet, it does so now. */
static inline void sweep_before(struct shard *shard, struct entry *entry)
{
    if (__builtin_expect(((entry->flags ^ shard->keyspace.swept) & ENTRY_SWEPT) != 0, 0)) {
        sweep_dump_owed(shard, entry);
    }
}

/* Everything is about to be removed: what has been dumped so far is of no use any more. */
void sweep_flushed(struct shard *shard);

/* Whether the entry is large and not dumped: a change that has a choice (expiry, eviction) comes later. The sweep goes
 * on with it. */
bool sweep_defers(struct shard *shard, const struct entry *entry);

/* Whether the command would change a value that is large and not dumped yet. The sweep goes on with it, and calls
 * interest_resume when that value has been dumped. Only while a sweep is active, between commands. */
bool sweep_delays(struct shard *shard, const struct gm_bytes *argv, uint32_t argc);

/* The same for a new command, EXEC among them: then the session is held, its input staying where it is, until the value
 * has been dumped. */
bool sweep_holds(struct session *session, const struct gm_bytes *argv, uint32_t argc);

#endif
