/* SPDX-License-Identifier: MIT */

/* mark.c - the mark file; mark.h has the layout.
 *
 * Promises
 *   I1  A slot is written only after what it claims is on stable storage.
 *   I2  A slot is one sector and the other slot is synced before: a crash leaves at least one whole, not older than the
 *       last but one.
 */
#include "log/mark.h"

#include "base/codec.h"
#include "base/crc32c.h"

_Static_assert(MARK_SLOT_SIZE == 512, "a slot is one sector"); /* mark I2 */

#define MAGIC "geomysmk"
#define MAJOR 1

enum offset {
    AT_CRC = 8,
    AT_MAJOR = 12,
    AT_COUNTER = 16,
    AT_DURABLE = 24,
    AT_OLDEST = 32,
    AT_SEGMENT = 40,
    AT_REWIND = 48,
    AT_REPLACE = 56,
    AT_OWES_EPOCH = 64,
    AT_OWES_SEQUENCE = 72,
};

static uint32_t checksum(const uint8_t *slot)
{
    return crc32c((struct gm_bytes){slot + AT_MAJOR, MARK_SLOT_SIZE - AT_MAJOR});
}

void mark_encode(const struct mark *mark, uint8_t out[static MARK_SLOT_SIZE])
{
    memset(out, 0, MARK_SLOT_SIZE);
    memcpy(out, MAGIC, 8);
    codec_put_u16(out + AT_MAJOR, MAJOR);
    codec_put_u64(out + AT_COUNTER, mark->counter);
    codec_put_u64(out + AT_DURABLE, mark->durable);
    codec_put_u64(out + AT_OLDEST, mark->oldest);
    codec_put_u64(out + AT_SEGMENT, mark->segment);
    codec_put_u64(out + AT_REWIND, mark->rewind);
    codec_put_u64(out + AT_REPLACE, mark->replace);
    codec_put_u64(out + AT_OWES_EPOCH, mark->owes_epoch);
    codec_put_u64(out + AT_OWES_SEQUENCE, mark->owes_sequence);
    codec_put_u32(out + AT_CRC, checksum(out));
}

uint64_t mark_offset(uint64_t counter)
{
    return counter % 2 * MARK_SLOT_SIZE;
}

static enum status parse_slot(const uint8_t *slot, struct mark *out)
{
    if (memcmp(slot, MAGIC, 8) != 0 || checksum(slot) != codec_u32(slot + AT_CRC)) {
        return STATUS_CORRUPT;
    }
    if (codec_u16(slot + AT_MAJOR) != MAJOR) {
        return STATUS_VERSION;
    }
    *out = (struct mark){
        .counter = codec_u64(slot + AT_COUNTER),
        .durable = codec_u64(slot + AT_DURABLE),
        .oldest = codec_u64(slot + AT_OLDEST),
        .segment = codec_u64(slot + AT_SEGMENT),
        .rewind = codec_u64(slot + AT_REWIND),
        .replace = codec_u64(slot + AT_REPLACE),
        .owes_epoch = codec_u64(slot + AT_OWES_EPOCH),
        .owes_sequence = codec_u64(slot + AT_OWES_SEQUENCE),
    };
    return STATUS_OK;
}

enum status mark_parse(struct gm_bytes bytes, struct mark *out, struct complaint *complaint)
{
    bool found = false;
    for (size_t at = 0; at + MARK_SLOT_SIZE <= bytes.size; at += MARK_SLOT_SIZE) {
        struct mark mark;
        enum status status = parse_slot(bytes.data + at, &mark);
        if (status == STATUS_VERSION) {
            complaint_set(complaint, MARK_NAME " has a format version that this program does not know");
            return status;
        }
        if (status == STATUS_OK && (!found || mark.counter > out->counter)) {
            *out = mark;
            found = true;
        }
    }
    if (!found) {
        complaint_set(complaint, "neither slot of " MARK_NAME " is whole");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status mark_read(struct disk *disk, struct mark *out, struct complaint *complaint)
{
    uint8_t slots[2 * MARK_SLOT_SIZE];
    struct disk_file *file;
    enum status status = disk->ops->open(disk, MARK_NAME, DISK_READ, &file);
    if (status != STATUS_OK) {
        complaint_set(complaint, MARK_NAME " cannot be opened: %s", status_text(status));
        return status;
    }
    size_t got = 0;
    status = disk->ops->read(disk, file, 0, slots, sizeof slots, &got);
    disk->ops->close(disk, file);
    if (status != STATUS_OK) {
        complaint_set(complaint, MARK_NAME " cannot be read: %s", status_text(status));
        return status;
    }
    return mark_parse((struct gm_bytes){slots, got}, out, complaint);
}

enum status mark_write(struct disk *disk, struct mark *mark, struct complaint *complaint)
{
    uint8_t slot[MARK_SLOT_SIZE];
    struct disk_file *file;
    mark->counter++;
    mark_encode(mark, slot);
    enum status status = disk->ops->open(disk, MARK_NAME, DISK_WRITE, &file);
    if (status == STATUS_OK) {
        status = disk->ops->write(disk, file, mark_offset(mark->counter), (struct gm_bytes){slot, sizeof slot});
        status = status == STATUS_OK ? disk->ops->sync(disk, file) : status;
        disk->ops->close(disk, file);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, MARK_NAME " cannot be written: %s", status_text(status));
    }
    return status;
}

static enum status fill(struct disk *disk, struct disk_file *file, const struct mark *first)
{
    uint8_t slots[2 * MARK_SLOT_SIZE];
    struct mark second = *first;
    second.counter++;
    mark_encode(first, slots + mark_offset(first->counter));
    mark_encode(&second, slots + mark_offset(second.counter));
    check(mark_offset(first->counter) != mark_offset(second.counter)); /* mark I2 */
    TRY(disk->ops->truncate(disk, file, 0));
    TRY(disk->ops->write(disk, file, 0, (struct gm_bytes){slots, sizeof slots}));
    TRY(disk->ops->sync(disk, file));
    return disk->ops->sync_names(disk);
}

enum status mark_create(struct disk *disk, const struct mark *first, struct complaint *complaint)
{
    struct disk_file *file;
    enum status status = disk->ops->open(disk, MARK_NAME, DISK_CREATE, &file);
    if (status == STATUS_EXISTS) {
        status = disk->ops->open(disk, MARK_NAME, DISK_WRITE, &file);
    }
    if (status == STATUS_OK) {
        status = fill(disk, file, first);
        disk->ops->close(disk, file);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, MARK_NAME " cannot be written: %s", status_text(status));
    }
    return status;
}
