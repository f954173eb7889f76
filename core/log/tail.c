/* SPDX-License-Identifier: MIT */

/* tail.c - numbering records, joining them to batches, and the pieces that hold them until nobody needs them.
 *
 * Why      What the shard has just done is wanted by several: the WAL writes it, each follower is sent it, each at its
 *          own pace. None may wait for another, none should make a copy, and a disk or a socket may still be busy with
 *          bytes when the next records come.
 *
 * Idea     Bytes are added to the newest of a list of *pieces*, and never move while anybody can see them. A *cursor*
 *          is a position in the stream of all bytes ever added. It takes *slices*, runs of whole batches within a
 *          piece, each of which holds the piece until it is released.
 *
 *            pieces   [batch batch batch..][batch batch][batch batch ba        ]
 *                          ^                ^           `- filling -´
 *                          a follower       the WAL: nothing from here on goes (`kept`)
 *                     `--- window ---´
 *
 *          A piece leaves the list when all cursors that keep have passed it and the window does not need it; its
 *          memory goes when the last slice is released. When only the WAL is there, two pieces take turns: one is
 *          written to the disk, one is filled.
 *
 *          The hot path knows nothing of this: a record is encoded into a struct buf that ends where the piece does.
 *          What does not fit goes into a new piece, and an open batch moves there with it.
 *
 *          A record is encoded without MORE; the one before it gets MORE when its successor comes, so that a batch of
 *          one, by far the most common, is sealed once.
 *
 * Promises
 *   I1  Sequences are consecutive; a batch is contiguous within one piece, MORE on all its records but the last.
 *   I2  Between batches pieces hold whole batches only; those in the list follow each other without a gap.
 *   I3  Bytes of a slice stay as they are, where they are, until it is released.
 *   I4  The slices of a cursor follow each other without a gap, or it says that it is lost. One that keeps is never
 *       lost.
 *   I5  Memory: what waits for cursors that keep, at most TAIL_PENDING_MAX; or the window and a piece, if that is more;
 *       an empty piece; and what slices hold.
 *   I6  Nothing is encoded when nobody carries.
 *   I7  A record is of the newest epoch of `epochs`, which its EPOCH record began, the first of its batch.
 *
 * Limits   A piece is TAIL_PIECE bytes, or as large as a batch that is larger.
 */
#include "base/memory.h"
#include "log/tail_state.h"

void tail_init(struct tail *tail, uint64_t last_sequence, uint64_t epoch)
{
    *tail =
        (struct tail){.last_sequence = last_sequence, .epoch = epoch, .batch_max = TAIL_BATCH_MAX, .kept = UINT64_MAX};
    list_init(&tail->pieces);
    list_init(&tail->cursors);
}

/* ---- pieces ---- */

static struct tail_piece *piece_create(struct tail *tail, size_t capacity)
{
    struct tail_piece *piece = tail->spare;
    if (piece != NULL && capacity == TAIL_PIECE) {
        tail->spare = NULL;
    } else {
        piece = memory_alloc(sizeof *piece + capacity);
        piece->capacity = capacity;
    }
    piece->holders = 1;
    piece->size = 0;
    list_init(&piece->link);
    return piece;
}

static void piece_release(struct tail *tail, struct tail_piece *piece)
{
    check(piece->holders > 0);
    if (--piece->holders > 0) {
        return;
    }
    check(list_empty(&piece->link)); /* tail I3: the list is a holder too */
    if (piece->capacity == TAIL_PIECE && tail->spare == NULL) {
        tail->spare = piece;
    } else {
        memory_free(piece);
    }
}

void tail_release(struct tail *tail, struct tail_slice *slice)
{
    piece_release(tail, slice->piece);
    *slice = (struct tail_slice){0};
}

/* The cursors within it miss something now. */
static void lose(struct tail *tail, const struct tail_piece *piece, uint64_t end)
{
    for (struct list *at = tail->cursors.next; at != &tail->cursors; at = at->next) {
        struct tail_cursor *cursor = container_of(at, struct tail_cursor, link);
        cursor->piece = cursor->piece == piece ? NULL : cursor->piece;
        if (cursor->position >= piece->start && cursor->position < end) {
            check(!cursor->keeps); /* tail I4 */
            cursor->lost = true;
        }
    }
}

