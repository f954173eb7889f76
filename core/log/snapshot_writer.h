/* SPDX-License-Identifier: MIT */

/* snapshot_writer.h - writes one snapshot while the server runs: takes records, gives blocks to the disk's bulk lane.
 * See snapshot_writer.c for the argument.
 *
 * States
 *
 *     OPEN ──finish──► CLOSING ──all written, synced──► WRITTEN ──publish──► PUBLISHING ──► PUBLISHED
 *       └──────────────────┴───── disk, ceiling, fail ─────┴──────────────────────┴───────► FAILED
 *
 * Everything is called on the loop's thread and never blocks; checksums of blocks and compression are done on the
 * lane's thread.
 */
#ifndef GEOMYS_LOG_SNAPSHOT_WRITER_H
#define GEOMYS_LOG_SNAPSHOT_WRITER_H

#include "log/epochs.h"
#include "log/snapshot.h"

struct snapshot_writer; /* opaque */

struct snapshot_writer_config {
    size_t memory_max; /* bytes that may wait for the disk, all buffers together; at least 1 MiB. Beside it, and one at
                          a time: a record that takes nearly half of that or more */
    enum snapshot_codec codec;
};

enum snapshot_writer_state {
    SNAPSHOT_WRITER_OPEN,
    SNAPSHOT_WRITER_CLOSING,
    SNAPSHOT_WRITER_WRITTEN, /* under its temporary name, on stable storage */
    SNAPSHOT_WRITER_PUBLISHING,
    SNAPSHOT_WRITER_PUBLISHED, /* under its own name, on stable storage */
    SNAPSHOT_WRITER_FAILED,    /* the temporary file is being removed, or gone */
};

/* Begins a snapshot of the moment `cut`, whose epoch is that of its record in `epochs`; an old temporary file is
 * replaced. `disk` outlives the writer. */
struct snapshot_writer *snapshot_writer_create(const struct snapshot_writer_config *config, struct disk *disk,
                                               const struct snapshot_cut *cut, const struct epochs *epochs);

/* Type number `type` is called `name`: before the first record that uses it. Again is nothing new. Copies.
 * O(1). */
void snapshot_writer_declare(struct snapshot_writer *writer, uint16_t type, struct gm_bytes name);

/* A type that was declared has operations of this revision from here on; said once. */
void snapshot_writer_revise(struct snapshot_writer *writer, const struct record_revision *revision);

/* Whether whoever has a choice may add a record now, however large: less than half of memory_max waits, or nothing at
 * all. (Whoever waits for it looks at the state, too.) */
bool snapshot_writer_has_room(const struct snapshot_writer *writer);

/* Adds one record, of a type above 0 and with no other flags than FRESH, EXPIRE and DAMAGED; its sequence, epoch and
 * time become the cut's, and RECORD_DUMP is set. Copies key and body. Past memory_max the snapshot FAILS: a record is
 * never refused, and never waits. In any other state than OPEN: ignored. */
void snapshot_writer_add(struct snapshot_writer *writer, const struct record *record);

/* No more records follow: the footer is written, all is synced. */
void snapshot_writer_finish(struct snapshot_writer *writer);

/* In WRITTEN: gives the file its name. The caller has made sure that the log is on stable storage up to the cut. */
void snapshot_writer_publish(struct snapshot_writer *writer);

/* Gives the snapshot up, in any state but PUBLISHED: FAILED, with this reason. A file that is being given its name
 * meanwhile may keep it: it is whole. */
void snapshot_writer_fail(struct snapshot_writer *writer, const char *reason);

enum snapshot_writer_state snapshot_writer_state(const struct snapshot_writer *writer);

/* In FAILED: why. */
const struct complaint *snapshot_writer_complaint(const struct snapshot_writer *writer);

/* In FAILED: what the disk said; TOO_BIG: it was too slow for memory_max. STATUS_OK: it was not the disk. */
enum status snapshot_writer_status(const struct snapshot_writer *writer);

struct snapshot_writer_stats {
    uint64_t records;
    uint64_t bytes_plain;  /* records, encoded */
    uint64_t bytes_stored; /* in the file so far */
    size_t memory;         /* bytes of buffers now */
    size_t memory_peak;
};
void snapshot_writer_stats(const struct snapshot_writer *writer, struct snapshot_writer_stats *out);

/* Whether nothing is under way with the disk any more: it may be destroyed. True at last in PUBLISHED and FAILED. */
bool snapshot_writer_is_idle(const struct snapshot_writer *writer);

/* NULL is fine. Must be idle (drain the disk first when the process ends). Removes no file. */
void snapshot_writer_destroy(struct snapshot_writer *writer);

#endif
