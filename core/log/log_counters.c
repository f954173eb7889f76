/* SPDX-License-Identifier: MIT */

/* log_counters.c - what is told of the log, under the names that this server gives it (log_*, snapshot_*) and those
 * that dashboards of Redis know (aof_*). */
#include "log/log_counters.h"

#include "log/replay.h"
#include "log/snapshot_reader.h"
#include "log/snapshot_writer.h"
#include "log/wal.h"

/* ---- the log as it is written ---- */

#define WAL(member) COUNTER_OF(struct wal_stats, member)

static struct counter_value write_status(const void *of)
{
    return counter_text(((const struct wal_stats *)of)->lack != STATUS_OK ? "err" : "ok");
}

static struct counter_value sync_pending(const void *of)
{
    const struct wal_stats *stats = of;
    return counter_count(stats->synced < stats->written);
}

static const struct counter_row wal[] = {
    {"log_written_sequence", "The last record that is with the operating system.", WAL(written), .kind = COUNTER_GAUGE},
    {"log_synced_sequence", "The last record that is on the disk.", WAL(synced), .kind = COUNTER_GAUGE},
    {"log_backlog_bytes", "Records that wait to be written.", WAL(backlog), .kind = COUNTER_GAUGE,
     .unit = COUNTER_BYTES},
    {"log_disk_full", "Whether writes are refused because the disk is full.", WAL(full), .kind = COUNTER_GAUGE,
     .unit = COUNTER_FLAG},
    {"log_segments", "Segments begun since the start.", WAL(segments)},
    {"log_bytes_written", "Bytes of records written since the start.", WAL(bytes_written), .unit = COUNTER_BYTES},
    {"log_groups", "Groups of records written at once.", WAL(groups)},
    {"log_syncs", "Times that the disk was waited for.", WAL(syncs)},
    {"aof_last_write_status",
     "\"ok\", or \"err\" while the log cannot be written: the disk is full, descriptors are lacking, ...",
     COUNTER_BY(write_status), .kind = COUNTER_LABEL},
    {"aof_buffer_length", "Records that wait to be written.", WAL(backlog), .kind = COUNTER_GAUGE,
     .unit = COUNTER_BYTES, .merge = COUNTER_AGAIN},
    {"aof_pending_bio_fsync", "Whether anything written is not on the disk yet.", COUNTER_BY(sync_pending),
     .kind = COUNTER_GAUGE, .unit = COUNTER_FLAG},
};

const struct counter_table log_counters_wal = COUNTER_TABLE(struct wal_stats, wal);

static const struct counter_row memory[] = {
    {"mem_aof_buffer", "Records that wait to be written.", WAL(backlog), .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES,
     .merge = COUNTER_AGAIN},
};

const struct counter_table log_counters_memory = COUNTER_TABLE(struct wal_stats, memory);

static const struct counter_row tail[] = {
    {"log_last_sequence", "The last record.", COUNTER_OF(struct tail, last_sequence), .kind = COUNTER_GAUGE},
};

const struct counter_table log_counters_tail = COUNTER_TABLE(struct tail, tail);

/* ---- what the start has read ---- */

static const struct counter_row replay[] = {
    {"log_loaded_bytes", "Bytes of log that were read.", COUNTER_OF(struct replay_progress, bytes_done),
     .unit = COUNTER_BYTES},
    {"log_loaded_records", "Records of the log that were carried out.", COUNTER_OF(struct replay_progress, records)},
    {"log_loaded_torn_bytes", "Bytes cut from the log's end, and kept in a file beside.",
     COUNTER_OF(struct replay_progress, torn_bytes), .unit = COUNTER_BYTES},
};

const struct counter_table log_counters_replay = COUNTER_TABLE(struct replay_progress, replay);

static const struct counter_row snapshot[] = {
    {"snapshot_loaded_bytes", "Bytes of the snapshot that were read.", COUNTER_OF(struct snapshot_progress, bytes_done),
     .unit = COUNTER_BYTES},
    {"snapshot_loaded_records", "Records of the snapshot that were carried out.",
     COUNTER_OF(struct snapshot_progress, records)},
};

const struct counter_table log_counters_snapshot = COUNTER_TABLE(struct snapshot_progress, snapshot);

/* ---- the snapshot under way ---- */

static const struct counter_row writer[] = {
    {"snapshot_current_bytes", "Bytes of it that are in its file.",
     COUNTER_OF(struct snapshot_writer_stats, bytes_stored), .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES},
    {"snapshot_current_memory", "Memory that it takes.", COUNTER_OF(struct snapshot_writer_stats, memory),
     .kind = COUNTER_GAUGE, .unit = COUNTER_BYTES},
};

const struct counter_table log_counters_writer = COUNTER_TABLE(struct snapshot_writer_stats, writer);
