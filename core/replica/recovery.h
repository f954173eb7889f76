/* SPDX-License-Identifier: MIT */

/* recovery.h - what is stored comes back: the newest good snapshot, then the log behind it. See recovery.c for the
 * argument. */
#ifndef GEOMYS_REPLICA_RECOVERY_H
#define GEOMYS_REPLICA_RECOVERY_H

#include "base/trace.h"
#include "env/disk.h"
#include "log/replay.h"
#include "log/snapshot_reader.h"
#include "shard/shard.h"

#define RECOVERY_SUPERSEDED_MAX 16

struct recovery; /* opaque */

struct recovery_progress {
    struct snapshot_progress snapshot; /* zero without one */
    struct replay_progress log;
};

/* Where the shard stands now, and what the files are. */
struct recovery_end {
    struct replay_end log;
    uint64_t newest;                              /* cut of the snapshot that was read, 0: none */
    uint64_t older;                               /* of the one before, 0: none */
    uint64_t newest_size;                         /* bytes */
    uint64_t log_bytes;                           /* read behind the snapshot */
    uint64_t superseded[RECOVERY_SUPERSEDED_MAX]; /* cuts of snapshots that are older than these */
    size_t superseded_count;
};

/* Looks at the files. `shard` is empty; it and the rest outlive the recovery. CORRUPT, VERSION, IO with a sentence.
 * Blocks. */
must_use enum status recovery_create(struct recovery **out, struct disk *disk, struct shard *shard,
                                     const struct trace *trace, struct complaint *complaint);

/* Reads on, about `budget` bytes. AGAIN: there is more. OK: done. Else: refuse to serve. */
must_use enum status recovery_step(struct recovery *recovery, size_t budget, struct complaint *complaint);

void recovery_progress(const struct recovery *recovery, struct recovery_progress *out);

/* After OK. */
void recovery_end(const struct recovery *recovery, struct recovery_end *out);

void recovery_destroy(struct recovery *recovery); /* NULL is fine */

static inline uint64_t recovery_bytes_done(const struct recovery_progress *progress)
{
    return progress->snapshot.bytes_done + progress->log.bytes_done;
}

static inline uint64_t recovery_bytes_total(const struct recovery_progress *progress)
{
    return progress->snapshot.bytes_total + progress->log.bytes_total;
}

#endif
