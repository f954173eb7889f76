/* SPDX-License-Identifier: MIT */

/* intake.c - taking a file.
 *
 * Why      A snapshot may have gigabytes, and comes as fast as the network. It must not wait in memory, and the thread
 *          that takes it must not wait for the disk.
 *
 * Idea     One piece at a time is with the disk, on the lane of large things; whoever gives the pieces gives none
 *          meanwhile (the link is paused). The first creates the file, the last syncs it.
 *
 * Promises
 *   P1  Memory: one piece.
 *   P2  WHOLE means: the size that was announced, on stable storage, name and all. */
#include "replica/intake.h"

#include <inttypes.h>

#include "env/peer.h"

static void fail(struct intake *intake, enum status status)
{
    complaint_set(&intake->complaint, REPLACE_NAME " cannot be written: %s", status_text(status));
    intake->state = INTAKE_FAILED;
}

static void close_file(struct intake *intake)
{
    if (intake->request.file != NULL) {
        intake->disk->ops->close(intake->disk, intake->request.file);
        intake->request.file = NULL;
    }
}

static void on_done(struct disk_request *request)
{
    struct intake *intake = container_of(request, struct intake, request);
    check(intake->state == INTAKE_WRITING);
    if (request->status != STATUS_OK) {
        fail(intake, request->status);
    } else {
        intake->state = intake->filled == intake->size ? INTAKE_WHOLE : INTAKE_READY; /* intake P2 */
    }
    if (intake->abandoned || intake->state != INTAKE_READY) {
        close_file(intake);
    }
    if (intake->abandoned) {
        intake->state = INTAKE_OFF;
    }
}

void intake_init(struct intake *intake, struct disk *disk)
{
    *intake = (struct intake){.disk = disk, .state = INTAKE_OFF};
    list_init(&intake->request.link);
    buf_init(&intake->piece, PEER_MESSAGE_MAX); /* intake P1 */
}

void intake_finish(struct intake *intake)
{
    if (intake->state == INTAKE_WRITING) {
        intake->abandoned = true;
        intake->disk->ops->drain(intake->disk);
    }
    if (intake->disk != NULL) {
        close_file(intake);
    }
    buf_finish(&intake->piece);
}

enum status intake_begin(struct intake *intake, uint64_t size, struct complaint *complaint)
{
    check(intake->state != INTAKE_WRITING && size > 0);
    close_file(intake);
    enum status status = intake->disk->ops->remove(intake->disk, REPLACE_NAME);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        complaint_set(complaint, REPLACE_NAME " cannot be removed: %s", status_text(status));
        return status;
    }
    intake->size = size;
    intake->filled = 0;
    intake->abandoned = false;
    intake->state = INTAKE_READY;
    return STATUS_OK;
}

enum status intake_take(struct intake *intake, uint64_t offset, struct gm_bytes bytes, struct complaint *complaint)
{
    check(intake->state == INTAKE_READY);
    if (offset != intake->filled || bytes.size == 0 || bytes.size > intake->size - intake->filled) {
        complaint_set(complaint,
                      "a piece of the snapshot begins at byte %" PRIu64 ", and the next is %" PRIu64 " of %" PRIu64,
                      offset, intake->filled, intake->size);
        return STATUS_INVALID;
    }
    buf_clear(&intake->piece, PEER_MESSAGE_MAX);
    if (!buf_append(&intake->piece, bytes)) { /* intake P1 */
        complaint_set(complaint, "a piece of the snapshot is larger than a message may be");
        return STATUS_TOO_BIG;
    }
    struct disk_file *file = intake->request.file;
    intake->request = (struct disk_request){
        .action = file == NULL ? DISK_ACTION_CREATE : DISK_ACTION_WRITE,
        .lane = DISK_LANE_BULK,
        .file = file,
        .offset = intake->filled,
        .source = buf_bytes(&intake->piece),
        .sync = bytes.size == intake->size - intake->filled,
        .name = REPLACE_NAME,
        .on_done = on_done,
    };
    list_init(&intake->request.link);
    intake->filled += bytes.size;
    intake->state = INTAKE_WRITING;
    intake->disk->ops->submit(intake->disk, &intake->request);
    return STATUS_OK;
}

void intake_stop(struct intake *intake)
{
    if (intake->state == INTAKE_WRITING) {
        intake->abandoned = true;
    } else {
        close_file(intake);
        intake->state = INTAKE_OFF;
    }
}
