/* SPDX-License-Identifier: MIT */

/* replay.c - reading a log back, and deciding what its end means.
 *
 * Why      After a crash the last group may be there in part: the log must go on without it. After rot, or a cut file,
 *          or a lost one, records are missing that somebody was promised: the log must not go on. Both show as a bad
 *          record.
 *
 * Idea     The segments form a chain of consecutive sequences. The window below slides over them; a batch is delivered
 *          when its last record has been checked.
 *
 *            file   ....delivered....|batch, still growing|next record|not read yet.....
 *            data                     ^batch_start         ^parsed     ^filled
 *
 *          At the first place where no valid record begins:
 *
 *            zeros to the end of the file, no batch open ............ the end of this segment
 *            else, in a segment that is not the last ................ damage
 *            else, something says that the record was synced ........ damage   (a mark before or behind, the mark file,
 *                                                                              the name of a segment)
 *            else, the bytes are not what a crash can leave ......... damage   (tear_possible)
 *            else ................................................... a torn tail: kept aside, cut
 *
 *          And at the very end: a log that is shorter than some mark says is damaged too.
 *
 *          With a snapshot of record `from`, the chain need not begin at its beginning: the last segment that begins at
 *          or before from + 1 is enough. A snapshot is a mark as well, since it is published only when the log is on
 *          stable storage up to its record.
 *
 *            segments   [1..99] [100..199] [200..299] [300..        from = 250
 *                       not looked at      checked    delivered
 *
 * Promises
 *   P1  Whole batches, in order, each once, from record from + 1 on. What is delivered was in the log, bit for bit.
 *   P2  Nothing is changed before the decision, nothing at all on damage, nothing without `repair`. What is cut was
 *       copied and synced before.
 *   P3  Interrupted at any point and run again, it comes to the same end.
 *   P4  Memory: one batch, and a window.
 *   P5  No hole between snapshot and log, and none behind: all records from `from` + 1 up to the highest that any mark
 *       claims are delivered, or it is refused.
 *
 * Limits   Every file is read once, in order; the last one's end once or twice more.
 */
#include "log/replay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "log/mark.h"
#include "log/replay_rules.h"
#include "log/segment.h"
#include "log/tail.h"
#include "log/tear.h"

#define WINDOW       ((size_t)1024 * 1024) /* bytes read at a time */
#define SEGMENTS_MAX ((size_t)1024 * 1024)
#define SEGMENT_COST ((size_t)64 * 1024) /* of a step's budget, for opening one */

struct replay {
    struct disk *disk;
    bool repair;
    uint64_t from; /* the last record that needs no delivery */
    struct replay_rules rules;

    uint64_t *segments; /* first sequences, ascending; after choose_start, from the one to begin with on */
    size_t segment_count;
    size_t index;       /* of the segment being read */
    uint64_t abandoned; /* a segment behind the last whose creation was not finished; 0: none */
    struct mark mark;
    uint64_t durable; /* all up to it was on stable storage, as far as is known */

    struct tear_file at; /* the segment being read; at.file is NULL between segments */
    char name[DISK_NAME_MAX];
    struct segment_header header;
    uint64_t declared[65536 / 64]; /* bit set of the types declared in this segment */

    uint8_t *data; /* bytes base.. of the file */
    size_t capacity;
    uint64_t base;
    size_t filled;
    size_t parsed;
    size_t batch_start;
    bool batch_open;
    uint64_t effort; /* bytes read in this step: about as many are parsed */

    uint64_t last_sequence;  /* of the last record parsed */
    uint64_t whole_sequence; /* of the last record of a whole batch, delivered unless it is up to `from` */
    uint64_t last_epoch;
    int64_t last_time_ms;
    bool done;
    uint64_t end_offset;
    uint64_t bytes_before; /* in segments that are done */
    struct replay_progress progress;
};

/* ---- refusals ---- */

static enum status refuse(const struct replay *replay, uint64_t offset, struct complaint *complaint, const char *why)
{
    complaint_set(complaint, "%s is damaged at byte %" PRIu64 ": %s; to look at it: geomys-log verify %s", replay->name,
                  offset, why, replay->name);
    return STATUS_CORRUPT;
}

