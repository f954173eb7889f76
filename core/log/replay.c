/* SPDX-License-Identifier: MIT */

/* replay.c - reading a log back: its segments in order, their records, whole batches to the sink.
 *
 * Why      What was acknowledged must be there again, and in order; and a log with gigabytes must neither need them in
 *          memory nor keep the loop from its other work.
 *
 * Idea     The segments form a chain of consecutive sequences. The window below slides over them; a batch is delivered
 *          when its last record has been checked.
 *
 *            file   ....delivered....|batch, still growing|next record|not read yet.....
 *            data                     ^batch_start         ^parsed     ^filled
 *
 *          Which segments are read is found out in replay_list.c. Where no valid record begins, replay_judge.c decides
 *          whether that is the end of a segment, a torn tail or damage.
 *
 * Promises
 *   P1  Whole batches, in order, each once, from record from + 1 on. What is delivered was in the log, bit for bit.
 *   P2  Nothing is changed before the decision, nothing at all on damage, nothing without `repair`. What is cut was
 *       copied and synced before.
 *   P3  Interrupted at any point and run again, it comes to the same end.
 *   P4  Memory: one batch, and a window.
 *   P5  No hole between snapshot and log, and none behind: all records from `from` + 1 up to the highest that any mark
 *       claims are delivered, or it is refused.
 *   P6  Every record is of the epoch that the last EPOCH record before it has begun (log/epochs.h), and the tables at
 *       the heads of the segments, and the snapshot's, say the same: or it is refused.
 *   P7  Nothing is delivered behind a record that this program does not understand.
 *
 * Limits   Every file is read once, in order; the last one's end once or twice more.
 */
#include "log/replay.h"

#include <inttypes.h>

#include "base/memory.h"
#include "log/replay_state.h"
#include "log/scan.h"

#define WINDOW ((size_t)1024 * 1024) /* bytes read at a time */

/* ---- beginning ---- */

enum status replay_create_with(struct replay **out, struct disk *disk, bool repair, uint64_t from,
                               const struct replay_rules *rules, struct complaint *complaint)
{
    struct replay *replay = memory_zeroed(sizeof *replay);
    replay->disk = disk;
    replay->repair = repair;
    replay->from = from;
    replay->rules = *rules;
    replay->data = memory_alloc(1); /* never NULL: there are pointers into it */
    enum status status = replay_list_find(replay, complaint);
    if (status != STATUS_OK) {
        replay_destroy(replay);
        return status;
    }
    *out = replay;
    return STATUS_OK;
}

enum status replay_create(struct replay **out, struct disk *disk, bool repair, uint64_t from,
                          struct complaint *complaint)
{
    static const struct replay_rules rules = {.heed_marks = true, .heed_bytes = true};
    return replay_create_with(out, disk, repair, from, &rules, complaint);
}

void replay_expect(struct replay *replay, const struct epochs *epochs)
{
    check(!replay->expects && replay->at.file == NULL && replay->index == 0); /* nothing has been read yet */
    check(epochs_number(epochs, replay->from) == epochs_last(epochs));
    epochs_copy(&replay->expected, epochs);
    replay->expects = true;
    if (replay->segment_count == 0) {
        epochs_copy(&replay->epochs, epochs);
    }
}

/* ---- one segment ---- */

static enum status read_header(struct replay *replay, struct complaint *complaint)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    size_t got = 0;
    enum status status = replay->disk->ops->read(replay->disk, replay->at.file, 0, bytes, sizeof bytes, &got);
    if (status != STATUS_OK) {
        return replay_judge_no_access(replay->name, status, complaint);
    }
    status = segment_parse((struct gm_bytes){bytes, got}, &replay->header, complaint);
    if (status == STATUS_CORRUPT) {
        struct complaint why = *complaint;
        return replay_judge_damaged(replay, 0, complaint, why.text);
    }
    if (status == STATUS_OK && replay->repair && replay_is_last(replay) && replay->header.continue_features != 0) {
        complaint_set(complaint, "it can be read, but not continued, by this version");
        status = STATUS_VERSION;
    }
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "%s", replay->name);
        return status;
    }
    if (replay->header.first_sequence != replay->segments[replay->index]) {
        return replay_judge_damaged(replay, 0, complaint, "its header belongs to another segment");
    }
    return STATUS_OK;
}

