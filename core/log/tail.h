/* SPDX-License-Identifier: MIT */

/* tail.h - the end of the log in memory: gives records their sequence, joins them to batches, keeps their bytes for the
 * WAL.
 *
 * Idea     The shard adds the records of one command (or of one EXEC) between tail_begin and tail_end. When nobody
 *          carries records (persistence none, no followers) only the sequence advances and nothing is encoded.
 *
 *          Whoever is to write from now on calls tail_lead. The EPOCH record comes with the first record that is added
 *          after it, just before it in the same batch: whoever only reads writes nothing, and a batch that stays empty
 *          leaves no trace. So the next record's sequence is tail_next, one more than the last one's or two.
 *
 * Promises
 *   I1  Sequences are consecutive; a batch is contiguous in `pending`, MORE on all its records but the last.
 *   I2  Between batches `pending` holds whole batches only.
 *   I3  A record is of the newest epoch of `epochs`, which its EPOCH record began, the first of its batch. (A tail that
 *       has never been told to lead, in a test, has the epoch that it was given, and no table.)
 */
#ifndef GEOMYS_LOG_TAIL_H
#define GEOMYS_LOG_TAIL_H

#include "log/epochs.h"

#define TAIL_BATCH_MAX   ((size_t)1024 * 1024 * 1024)     /* bytes of one batch, encoded                           */
#define TAIL_PENDING_MAX ((size_t)2 * 1024 * 1024 * 1024) /* bytes that wait: whoever adds holds back long before it */

struct tail {
    uint64_t last_sequence;     /* of the last record added */
    uint64_t epoch;             /* of that record, and of the next if none begins */
    uint64_t begins;            /* the epoch that begins with the next record, 0: none does */
    struct epochs epochs;       /* of the history up to last_sequence */
    int64_t last_time_ms;       /* of the last record added: the only clock that the WAL's own records have */
    bool carried;               /* whether records are encoded */
    bool open;                  /* a batch is being built */
    size_t batch_start;         /* offset into pending */
    size_t last_start;          /* offset of the last record of the open batch */
    struct buf pending;         /* encoded batches that the WAL has not taken yet */
    struct record_epoch leader; /* in the epoch that begins */
};

/* All O(1), but tail_add, which copies the record. */
void tail_init(struct tail *tail, uint64_t last_sequence, uint64_t epoch, bool carried);
void tail_finish(struct tail *tail);

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

void tail_begin(struct tail *tail);
/* Gives *record its sequence and epoch, and adds it. The caller has asked tail_room before. */
void tail_add(struct tail *tail, struct record *record);
/* Ends the batch; without any record it is as if it had not begun. */
void tail_end(struct tail *tail);

/* Bytes that the open batch may still take, by record_size. */
size_t tail_room(const struct tail *tail);

#endif