static enum status no_access(const char *name, enum status status, struct complaint *complaint)
{
    complaint_set(complaint, "%s can not be read or repaired: %s", name, status_text(status));
    return status;
}

static void prefix_place(const struct replay *replay, struct complaint *complaint)
{
    complaint_prefix(complaint, "%s, byte %" PRIu64, replay->name, replay->base + replay->parsed);
}

/* ---- the list of segments ---- */

static bool add_name(void *context, const char *name)
{
    struct replay *replay = context;
    uint64_t first;
    if (segment_name_parse(name, &first) && replay->segment_count < SEGMENTS_MAX) {
        replay->segments = memory_realloc(replay->segments, (replay->segment_count + 1) * sizeof *replay->segments);
        replay->segments[replay->segment_count++] = first;
    }
    return true;
}

static int by_sequence(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

/* The mark file of a log without segments: it may have been under way when the process stopped for the first time. */
static enum status read_lonely_mark(struct replay *replay, struct complaint *complaint)
{
    enum status status = mark_read(replay->disk, &replay->mark, complaint);
    if (status == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    if (status == STATUS_CORRUPT) {
        struct tear_file file = {.disk = replay->disk};
        bool torn = false;
        TRY(file.disk->ops->open(file.disk, MARK_NAME, DISK_READ, &file.file));
        status = file.disk->ops->size(file.disk, file.file, &file.size);
        status = status == STATUS_OK ? tear_possible(&file, 0, 2 * (uint64_t)MARK_SLOT_SIZE, &torn) : status;
        file.disk->ops->close(file.disk, file.file);
        TRY(status);
        if (torn) {
            return STATUS_OK;
        }
        complaint_prefix(complaint, "the log has no segments, and its mark file is damaged");
        return STATUS_CORRUPT;
    }
    if (status == STATUS_OK && replay->mark.segment != 0) {
        char name[DISK_NAME_MAX];
        segment_name(replay->mark.segment, name);
        complaint_set(complaint,
                      "the log is gone: " MARK_NAME
                      " names %s, but there are no segments at all; put them back, or, if "
                      "what they held may be lost, move " MARK_NAME " away",
                      name);
        return STATUS_CORRUPT;
    }
    return status;
}

static enum status read_mark(struct replay *replay, struct complaint *complaint)
{
    enum status status = mark_read(replay->disk, &replay->mark, complaint);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    complaint_prefix(complaint,
                     "the log can not be trusted to be complete without its mark file (geomys-log cut FOLDER makes "
                     "a copy that has one)");
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}

/* Whether the newest segment is one whose creation did not come to its end: nothing was ever written into it but its
 * head. */
static enum status is_abandoned(const struct replay *replay, bool *out, struct complaint *complaint)
{
    struct tear_file file = {.disk = replay->disk};
    uint64_t first = replay->segments[replay->segment_count - 1];
    char name[DISK_NAME_MAX];
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    struct segment_header header;
    size_t got = 0;
    *out = false;
    segment_name(first, name);
    enum status status = file.disk->ops->open(file.disk, name, DISK_READ, &file.file);
    if (status != STATUS_OK) {
        return no_access(name, status, complaint);
    }
    status = file.disk->ops->size(file.disk, file.file, &file.size);
    if (status == STATUS_OK) {
        status = file.disk->ops->read(file.disk, file.file, 0, bytes, sizeof bytes, &got);
    }
    if (status == STATUS_OK && replay->mark.segment < first &&
        segment_parse((struct gm_bytes){bytes, got}, &header, complaint) == STATUS_CORRUPT) {
        status = tear_possible(&file, 0, SEGMENT_HEADER_SIZE, out);
    }
    file.disk->ops->close(file.disk, file.file);
    return status == STATUS_OK ? STATUS_OK : no_access(name, status, complaint);
}

static void forget_abandoned(struct replay *replay)
{
    uint64_t first = replay->segments[--replay->segment_count];
    /* Its name alone says that everything before it was on stable storage. */
    replay->durable = first - 1 > replay->durable ? first - 1 : replay->durable;
    replay->abandoned = first;
}

/* Its name is free again, once all else is decided. */
static enum status put_abandoned_aside(struct replay *replay, struct complaint *complaint)
{
    char name[DISK_NAME_MAX];
    char kept[DISK_NAME_MAX];
    if (!replay->repair || replay->abandoned == 0) {
        return STATUS_OK;
    }
    segment_name(replay->abandoned, name);
    enum status status = tear_put_aside(replay->disk, name, replay->abandoned, kept);
    return status == STATUS_OK ? STATUS_OK : no_access(name, status, complaint);
}

/* The log does not reach back to the snapshot, or to the beginning if there is none. */
static enum status refuse_hole(const struct replay *replay, struct complaint *complaint)
{
    uint64_t first = replay->segments[0];
    if (first > replay->mark.oldest) {
        uint64_t missing = replay->mark.oldest > replay->from ? replay->mark.oldest : replay->from + 1;
        complaint_set(complaint,
                      "records %" PRIu64 " to %" PRIu64 " are missing: the oldest segment begins with %" PRIu64
                      "; put the missing file back, or see what there is with 'geomys-log verify FOLDER'",
                      missing, first - 1, first);
    } else if (replay->from == 0) {
        complaint_set(complaint,
                      "records 1 to %" PRIu64 " are in no segment any more, but in snapshots, and there is none; put "
                      "the newest snapshot back, or see what there is with 'geomys-log verify FOLDER'",
                      first - 1);
    } else {
        complaint_set(complaint,
                      "records %" PRIu64 " to %" PRIu64 " are missing: the snapshot is of record %" PRIu64
                      ", the log begins with record %" PRIu64 "; put a newer snapshot back",
                      replay->from + 1, first - 1, replay->from, first);
    }
    return STATUS_CORRUPT;
}

/* Forgets the segments that hold nothing behind `from`. */
static enum status choose_start(struct replay *replay, struct complaint *complaint)
{
    size_t start = 0;
    if (replay->segments[0] - 1 > replay->from) {
        return refuse_hole(replay, complaint);
    }
    while (start + 1 < replay->segment_count && replay->segments[start + 1] - 1 <= replay->from) {
        start++;
    }
    replay->segment_count -= start;
    memmove(replay->segments, replay->segments + start, replay->segment_count * sizeof *replay->segments);
    return STATUS_OK;
}

static enum status check_ends(struct replay *replay, struct complaint *complaint)
{
    TRY(choose_start(replay, complaint));
    uint64_t first = replay->segments[0];
    uint64_t last = replay->segments[replay->segment_count - 1];
    if (last < replay->mark.segment) {
        char name[DISK_NAME_MAX];
        segment_name(replay->mark.segment, name);
        complaint_set(complaint,
                      "the newest segment is missing: " MARK_NAME
                      " names %s; put that file back, or see what there is with 'geomys-log verify FOLDER'",
                      name);
        return STATUS_CORRUPT;
    }
    replay->durable = last - 1 > replay->durable ? last - 1 : replay->durable;
    replay->last_sequence = first - 1;
    replay->whole_sequence = first - 1;
    return STATUS_OK;
}

static enum status measure(struct replay *replay, struct complaint *complaint)
{
    for (size_t i = 0; i < replay->segment_count; i++) {
        struct disk_file *file;
        uint64_t size = 0;
        char name[DISK_NAME_MAX];
        segment_name(replay->segments[i], name);
        enum status status = replay->disk->ops->open(replay->disk, name, DISK_READ, &file);
        if (status == STATUS_OK) {
            status = replay->disk->ops->size(replay->disk, file, &size);
            replay->disk->ops->close(replay->disk, file);
        }
        if (status != STATUS_OK) {
            return no_access(name, status, complaint);
        }
        replay->progress.bytes_total += size;
    }
    return STATUS_OK;
}

static enum status find_segments(struct replay *replay, struct complaint *complaint)
{
    enum status status = replay->disk->ops->list(replay->disk, add_name, replay);
    if (status != STATUS_OK) {
        return no_access("the data folder", status, complaint);
    }
    if (replay->segment_count > 0) {
        qsort(replay->segments, replay->segment_count, sizeof *replay->segments, by_sequence);
        TRY(read_mark(replay, complaint));
        replay->durable = replay->mark.durable;
        bool abandoned;
        TRY(is_abandoned(replay, &abandoned, complaint));
        if (abandoned) {
            forget_abandoned(replay);
        }
    }
    if (replay->segment_count == 0) {
        replay->done = true;
        replay->whole_sequence = replay->from;
        TRY(read_lonely_mark(replay, complaint));
        return put_abandoned_aside(replay, complaint);
    }
    TRY(check_ends(replay, complaint));
    return measure(replay, complaint);
}

enum status replay_create_with(struct replay **out, struct disk *disk, bool repair, uint64_t from,
                               const struct replay_rules *rules, struct complaint *complaint)
{
    struct replay *replay = memory_zeroed(sizeof *replay);
    replay->disk = disk;
    replay->repair = repair;
    replay->from = from;
    replay->rules = *rules;
    replay->data = memory_alloc(1); /* never NULL: there are pointers into it */
    enum status status = find_segments(replay, complaint);
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

/* ---- one segment ---- */

static bool is_last(const struct replay *replay)
{
    return replay->index + 1 == replay->segment_count;
}

static enum status read_header(struct replay *replay, struct complaint *complaint)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    size_t got = 0;
    enum status status = replay->disk->ops->read(replay->disk, replay->at.file, 0, bytes, sizeof bytes, &got);
    if (status != STATUS_OK) {
        return no_access(replay->name, status, complaint);
    }
    status = segment_parse((struct gm_bytes){bytes, got}, &replay->header, complaint);
    if (status == STATUS_CORRUPT) {
        struct complaint why = *complaint;
        return refuse(replay, 0, complaint, why.text);
    }
    if (status == STATUS_OK && replay->repair && is_last(replay) && replay->header.continue_features != 0) {
        complaint_set(complaint, "it can be read, but not continued, by this version");
        status = STATUS_VERSION;
    }
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "%s", replay->name);
        return status;
    }
    if (replay->header.first_sequence != replay->segments[replay->index]) {
        return refuse(replay, 0, complaint, "its header belongs to another segment");
    }
    return STATUS_OK;
}