static enum status begin_segment(struct replay *replay, struct complaint *complaint)
{
    check(!replay->done && replay->index < replay->segment_count && !replay->batch_open);
    segment_name(replay->segments[replay->index], replay->name);
    enum disk_open how = replay->repair && replay_is_last(replay) ? DISK_WRITE : DISK_READ;
    replay->at.disk = replay->disk;
    enum status status = replay->disk->ops->open(replay->disk, replay->name, how, &replay->at.file);
    if (status == STATUS_OK) {
        status = replay->disk->ops->size(replay->disk, replay->at.file, &replay->at.size);
    }
    if (status != STATUS_OK) {
        return replay_judge_no_access(replay->name, status, complaint);
    }
    TRY(read_header(replay, complaint));
    memset(replay->declared, 0, sizeof replay->declared);
    memset(replay->revisions, 0, sizeof replay->revisions);
    replay->has_table = false;
    replay->base = SEGMENT_HEADER_SIZE;
    replay->filled = 0;
    replay->parsed = 0;
    replay->progress.segments++;
    return STATUS_OK;
}

/* ---- records ---- */

/* Reads on, a window at most, towards `needed` bytes from `parsed` on; the caller knows that the file has them. */
static enum status fill(struct replay *replay, size_t needed, struct complaint *complaint)
{
    size_t keep = replay->batch_open ? replay->batch_start : replay->parsed;
    check(keep <= replay->parsed && replay->parsed <= replay->filled);
    if (keep > 0) {
        memmove(replay->data, replay->data + keep, replay->filled - keep);
        replay->base += keep;
        replay->filled -= keep;
        replay->parsed -= keep;
        replay->batch_start = 0;
    }
    uint64_t rest = replay->at.size - replay->base - replay->filled;
    check(needed > replay->filled - replay->parsed); /* else it would have been parsed */
    size_t piece = rest < WINDOW ? (size_t)rest : WINDOW;
    size_t wanted = replay->parsed + needed;
    wanted = wanted < replay->filled + piece ? replay->filled + piece : wanted;
    if (wanted > replay->capacity) {
        /* A batch that grows piece by piece is moved a few times only. */
        replay->capacity = wanted > replay->capacity * 2 ? wanted : replay->capacity * 2;
        replay->data = memory_realloc(replay->data, replay->capacity);
    }
    size_t got = 0;
    enum status status = replay->disk->ops->read(replay->disk, replay->at.file, replay->base + replay->filled,
                                                 replay->data + replay->filled, piece, &got);
    if (status == STATUS_OK && got < piece) {
        status = STATUS_IO; /* somebody cuts the file while it is read */
    }
    replay->filled += got;
    check(replay->filled <= replay->capacity); /* replay P4 */
    replay->effort += got;
    return status == STATUS_OK ? STATUS_OK : replay_judge_no_access(replay->name, status, complaint);
}

static void prefix_place(const struct replay *replay, struct complaint *complaint)
{
    complaint_prefix(complaint, "%s, byte %" PRIu64, replay->name, replay->base + replay->parsed);
}

/* At the record `from`, once everything up to it is known: the snapshot must be of this history. */
static enum status meet_snapshot(const struct replay *replay, struct complaint *complaint)
{
    if (replay->expects && !epochs_agree(&replay->epochs, &replay->expected)) {
        bool same = epochs_same_data(&replay->epochs, &replay->expected);
        return replay_judge_damaged(replay, replay->base + replay->parsed, complaint,
                                    same ? "the snapshot has other epochs: it is of another log"
                                         : "the snapshot has another secret: it is of another data set");
    }
    return STATUS_OK;
}

