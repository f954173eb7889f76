/* SPDX-License-Identifier: MIT */

/* tail_state.h - what the files of the tail share: tail.c fills pieces and lets them go, tail_cursor.c reads them,
 * tail_adopt.c takes batches over. */
#ifndef GEOMYS_LOG_TAIL_STATE_H
#define GEOMYS_LOG_TAIL_STATE_H

#include "log/tail.h"

struct tail_piece {
    struct list link; /* in tail->pieces, or in no list */
    uint64_t first;   /* sequence of its first record */
    uint64_t start;   /* bytes that were added before it */
    size_t size;      /* of whole batches, once it is full; until then `filling` knows */
    size_t capacity;
    uint32_t holders; /* the list, and each slice */
    uint8_t data[];
};

/* The newest one; NULL: there is none. */
static inline struct tail_piece *tail_newest(const struct tail *tail)
{
    return list_empty(&tail->pieces) ? NULL : container_of(tail->pieces.prev, struct tail_piece, link);
}

/* Bytes of whole batches in it. Not while a batch is open. */
static inline size_t tail_piece_size(const struct tail *tail, const struct tail_piece *piece)
{
    return piece->link.next == &tail->pieces ? tail->filling.size : piece->size;
}

/* ---- tail.c */

/* Room for `size` more bytes of the batch that is open, whose next record has this sequence: `filling` has it. */
void tail_grow(struct tail *tail, size_t size, uint64_t sequence);

/* Lets go what nobody waits for, and no window keeps. */
void tail_trim(struct tail *tail);

/* After a cursor that keeps has come, moved or gone, or the window has changed. */
void tail_kept_changed(struct tail *tail);

#endif