static enum status begin_segment(struct replay *replay, struct complaint *complaint)
{
    segment_name(replay->segments[replay->index], replay->name);
    enum disk_open how = replay->repair && is_last(replay) ? DISK_WRITE : DISK_READ;
    replay->at.disk = replay->disk;
    enum status status = replay->disk->ops->open(replay->disk, replay->name, how, &replay->at.file);
    if (status == STATUS_OK) {
        status = replay->disk->ops->size(replay->disk, replay->at.file, &replay->at.size);
    }
    if (status != STATUS_OK) {
        return no_access(replay->name, status, complaint);
    }
    TRY(read_header(replay, complaint));
    memset(replay->declared, 0, sizeof replay->declared);
    replay->base = SEGMENT_HEADER_SIZE;
    replay->filled = 0;
    replay->parsed = 0;
    replay->progress.segments++;
    return STATUS_OK;
}

static void end_file(struct replay *replay)
{
    replay->bytes_before += replay->at.size;
    replay->disk->ops->close(replay->disk, replay->at.file);
    replay->at.file = NULL;
}

static enum status next_segment(struct replay *replay, struct complaint *complaint)
{
    uint64_t next = replay->segments[replay->index + 1];
    if (next != replay->whole_sequence + 1) {
        complaint_set(complaint,
                      "the log has a gap: %s ends with record %" PRIu64 ", the next segment begins with %" PRIu64
                      "; to look at it: geomys-log verify %s",
                      replay->name, replay->whole_sequence, next, replay->name);
        return STATUS_CORRUPT;
    }
    end_file(replay);
    replay->index++;
    replay->effort += SEGMENT_COST;
    return STATUS_AGAIN;
}

