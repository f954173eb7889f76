/* SPDX-License-Identifier: MIT */

/* tail.h - the end of the log in memory: gives records their sequence, joins them to batches, and keeps their bytes for
 * all who carry them on: the WAL, and those who follow. See tail.c for the argument.
 *
 * Whoever is to write from now on calls tail_lead. The EPOCH record comes with the first record that is added after it,
 * just before it in the same batch (or by itself, with tail_begin_epoch): whoever only reads writes nothing, and a
 * batch that stays empty leaves no trace. So
 * the next record's sequence is tail_next, one more than the last one's, or two.
 *
 * Everything here belongs to the shard's thread. Bytes of a slice may be read on any thread while it is held. */
#ifndef GEOMYS_LOG_TAIL_H
#define GEOMYS_LOG_TAIL_H

#include "base/list.h"
#include "log/epochs.h"
#include "log/names.h"
#include "log/revisions.h"

#define TAIL_BATCH_MAX   ((size_t)1024 * 1024 * 1024)       /* bytes of one batch, encoded                          */
#define TAIL_PENDING_MAX ((uint64_t)2 * 1024 * 1024 * 1024) /* bytes that wait: whoever adds holds back long before */
#define TAIL_PIECE       ((size_t)256 * 1024)               /* bytes of a piece; of a larger batch: what it needs   */

struct tail_piece;

struct tail {
    uint64_t last_sequence; /* of the last record added */
    uint64_t epoch;         /* of that record, and of the next if none begins */
    uint64_t begins;        /* the epoch that begins with the next record, 0: none does */
    struct epochs epochs;   /* of the history up to last_sequence */
    int64_t last_time_ms;   /* of the last record added: the only clock that the WAL's own records have */
    bool carried;           /* whether records are encoded: somebody has a cursor that keeps, or there is a window */
    bool open;              /* a batch is being built */
    size_t batch_max;       /* bytes of one batch, encoded: TAIL_BATCH_MAX, or less in a test */
    size_t batch_start;     /* offset into `filling` */
    size_t last_start;      /* offset of the last record of the open batch */
    struct buf filling;     /* what the newest piece holds: its memory is the piece's, its ceiling the piece's end */
    uint64_t base;          /* bytes that were added before those in `filling` */
    uint64_t kept;      /* all bytes from here on wait for a cursor that keeps; UINT64_MAX: there is no such cursor */
    struct list pieces; /* oldest first; `filling` is the last one's, if it has memory */
    struct list cursors;
    size_t window;              /* bytes that stay, though nobody waits for them */
    size_t memory;              /* bytes of all pieces in the list */
    struct tail_piece *spare;   /* NULL, or an empty one of TAIL_PIECE bytes */
    struct names names;         /* of the types, by their numbers in the records */
    struct record_epoch leader; /* in the epoch that begins */
    struct revisions revisions; /* of the operations that came later than their types */
};

/* A reader of the tail, in the order of sequences. In the struct that reads; its own fields are the tail's. */
struct tail_cursor {
    struct list link;
    struct tail *tail;        /* NULL: closed */
    uint64_t next;            /* the sequence that is taken next */
    uint64_t position;        /* bytes added before it */
    struct tail_piece *piece; /* that has them; NULL: to be looked up */
    bool keeps;               /* nothing goes that it has not taken */
    bool lost;
};

/* Whole batches, in one piece, that stay where they are until tail_release. */
struct tail_slice {
    struct tail_piece *piece;
    struct gm_bytes bytes;
    uint64_t first; /* sequence of the first record */
    uint64_t last;
};

/* All O(1), but for what copies records, and where remarked. */
void tail_init(struct tail *tail, uint64_t last_sequence, uint64_t epoch);
/* All slices have been released and all cursors closed. */
void tail_finish(struct tail *tail);

/* The history goes on behind this record: after a recovery. Names, window and the epochs up to it stay; what is kept
 * goes, and cursors that do not keep are lost. There is none that keeps. Nobody leads before tail_lead. */
void tail_continue(struct tail *tail, uint64_t last_sequence, uint64_t epoch);

/* Type number `type` is called `name`, for good: before the first record that uses it. O(types). */
void tail_declare(struct tail *tail, uint16_t type, struct gm_bytes name);

/* The record with this sequence, which is the next to be added or has just been taken over, has an operation that came
 * with a later revision of its type. O(pairs of type and revision). */
void tail_revise(struct tail *tail, const struct record_revision *revision, uint64_t sequence);

/* The history up to last_sequence had these epochs. Copies. O(entries). */
void tail_set_epochs(struct tail *tail, const struct epochs *epochs);

