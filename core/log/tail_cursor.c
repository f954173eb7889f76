/* SPDX-License-Identifier: MIT */

/* tail_cursor.c - reading the tail: positions in the stream of all that was added, and slices of it.
 *
 * Idea     A cursor knows the next sequence and how many bytes were added before it. The piece that has them is
 *          remembered, and forgotten when it leaves the list (tail.c); then it is found by walking from the newest one
 *          back.
 *
 * Promises  I3 and I4 of tail.c. What is taken begins with the very sequence that was to come, or the cursor is lost:
 *           while nobody carries, sequences pass without bytes.
 */
#include "log/tail_state.h"

static struct tail_piece *piece_at(const struct list *link)
{
    return container_of(link, struct tail_piece, link);
}

/* The sequence of the last record in a piece of the list. */
static uint64_t last_of(const struct tail *tail, const struct tail_piece *piece)
{
    return piece->link.next == &tail->pieces ? tail->last_sequence : piece_at(piece->link.next)->first - 1;
}

/* ---- opening ---- */

/* Where in the piece the record begins, which is there. False: another one of its batch is before it. */
static bool find_in_piece(const struct tail *tail, const struct tail_piece *piece, uint64_t sequence, size_t *out)
{
    bool begins = true;
    for (size_t at = 0; at < tail_piece_size(tail, piece);) {
        struct record record;
        size_t size;
        record_read(piece->data + at, &record, &size);
        if (record.sequence == sequence) {
            *out = at;
            return begins;
        }
        begins = (record.flags & RECORD_MORE) == 0;
        at += size;
    }
    check(false); /* tail I2: the piece has all from its first sequence to the next piece's */
    return false;
}

/* Finds `cursor->next` among what is kept. */
static enum status find(struct tail_cursor *cursor, const struct tail *tail)
{
    for (struct list *at = tail->pieces.prev; at != &tail->pieces; at = at->prev) {
        struct tail_piece *piece = piece_at(at);
        size_t offset = 0;
        if (piece->first > cursor->next) {
            continue;
        }
        if (!find_in_piece(tail, piece, cursor->next, &offset)) {
            return STATUS_INVALID;
        }
        cursor->piece = piece;
        cursor->position = piece->start + offset;
        return STATUS_OK;
    }
    return STATUS_NOT_FOUND;
}

enum status tail_cursor_open(struct tail_cursor *cursor, struct tail *tail, uint64_t sequence, bool keeps)
{
    check(!tail->open);
    *cursor = (struct tail_cursor){.next = sequence, .position = tail->base + tail->filling.size, .keeps = keeps};
    list_init(&cursor->link);
    if (sequence > tail->last_sequence + 1) {
        return STATUS_INVALID;
    }
    if (sequence <= tail->last_sequence) {
        TRY(find(cursor, tail));
    }
    cursor->tail = tail;
    list_push_back(&tail->cursors, &cursor->link);
    if (keeps) {
        tail_kept_changed(tail);
    }
    return STATUS_OK;
}

void tail_cursor_close(struct tail_cursor *cursor)
{
    struct tail *tail = cursor->tail;
    if (tail == NULL) {
        return;
    }
    list_remove(&cursor->link);
    cursor->tail = NULL;
    if (cursor->keeps) {
        tail_kept_changed(tail);
    }
}

/* ---- taking ---- */

static enum status lost(struct tail_cursor *cursor)
{
    check(!cursor->keeps); /* tail I4 */
    cursor->lost = true;
    return STATUS_NOT_FOUND;
}

/* The piece that holds the byte at the cursor's position, which was added and is kept. */
static struct tail_piece *piece_of(struct tail_cursor *cursor)
{
    const struct tail *tail = cursor->tail;
    struct tail_piece *piece = cursor->piece;
    if (piece != NULL && cursor->position == piece->start + tail_piece_size(tail, piece)) {
        piece = piece_at(piece->link.next); /* there is one: a byte of it is waiting */
    } else if (piece == NULL) {
        piece = tail_newest(tail);
        while (piece->start > cursor->position) {
            check(piece->link.prev != &tail->pieces); /* tail I4: else it would be lost */
            piece = piece_at(piece->link.prev);
        }
    }
    check(cursor->position >= piece->start && cursor->position < piece->start + tail_piece_size(tail, piece));
    cursor->piece = piece;
    return piece;
}

/* As many batches from `offset` on as are allowed, at least one if `up_to` allows it. Returns where they end. */
static size_t walk(const struct tail_piece *piece, size_t offset, size_t size, size_t max, uint64_t up_to,
                   uint64_t *last)
{
    size_t end = offset;
    for (size_t at = offset; at < size;) {
        struct record record;
        size_t taken;
        record_read(piece->data + at, &record, &taken);
        at += taken;
        if ((record.flags & RECORD_MORE) != 0) {
            continue;
        }
        if (record.sequence > up_to || (end > offset && at - offset > max)) {
            break;
        }
        end = at;
        *last = record.sequence;
    }
    return end;
}

enum status tail_take(struct tail_cursor *cursor, size_t max, uint64_t up_to, struct tail_slice *out)
{
    struct tail *tail = cursor->tail;
    check(tail != NULL && !tail->open);
    if (cursor->lost) {
        return STATUS_NOT_FOUND;
    }
    if (tail_waiting(cursor) == 0) {
        return cursor->next == tail->last_sequence + 1 ? STATUS_AGAIN : lost(cursor);
    }
    struct tail_piece *piece = piece_of(cursor);
    size_t offset = (size_t)(cursor->position - piece->start);
    size_t end = tail_piece_size(tail, piece);
    uint64_t last = last_of(tail, piece);
    if (record_sequence(piece->data + offset) != cursor->next) {
        return lost(cursor);
    }
    if (last > up_to || end - offset > max) {
        end = walk(piece, offset, end, max, up_to, &last);
        if (end == offset) {
            return STATUS_AGAIN;
        }
    }
    check(last >= cursor->next); /* tail I2 */
    *out = (struct tail_slice){
        .piece = piece, .bytes = {piece->data + offset, end - offset}, .first = cursor->next, .last = last};
    piece->holders++;
    cursor->position += end - offset;
    cursor->next = last + 1;
    if (cursor->keeps) {
        tail_kept_changed(tail);
    }
    return STATUS_OK;
}
