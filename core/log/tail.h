/* SPDX-License-Identifier: MIT */

/* tail.h - the end of the log in memory: gives records their sequence, joins them to batches, keeps their bytes for the
 * WAL.
 *
 * Idea     The shard adds the records of one command (or of one EXEC) between tail_begin and tail_end. When nobody
 *          carries records (persistence none, no followers) only the sequence advances and nothing is encoded.
 *
 * Promises
 *   I1  Sequences are consecutive; a batch is contiguous in `pending`, MORE on all its records but the last.
 *   I2  Between batches `pending` holds whole batches only.
 */
#ifndef GEOMYS_LOG_TAIL_H
#define GEOMYS_LOG_TAIL_H

#include "log/record.h"

#define TAIL_BATCH_MAX   ((size_t)1024 * 1024 * 1024)     /* bytes of one batch, encoded                           */
#define TAIL_PENDING_MAX ((size_t)2 * 1024 * 1024 * 1024) /* bytes that wait: whoever adds holds back long before it */

struct tail {
    uint64_t last_sequence; /* of the last record added */
    uint64_t epoch;
    int64_t last_time_ms; /* of the last record added: the only clock that the WAL's own records have */
    bool carried;         /* whether records are encoded */
    bool open;            /* a batch is being built */
    size_t batch_start;   /* offset into pending */
    size_t last_start;    /* offset of the last record of the open batch */
    struct buf pending;   /* encoded batches that the WAL has not taken yet */
};

/* All O(1), but tail_add, which copies the record. */
void tail_init(struct tail *tail, uint64_t last_sequence, uint64_t epoch, bool carried);
void tail_finish(struct tail *tail);

void tail_begin(struct tail *tail);
/* Gives *record its sequence and epoch, and adds it. The caller has asked tail_room before. */
void tail_add(struct tail *tail, struct record *record);
/* Ends the batch; without any record it is as if it had not begun. */
void tail_end(struct tail *tail);

/* Bytes that the open batch may still take, by record_size. */
size_t tail_room(const struct tail *tail);

#endif
