/* SPDX-License-Identifier: MIT */

/* reader.h - the history from some record on, wherever it lies: in segments, or in the tail. For those who follow
 * while the server writes. See reader.c for the argument.
 *
 * Everything here is called on the shard's thread, between batches. */
#ifndef GEOMYS_LOG_READER_H
#define GEOMYS_LOG_READER_H

#include "log/wal.h"

struct reader; /* opaque */

enum reader_limit {
    READER_ADDED,   /* all that the tail has, written or not */
    READER_WRITTEN, /* what the system has                   */
    READER_SYNCED,  /* what is on stable storage             */
};

struct reader_config {
    struct disk *disk;
    struct tail *tail;
    struct wal *wal; /* NULL, or of WAL_NONE: there are no segments. Outlives the reader, as the others do */
    enum reader_limit limit;
    /* What was read has come: reader_next has news. Called from completions. May be NULL. */
    void (*on_ready)(void *context);
    void *context;
};

/* Whole batches, one after the other. */
struct reader_run {
    struct gm_bytes bytes; /* borrowed until the next call of a function of this reader */
    uint64_t first, last;  /* sequences */
    /* What the types' numbers stand for in it: borrowed as above. When `numbering` is another than that of the run
     * before, all numbers have a new meaning; else the list has only grown. */
    const struct names *names;
    uint64_t numbering;
    /* What revisions of these types it may have operations of: revisions_next(revisions, first - 1, ...) says what is
     * due before it, to who has said others since the numbering is this one. */
    const struct revisions *revisions;
};

/* Begins with record `sequence`, which must be a batch's first one: 1 to the tail's last + 1. Never blocks. */
struct reader *reader_create(const struct reader_config *config, uint64_t sequence);

/* The next batches, up to about `max` bytes, at least one.
 *   OK         `out` has them
 *   AGAIN      nothing at the moment: after on_ready, or when the log has gone on, there may be more
 *   NOT_FOUND  it is in no segment any more: only a snapshot helps
 *   INVALID    `sequence` was none that can be begun with
 *   CORRUPT, VERSION, IO  a segment cannot be read
 * each but the first two with a sentence, and for good. Parses at most what was read at once. */
must_use enum status reader_next(struct reader *reader, size_t max, struct reader_run *out,
                                 struct complaint *complaint);

/* The sequence that comes next. */
uint64_t reader_position(const struct reader *reader);

/* Whether it has caught up with the tail: then it needs no disk. */
bool reader_in_tail(const struct reader *reader);

/* A request that is under way is waited for: the memory goes when it is done. NULL is fine. */
void reader_destroy(struct reader *reader);

#endif
