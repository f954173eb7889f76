/* SPDX-License-Identifier: MIT */

/* tail.c - numbering records and joining them to batches; tail.h has the argument.
 *
 * Idea     A record is encoded without MORE; the one before it gets MORE when its successor comes, so that a batch of
 *          one, by far the most common, is sealed once.
 */
#include "log/tail.h"

void tail_init(struct tail *tail, uint64_t last_sequence, uint64_t epoch, bool carried)
{
    *tail = (struct tail){.last_sequence = last_sequence, .epoch = epoch, .carried = carried};
    buf_init(&tail->pending, TAIL_PENDING_MAX);
}

void tail_finish(struct tail *tail)
{
    buf_finish(&tail->pending);
}

void tail_begin(struct tail *tail)
{
    check(!tail->open);
    tail->open = true;
    tail->batch_start = tail->pending.size;
    tail->last_start = tail->pending.size;
}

void tail_add(struct tail *tail, struct record *record)
{
    check(tail->open);
    check((record->flags & (RECORD_LOCAL | RECORD_MORE)) == 0);
    record->sequence = ++tail->last_sequence;
    record->epoch = tail->epoch;
    tail->last_time_ms = record->time_ms;
    if (!tail->carried) {
        return;
    }
    size_t start = tail->pending.size;
    bool encoded = record_encode(record, &tail->pending);
    check(encoded);
    check(tail->pending.size - tail->batch_start <= TAIL_BATCH_MAX);
    if (start > tail->batch_start) {
        record_set_more(tail->pending.data + tail->last_start, true);
    }
    tail->last_start = start;
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
    return pending < batch ? pending : batch;
}
