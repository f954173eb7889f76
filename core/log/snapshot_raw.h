/* SPDX-License-Identifier: MIT */

/* snapshot_raw.h - a snapshot file as it lies on the disk, piece by piece, while the server runs: for a full sync. See
 * snapshot_raw.c for the argument. Everything here is called on the shard's thread. */
#ifndef GEOMYS_LOG_SNAPSHOT_RAW_H
#define GEOMYS_LOG_SNAPSHOT_RAW_H

#include "log/snapshot.h"

struct snapshot_raw; /* opaque */

struct snapshot_raw_config {
    struct disk *disk; /* outlives it */
    /* What was asked for has come. Called from completions. May be NULL. */
    void (*on_ready)(void *context);
    void *context;
};

/* What tells this file from any other, of the same cut too. */
struct snapshot_raw_about {
    struct snapshot_cut cut;
    uint64_t size;     /* bytes */
    uint32_t checksum; /* the footer's, which covers the chain of all blocks */
};

/* The snapshot of that cut. Never blocks: the first call of one of the next two finds out whether there is one. */
struct snapshot_raw *snapshot_raw_create(const struct snapshot_raw_config *config, uint64_t sequence);

/* OK: `out` tells. AGAIN: after on_ready. Else, with a sentence and for good: NOT_FOUND, CORRUPT (no header, no footer,
 * or they do not fit each other), VERSION, IO. */
must_use enum status snapshot_raw_about(struct snapshot_raw *raw, struct snapshot_raw_about *out,
                                        struct complaint *complaint);

/* The bytes of the file from `offset` on, which is at most its size, as many as come at once: borrowed until the next
 * call of a function of this snapshot. None: its end. After snapshot_raw_about was OK; statuses as above. */
must_use enum status snapshot_raw_read(struct snapshot_raw *raw, uint64_t offset, struct gm_bytes *out,
                                       struct complaint *complaint);

/* A request that is under way is waited for: the memory goes when it is done. NULL is fine. */
void snapshot_raw_destroy(struct snapshot_raw *raw);

#endif
