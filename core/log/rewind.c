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
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "log/mark.h"
#include "log/record.h"
#include "log/segment.h"
#include "log/snapshot.h"
#include "log/tear.h"

#define FILES_MAX ((size_t)1024 * 1024)

enum status rewind_ask(struct disk *disk, uint64_t sequence, struct complaint *complaint)
{
    struct mark mark;
    TRY(mark_read(disk, &mark, complaint));
    check(sequence > 0 && sequence < UINT64_MAX && mark.durable >= sequence);
    mark.rewind = sequence + 1;
    return mark_write(disk, &mark, complaint);
}

/* ---- the files ---- */

struct files {
    uint64_t *segments; /* first sequences, ascending */
    size_t segment_count;
    uint64_t *snapshots;
    size_t snapshot_count;
};

static void add(uint64_t **list, size_t *count, uint64_t number)
{
    if (*count < FILES_MAX) {
        *list = memory_realloc(*list, (*count + 1) * sizeof **list);
        (*list)[(*count)++] = number;
    }
}

static bool on_name(void *context, const char *name)
{
    struct files *files = context;
    uint64_t number;
    if (segment_name_parse(name, &number)) {
        add(&files->segments, &files->segment_count, number);
    } else if (snapshot_name_parse(name, &number)) {
        add(&files->snapshots, &files->snapshot_count, number);
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a;
    uint64_t second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

static enum status refuse(const char *name, enum status status, struct complaint *complaint)
{
    complaint_set(complaint, "the log is to go back, and %s cannot be put aside: %s", name, status_text(status));
    return status;
}

static void stem_of(uint64_t epoch, uint64_t first, char out[static TEAR_STEM_MAX])
{
    (void)snprintf(out, TEAR_STEM_MAX, "lost-%" PRIu64 "-%020" PRIu64, epoch, first);
}

static enum status file_size(struct disk *disk, const char *name, uint64_t *out)
{
    struct disk_file *file;
    TRY(disk->ops->open(disk, name, DISK_READ, &file));
    enum status status = disk->ops->size(disk, file, out);
    disk->ops->close(disk, file);
    return status;
}

/* A whole segment. The epoch is that before its first record: the table at its head says it. */
static enum status put_segment_aside(struct disk *disk, uint64_t first, struct rewind_report *out,
                                     struct complaint *complaint)
{
    struct epochs epochs = {0};
    struct complaint unread;
    char name[DISK_NAME_MAX];
    char stem[TEAR_STEM_MAX];
    uint64_t size = 0;
    segment_name(first, name);
    uint64_t epoch =
        segment_read_head(disk, name, &epochs, &unread) == STATUS_OK ? epochs_last(&epochs) : 0; /* 0: unknown */
    epochs_finish(&epochs);
    stem_of(epoch, first, stem);
    enum status status = file_size(disk, name, &size);
    status = status == STATUS_OK ? tear_put_aside(disk, name, stem, out->newest) : status;
    if (status != STATUS_OK) {
        return refuse(name, status, complaint);
    }
    out->files++;
    out->bytes += size;
    return STATUS_OK;
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
        stem_of(cut->epoch, sequence + 1, stem);
        TRY(tear_keep(file, cut->offset, end, stem, out->newest)); /* rewind P1 */
        out->files++;
        out->bytes += end - cut->offset;
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

/* ---- snapshots ---- */

static enum status put_snapshots_aside(struct disk *disk, const struct files *files, uint64_t sequence,
                                       struct rewind_report *out, struct complaint *complaint)
{
    for (size_t i = 0; i < files->snapshot_count; i++) {
        char name[DISK_NAME_MAX];
        char stem[TEAR_STEM_MAX];
        if (files->snapshots[i] <= sequence) {
            continue;
        }
        snapshot_name(files->snapshots[i], name);
        (void)snprintf(stem, sizeof stem, "lost-snapshot-%020" PRIu64, files->snapshots[i]);
        enum status status = tear_put_aside(disk, name, stem, out->newest);
        if (status != STATUS_OK) {
            return refuse(name, status, complaint);
        }
        out->files++;
    }
    return STATUS_OK;
}

/* ---- all of it ---- */

static enum status go_back(struct disk *disk, const struct files *files, struct mark *mark, struct rewind_report *out,
                           struct complaint *complaint)
{
    uint64_t sequence = mark->rewind - 1;
    size_t count = files->segment_count;
    while (count > 0 && files->segments[count - 1] > sequence) {
        TRY(put_segment_aside(disk, files->segments[count - 1], out, complaint));
        count--;
    }
    if (count == 0) {
        complaint_set(complaint, "the log is to go back to record %" PRIu64 ", which is in no segment: put it back",
                      sequence);
        return STATUS_CORRUPT;
    }
    TRY(cut_segment(disk, files->segments[count - 1], sequence, out, complaint));
    TRY(put_snapshots_aside(disk, files, sequence, out, complaint));
    mark->durable = sequence; /* rewind P3 */
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
    *out = (struct rewind_report){.done = false};
    if (disk == NULL || mark_read(disk, &mark, &unread) != STATUS_OK || mark.rewind == 0) {
        return STATUS_OK; /* what is wrong with the mark file is said by those who need it */
    }
    struct files files = {.segments = NULL};
    enum status status = disk->ops->list(disk, on_name, &files);
    if (status != STATUS_OK) {
        complaint_set(complaint, "the data folder cannot be read: %s", status_text(status));
    } else {
        if (files.segment_count > 0) {
            qsort(files.segments, files.segment_count, sizeof *files.segments, by_number);
        }
        status = go_back(disk, &files, &mark, out, complaint);
    }
    memory_free(files.segments);
    memory_free(files.snapshots);
    return status;
}
