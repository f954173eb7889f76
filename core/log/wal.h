/* SPDX-License-Identifier: MIT */

/* wal.h - the durable copy of one shard's log: segments of records, written by group commit. See wal.c for the
 * argument. */
#ifndef GEOMYS_LOG_WAL_H
#define GEOMYS_LOG_WAL_H

#include "env/disk.h"
#include "log/tail.h"

enum wal_policy {
    WAL_NONE,          /* nothing is written                                                     */
    WAL_BUFFERED,      /* written at once, synced within sync_interval_ms                        */
    WAL_WRITE_THROUGH, /* every group is synced before anybody hears of it                       */
};

struct wal_config {
    enum wal_policy policy;
    uint64_t segment_size;     /* bytes after which a new segment is begun, 64 KiB to 1 GiB       */
    uint32_t sync_interval_ms; /* WAL_BUFFERED: how late a sync may come                          */
    uint64_t salt_seed;        /* unpredictable: makes the marks unforgeable by what clients store */
};

struct wal_events {
    /* `written` or `synced` has advanced, or what it lacks has changed. Called from completions and wal_turn. */
    void (*on_progress)(void *context);
    /* The log cannot be trusted any more (failed sync, I/O error): the process must stop. `complaint` says why. */
    void (*on_failed)(void *context, const struct complaint *complaint);
    void *context;
};

struct wal; /* opaque */

/* The wal takes from the tail only in wal_turn and wal_close, which must not be called while a batch is open.
 *
 * Continues the log behind `position` (from a finished replay; see replay.h), or begins one. Takes all that is added
 * from now on, by a cursor of its own; the tail's names are declared in each segment. `disk`, `tail` and `events`
 * outlive the wal. */
struct replay_end;
must_use enum status wal_create(struct wal **out, const struct wal_config *config, struct disk *disk, struct tail *tail,
                                const struct replay_end *position, const struct wal_events *events,
                                struct complaint *complaint); /* blocks */

/* Once per turn, with the monotonic time: starts a group if none is under way and there is something to do. Never
 * blocks. */
void wal_turn(struct wal *wal, int64_t now_ms);

/* When wal_turn wants to be called at the latest (monotonic ms), though nothing happens: a sync or a retry is due.
 * INT64_MAX: no wish. */
int64_t wal_next_ms(const struct wal *wal);

/* No snapshot that is kept needs records before `sequence`, which is at most wal_synced + 1. If nobody else does
 * (wal_hold), the mark file will say so, and then segments which hold only such records are removed, the oldest first,
 * while the log goes on. Never fails: a removal that did is counted, and tried again with the next call. A lower
 * sequence than before changes nothing. O(holders). */
void wal_keep_from(struct wal *wal, uint64_t sequence);

/* Somebody needs the records from `sequence` on, as long as the hold lasts. In the struct that needs them; its fields
 * are the wal's. */
struct wal_hold {
    struct list link;
    struct wal *wal; /* NULL: it holds nothing */
    uint64_t sequence;
};

/* NOT_FOUND: that record may be gone, or be gone soon; or no log is written. O(segments). */
must_use enum status wal_hold(struct wal *wal, struct wal_hold *hold, uint64_t sequence);
/* Only the records from `sequence` on are needed any more: not a lower one than before. O(1), or O(holders +
 * segments) if nobody needed an older segment. */
void wal_hold_move(struct wal_hold *hold, uint64_t sequence);
void wal_release(struct wal_hold *hold); /* one that holds nothing is fine, zeroed too. O(holders) */

/* The oldest record that may still be held: all from it on are in segments, or in the tail. 0 with WAL_NONE.
 * O(segments)
 */
uint64_t wal_oldest(const struct wal *wal);

/* Where a record stands, and how far that segment may be read. */
struct wal_place {
    uint64_t first; /* the segment's first sequence: segment_name(first) */
    uint64_t last;  /* the last one in it that is written, or synced; first - 1: none is */
    uint64_t end;   /* bytes of the file in which all up to `last` are; an ended segment's runway may follow them */
    bool ended;     /* it holds no more than up to `last`: the next segment begins with last + 1 */
};

/* The segment that has record `sequence`, or will have it. It must be held. `synced`: only what is on stable storage
 * counts, else all that the system has. O(segments). */
void wal_find(const struct wal *wal, uint64_t sequence, bool synced, struct wal_place *out);

/* The highest sequence which is with the operating system, and which is on stable storage. With WAL_NONE both follow
 * the tail. */
uint64_t wal_written(const struct wal *wal);
uint64_t wal_synced(const struct wal *wal);

/* The highest sequence that may be answered for, under the policy. */
uint64_t wal_released(const struct wal *wal);

/* What the log cannot be written for at this moment, of the statuses that pass: writes should be refused, the wal tries
 * again by itself. STATUS_OK: nothing. */
enum status wal_lack(const struct wal *wal);

/* Nothing is owed any more: the next mark file says so. */
void wal_settle(struct wal *wal);

/* The disk is full: what it lacks is space. */
bool wal_full(const struct wal *wal);

/* A request waits for space at this moment, strained or not. */
bool wal_waits_for_space(const struct wal *wal);

/* Space is short, and what there is is kept for the rescue: while strained, wal_lack says so although what has been
 * taken is written as ever. */
void wal_strain(struct wal *wal, bool strained);

/* Space may have come: what waits for it is tried in the next turn. */
void wal_try_again(struct wal *wal);

/* The segment being written ends before its size, unless it is empty: then all of it can go. */
void wal_end_segment(struct wal *wal);

/* Bytes taken or waiting that are not written yet: the measure for back-pressure. */
size_t wal_backlog(const struct wal *wal);

/* Bytes of records since the start. */
uint64_t wal_bytes_written(const struct wal *wal);

struct wal_stats {
    uint64_t written, synced; /* sequences, as the functions above tell them */
    uint64_t backlog;         /* bytes, as well */
    bool full;                /* what it lacks is space */
    enum status lack;         /* as wal_lack */
    uint64_t segments, bytes_written, groups, syncs, records_durable_mark;
    uint64_t last_sync_us, current_segment_size;
    uint64_t segments_kept; /* in the folder now, the one being written included */
    uint64_t bytes_kept;    /* their sizes */
    uint64_t segments_removed, removals_failed;
};
/* O(1), as all that has no other remark. */
void wal_stats(const struct wal *wal, struct wal_stats *out);

/* Writes, syncs and marks everything that is pending, blocking; then the log is closed cleanly. What it
 * lacks (wal_lack) when records could not be written; then a last mark alone may be missing, which is OK. A removal
 * under way is finished, no further one begun. */
must_use enum status wal_close(struct wal *wal, struct complaint *complaint);

/* Releases the memory without writing: after wal_close, or when the process must stop. NULL is fine. No request may be
 * under way, a removal neither (drain the disk first). */
void wal_destroy(struct wal *wal);

#endif
