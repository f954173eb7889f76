/* SPDX-License-Identifier: MIT */

/* wal_state.h - what the files of the wal share: wal.c decides what is done and when, wal_work.c knows what each kind
 * of work writes, wal_open.c begins or continues the files. */
#ifndef GEOMYS_LOG_WAL_STATE_H
#define GEOMYS_LOG_WAL_STATE_H

#include "log/chain.h"
#include "log/gather.h"
#include "log/mark.h"
#include "log/segment.h"
#include "log/wal.h"

#define WAL_GROUP_MAX    16                    /* slices of the tail that go in one group */
#define WAL_RUNWAY_FIRST ((uint64_t)16 * 1024) /* bytes of zeros behind the first group; then more and more */

enum work {
    WORK_NONE,
    WORK_GROUP,
    WORK_SYNC,
    WORK_SEGMENT,
    WORK_MARK,
};

struct wal {
    struct wal_config config;
    struct disk *disk;
    struct tail *tail;
    struct wal_events events;
    struct complaint complaint; /* why it failed */

    struct tail_cursor cursor; /* what it has not taken yet; closed with WAL_NONE */
    size_t types_declared;     /* how many of the tail's names this segment has */
    struct revisions said;     /* what it says, or the group that is under way, of the tail's revisions */

    struct disk_file *file; /* the segment */
    struct segment_header header;
    char name[DISK_NAME_MAX];
    uint64_t offset;   /* where the next record goes */
    uint64_t zero_end; /* the file is zero from `offset` to here, and ends here */
    uint64_t runway;   /* bytes of zeros that the next extension writes */

    struct disk_file *mark_file;
    struct mark mark; /* as last written */
    bool mark_stale;  /* a new segment is not named in it yet */

    struct chain chain;
    uint64_t keep_from; /* nobody needs a record before it: the mark file may say so. Never goes back */
    uint64_t keep_next; /* where the segment behind that of keep_from begins; UINT64_MAX: not known, or none */
    struct list holds;
    struct wal_hold snapshots; /* what the snapshots need: the first in the list */

    uint64_t written;
    uint64_t synced;
    uint64_t synced_offset; /* all up to `synced` is before it, in this segment or in those before */
    uint64_t marked;        /* the highest that a mark in this segment claims */
    bool unsynced;          /* something was written, even if only a mark, and not synced */
    enum status lack;       /* what it waits for, STATUS_OK: nothing */
    bool strained;          /* writes are refused as if it waited for space */
    bool ends_early;        /* the segment ends, whatever its size */
    bool failed;
    bool closing;

    struct gather gather; /* WAL_WRITE_THROUGH only */

    enum work work; /* what is under way, or waits for its next try; a mark aside */
    bool marking;   /* the same for a mark: it may pass work that waits */
    bool under_way; /* one of the two requests */
    struct disk_request request;
    struct disk_request mark_request;
    struct buf head;                        /* the wal's own records of the group, or the beginning of a new segment */
    struct tail_slice group[WAL_GROUP_MAX]; /* the batches of the group, */
    struct gm_bytes group_bytes[WAL_GROUP_MAX]; /* their bytes, for the request, */
    size_t group_count;
    size_t group_size;   /* and how many they are */
    uint64_t group_last; /* their last sequence */
    uint64_t group_mark; /* what the group's mark claims */
    size_t group_types;  /* types that will be declared after it */
    struct segment_header next_header;
    struct mark next_mark;
    uint8_t slot[MARK_SLOT_SIZE];

    int64_t now_ms;
    int64_t retry_at_ms;
    int64_t pause_ms; /* between tries, while it waits for anything but space */
    int64_t mark_retry_at_ms;
    int64_t unsynced_since_ms;
    int64_t last_sync_ms;
    struct wal_stats stats;
};

static inline bool wal_has_batches(const struct wal *wal)
{
    return tail_waiting(&wal->cursor) > 0;
}

/* Whether this segment has not been told of all types. */
static inline bool wal_has_types(const struct wal *wal)
{
    return wal->types_declared < wal->tail->names.count;
}

static inline uint64_t wal_records_waiting(const struct wal *wal)
{
    return wal->tail->last_sequence - wal->written;
}

/* Those that end before the record that the oldest snapshot shows: the mark file lets their records go. */
static inline void wal_forget_epochs(struct wal *wal)
{
    if (wal->mark.oldest > 0) {
        epochs_forget(&wal->tail->epochs, wal->mark.oldest - 1);
    }
}

/* ---- wal_hold.c */

/* The mark file's `oldest` has been read or made: from now on records can be held. */
void wal_hold_begin(struct wal *wal);

/* wal P6, P7: no segment that goes, now that the mark file says `oldest`, has a record that somebody needs. */
bool wal_hold_is_kept(const struct wal *wal, uint64_t oldest);

/* ---- wal_open.c */

/* The files of a wal that has none yet: after it the log may be written. Blocks. */
must_use enum status wal_open_files(struct wal *wal, const struct replay_end *position, struct complaint *complaint);

/* ---- wal_work.c */

/* Fills in the request for this work: `mark_request` for a mark, else `request`. It may be submitted again and again,
 * until it is done. */
void wal_work_prepare(struct wal *wal, enum work work);

/* Gives the group's batches back to the tail. */
void wal_work_release_group(struct wal *wal);

/* The request was carried out: what it wrote counts from now on. */
void wal_work_done(struct wal *wal, enum work work);

/* The header of a segment whose first record will be `first_sequence`. */
struct segment_header wal_work_header(const struct wal *wal, uint64_t first_sequence);

/* This segment is the one being written. */
void wal_work_begun(struct wal *wal, struct disk_file *file, const struct segment_header *header);

#endif
