/* SPDX-License-Identifier: MIT */

/* tail.c - numbering records and joining them to batches; tail.h has the argument.
 *
 * Idea     A record is encoded without MORE; the one before it gets MORE when its successor comes, so that a batch of
 *          one, by far the most common, is sealed once.
 */
#include "log/tail.h"

#define EPOCH_ROOM (RECORD_HEADER_SIZE + RECORD_EPOCH_MAX) /* bytes that an EPOCH record takes at most */

void tail_init(struct tail *tail, uint64_t last_sequence, uint64_t epoch, bool carried)
{
    *tail = (struct tail){.last_sequence = last_sequence, .epoch = epoch, .carried = carried};
    buf_init(&tail->pending, TAIL_PENDING_MAX);
}

void tail_finish(struct tail *tail)
{
    buf_finish(&tail->pending);
    epochs_finish(&tail->epochs);
}

void tail_set_epochs(struct tail *tail, const struct epochs *epochs)
{
    check(!tail->open);
    epochs_copy(&tail->epochs, epochs);
    tail->epoch = epochs_last(epochs);
}

void tail_lead(struct tail *tail, uint64_t epoch, const struct record_epoch *leader)
{
    check(!tail->open);
    check(epoch > epochs_last(&tail->epochs)); /* tail I3 */
    tail->begins = epoch;
    tail->leader = *leader;
}

void tail_begin(struct tail *tail)
{
    check(!tail->open);
    tail->open = true;
    tail->batch_start = tail->pending.size;
    tail->last_start = tail->pending.size;
}

static void encode(struct tail *tail, const struct record *record)
{
    if (!tail->carried) {
        return;
    }
    size_t start = tail->pending.size;
    bool encoded = record_encode(record, &tail->pending);
    check(encoded);
    check(tail->pending.size - tail->batch_start <= TAIL_BATCH_MAX);
    if (start > tail->batch_start) {
        record_set_more(tail->pending.data + tail->last_start, true); /* tail I1 */
    }
    tail->last_start = start;
}

/* The EPOCH record, before the first record of an epoch. */
static void begin_epoch(struct tail *tail, int64_t time_ms)
{
    uint8_t body[RECORD_EPOCH_MAX];
    struct complaint complaint;
    struct record record = {.sequence = ++tail->last_sequence,
                            .epoch = tail->begins,
                            .time_ms = time_ms,
                            .op = RECORD_OP_EPOCH,
                            .body = record_epoch_body(&tail->leader, body)};
    check(tail->pending.size == tail->batch_start); /* tail I3: the first of its batch */
    enum status status = epochs_take(&tail->epochs, &record, false, &complaint);
    check(status == STATUS_OK);
    tail->epoch = tail->begins;
    tail->begins = 0;
    encode(tail, &record);
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
    encode(tail, record);
}

void tail_end(struct tail *tail)
{
    check(tail->open);
    tail->open = false;
}

size_t tail_room(const struct tail *tail)
{
    size_t pending = tail->pending.limit - tail->pending.size;
    size_t batch = TAIL_BATCH_MAX - (tail->open ? tail->pending.size - tail->batch_start : 0);
    size_t room = pending < batch ? pending : batch;
    size_t epoch = tail->begins != 0 ? EPOCH_ROOM : 0;
    return room > epoch ? room - epoch : 0;
}
