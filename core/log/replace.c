/* SPDX-License-Identifier: MIT */

/* replace.c - beginning anew with somebody else's snapshot.
 *
 * Why      A follower that was away for longer than its leader's log reaches back cannot be given what it lacks. It
 *          takes a snapshot; and what it has itself, which may be the only copy of something, must not be in the way,
 *          nor be lost.
 *
 * Idea     As rewind.c: the mark file says first what is to be done, and then it is done, now or by the next start.
 *
 *            segments, snapshots ──rename──► lost-...
 *            sync.part ──rename──► snapshot-...          the mark file: nothing but what is behind it
 *
 *          Until the snapshot has its name the mark file still speaks of a log that is no longer there: nobody reads it
 *          before this is done.
 *
 * Promises
 *   P1  Nothing is removed: what was there has another name.
 *   P2  Interrupted at any point and called again, it comes to the same end. */
#include "log/replace.h"

#include <inttypes.h>

#include "log/mark.h"
#include "log/snapshot.h"

enum status replace_ask(struct disk *disk, uint64_t cut, uint64_t owes_epoch, uint64_t owes_sequence,
                        struct complaint *complaint)
{
    struct mark mark = {.counter = 1};
    struct complaint none;
    check(cut > 0 && cut < UINT64_MAX);
    bool there = mark_read(disk, &mark, &none) == STATUS_OK;
    mark.replace = cut + 1;
    if (owes_epoch > mark.owes_epoch || (owes_epoch == mark.owes_epoch && owes_sequence > mark.owes_sequence)) {
        mark.owes_epoch = owes_epoch;
        mark.owes_sequence = owes_sequence;
    }
    return there ? mark_write(disk, &mark, complaint) : mark_create(disk, &mark, complaint);
}

static enum status exists(struct disk *disk, const char *name, bool *out)
{
    struct disk_file *file;
    enum status status = disk->ops->open(disk, name, DISK_READ, &file);
    *out = status == STATUS_OK;
    if (status == STATUS_OK) {
        disk->ops->close(disk, file);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* The snapshot gets its name. */
static enum status put_in_place(struct disk *disk, uint64_t cut, struct complaint *complaint)
{
    char name[DISK_NAME_MAX];
    snapshot_name(cut, name);
    enum status status = disk->ops->rename(disk, REPLACE_NAME, name);
    status = status == STATUS_OK ? disk->ops->sync_names(disk) : status;
    if (status != STATUS_OK) {
        complaint_set(complaint, REPLACE_NAME " cannot be renamed to %s: %s", name, status_text(status));
    }
    return status;
}

static enum status begin_anew(struct disk *disk, const struct aside_files *files, struct mark *mark,
                              struct replace_report *out, struct complaint *complaint)
{
    uint64_t cut = mark->replace - 1;
    bool waits = false;
    bool named = false;
    enum status status = exists(disk, REPLACE_NAME, &waits);
    if (status != STATUS_OK) {
        complaint_set(complaint, REPLACE_NAME " cannot be opened: %s", status_text(status));
        return status;
    }
    for (size_t i = files->segment_count; i > 0; i--) {
        TRY(aside_segment(disk, files->segments[i - 1], &out->aside, complaint));
    }
    for (size_t i = 0; i < files->snapshot_count; i++) {
        if (!waits && files->snapshots[i] == cut) {
            named = true;
        } else {
            TRY(aside_snapshot(disk, files->snapshots[i], &out->aside, complaint));
        }
    }
    if (!waits && !named) {
        complaint_set(complaint,
                      "the snapshot of record %" PRIu64 " that was to take the place of all that was here is "
                      "gone: put " REPLACE_NAME " back, or begin with an empty data folder",
                      cut);
        return STATUS_CORRUPT;
    }
    if (waits) {
        TRY(put_in_place(disk, cut, complaint)); /* replace P2 */
    }
    mark->durable = cut;
    mark->oldest = cut + 1;
    mark->segment = 0;
    mark->rewind = 0;
    mark->replace = 0;
    out->cut = cut;
    out->done = true;
    return mark_write(disk, mark, complaint);
}

enum status replace_do(struct disk *disk, struct replace_report *out, struct complaint *complaint)
{
    struct mark mark;
    struct complaint unread;
    struct aside_files files;
    *out = (struct replace_report){.done = false};
    if (disk == NULL || mark_read(disk, &mark, &unread) != STATUS_OK || mark.replace == 0) {
        return STATUS_OK; /* what is wrong with the mark file is said by those who need it */
    }
    TRY(aside_list(disk, &files, complaint));
    enum status status = begin_anew(disk, &files, &mark, out, complaint);
    aside_finish(&files);
    return status;
}