/* The oldest piece leaves the list, or one that has become empty. */
static void drop(struct tail *tail, struct tail_piece *piece)
{
    size_t size = tail_piece_size(tail, piece);
    if (piece == tail_newest(tail)) {
        tail->base += size;
        tail->filling = (struct buf){0};
    }
    lose(tail, piece, piece->start + size);
    check(tail->memory >= piece->capacity);
    tail->memory -= piece->capacity;
    list_remove(&piece->link);
    piece_release(tail, piece);
}

void tail_trim(struct tail *tail)
{
    while (!list_empty(&tail->pieces)) {
        struct tail_piece *oldest = container_of(tail->pieces.next, struct tail_piece, link);
        if (tail->open && oldest == tail_newest(tail)) {
            return;
        }
        bool waited_for = oldest->start + tail_piece_size(tail, oldest) > tail->kept;
        if (waited_for || (tail->window > 0 && tail->memory - oldest->capacity < tail->window)) {
            return;
        }
        drop(tail, oldest);
    }
}

/* What a piece for `size` bytes, the first `moved` of which come from another piece, should hold. */
static size_t capacity_for(size_t size, size_t moved)
{
    if (size <= TAIL_PIECE) {
        return TAIL_PIECE;
    }
    /* A batch that grows record by record is moved a few times only. */
    size_t wanted = moved > 0 ? size * 2 : size;
    return wanted < TAIL_BATCH_MAX || size > TAIL_BATCH_MAX ? wanted : TAIL_BATCH_MAX;
}

void tail_grow(struct tail *tail, size_t size, uint64_t sequence)
{
    check(tail->open && tail->carried); /* tail I6 */
    struct tail_piece *full = tail_newest(tail);
    size_t moved = tail->filling.size - tail->batch_start;
    const uint8_t *batch = moved > 0 ? tail->filling.data + tail->batch_start : NULL;
    struct tail_piece *piece = piece_create(tail, capacity_for(moved + size, moved));
    piece->start = tail->base + tail->batch_start;
    piece->first = moved > 0 ? record_sequence(batch) : sequence;
    if (moved > 0) {
        memcpy(piece->data, batch, moved);
    }
    if (full != NULL) {
        full->size = tail->batch_start;
        check(full->start + full->size == piece->start); /* tail I2 */
    }
    list_push_back(&tail->pieces, &piece->link);
    tail->memory += piece->capacity;
    tail->base = piece->start;
    tail->filling =
        (struct buf){.data = piece->data, .size = moved, .capacity = piece->capacity, .limit = piece->capacity};
    tail->last_start -= moved > 0 ? tail->batch_start : tail->last_start;
    tail->batch_start = 0;
    if (full != NULL && full->size == 0) {
        drop(tail, full); /* its only batch has moved */
    }
    tail_trim(tail);
}

/* ---- epochs ---- */

void tail_set_epochs(struct tail *tail, const struct epochs *epochs)
{
    check(!tail->open);
    epochs_copy(&tail->epochs, epochs);
    tail->epoch = epochs_last(epochs);
}

void tail_lead(struct tail *tail, uint64_t epoch, const struct record_epoch *leader)
{
    check(!tail->open);
    check(epoch > epochs_last(&tail->epochs)); /* tail I7 */
    tail->begins = epoch;
    tail->leader = *leader;
}

/* ---- adding ---- */

void tail_begin(struct tail *tail)
{
    check(!tail->open);
    tail->open = true;
    tail->batch_start = tail->filling.size;
    tail->last_start = tail->filling.size;
}

static inline void keep(struct tail *tail, const struct record *record)
{
    if (!tail->carried) {
        return;
    }
    size_t start = tail->filling.size;
    while (__builtin_expect(!record_encode(record, &tail->filling), 0)) {
        tail_grow(tail, record_size(record), record->sequence); /* the newest piece is full, or there is none */
        start = tail->filling.size;
    }
    check(tail->filling.size - tail->batch_start <= tail->batch_max);
    if (start > tail->batch_start) {
        record_set_more(tail->filling.data + tail->last_start, true); /* tail I1 */
    }
    tail->last_start = start;
}

/* The EPOCH record, before the first record of an epoch. */
__attribute__((noinline)) static void begin_epoch(struct tail *tail, int64_t time_ms)
{
    uint8_t body[RECORD_EPOCH_MAX];
    struct complaint complaint;
    struct record record = {.sequence = ++tail->last_sequence,
                            .epoch = tail->begins,
                            .time_ms = time_ms,
                            .op = RECORD_OP_EPOCH,
                            .body = record_epoch_body(&tail->leader, body)};
    check(tail->filling.size == tail->batch_start); /* tail I7: the first of its batch */
    enum status status = epochs_take(&tail->epochs, &record, false, &complaint);
    check(status == STATUS_OK); /* tail I7 */
    tail->epoch = tail->begins;
    tail->begins = 0;
    keep(tail, &record);
}