static enum status take_table(struct replay *replay, const struct record *record, struct complaint *complaint)
{
    uint64_t at = replay->base + replay->parsed;
    struct complaint why;
    if (replay->has_table) {
        return replay_judge_damaged(replay, at, complaint, "it has a second table of epochs");
    }
    if (epochs_decode(&replay->head, record, &why) != STATUS_OK) {
        return replay_judge_damaged(replay, at, complaint, why.text);
    }
    if (epochs_last(&replay->head) != replay->header.epoch) {
        return replay_judge_damaged(replay, at, complaint, "its header is of another epoch than its table");
    }
    if (replay->index > 0 && !epochs_agree(&replay->epochs, &replay->head)) { /* replay P6, epochs I4 */
        bool same = epochs_same_data(&replay->epochs, &replay->head);
        return replay_judge_damaged(
            replay, at, complaint,
            same ? "its table has other epochs than the records before it"
                 : "it has another secret than the segment before it: it is of another data set");
    }
    check(replay->last_sequence + 1 == replay->header.first_sequence && !replay->batch_open); /* replay P1 */
    if (replay->index == 0) {
        epochs_copy(&replay->epochs, &replay->head);
    }
    replay->has_table = true;
    return replay->last_sequence == replay->from ? meet_snapshot(replay, complaint) : STATUS_OK;
}

/* What a type that was declared has in store. NULL: the sink has heard of it, with *status; else what is wrong. */
static const char *take_revision(struct replay *replay, const struct record *record, struct record_sink *sink,
                                 enum status *status, struct complaint *complaint)
{
    struct record_revision revision;
    if (!record_read_revision(record, &revision)) {
        return "a record about a type's revision makes no sense";
    }
    const char *fault = scan_revision_misplaced(&revision, replay->declared, replay->revisions);
    if (fault != NULL) {
        return fault;
    }
    replay->revisions[revision.type] = (uint8_t)revision.revision;
    *status = sink->revise != NULL ? sink->revise(sink, &revision, complaint) : STATUS_OK;
    if (*status != STATUS_OK) {
        complaint_prefix(complaint, "%s", replay->name);
    }
    return NULL;
}

static enum status take_local(struct replay *replay, const struct record *record, struct record_sink *sink,
                              struct complaint *complaint)
{
    uint64_t at = replay->base + replay->parsed;
    const char *fault = scan_local_misplaced(record, replay->last_sequence, replay->batch_open);
    if (fault != NULL) {
        return replay_judge_damaged(replay, at, complaint, fault);
    }
    uint16_t type;
    uint64_t durable;
    uint64_t salt;
    struct gm_bytes name;
    if (record->op == RECORD_OP_EPOCHS) {
        return take_table(replay, record, complaint);
    }
    if (record->op == RECORD_OP_TYPE && record_read_type(record, &type, &name)) {
        replay->declared[type / 64] |= (uint64_t)1 << type % 64;
        replay->revisions[type] = 0;
        enum status status = sink->declare(sink, type, name, complaint);
        if (status != STATUS_OK) {
            prefix_place(replay, complaint);
        }
        return status;
    }
    if (record->op == RECORD_OP_REVISION) {
        enum status status = STATUS_OK;
        fault = take_revision(replay, record, sink, &status, complaint);
        return fault != NULL ? replay_judge_damaged(replay, at, complaint, fault) : status;
    }
    if (record->op == RECORD_OP_DURABLE && record_read_durable(record, &durable, &salt) &&
        salt == replay->header.salt && durable <= record->sequence) {
        replay->durable = durable > replay->durable ? durable : replay->durable;
        return STATUS_OK;
    }
    if (record->op != RECORD_OP_TYPE && record->op != RECORD_OP_DURABLE) {
        complaint_set(complaint, "a record about the file has operation %u, which this program does not know",
                      record->op);
        prefix_place(replay, complaint);
        return STATUS_VERSION;
    }
    struct complaint why;
    record_explain_local(record, &why);
    return replay_judge_damaged(replay, at, complaint, why.text);
}

