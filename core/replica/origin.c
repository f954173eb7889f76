/* SPDX-License-Identifier: MIT */

/* origin.c - the secret of a data set, before the first of its records is read.
 *
 * Why      Types build tables with the secret, and the keyspace's hash key comes of it. So a shard has it from its
 *          first moment on and never gets another: nothing is ever hashed anew.
 *
 * Idea     Each segment and each snapshot begins with it (log/epochs.h). The first file whose beginning can be read
 *          says it, the newest snapshot first; all others are compared with it when they are read (recovery.c), so it
 *          does not matter which one it was. Only where no file has it has no record ever been kept: a data set begins.
 *
 * Promises
 *   P1  A data set gets its secret once. Where a file of it can be read none is drawn. */
#include "replica/origin.h"

#include "base/memory.h"
#include "log/segment.h"
#include "log/snapshot_reader.h"

/* What can be wrong with one file, and says nothing about the others. */
static bool passes_over(enum status status)
{
    return status == STATUS_CORRUPT || status == STATUS_VERSION || status == STATUS_NOT_FOUND;
}

/* ---- snapshots ---- */

static enum status ignore_type(struct record_sink *sink, uint16_t type, struct gm_bytes name,
                               struct complaint *complaint)
{
    (void)sink, (void)type, (void)name, (void)complaint;
    return STATUS_OK;
}

static enum status ignore_record(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    (void)sink, (void)record, (void)complaint;
    return STATUS_OK;
}

static enum status ask_snapshot(struct disk *disk, uint64_t sequence, struct gm_secret *out,
                                struct complaint *complaint)
{
    struct record_sink sink = {.declare = ignore_type, .accept = ignore_record};
    struct snapshot_reader *reader;
    TRY(snapshot_reader_create(&reader, disk, sequence, complaint));
    enum status status = snapshot_reader_step(reader, 1, &sink, complaint); /* a few records: the table is the first */
    if (status == STATUS_OK || status == STATUS_AGAIN) {
        *out = snapshot_reader_epochs(reader)->secret;
        status = STATUS_OK;
    }
    snapshot_reader_destroy(reader);
    return status;
}

static enum status ask_snapshots(struct disk *disk, struct gm_secret *out, struct complaint *complaint)
{
    struct snapshot_found *found;
    size_t count;
    TRY(snapshot_list(disk, &found, &count, complaint));
    enum status status = STATUS_NOT_FOUND;
    for (size_t i = 0; i < count && passes_over(status); i++) {
        status = ask_snapshot(disk, found[i].sequence, out, complaint);
    }
    memory_free(found);
    return status;
}

/* ---- segments ---- */

/* The newest segment that is older than another one. */
struct search {
    uint64_t before;
    uint64_t newest; /* 0: there is none */
};

static bool look_at(void *context, const char *name)
{
    struct search *search = context;
    uint64_t first;
    if (segment_name_parse(name, &first) && first < search->before && first > search->newest) {
        search->newest = first;
    }
    return true;
}

static enum status ask_segment(struct disk *disk, uint64_t first, struct gm_secret *out, struct complaint *complaint)
{
    struct epochs epochs = {0};
    char name[DISK_NAME_MAX];
    segment_name(first, name);
    enum status status = segment_read_head(disk, name, &epochs, complaint);
    *out = epochs.secret;
    epochs_finish(&epochs);
    return status;
}

static enum status ask_segments(struct disk *disk, struct gm_secret *out, struct complaint *complaint)
{
    struct search search = {.before = UINT64_MAX};
    enum status status = STATUS_NOT_FOUND;
    while (passes_over(status)) {
        search.newest = 0;
        enum status listed = disk->ops->list(disk, look_at, &search);
        if (listed != STATUS_OK) {
            complaint_set(complaint, "the data folder cannot be read: %s", status_text(listed));
            return listed;
        }
        if (search.newest == 0) {
            return STATUS_NOT_FOUND;
        }
        status = ask_segment(disk, search.newest, out, complaint);
        search.before = search.newest;
    }
    return status;
}

enum status origin_find(struct disk *disk, struct entropy *entropy, struct gm_secret *out, struct complaint *complaint)
{
    enum status status = disk != NULL ? ask_snapshots(disk, out, complaint) : STATUS_NOT_FOUND;
    if (disk != NULL && passes_over(status)) {
        status = ask_segments(disk, out, complaint);
    }
    if (passes_over(status)) { /* origin P1 */
        entropy->ops->fill(entropy, out, sizeof *out);
        status = STATUS_OK;
    }
    return status;
}
