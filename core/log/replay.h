/* SPDX-License-Identifier: MIT */

/* replay.h - reading a log back, a bounded amount per call, into a sink; it decides what is a torn tail and what is
 * damage. See replay.c for the argument. */
#ifndef GEOMYS_LOG_REPLAY_H
#define GEOMYS_LOG_REPLAY_H

#include "env/disk.h"
#include "log/epochs.h"
#include "log/record.h"

/* Where a log ends: what the WAL needs to go on. */
struct replay_end {
    bool exists;                 /* false: there is no log yet */
    uint64_t last_sequence;      /* `from` if there is none behind it */
    uint64_t last_epoch;         /* 0: there is no record */
    int64_t last_time_ms;        /* of the last record that was read, delivered or not; 0 if none was */
    uint64_t oldest;             /* the log must reach back to this sequence, as the mark file says */
    char segment[DISK_NAME_MAX]; /* the last one */
    uint64_t offset;             /* bytes: where the next record goes */
    bool unrepaired;             /* there was no space: replay_repair is still to be done before the log goes on */
    uint64_t torn_end;           /* with `unrepaired`: bytes from `offset` to here are to be cut; 0: none */
    uint64_t abandoned;          /* with `unrepaired`: the segment that is to be put aside; 0: none */
};

struct replay_progress {
    uint64_t bytes_done, bytes_total;    /* of the files that are read */
    uint64_t records, batches, segments; /* that were delivered; segments that were begun */
    uint64_t bytes_delivered;            /* size of these records: what the log holds behind the snapshot */
    uint64_t torn_bytes;                 /* cut from the end (kept aside), 0 if the log ended cleanly */
    char torn_copy[DISK_NAME_MAX];       /* where they are kept; empty if nothing was repaired */
    uint64_t durable;                    /* all up to this sequence is known to have been on stable storage */
};

struct replay; /* opaque */

/* Lists and checks the segments. `repair`: a torn tail is copied aside and cut, unless there is no space for that
 * (replay_end says so); false leaves the files alone (inspection). `from`: the records up to and including it are in a
 * snapshot already, and are not delivered; 0: there is none. Segments in which nothing else can be are not read at all.
 * CORRUPT and VERSION with a sentence that names the file, the offset and the command to look at it, or says what to
 * put back. */
must_use enum status replay_create(struct replay **out, struct disk *disk, bool repair, uint64_t from,
                                   struct complaint *complaint);

/* The snapshot of record `from` has this table: a log with another one is refused, and without a log it is the table of
 * all there is. Before the first step. Copies. */
void replay_expect(struct replay *replay, const struct epochs *epochs);

/* Reads on, about `budget` bytes; a batch is delivered once the whole of it has been read. AGAIN: there is more. OK:
 * done. Else: refuse to serve, and do not call it again. */
must_use enum status replay_step(struct replay *replay, size_t budget, struct record_sink *sink,
                                 struct complaint *complaint);

void replay_progress(const struct replay *replay, struct replay_progress *out);

/* After OK. */
void replay_end(const struct replay *replay, struct replay_end *out);

/* The epochs of all records up to the last one. Borrowed, until replay_destroy. */
const struct epochs *replay_epochs(const struct replay *replay);

void replay_destroy(struct replay *replay); /* NULL is fine */

/* Does what a replay has left undone for want of space; `copy`: the name of the torn tail's copy, empty if there was
 * none. NO_SPACE: nothing has changed, and it can be called again. Blocks. */
must_use enum status replay_repair(struct disk *disk, const struct replay_end *end, char copy[static DISK_NAME_MAX],
                                   struct complaint *complaint);

/* What was read is on stable storage, too, and not in a cache of the system alone: for those who show it before the log
 * can be opened. Blocks. */
must_use enum status replay_secure(struct disk *disk, const struct replay_end *end, struct complaint *complaint);

#endif