static enum status deliver_one(struct replay *replay, const struct record *record, size_t size,
                               struct record_sink *sink, struct complaint *complaint)
{
    check(record->sequence == replay->whole_sequence + 1);                         /* replay P1 */
    check_slow(epochs_number(&replay->epochs, record->sequence) == record->epoch); /* replay P6 */
    replay->last_time_ms = record->time_ms;
    replay->whole_sequence = record->sequence;
    if (record->sequence <= replay->from) {
        return record->sequence == replay->from ? meet_snapshot(replay, complaint) : STATUS_OK;
    }
    replay->progress.records++;
    replay->progress.bytes_delivered += size;
    enum status status = sink->accept(sink, record, complaint);
    if (__builtin_expect(status != STATUS_OK, 0)) {
        prefix_place(replay, complaint);
    }
    return status;
}

/* The batch whose last record takes `size` bytes from `parsed` on. */
static enum status deliver_batch(struct replay *replay, size_t size, struct record_sink *sink,
                                 struct complaint *complaint)
{
    size_t end = replay->parsed + size;
    check(replay->batch_open && replay->batch_start <= replay->parsed && end <= replay->filled); /* replay P1 */
    if (replay->whole_sequence < replay->from && replay->from < replay->last_sequence) {
        return replay_judge_damaged(replay, replay->base + replay->batch_start, complaint,
                                    "the snapshot ends within a batch: it is of another log");
    }
    replay->progress.batches += replay->last_sequence > replay->from;
    for (size_t at = replay->batch_start; at < end;) {
        struct record record;
        size_t taken;
        record_read(replay->data + at, &record, &taken);
        TRY(deliver_one(replay, &record, taken, sink, complaint));
        at += taken;
    }
    check(replay->whole_sequence == replay->last_sequence); /* replay P1: the whole batch */
    replay->batch_open = false;
    return STATUS_OK;
}

static enum status take(struct replay *replay, const struct record *record, size_t size, struct record_sink *sink,
                        struct complaint *complaint)
{
    uint64_t at = replay->base + replay->parsed;
    bool local = (record->flags & RECORD_LOCAL) != 0;
    if (__builtin_expect(!replay->has_table, 0) && !(local && record->op == RECORD_OP_EPOCHS)) {
        return replay_judge_damaged(replay, at, complaint, "it does not begin with a table of epochs");
    }
    if (local) {
        return take_local(replay, record, sink, complaint);
    }
    struct complaint why;
    bool declared = (replay->declared[record->type / 64] >> record->type % 64 & 1) != 0;
    const char *fault = scan_misplaced(record, replay->last_sequence, declared);
    if (fault == NULL && __builtin_expect(record_expect_known(record, complaint) != STATUS_OK, 0)) {
        prefix_place(replay, complaint);
        return STATUS_VERSION; /* replay P7 */
    }
    if (fault == NULL && epochs_take(&replay->epochs, record, replay->batch_open, &why) != STATUS_OK) {
        fault = why.text; /* replay P6 */
    }
    if (__builtin_expect(fault != NULL, 0)) {
        return replay_judge_damaged(replay, at, complaint, fault);
    }
    replay->last_sequence = record->sequence;
    if (!replay->batch_open && (record->flags & RECORD_MORE) == 0) {
        replay->progress.batches += record->sequence > replay->from;
        return deliver_one(replay, record, size, sink, complaint);
    }
    if (!replay->batch_open) {
        replay->batch_open = true;
        replay->batch_start = replay->parsed;
    }
    fault = scan_too_large(replay->parsed + size - replay->batch_start);
    if (fault != NULL) {
        return replay_judge_damaged(replay, at, complaint, fault);
    }
    if ((record->flags & RECORD_MORE) != 0) {
        return STATUS_OK;
    }
    return deliver_batch(replay, size, sink, complaint);
}

/* A record that has been parsed and not been taken yet. */
struct ahead {
    struct record record;
    size_t size; /* bytes that it takes */
};

/* Parses some of the records in the window and announces them: the sink's memory can be fetched for all of them at
 * once. Returns how many; none: `*status`, `*size` and `why` are those of the first. */
