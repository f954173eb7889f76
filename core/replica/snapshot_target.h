/* SPDX-License-Identifier: MIT */

/* snapshot_target.h - the writer of a snapshot as a sweep's target. */
#ifndef GEOMYS_REPLICA_SNAPSHOT_TARGET_H
#define GEOMYS_REPLICA_SNAPSHOT_TARGET_H

#include "log/snapshot_writer.h"
#include "shard/sweep.h"

struct snapshot_target {
    struct sweep_target base;       /* for sweep_begin */
    struct snapshot_writer *writer; /* borrowed, until the sweep has let go of the target */
};

void snapshot_target_init(struct snapshot_target *target, struct snapshot_writer *writer);

#endif
