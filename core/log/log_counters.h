/* SPDX-License-Identifier: MIT */

/* log_counters.h - the rows of what the log and its snapshots count: for INFO persistence, and where else they show. */
#ifndef GEOMYS_LOG_LOG_COUNTERS_H
#define GEOMYS_LOG_LOG_COUNTERS_H

#include "base/counters.h"

extern const struct counter_table log_counters_wal;      /* of struct wal_stats */
extern const struct counter_table log_counters_memory;   /* the same, for INFO memory */
extern const struct counter_table log_counters_tail;     /* of struct tail */
extern const struct counter_table log_counters_replay;   /* of struct replay_progress */
extern const struct counter_table log_counters_snapshot; /* of struct snapshot_progress: the one that was read */
extern const struct counter_table log_counters_writer;   /* of struct snapshot_writer_stats: the one under way */

#endif