/* The log ends here, but the snapshot says that it went on. */
static enum status refuse_short(const struct replay *replay, struct complaint *complaint)
{
    complaint_set(complaint,
                  "%s ends with record %" PRIu64 ", but the snapshot is of record %" PRIu64
                  ": records were lost, or the server has run without a log since. Put the missing files back, or, to "
                  "go on with the snapshot alone, move " MARK_NAME " and all segments away",
                  replay->name, replay->whole_sequence, replay->from);
    return STATUS_CORRUPT;
}

static enum status finish(struct replay *replay, uint64_t offset, struct complaint *complaint)
{
    if (replay->whole_sequence < replay->from) {
        return refuse_short(replay, complaint);
    }
    if (replay->rules.heed_marks && replay->whole_sequence < replay->durable) {
        complaint_set(complaint,
                      "%s ends with record %" PRIu64 ", but all up to %" PRIu64
                      " was on stable storage; to look at it: geomys-log verify %s",
                      replay->name, replay->whole_sequence, replay->durable, replay->name);
        return STATUS_CORRUPT;
    }
    replay->end_offset = offset;
    end_file(replay);
    replay->done = true;
    return put_abandoned_aside(replay, complaint);
}

/* ---- the end of what can be read ---- */

static enum status cut(struct replay *replay, uint64_t from, uint64_t to, struct complaint *complaint)
{
    enum status status = tear_keep(&replay->at, from, to, replay->whole_sequence + 1, replay->progress.torn_copy);
    if (status == STATUS_NO_SPACE) {
        complaint_set(complaint,
                      "%s has a torn tail of %" PRIu64 " bytes from byte %" PRIu64
                      " on, and there is no space left on the disk to keep a copy of it: make "
                      "room and start again",
                      replay->name, to - from, from);
        return status;
    }
    if (status == STATUS_OK) {
        status = replay->disk->ops->truncate(replay->disk, replay->at.file, from);
    }
    if (status == STATUS_OK) {
        status = replay->disk->ops->sync(replay->disk, replay->at.file);
    }
    return status == STATUS_OK ? STATUS_OK : no_access(replay->name, status, complaint);
}