static size_t parse_ahead(const struct replay *replay, struct record_sink *sink,
                          struct ahead ahead[static RECORD_SINK_AHEAD], enum status *status, size_t *size,
                          struct complaint *why)
{
    size_t count = 0;
    size_t at = replay->parsed;
    for (; count < RECORD_SINK_AHEAD; count++) {
        struct ahead *next = &ahead[count];
        next->size = 0;
        *status =
            record_parse((struct gm_bytes){replay->data + at, replay->filled - at}, &next->record, &next->size, why);
        if (*status != STATUS_OK) {
            *size = next->size;
            break;
        }
        at += next->size;
        if (sink->foresee != NULL && (next->record.flags & RECORD_LOCAL) == 0) {
            sink->foresee(sink, &next->record);
        }
    }
    return count;
}

/* Some records, or the end of the segment. AGAIN: there may be more. */
static enum status advance(struct replay *replay, struct record_sink *sink, struct complaint *complaint)
{
    struct ahead ahead[RECORD_SINK_AHEAD];
    struct complaint why;
    enum status status;
    size_t size = 0;
    size_t count = parse_ahead(replay, sink, ahead, &status, &size, &why);
    for (size_t i = 0; i < count; i++) {
        TRY(take(replay, &ahead[i].record, ahead[i].size, sink, complaint));
        replay->parsed += ahead[i].size;
    }
    if (__builtin_expect(count > 0, 1)) {
        return STATUS_AGAIN;
    }
    if (status == STATUS_CORRUPT) {
        return replay_judge(replay, size > 0 ? size : RECORD_HEADER_SIZE, why.text, complaint);
    }
    if (size > replay->at.size - replay->base - replay->parsed) {
        return replay_judge(replay, size, "the file ends within a record", complaint);
    }
    if (sink->foresee != NULL) {
        sink->foresee(sink, NULL); /* keys of a batch that is still open move */
    }
    TRY(fill(replay, size, complaint));
    return STATUS_AGAIN;
}

enum status replay_step(struct replay *replay, size_t budget, struct record_sink *sink, struct complaint *complaint)
{
    check(replay->done || replay->segment_count > 0);
    replay->effort = 0;
    while (!replay->done && replay->effort < budget) {
        if (replay->at.file == NULL) {
            TRY(begin_segment(replay, complaint));
        }
        enum status status = advance(replay, sink, complaint);
        if (status != STATUS_AGAIN && status != STATUS_OK) {
            return status;
        }
    }
    return replay->done ? STATUS_OK : STATUS_AGAIN;
}

void replay_progress(const struct replay *replay, struct replay_progress *out)
{
    *out = replay->progress;
    out->durable = replay->durable;
    out->bytes_done = replay->bytes_before + (replay->at.file != NULL ? replay->base + replay->parsed : 0);
}

void replay_end(const struct replay *replay, struct replay_end *out)
{
    check(replay->done);
    check(replay->whole_sequence >= replay->from); /* replay P5 */
    *out = (struct replay_end){.exists = replay->segment_count > 0,
                               .last_sequence = replay->whole_sequence,
                               .last_epoch = epochs_last(&replay->epochs),
                               .last_time_ms = replay->last_time_ms,
                               .oldest = replay->mark.oldest,
                               .offset = replay->end_offset,
                               .unrepaired = replay->unrepaired,
                               .torn_end = replay->torn_end,
                               .abandoned = replay->unrepaired ? replay->abandoned : 0};
    memcpy(out->segment, replay->name, sizeof out->segment);
}

const struct epochs *replay_epochs(const struct replay *replay)
{
    check(replay->done);
    return &replay->epochs;
}

void replay_destroy(struct replay *replay)
{
    if (replay == NULL) {
        return;
    }
    if (replay->at.file != NULL) {
        replay->disk->ops->close(replay->disk, replay->at.file);
    }
    epochs_finish(&replay->epochs);
    epochs_finish(&replay->head);
    epochs_finish(&replay->expected);
    memory_free(replay->segments);
    memory_free(replay->data);
    memory_free(replay);
}
