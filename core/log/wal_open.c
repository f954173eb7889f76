/* SPDX-License-Identifier: MIT */

/* wal_open.c - the files of a log that is about to be written: created, or taken over from recovery.
 *
 * Idea     All of this blocks: the node has no clients yet. A log is either begun, or continued where replay has come
 *          to its end; in both cases a slot of the mark file is written last.
 *
 *            begun       mark file (names no segment) -> first segment -> mark file names it
 *            continued   last segment synced once more ----------------> mark file names it
 *
 * Promises  Of those of wal.c, that hold before the first group is written:
 *   P2  The mark file vouches only for what was synced here, whatever recovery has read before.
 *   P3  The segment is on stable storage, its name too, before the mark file names it; and the mark file names it
 *       before anybody writes to it.
 *
 * Limits   Stopped half way, it leaves what replay takes for an empty log (a mark file that names no segment, perhaps
 *          torn; a segment without records) or the log as it was.
 */
#include "log/replay.h"
#include "log/wal_state.h"

/* One slot of the mark file, blocking. */
static enum status mark_now(struct wal *wal)
{
    struct mark mark = wal->mark;
    mark.counter++;
    mark.durable = wal->synced;
    mark.segment = wal->header.first_sequence;
    check(wal->synced == wal->written && wal->synced_offset == wal->offset);        /* wal_open P2; mark I1 */
    check(wal->file != NULL && !wal->under_way && mark.segment <= wal->synced + 1); /* wal_open P3 */
    check(mark_offset(mark.counter) != mark_offset(wal->mark.counter));             /* mark I2 */
    mark_encode(&mark, wal->slot);
    const struct disk_ops *ops = wal->disk->ops;
    TRY(ops->write(wal->disk, wal->mark_file, mark_offset(mark.counter), (struct gm_bytes){wal->slot, MARK_SLOT_SIZE}));
    TRY(ops->sync(wal->disk, wal->mark_file));
    wal->mark = mark;
    return STATUS_OK;
}

static enum status create_files(struct wal *wal, struct complaint *complaint)
{
    const struct disk_ops *ops = wal->disk->ops;
    struct segment_header header = wal_work_header(wal, wal->tail->last_sequence + 1);
    struct mark before;
    struct complaint none;
    wal->mark = (struct mark){.counter = 1, .durable = wal->tail->last_sequence, .oldest = header.first_sequence};
    if (mark_read(wal->disk, &before, &none) == STATUS_OK) { /* a snapshot without a log: what is owed stays owed */
        wal->mark.owes_epoch = before.owes_epoch;
        wal->mark.owes_sequence = before.owes_sequence;
    }
    TRY(mark_create(wal->disk, &wal->mark, complaint));
    wal->mark.counter++;
    chain_add(&wal->chain, header.first_sequence, 0);
    char name[DISK_NAME_MAX];
    struct disk_file *file;
    bool fits = segment_encode_head(&header, &wal->tail->epochs, &wal->head);
    check(fits);
    segment_name(header.first_sequence, name);
    enum status status = ops->open(wal->disk, name, DISK_CREATE, &file);
    if (status == STATUS_OK) {
        wal_work_begun(wal, file, &header);
        status = ops->write(wal->disk, file, 0, buf_bytes(&wal->head));
    }
    if (status == STATUS_OK) {
        status = ops->sync(wal->disk, file);
    }
    if (status == STATUS_OK) {
        status = ops->sync_names(wal->disk);
    }
    if (status != STATUS_OK) {
        if (wal->file != NULL) {
            (void)ops->remove(wal->disk, name); /* so that it can be tried again */
        }
        complaint_set(complaint, "the log's first segment %s cannot be created: %s", name, status_text(status));
        return status;
    }
    wal->offset = wal->head.size;
    wal->zero_end = wal->head.size;
    return STATUS_OK;
}

/* The last segment as recovery left it. Synced once more, and its name too: what was read may so far have been in a
 * cache only, and the mark file is about to vouch for it. */
static enum status continue_files(struct wal *wal, const struct replay_end *position, struct complaint *complaint)
{
    const struct disk_ops *ops = wal->disk->ops;
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    struct segment_header header;
    struct disk_file *file;
    size_t got = 0;
    TRY(mark_read(wal->disk, &wal->mark, complaint));
    enum status status = ops->open(wal->disk, position->segment, DISK_WRITE, &file);
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s cannot be opened: %s", position->segment, status_text(status));
        return status;
    }
    wal->file = file;
    status = ops->sync(wal->disk, file);
    if (status == STATUS_OK) {
        status = ops->sync_names(wal->disk);
    }
    if (status == STATUS_OK) {
        status = ops->size(wal->disk, file, &wal->zero_end);
    }
    if (status == STATUS_OK) {
        status = ops->read(wal->disk, file, 0, bytes, sizeof bytes, &got);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s cannot be read: %s", position->segment, status_text(status));
        return status;
    }
    TRY(segment_parse((struct gm_bytes){bytes, got}, &header, complaint));
    wal_work_begun(wal, file, &header);
    wal->offset = position->offset;
    check(wal->offset >= SEGMENT_HEADER_SIZE);
    check(wal->offset <= wal->zero_end);
    return chain_load(&wal->chain, header.first_sequence, complaint);
}

enum status wal_open_files(struct wal *wal, const struct replay_end *position, struct complaint *complaint)
{
    char copy[DISK_NAME_MAX];
    check(wal->file == NULL && wal->mark_file == NULL && wal->chain.count == 0);
    if (position->unrepaired) {
        TRY(replay_repair(wal->disk, position, copy, complaint));
    }
    TRY(position->exists ? continue_files(wal, position, complaint) : create_files(wal, complaint));
    wal->synced_offset = wal->offset;
    wal_hold_begin(wal);
    wal_forget_epochs(wal);
    enum status status = wal->disk->ops->open(wal->disk, MARK_NAME, DISK_WRITE, &wal->mark_file);
    if (status == STATUS_OK) {
        status = mark_now(wal);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, MARK_NAME " cannot be written: %s", status_text(status));
    }
    return status;
}
