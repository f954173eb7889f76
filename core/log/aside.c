/* SPDX-License-Identifier: MIT */

/* aside.c - other names for files. */
#include "log/aside.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "log/segment.h"
#include "log/snapshot.h"

#define FILES_MAX ((size_t)1024 * 1024)

static void add(uint64_t **list, size_t *count, uint64_t number)
{
    if (*count < FILES_MAX) {
        *list = memory_realloc(*list, (*count + 1) * sizeof **list);
        (*list)[(*count)++] = number;
    }
}

static bool on_name(void *context, const char *name)
{
    struct aside_files *files = context;
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

enum status aside_list(struct disk *disk, struct aside_files *out, struct complaint *complaint)
{
    *out = (struct aside_files){.segments = NULL};
    enum status status = disk->ops->list(disk, on_name, out);
    if (status != STATUS_OK) {
        complaint_set(complaint, "the data folder cannot be read: %s", status_text(status));
        aside_finish(out);
        return status;
    }
    if (out->segment_count > 0) {
        qsort(out->segments, out->segment_count, sizeof *out->segments, by_number);
    }
    if (out->snapshot_count > 0) {
        qsort(out->snapshots, out->snapshot_count, sizeof *out->snapshots, by_number);
    }
    return STATUS_OK;
}

void aside_finish(struct aside_files *files)
{
    memory_free(files->segments);
    memory_free(files->snapshots);
    *files = (struct aside_files){.segments = NULL};
}

void aside_stem(uint64_t epoch, uint64_t first, char out[static TEAR_STEM_MAX])
{
    (void)snprintf(out, TEAR_STEM_MAX, "lost-%" PRIu64 "-%020" PRIu64, epoch, first);
}

static enum status refuse(const char *name, enum status status, struct complaint *complaint)
{
    complaint_set(complaint, "the history of this node is to be given up, and %s cannot be put aside: %s", name,
                  status_text(status));
    return status;
}

static enum status file_size(struct disk *disk, const char *name, uint64_t *out)
{
    struct disk_file *file;
    TRY(disk->ops->open(disk, name, DISK_READ, &file));
    enum status status = disk->ops->size(disk, file, out);
    disk->ops->close(disk, file);
    return status;
}

enum status aside_segment(struct disk *disk, uint64_t first, struct aside_report *report, struct complaint *complaint)
{
    struct epochs epochs = {0};
    struct complaint unread;
    char name[DISK_NAME_MAX];
    char stem[TEAR_STEM_MAX];
    uint64_t size = 0;
    segment_name(first, name);
    /* One that cannot be read has its name all the same, with epoch 0. */
    uint64_t epoch = segment_read_head(disk, name, &epochs, &unread) == STATUS_OK ? epochs_last(&epochs) : 0;
    epochs_finish(&epochs);
    aside_stem(epoch, first, stem);
    enum status status = file_size(disk, name, &size);
    status = status == STATUS_OK ? tear_put_aside(disk, name, stem, report->newest) : status;
    if (status != STATUS_OK) {
        return refuse(name, status, complaint);
    }
    report->files++;
    report->bytes += size;
    return STATUS_OK;
}

enum status aside_snapshot(struct disk *disk, uint64_t sequence, struct aside_report *report,
                           struct complaint *complaint)
{
    char name[DISK_NAME_MAX];
    char stem[TEAR_STEM_MAX];
    snapshot_name(sequence, name);
    (void)snprintf(stem, sizeof stem, "lost-snapshot-%020" PRIu64, sequence);
    enum status status = tear_put_aside(disk, name, stem, report->newest);
    if (status != STATUS_OK) {
        return refuse(name, status, complaint);
    }
    report->files++;
    return STATUS_OK;
}
