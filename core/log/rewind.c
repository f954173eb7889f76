/* SPDX-License-Identifier: MIT */

/* rewind.c - giving up the end of a log, without losing it.
 *
 * Why      A leader that was cut off has written what no majority has. When it comes back, another one has led
 *          meanwhile: the two logs differ from some record on, and only one of them is the history. But what the other
 *          one has was acknowledged under `local`, and its operator wants to see it.
 *
 * Idea     The mark file says first that the log is to go back, and to where. From then on that is what is done, at
 *          this moment or after a crash, before anybody reads a record; and when all of it is done the mark file says
 *          where the log ends now.
 *
 *            segments   [1..99] [100..199] [200..299] [300..320]        rewind to 150
 *                       stays   [100..150]  lost-...   lost-...         lost-...: the copy of 151..199
 *
 *          Whole segments are renamed, the newest first, so that at each moment those that are left are one chain.
 *
 * Promises
 *   P1  Nothing is removed: what leaves the log is in a file of its own, on stable storage, before it leaves.
 *   P2  Interrupted at any point and called again, it comes to the same end, but perhaps with a further copy.
 *   P3  The log that is left ends with a whole batch, and the mark file claims no more than is there.
 *
 * Limits   The segment with the cut is read once, and its end copied, while the caller waits. */
#include "log/rewind.h"

#include <inttypes.h>

#include "base/memory.h"
#include "log/mark.h"
#include "log/record.h"
#include "log/segment.h"

enum status rewind_ask(struct disk *disk, uint64_t sequence, struct complaint *complaint)
{
    struct mark mark;
    TRY(mark_read(disk, &mark, complaint));
    check(sequence > 0 && sequence < UINT64_MAX);
    mark.rewind = sequence + 1;
    return mark_write(disk, &mark, complaint);
}

/* ---- the cut ---- */

struct cut {
    uint64_t offset; /* behind the record */
    uint64_t end;    /* behind the last one of the segment */
    uint64_t epoch;  /* of the record; 0: it has not been found yet */
};

/* Where in these bytes of a segment the record ends, and where the last one does. */
static enum status find_in(struct gm_bytes bytes, uint64_t sequence, struct cut *out, struct complaint *why)
{
    enum status status = STATUS_OK;
    size_t at = SEGMENT_HEADER_SIZE;
    while (at < bytes.size) {
        struct record record;
        size_t size = 0;
        status = record_parse((struct gm_bytes){bytes.data + at, bytes.size - at}, &record, &size, why);
        if (status != STATUS_OK) {
            break;
        }
        at += size;
        if ((record.flags & RECORD_LOCAL) != 0 || record.sequence != sequence) {
            continue;
        }
        if ((record.flags & RECORD_MORE) != 0) {
            complaint_set(why, "that record is in the midst of a batch");
            return STATUS_CORRUPT;
        }
        *out = (struct cut){.offset = at, .epoch = record.epoch};
    }
    out->end = at;
    if (out->epoch == 0 && status != STATUS_CORRUPT) {
        complaint_set(why, "it does not have that record");
    }
    return out->epoch != 0 ? STATUS_OK : STATUS_CORRUPT;
}

static enum status find(const struct tear_file *file, uint64_t sequence, struct cut *out, struct complaint *why)
{
    uint8_t *data = memory_try((size_t)file->size + 1);
    if (data == NULL) {
        return STATUS_NO_MEMORY;
    }
    size_t got = 0;
    enum status status = file->disk->ops->read(file->disk, file->file, 0, data, (size_t)file->size, &got);
    status = status == STATUS_OK ? find_in((struct gm_bytes){data, got}, sequence, out, why) : status;
    memory_free(data);
    return status;
}

static enum status cut_behind(const struct tear_file *file, uint64_t sequence, const struct cut *cut,
                              struct rewind_report *out)
{
    uint64_t end = 0;
    char stem[TEAR_STEM_MAX];
    TRY(tear_data_end(file, cut->end, &end)); /* not from the cut on: a record's body may end with zeros */
    if (end > cut->offset) {
        aside_stem(cut->epoch, sequence + 1, stem);
        TRY(tear_keep(file, cut->offset, end, stem, out->aside.newest)); /* rewind P1 */
        out->aside.files++;
        out->aside.bytes += end - cut->offset;
    }
    TRY(file->disk->ops->truncate(file->disk, file->file, cut->offset));
    return file->disk->ops->sync(file->disk, file->file);
}

static enum status cut_segment(struct disk *disk, uint64_t first, uint64_t sequence, struct rewind_report *out,
                               struct complaint *complaint)
{
    char name[DISK_NAME_MAX];
    struct tear_file file = {.disk = disk};
    struct cut cut = {.epoch = 0};
    struct complaint why = {.text = ""};
    segment_name(first, name);
    enum status status = disk->ops->open(disk, name, DISK_WRITE, &file.file);
    if (status == STATUS_OK) {
        status = disk->ops->size(disk, file.file, &file.size);
        status = status == STATUS_OK ? find(&file, sequence, &cut, &why) : status;
        status = status == STATUS_OK ? cut_behind(&file, sequence, &cut, out) : status;
        disk->ops->close(disk, file.file);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "the log is to go back to record %" PRIu64 ", and %s cannot be cut behind it: %.300s",
                      sequence, name, why.text[0] != '\0' ? why.text : status_text(status));
    }
    return status;
}

/* ---- all of it ---- */

static enum status go_back(struct disk *disk, const struct aside_files *files, struct mark *mark,
                           struct rewind_report *out, struct complaint *complaint)
{
    uint64_t sequence = mark->rewind - 1;
    size_t count = files->segment_count;
    while (count > 0 && files->segments[count - 1] > sequence) {
        TRY(aside_segment(disk, files->segments[count - 1], &out->aside, complaint));
        count--;
    }
    if (count == 0) {
        complaint_set(complaint, "the log is to go back to record %" PRIu64 ", which is in no segment: put it back",
                      sequence);
        return STATUS_CORRUPT;
    }
    TRY(cut_segment(disk, files->segments[count - 1], sequence, out, complaint));
    for (size_t i = 0; i < files->snapshot_count; i++) {
        if (files->snapshots[i] > sequence) {
            TRY(aside_snapshot(disk, files->snapshots[i], &out->aside, complaint));
        }
    }
    mark->durable = sequence;          /* rewind P3 */
    mark->oldest = files->segments[0]; /* a snapshot that is aside now may have let go of what is before it */
    mark->segment = files->segments[count - 1];
    mark->rewind = 0;
    out->to = sequence;
    out->done = true;
    return mark_write(disk, mark, complaint);
}

enum status rewind_do(struct disk *disk, struct rewind_report *out, struct complaint *complaint)
{
    struct mark mark;
    struct complaint unread;
    struct aside_files files;
    *out = (struct rewind_report){.done = false};
    if (disk == NULL || mark_read(disk, &mark, &unread) != STATUS_OK || mark.rewind == 0) {
        return STATUS_OK; /* what is wrong with the mark file is said by those who need it */
    }
    TRY(aside_list(disk, &files, complaint));
    enum status status = go_back(disk, &files, &mark, out, complaint);
    aside_finish(&files);
    return status;
}
