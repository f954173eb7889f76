/* SPDX-License-Identifier: MIT */

/* snapshot_reader.h - reads a snapshot back, a bounded amount per call, into a sink. Every byte of the file is hostile
 * until checked. See snapshot_reader.c for the argument.
 *
 * The records reach the sink while the file is read, so damage may show after many have been delivered: the caller
 * then empties what it has built and tries an older snapshot.
 */
#ifndef GEOMYS_LOG_SNAPSHOT_READER_H
#define GEOMYS_LOG_SNAPSHOT_READER_H

#include "log/epochs.h"
#include "log/snapshot.h"

struct snapshot_reader; /* opaque */

struct snapshot_progress {
    uint64_t bytes_done, bytes_total, records;
};

/* Opens the snapshot of that cut and checks header and footer. CORRUPT, VERSION (also: a codec that is not built in),
 * NOT_FOUND, IO, each with a sentence that names the file. Blocks. */
must_use enum status snapshot_reader_create(struct snapshot_reader **out, struct disk *disk, uint64_t sequence,
                                            struct complaint *complaint);

/* The same for a file of any name, whatever its cut: for inspection. */
must_use enum status snapshot_reader_create_named(struct snapshot_reader **out, struct disk *disk, const char *name,
                                                  struct complaint *complaint);

/* The moment that it shows, and how many keys it holds. */
void snapshot_reader_cut(const struct snapshot_reader *reader, struct snapshot_cut *out);
uint64_t snapshot_reader_keys(const struct snapshot_reader *reader);

/* The epochs of all records up to the cut: once the first record has been delivered, or the step has returned OK.
 * Borrowed, until snapshot_reader_destroy. */
const struct epochs *snapshot_reader_epochs(const struct snapshot_reader *reader);

/* Reads on, about `budget` bytes. AGAIN: there is more. OK: all of it was delivered, and the counts agree with the
 * footer. CORRUPT, IO: the file; what else `sink` returns is passed on. Do not call it again after these. */
must_use enum status snapshot_reader_step(struct snapshot_reader *reader, size_t budget, struct record_sink *sink,
                                          struct complaint *complaint);

void snapshot_reader_progress(const struct snapshot_reader *reader, struct snapshot_progress *out);

void snapshot_reader_destroy(struct snapshot_reader *reader); /* NULL is fine */

#endif