/* The next record to be added begins `epoch`, which is above all that the table has, under this leader. Once more
 * before anything was added: this one instead. Not while a batch is open. */
void tail_lead(struct tail *tail, uint64_t epoch, const struct record_epoch *leader);

/* The sequence that tail_add gives to the next record. */
static inline uint64_t tail_next(const struct tail *tail)
{
    return tail->last_sequence + 1 + (tail->begins != 0);
}

/* The epoch that tail_lead has announced begins now, with its record alone in a batch: whoever leads others must be
 * known by it before anything else is answered. Returns its sequence. Not while a batch is open. */
uint64_t tail_begin_epoch(struct tail *tail, int64_t time_ms);

void tail_begin(struct tail *tail);
/* Gives *record its sequence and epoch, and adds it. The caller has asked tail_room before. */
void tail_add(struct tail *tail, struct record *record);
/* Ends the batch; without any record it is as if it had not begun. */
void tail_end(struct tail *tail);

#define TAIL_EPOCH_ROOM (RECORD_HEADER_SIZE + RECORD_EPOCH_MAX) /* bytes that an EPOCH record takes at most */

/* Bytes that the open batch may still take, by record_size. */
static inline size_t tail_room(const struct tail *tail)
{
    uint64_t end = tail->base + tail->filling.size;
    uint64_t pending = tail->kept < end ? end - tail->kept : 0;
    uint64_t rest = pending < TAIL_PENDING_MAX ? TAIL_PENDING_MAX - pending : 0;
    uint64_t taken = tail->open ? tail->filling.size - tail->batch_start : 0;
    uint64_t batch = taken < tail->batch_max ? tail->batch_max - taken : 0;
    uint64_t room = rest < batch ? rest : batch;
    uint64_t epoch = tail->begins != 0 ? TAIL_EPOCH_ROOM : 0;
    return (size_t)(room > epoch ? room - epoch : 0);
}

/* Takes over a whole batch as its author has numbered it: with its sequences and epoch. The types get our numbers by
 * `map`, and headers are sealed anew where that changes them. `batch` is hostile: nothing of it is believed. OK: it is
 * added, as if tail_add had. Else nothing is changed, and `complaint` says why:
 *   CORRUPT   it is not one whole batch that an author could have made (or a type was not declared)
 *   INVALID   it is, but does not continue this history: another sequence than the next, an epoch that goes back, or
 *             one that no record has begun
 *   REFUSED   it names a database of which there are only `databases` here
 *   VERSION   it has an operation that this program does not know
 *   TOO_BIG   it is larger than TAIL_BATCH_MAX, or more waits to be carried than TAIL_PENDING_MAX
 * O(bytes). */
must_use enum status tail_adopt(struct tail *tail, const struct names_map *map, uint32_t databases,
                                struct gm_bytes batch, struct complaint *complaint);

/* At least the newest `bytes` stay, rounded up to whole pieces: at most `bytes` and the largest piece. 0: only what is
 * waited for. */
void tail_keep(struct tail *tail, size_t bytes);

/* A cursor whose first slice begins with record `sequence`, a batch's first one; the next to be added is fine too.
 *   NOT_FOUND  the tail does not have it (any more)
 *   INVALID    it is no batch's first one, or not reached yet
 * `keeps`: nothing goes before it was taken (TAIL_PENDING_MAX is the limit); else the cursor may be lost. O(pieces +
 * records of a piece). Not while a batch is open, as all that follows. */
must_use enum status tail_cursor_open(struct tail_cursor *cursor, struct tail *tail, uint64_t sequence, bool keeps);
void tail_cursor_close(struct tail_cursor *cursor); /* closed already, or zeroed, is fine. Slices stay held */

/* Takes the next batches up to record `up_to`, about `max` bytes: less where a piece ends, more if one batch is larger.
 * OK: the slice is the caller's until tail_release. AGAIN: there is none. NOT_FOUND: the cursor is lost, what it should
 * have taken has gone: close it, and look in the files. O(records taken), O(1) if that is all of the piece. */
must_use enum status tail_take(struct tail_cursor *cursor, size_t max, uint64_t up_to, struct tail_slice *out);
void tail_release(struct tail *tail, struct tail_slice *slice);

/* Bytes that the cursor has not taken yet. */
static inline uint64_t tail_waiting(const struct tail_cursor *cursor)
{
    return cursor->tail->base + cursor->tail->filling.size - cursor->position;
}

/* The lowest sequence that a cursor may be opened at: the next one, if nothing is kept. */
uint64_t tail_first(const struct tail *tail);

#endif