/* The log ends with what can not be delivered: a bad record of `extent` bytes at `at`, or (extent 0) an unfinished
 * batch. */
static enum status judge(struct replay *replay, uint64_t at, uint64_t extent, const char *why,
                         struct complaint *complaint)
{
    if (!is_last(replay)) {
        return refuse(replay, at, complaint, why);
    }
    uint64_t later = 0;
    bool torn = true;
    uint64_t end = at;
    uint64_t from = replay->batch_open ? replay->base + replay->batch_start : at;
    enum status status = tear_highest_mark(&replay->at, at, replay->header.salt, &later);
    if (status == STATUS_OK && replay->rules.heed_bytes && extent > 0) {
        status = tear_possible(&replay->at, at, extent, &torn);
    }
    if (status == STATUS_OK) {
        status = tear_data_end(&replay->at, at, &end);
        end = (end + 7) & ~(uint64_t)7; /* a record's padding belongs to it */
        end = end < replay->at.size ? end : replay->at.size;
    }
    if (status != STATUS_OK) {
        return no_access(replay->name, status, complaint);
    }
    replay->durable = later > replay->durable ? later : replay->durable;
    if (!torn || (replay->rules.heed_marks && replay->durable > replay->whole_sequence)) {
        return refuse(replay, at, complaint, why);
    }
    if (replay->whole_sequence < replay->from) {
        return refuse_short(replay, complaint);
    }
    replay->progress.torn_bytes = end - from;
    if (replay->repair) {
        TRY(cut(replay, from, end, complaint));
    }
    return finish(replay, from, complaint);
}

/* No valid record begins here. */
static enum status no_record(struct replay *replay, uint64_t extent, const char *why, struct complaint *complaint)
{
    uint64_t at = replay->base + replay->parsed;
    uint64_t data = 0;
    enum status status = tear_first_data(&replay->at, at, &data);
    if (status != STATUS_OK) {
        return no_access(replay->name, status, complaint);
    }
    if (data < replay->at.size) {
        return judge(replay, at, extent, why, complaint);
    }
    if (replay->batch_open) {
        return judge(replay, at, 0, "the last batch is not complete", complaint);
    }
    return is_last(replay) ? finish(replay, at, complaint) : next_segment(replay, complaint);
}

/* ---- records ---- */

