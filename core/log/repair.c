/* SPDX-License-Identifier: MIT */

/* repair.c - what a crash has left of a log is put in order, at once or as soon as there is space.
 *
 * Why      A torn tail is copied before it is cut, and a copy needs space. A server that did not start for want of it
 *          would be gone for those who only want to read, and for the command that would make room.
 *
 * Promises P2 and P3 of replay.c, and
 *   I1  Nothing is cut before its copy is on stable storage. Without space for the copy nothing has changed.
 *   I2  Done twice, it has the same end. */
#include <inttypes.h>

#include "log/replay.h"
#include "log/segment.h"
#include "log/tear.h"

static enum status no_access(const char *name, enum status status, struct complaint *complaint)
{
    complaint_set(complaint, "%s cannot be read or repaired: %s", name, status_text(status));
    return status;
}

static enum status cut(struct tear_file *at, const struct replay_end *end, char copy[static DISK_NAME_MAX],
                       struct complaint *complaint)
{
    const struct disk_ops *ops = at->disk->ops;
    TRY(ops->size(at->disk, at->file, &at->size));
    check(end->offset < end->torn_end);
    if (at->size <= end->offset) {
        return STATUS_OK; /* repair I2 */
    }
    char stem[TEAR_STEM_MAX];
    tear_stem(end->last_sequence + 1, stem);
    enum status status = tear_keep(at, end->offset, end->torn_end, stem, copy);
    if (status == STATUS_NO_SPACE) {
        complaint_set(complaint,
                      "%s has a torn tail of %" PRIu64 " bytes from byte %" PRIu64
                      " on, and there is no space left on the disk to keep a copy of it: make room",
                      end->segment, end->torn_end - end->offset, end->offset);
    }
    TRY(status);
    TRY(ops->truncate(at->disk, at->file, end->offset)); /* repair I1 */
    return ops->sync(at->disk, at->file);
}

static enum status cut_tail(struct disk *disk, const struct replay_end *end, char copy[static DISK_NAME_MAX],
                            struct complaint *complaint)
{
    struct tear_file at = {.disk = disk};
    enum status status = disk->ops->open(disk, end->segment, DISK_WRITE, &at.file);
    if (status == STATUS_OK) {
        status = cut(&at, end, copy, complaint);
        disk->ops->close(disk, at.file);
    }
    return status == STATUS_OK || status == STATUS_NO_SPACE ? status : no_access(end->segment, status, complaint);
}

enum status replay_repair(struct disk *disk, const struct replay_end *end, char copy[static DISK_NAME_MAX],
                          struct complaint *complaint)
{
    copy[0] = '\0';
    if (end->torn_end > 0) {
        TRY(cut_tail(disk, end, copy, complaint));
    }
    if (end->abandoned > 0) {
        char name[DISK_NAME_MAX];
        char kept[DISK_NAME_MAX];
        segment_name(end->abandoned, name);
        char stem[TEAR_STEM_MAX];
        tear_stem(end->abandoned, stem);
        enum status status = tear_put_aside(disk, name, stem, kept);
        if (status != STATUS_OK && status != STATUS_NOT_FOUND) { /* repair I2 */
            return no_access(name, status, complaint);
        }
    }
    return STATUS_OK;
}

enum status replay_secure(struct disk *disk, const struct replay_end *end, struct complaint *complaint)
{
    struct disk_file *file;
    if (!end->exists) {
        return STATUS_OK;
    }
    enum status status = disk->ops->open(disk, end->segment, DISK_WRITE, &file);
    if (status == STATUS_OK) {
        status = disk->ops->sync(disk, file);
        disk->ops->close(disk, file);
    }
    if (status == STATUS_OK) {
        status = disk->ops->sync_names(disk);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s could not be synced: %s", end->segment, status_text(status));
    }
    return status;
}