uint64_t tail_begin_epoch(struct tail *tail, int64_t time_ms)
{
    check(tail->begins != 0);
    tail_begin(tail);
    begin_epoch(tail, time_ms);
    tail->last_time_ms = time_ms;
    tail_end(tail);
    return tail->last_sequence;
}

void tail_add(struct tail *tail, struct record *record)
{
    check(tail->open);
    check((record->flags & (RECORD_LOCAL | RECORD_MORE)) == 0);
    if (__builtin_expect(tail->begins != 0, 0)) {
        begin_epoch(tail, record->time_ms);
    }
    record->sequence = ++tail->last_sequence; /* tail I1 */
    record->epoch = tail->epoch;
    tail->last_time_ms = record->time_ms;
    keep(tail, record);
}

/* tail I1, I2: from batch_start on there are records up to the last sequence, in order, MORE on all but the last. */
__attribute__((unused)) static bool batch_is_whole(const struct tail *tail)
{
    const uint8_t *data = tail->filling.data;
    uint64_t sequence = 0;
    bool more = false;
    for (size_t at = tail->batch_start; at < tail->filling.size;) {
        struct record record;
        size_t size;
        record_read(data + at, &record, &size);
        if (at > tail->batch_start && (!more || record.sequence != sequence + 1)) {
            return false;
        }
        sequence = record.sequence;
        more = (record.flags & RECORD_MORE) != 0;
        at += size;
    }
    return !more && (tail->filling.size == tail->batch_start || sequence == tail->last_sequence);
}

void tail_end(struct tail *tail)
{
    check(tail->open);
    check_slow(batch_is_whole(tail));
    tail->open = false;
}

void tail_declare(struct tail *tail, uint16_t type, struct gm_bytes name)
{
    enum names_outcome outcome = names_declare(&tail->names, type, name);
    check(outcome != NAMES_CHANGED); /* what was added with this number would mean something else */
}

void tail_revise(struct tail *tail, const struct record_revision *revision, uint64_t sequence)
{
    check(names_of(&tail->names, revision->type).size > 0);
    revisions_note(&tail->revisions, revision, sequence);
}

/* ---- who needs what ---- */

void tail_kept_changed(struct tail *tail)
{
    check(!tail->open);
    uint64_t kept = UINT64_MAX;
    for (struct list *at = tail->cursors.next; at != &tail->cursors; at = at->next) {
        const struct tail_cursor *cursor = container_of(at, struct tail_cursor, link);
        kept = cursor->keeps && cursor->position < kept ? cursor->position : kept;
    }
    tail->kept = kept;
    tail->carried = kept != UINT64_MAX || tail->window > 0;
    tail_trim(tail);
    check(tail->carried || list_empty(&tail->pieces)); /* tail I2: what would come next does not follow them */
}

void tail_keep(struct tail *tail, size_t bytes)
{
    tail->window = bytes;
    tail_kept_changed(tail);
}

void tail_continue(struct tail *tail, uint64_t last_sequence, uint64_t epoch)
{
    size_t window = tail->window;
    tail->window = 0;
    tail_kept_changed(tail);
    check(!tail->carried); /* no cursor keeps */
    revisions_clear(&tail->revisions);
    tail->last_sequence = last_sequence;
    tail->epoch = epoch;
    tail->begins = 0;
    epochs_cut(&tail->epochs, last_sequence);
    tail->last_time_ms = 0;
    tail_keep(tail, window);
}

uint64_t tail_first(const struct tail *tail)
{
    return list_empty(&tail->pieces) ? tail->last_sequence + 1
                                     : container_of(tail->pieces.next, struct tail_piece, link)->first;
}

void tail_finish(struct tail *tail)
{
    check(list_empty(&tail->cursors));
    tail->window = 0;
    tail->open = false;
    tail_kept_changed(tail);
    check(tail->memory == 0); /* tail I5 */
    memory_free(tail->spare);
    tail->spare = NULL;
    names_finish(&tail->names);
    revisions_finish(&tail->revisions);
    epochs_finish(&tail->epochs);
}