/* Reads on, a window at most, towards `needed` bytes from `parsed` on; the caller knows that the file has them. */
static enum status fill(struct replay *replay, size_t needed, struct complaint *complaint)
{
    size_t keep = replay->batch_open ? replay->batch_start : replay->parsed;
    if (keep > 0) {
        memmove(replay->data, replay->data + keep, replay->filled - keep);
        replay->base += keep;
        replay->filled -= keep;
        replay->parsed -= keep;
        replay->batch_start = 0;
    }
    uint64_t rest = replay->at.size - replay->base - replay->filled;
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
    replay->effort += got;
    return status == STATUS_OK ? STATUS_OK : no_access(replay->name, status, complaint);
}

static enum status take_local(struct replay *replay, const struct record *record, struct record_sink *sink,
                              struct complaint *complaint)
{
    uint64_t at = replay->base + replay->parsed;
    if (record->sequence != replay->last_sequence || replay->batch_open) {
        return refuse(replay, at, complaint, "a record about the file has the wrong place");
    }
    uint16_t type;
    uint64_t durable;
    uint64_t salt;
    struct gm_bytes name;
    if (record->op == RECORD_OP_TYPE && record_read_type(record, &type, &name)) {
        replay->declared[type / 64] |= (uint64_t)1 << type % 64;
        enum status status = sink->declare(sink, type, name, complaint);
        if (status != STATUS_OK) {
            prefix_place(replay, complaint);
        }
        return status;
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
    return refuse(replay, at, complaint, "a record about the file makes no sense");
}

static enum status deliver_one(struct replay *replay, const struct record *record, size_t size,
                               struct record_sink *sink, struct complaint *complaint)
{
    replay->last_epoch = record->epoch;
    replay->last_time_ms = record->time_ms;
    replay->whole_sequence = record->sequence;
    if (record->sequence <= replay->from) {
        return STATUS_OK;
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
    if (replay->whole_sequence < replay->from && replay->from < replay->last_sequence) {
        return refuse(replay, replay->base + replay->batch_start, complaint,
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
    replay->batch_open = false;
    return STATUS_OK;
}

static enum status take(struct replay *replay, const struct record *record, size_t size, struct record_sink *sink,
                        struct complaint *complaint)
{
    uint64_t at = replay->base + replay->parsed;
    if ((record->flags & RECORD_LOCAL) != 0) {
        return take_local(replay, record, sink, complaint);
    }
    if (record->sequence != replay->last_sequence + 1) {
        return refuse(replay, at, complaint, "a record has the wrong sequence");
    }
    if ((record->flags & (RECORD_DUMP | RECORD_DAMAGED)) != 0) {
        return refuse(replay, at, complaint, "a record of a snapshot stands in the log");
    }
    if (record->type != 0 && (replay->declared[record->type / 64] >> record->type % 64 & 1) == 0) {
        return refuse(replay, at, complaint, "a record has a type that was not declared");
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
    if (replay->parsed + size - replay->batch_start > TAIL_BATCH_MAX) {
        return refuse(replay, at, complaint, "a batch is larger than the limit");
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
        return no_record(replay, size > 0 ? size : RECORD_HEADER_SIZE, why.text, complaint);
    }
    if (size > replay->at.size - replay->base - replay->parsed) {
        return no_record(replay, size, "the file ends within a record", complaint);
    }
    if (sink->foresee != NULL) {
        sink->foresee(sink, NULL); /* keys of a batch that is still open move */
    }
    TRY(fill(replay, size, complaint));
    return STATUS_AGAIN;
}

enum status replay_step(struct replay *replay, size_t budget, struct record_sink *sink, struct complaint *complaint)
{
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
    *out = (struct replay_end){.exists = replay->segment_count > 0,
                               .last_sequence = replay->whole_sequence,
                               .last_epoch = replay->last_epoch,
                               .last_time_ms = replay->last_time_ms,
                               .oldest = replay->mark.oldest,
                               .offset = replay->end_offset};
    memcpy(out->segment, replay->name, sizeof out->segment);
}

void replay_destroy(struct replay *replay)
{
    if (replay == NULL) {
        return;
    }
    if (replay->at.file != NULL) {
        replay->disk->ops->close(replay->disk, replay->at.file);
    }
    memory_free(replay->segments);
    memory_free(replay->data);
    memory_free(replay);
}
