/* SPDX-License-Identifier: MIT */

/* replay_list.c - which segments there are, which of them are to be read, and whether some are missing at either end.
 *
 * Idea     With a snapshot of record `from`, the chain need not begin at its beginning: the last segment that begins at
 *          or before from + 1 is enough. The mark file says how far back, and up to which segment, the log must reach.
 *
 *            segments   [1..99] [100..199] [200..299] [300..        from = 250
 *                       not looked at      checked    delivered
 *
 *          A newest segment that the mark file does not name yet, and whose header or table of epochs is what a crash
 *          can leave of one, was still being created: it is left out, and put aside in the end.
 *
 * Promises  P2 and P3 of replay.c, and of P5 its two ends:
 *   I1  The first segment to be read begins at or before from + 1, and the mark file knows of none behind the last.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "log/replay_state.h"

#define SEGMENTS_MAX ((size_t)1024 * 1024)

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
    if (status == STATUS_OK && replay->mark.oldest > replay->from + 1) { /* replay P5 */
        complaint_set(complaint,
                      "records up to %" PRIu64
                      " are in no segment, but in a snapshot, and it is not there or cannot be "
                      "read: put it back",
                      replay->mark.oldest - 1);
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
                     "the log cannot be trusted to be complete without its mark file (geomys-log cut FOLDER makes "
                     "a copy that has one)");
    return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
}

/* What a segment begins with, as its creation left it: whether it can be the trace of one that did not come to its end.
 */
static enum status head_is_torn(const struct tear_file *file, struct gm_bytes head, bool *out)
{
    struct segment_header header;
    struct record table;
    struct complaint why;
    size_t size = 0;
    enum status status = segment_parse(head, &header, &why);
    if (status != STATUS_OK) {
        return status == STATUS_CORRUPT ? tear_possible(file, 0, SEGMENT_HEADER_SIZE, out) : STATUS_OK;
    }
    struct gm_bytes rest = {head.data + SEGMENT_HEADER_SIZE, head.size - SEGMENT_HEADER_SIZE};
    status = record_parse(rest, &table, &size, NULL);
    if (status == STATUS_OK || size > EPOCHS_RECORD_MAX) {
        return STATUS_OK;
    }
    return tear_possible(file, SEGMENT_HEADER_SIZE, size > 0 ? size : RECORD_HEADER_SIZE, out);
}

/* Whether the newest segment is one whose creation did not come to its end: nothing was ever written into it but its
 * head. */
static enum status is_abandoned(const struct replay *replay, bool *out, struct complaint *complaint)
{
    struct tear_file file = {.disk = replay->disk};
    uint64_t first = replay->segments[replay->segment_count - 1];
    char name[DISK_NAME_MAX];
    *out = false;
    if (replay->mark.segment >= first) {
        return STATUS_OK;
    }
    segment_name(first, name);
    enum status status = file.disk->ops->open(file.disk, name, DISK_READ, &file.file);
    if (status != STATUS_OK) {
        return replay_judge_no_access(name, status, complaint);
    }
    uint8_t *head = memory_alloc(SEGMENT_HEAD_MAX);
    size_t got = 0;
    status = file.disk->ops->size(file.disk, file.file, &file.size);
    if (status == STATUS_OK) {
        status = file.disk->ops->read(file.disk, file.file, 0, head, SEGMENT_HEAD_MAX, &got);
    }
    if (status == STATUS_OK) {
        status = head_is_torn(&file, (struct gm_bytes){head, got}, out);
    }
    memory_free(head);
    file.disk->ops->close(file.disk, file.file);
    return status == STATUS_OK ? STATUS_OK : replay_judge_no_access(name, status, complaint);
}

static void forget_abandoned(struct replay *replay)
{
    check(replay->segment_count > 0 && replay->abandoned == 0);
    uint64_t first = replay->segments[--replay->segment_count];
    check(first > replay->mark.segment); /* the mark file has never named it */
    /* Its name alone says that everything before it was on stable storage. */
    replay->durable = first - 1 > replay->durable ? first - 1 : replay->durable;
    replay->abandoned = first;
}

enum status replay_list_put_aside(struct replay *replay, struct complaint *complaint)
{
    char name[DISK_NAME_MAX];
    char kept[DISK_NAME_MAX];
    if (!replay->repair || replay->abandoned == 0) {
        return STATUS_OK;
    }
    check(replay->done); /* replay P2 */
    segment_name(replay->abandoned, name);
    char stem[TEAR_STEM_MAX];
    tear_stem(replay->abandoned, stem);
    enum status status = tear_put_aside(replay->disk, name, stem, kept);
    if (status == STATUS_NO_SPACE) {
        replay->unrepaired = true;
        return STATUS_OK;
    }
    replay->abandoned = 0;
    return status == STATUS_OK ? STATUS_OK : replay_judge_no_access(name, status, complaint);
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
    check(start < replay->segment_count);
    replay->segment_count -= start;
    memmove(replay->segments, replay->segments + start, replay->segment_count * sizeof *replay->segments);
    return STATUS_OK;
}

static enum status check_ends(struct replay *replay, struct complaint *complaint)
{
    TRY(choose_start(replay, complaint));
    uint64_t first = replay->segments[0];
    check(first - 1 <= replay->from); /* replay_list I1 */
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
            return replay_judge_no_access(name, status, complaint);
        }
        replay->progress.bytes_total += size;
    }
    return STATUS_OK;
}

enum status replay_list_find(struct replay *replay, struct complaint *complaint)
{
    check(replay->segments == NULL && !replay->done);
    enum status status = replay->disk->ops->list(replay->disk, add_name, replay);
    if (status != STATUS_OK) {
        return replay_judge_no_access("the data folder", status, complaint);
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
        return replay_list_put_aside(replay, complaint);
    }
    TRY(check_ends(replay, complaint));
    return measure(replay, complaint);
}
