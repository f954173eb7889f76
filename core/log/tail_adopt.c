/* SPDX-License-Identifier: MIT */

/* tail_adopt.c - taking over a batch as its author has numbered it.
 *
 * Why      A follower's log must be the leader's, sequence by sequence, so the tail must not number again. But the type
 *          numbers are each node's own; and what comes from outside is anything until it has been looked at.
 *
 * Idea     Two passes. The first believes nothing and changes nothing: it parses every record, and compares it with
 *          what a batch is and with what must come next. The second copies the whole, and puts our numbers where they
 *          differ; the body's checksum is the author's, and stays.
 *
 * Promises
 *   I1  Refused is refused as a whole: nothing has changed.
 *   I2  An epoch begins here as it did there: with its EPOCH record, the first of its batch.
 *   I3  What was taken over differs from what came in the types' numbers alone, and in the headers' checksums for them.
 *
 * Limits   Both passes in one go: a batch of 1 GiB takes as long as its checksums take.
 */
#include <inttypes.h>

#include "log/tail_state.h"

/* What the first pass is told, and has found. */
struct batch {
    const struct names_map *map;
    uint32_t databases;
    uint64_t last_sequence;
    uint64_t epoch;
    int64_t last_time_ms;
    bool begins;         /* an epoch, with its first record: */
    struct record first; /* borrowed */
};

static enum status refuse(enum status status, struct complaint *complaint, const char *why)
{
    complaint_set(complaint, "%s", why);
    return status;
}

/* The first record must continue the history. */
static enum status continues(const struct tail *tail, const struct record *record, struct complaint *complaint)
{
    if (record->sequence != tail->last_sequence + 1) {
        complaint_set(complaint, "the batch begins with record %" PRIu64 ", but the next one is %" PRIu64,
                      record->sequence, tail->last_sequence + 1);
        return STATUS_INVALID;
    }
    return epochs_judge(&tail->epochs, record, complaint) == STATUS_OK ? STATUS_OK : STATUS_INVALID;
}

/* One record, which is well formed, behind `batch`. */
static enum status judge_record(struct batch *batch, const struct record *record, struct complaint *complaint)
{
    if ((record->flags & (RECORD_LOCAL | RECORD_DUMP | RECORD_DAMAGED)) != 0) {
        return refuse(STATUS_CORRUPT, complaint, "a record of the batch is not of a history");
    }
    bool begins = record->type == 0 && record->op == RECORD_OP_EPOCH;
    if (record->sequence != batch->last_sequence + 1 || record->epoch != batch->epoch ||
        (begins && record->sequence != batch->first.sequence)) { /* tail_adopt I2 */
        return refuse(STATUS_CORRUPT, complaint, "the records of the batch do not belong together");
    }
    TRY(record_expect_known(record, complaint)); /* record I3 */
    if (record->type != 0 && names_map_of(batch->map, record->type) == 0) {
        complaint_set(complaint, "record %" PRIu64 " has type number %u, which was not declared", record->sequence,
                      record->type);
        return STATUS_CORRUPT;
    }
    if (record_database_last(record) >= batch->databases) {
        complaint_set(complaint,
                      "record %" PRIu64 " names database %u, but there are %" PRIu32 " here: the setting "
                      "'databases' must be the same on all nodes",
                      record->sequence, record_database_last(record), batch->databases);
        return STATUS_REFUSED;
    }
    batch->last_sequence = record->sequence;
    batch->last_time_ms = record->time_ms;
    return STATUS_OK;
}

static enum status judge(const struct tail *tail, struct gm_bytes bytes, struct batch *batch,
                         struct complaint *complaint)
{
    bool more = true;
    for (size_t at = 0; more;) {
        struct record record;
        size_t size = 0;
        enum status status =
            record_parse((struct gm_bytes){bytes.data + at, bytes.size - at}, &record, &size, complaint);
        if (status == STATUS_AGAIN) {
            return refuse(STATUS_CORRUPT, complaint, "the batch is not whole");
        }
        TRY(status);
        if (at == 0) {
            TRY(continues(tail, &record, complaint));
            batch->last_sequence = tail->last_sequence;
            batch->epoch = record.epoch;
            batch->begins = record.type == 0 && record.op == RECORD_OP_EPOCH;
            batch->first = record;
        }
        TRY(judge_record(batch, &record, complaint));
        at += size;
        more = (record.flags & RECORD_MORE) != 0;
        if (!more && at < bytes.size) {
            return refuse(STATUS_CORRUPT, complaint, "there is something behind the batch");
        }
    }
    return STATUS_OK;
}

static void renumber(uint8_t *bytes, size_t size, const struct names_map *map)
{
    for (size_t at = 0; at < size;) {
        struct record record;
        size_t taken;
        record_read(bytes + at, &record, &taken);
        uint16_t type = names_map_of(map, record.type);
        if (record.type != 0 && type != record.type) {
            check(type != 0);                  /* the first pass has seen it */
            record_set_type(bytes + at, type); /* tail_adopt I3 */
        }
        at += taken;
    }
}

static void append(struct tail *tail, const struct names_map *map, struct gm_bytes bytes)
{
    struct buf *filling = &tail->filling;
    if (filling->capacity - filling->size < bytes.size) {
        tail_grow(tail, bytes.size, tail->last_sequence + 1);
    }
    check(filling->capacity - filling->size >= bytes.size);
    uint8_t *target = filling->data + filling->size;
    memcpy(target, bytes.data, bytes.size);
    renumber(target, bytes.size, map); /* tail_adopt I3: the numbers alone, so as many bytes */
    filling->size += bytes.size;
}

enum status tail_adopt(struct tail *tail, const struct names_map *map, uint32_t databases, struct gm_bytes batch,
                       struct complaint *complaint)
{
    check(!tail->open);
    struct batch found = {.map = map, .databases = databases};
    if (batch.size > tail_room(tail)) {
        complaint_set(complaint, "the batch takes %zu bytes, more than there is room for", batch.size);
        return STATUS_TOO_BIG;
    }
    if (batch.size == 0) {
        return refuse(STATUS_CORRUPT, complaint, "the batch is not whole");
    }
    TRY(judge(tail, batch, &found, complaint)); /* tail_adopt I1 */
    tail_begin(tail);
    if (tail->carried) {
        append(tail, map, batch);
    }
    check(found.last_sequence > tail->last_sequence && found.epoch >= tail->epoch); /* tail I1 */
    if (found.begins) {
        enum status status = epochs_take(&tail->epochs, &found.first, false, complaint);
        check(status == STATUS_OK); /* the first pass has seen it */
        tail->begins = 0;           /* somebody else leads */
    }
    tail->last_sequence = found.last_sequence;
    tail->epoch = found.epoch;
    tail->last_time_ms = found.last_time_ms;
    tail_end(tail);
    return STATUS_OK;
}
