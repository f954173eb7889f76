/* SPDX-License-Identifier: MIT */

/* sweep.h - everything as it was at one moment, dumped while it goes on changing. See sweep.c for the argument.
 *
 * Use, by who wants the picture
 *
 *     sweep_begin(target)  ->  sweep_turn(budget) once per turn, until sweep.active is false
 *
 * Use, by who changes values:  sweep_before(entry), before anything of the entry changes. What is flushed as a whole
 * stays in memory until the sweep has been through it. */
#ifndef GEOMYS_SHARD_SWEEP_H
#define GEOMYS_SHARD_SWEEP_H

#include "log/record.h"
#include "store/databases.h"

struct shard;

/* Where the dumps go: the writer of a snapshot, a stream. It is part of a larger struct. */
struct sweep_target {
    /* Type number `type` is called `name`: before the first record of the sweep. */
    void (*declare)(struct sweep_target *target, uint16_t type, struct gm_bytes name);
    /* NULL, or: the records from the next one on may have operations of this revision of a type. Said before each
     * record that has one. */
    void (*revise)(struct sweep_target *target, const struct record_revision *revision);
    /* One record of a dump; key and body are borrowed for the call. It is never refused and never waits. */
    void (*add)(struct sweep_target *target, const struct record *record);
    /* Whether it still takes records: false once it has failed, by itself or by `fail`. */
    bool (*is_open)(const struct sweep_target *target);
    /* Whether whoever has a choice may add a record now, however large. */
    bool (*has_room)(const struct sweep_target *target);
    /* What has come so far is of no use, for this reason. */
    void (*fail)(struct sweep_target *target, const char *reason);
    const char *remedy; /* what to do about a value that its type does not dump: behind the sentence that says so */
    bool digests;       /* it wants what makes values equal (dump_digest_step), and `ordered` said before each record */
    bool ordered;
};

struct sweep {
    struct sweep_target *target; /* borrowed; NULL: there is none, or it has failed and entries are only marked */
    bool active;                 /* there are entries that are owed */
    bool flushed;                /* the last one ended because of what was removed while it went on */
    bool patient;                /* it must end: a change that has a choice waits for room. The owner's to set */
    struct list walk;            /* keyspace.walk: those with entries that may be owed, the next one first */
    uint64_t cursor;             /* of the walk through its table */
    struct entry *half;          /* a large value that is being dumped in pieces, or NULL */
    struct keyspace *half_in;    /* ... where it is */
    uint64_t half_cursor;        /* of its dump */
    uint64_t before;             /* values dumped because they were about to change */
    int64_t longest_us;          /* of the turns so far */
};

void sweep_init(struct sweep *sweep);

/* Begins: what is stored now, between two batches, goes to `target`, which is borrowed until sweep.active is false
 * or the target has failed. Not while a sweep is active. O(types and databases). */
void sweep_begin(struct shard *shard, struct sweep_target *target);

/* The target goes away before the sweep is over: what is left is only marked. */
void sweep_abandon(struct shard *shard);

/* Dumps on, for about `budget_us` (without a clock: a fixed number of values), as long as the target has room. True:
 * it could go on at once. */
bool sweep_turn(struct shard *shard, int64_t budget_us);

/* For apply.c: the slow half of sweep_before. */
void sweep_dump_owed(struct shard *shard, struct keyspace *keyspace, struct entry *entry);

/* Whether the entry must be dumped before it changes. */
static inline bool sweep_is_owed(const struct keyspace *keyspace, const struct entry *entry)
{
    return __builtin_expect(((entry->flags ^ keyspace->ledger->swept) & ENTRY_SWEPT) != 0, 0);
}

/* Databases were flushed: nobody has to wait any more for what was claimed there. */
void sweep_flushed(struct shard *shard);

/* The data begin anew: what has been dumped so far is of no use any more, and the sweep is over. */
void sweep_forget(struct shard *shard);

/* Memory is short: the picture is given up if keys that were flushed have to stay for it. */
void sweep_spare_flushed(struct shard *shard);

/* For a change that has a choice (expiry, eviction, a new command): if the entry is not dumped, and is large, or the
 * sweep is patient and its target has no room, the sweep goes on with it, and says so when it is dumped
 * (claims_let_go). True: the change comes later. Who may meet a claim too asks shard_delays. */
bool sweep_claim(struct shard *shard, const struct keyspace *keyspace, const struct entry *entry);

#endif
