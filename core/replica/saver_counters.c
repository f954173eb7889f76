/* SPDX-License-Identifier: MIT */

/* saver_counters.c - what is told of the snapshots, under the names that this server gives them (snapshot_*) and those
 * that dashboards of Redis know: rdb_* of the file, aof_rewrite_* because a snapshot is what makes the log shorter. */
#include "replica/saver.h"

#define COUNT(member) COUNTER_OF(struct saver_counts, member)
#define GAUGE(member) COUNT(member), .kind = COUNTER_GAUGE

static struct counter_value status(const void *of)
{
    return counter_text(((const struct saver_counts *)of)->failed ? "err" : "ok");
}

static struct counter_value took_s(const void *of)
{
    int64_t took_ms = ((const struct saver_counts *)of)->last_took_ms;
    return counter_number(took_ms < 0 ? -1 : took_ms / 1000);
}

static const struct counter_row rows[] = {
    {"rdb_changes_since_last_save", "Records since the newest snapshot.", GAUGE(changes)},
    {"rdb_bgsave_in_progress", "Whether a snapshot is being made.", GAUGE(busy), .unit = COUNTER_FLAG},
    {"rdb_last_save_time", "When the last one was made, or the server began.", GAUGE(last_wall_s),
     .merge = COUNTER_MAX},
    {"rdb_last_bgsave_status", "\"ok\", or \"err\": the last one failed.", COUNTER_BY(status), .kind = COUNTER_LABEL},
    {"rdb_last_bgsave_time_sec", "How long the last one took; -1: none since the start.", COUNTER_BY(took_s),
     .kind = COUNTER_GAUGE, .unit = COUNTER_S},
    {"rdb_current_bgsave_time_sec", "How long this one takes so far; -1: there is none.", GAUGE(taking_s),
     .unit = COUNTER_S, .merge = COUNTER_MAX},
    {"rdb_saves", "Snapshots made since the start.", COUNT(made)},
    {"rdb_last_cow_size", "Memory that the last one took at most.", GAUGE(last_memory), .unit = COUNTER_BYTES},
    {"aof_rewrite_in_progress", "Whether a snapshot is being made.", GAUGE(busy), .unit = COUNTER_FLAG,
     .merge = COUNTER_AGAIN},
    {"aof_rewrite_scheduled", "Whether one is to begin as soon as it can.", GAUGE(scheduled), .unit = COUNTER_FLAG},
    {"aof_last_rewrite_time_sec", "How long the last one took; -1: none since the start.", COUNTER_BY(took_s),
     .kind = COUNTER_GAUGE, .unit = COUNTER_S},
    {"aof_current_rewrite_time_sec", "How long this one takes so far; -1: there is none.", GAUGE(taking_s),
     .unit = COUNTER_S, .merge = COUNTER_AGAIN},
    {"aof_last_bgrewrite_status", "\"ok\", or \"err\": the last one failed.", COUNTER_BY(status),
     .kind = COUNTER_LABEL},
    {NULL, "Whether the last one failed.", GAUGE(failed), .unit = COUNTER_FLAG},
    {"snapshot_sequence", "The last record that is in the newest snapshot.", GAUGE(newest)},
    {"snapshot_older_sequence", "... in the one before.", GAUGE(older)},
    {"snapshot_size", "Bytes of the newest snapshot's file.", GAUGE(newest_size), .unit = COUNTER_BYTES},
    {"snapshot_last_ms", "How long the last one took; -1: none since the start.", GAUGE(last_took_ms),
     .unit = COUNTER_MS, .merge = COUNTER_MAX},
    {"aof_current_size", "Bytes of log behind the newest snapshot.", GAUGE(log_since), .unit = COUNTER_BYTES},
};

const struct counter_table saver_counters = COUNTER_TABLE(struct saver_counts, rows);
