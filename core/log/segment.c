/* SPDX-License-Identifier: MIT */

/* segment.c - names and headers; segment.h has the layout. */
#include "log/segment.h"

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/memory.h"
#include "log/numbered.h"

#define PREFIX "wal-"
#define SUFFIX ".log"

enum offset {
    AT_CRC = 8,
    AT_MAJOR = 12,
    AT_READ_FEATURES = 16,
    AT_CONTINUE_FEATURES = 20,
    AT_RESERVED = 28,
    AT_FIRST = 32,
    AT_EPOCH = 40,
    AT_CREATED = 48,
    AT_SALT = 56,
};

static uint32_t checksum(const uint8_t *header)
{
    return crc32c((struct gm_bytes){header + AT_MAJOR, SEGMENT_HEADER_SIZE - AT_MAJOR});
}

void segment_encode(const struct segment_header *header, uint8_t out[static SEGMENT_HEADER_SIZE])
{
    check(header->first_sequence > 0);
    memset(out, 0, SEGMENT_HEADER_SIZE);
    memcpy(out, SEGMENT_MAGIC, 8);
    codec_put_u16(out + AT_MAJOR, SEGMENT_MAJOR);
    codec_put_u32(out + AT_CONTINUE_FEATURES, header->continue_features);
    codec_put_u64(out + AT_FIRST, header->first_sequence);
    codec_put_u64(out + AT_EPOCH, header->epoch);
    codec_put_u64(out + AT_CREATED, (uint64_t)header->created_ms);
    codec_put_u64(out + AT_SALT, header->salt);
    codec_put_u32(out + AT_CRC, checksum(out));
}

enum status segment_parse(struct gm_bytes bytes, struct segment_header *out, struct complaint *complaint)
{
    if (bytes.size < SEGMENT_HEADER_SIZE || memcmp(bytes.data, SEGMENT_MAGIC, 8) != 0) {
        complaint_set(complaint, "there is no segment header");
        return STATUS_CORRUPT;
    }
    const uint8_t *header = bytes.data;
    if (checksum(header) != codec_u32(header + AT_CRC)) {
        complaint_set(complaint, "the checksum of the segment header is wrong");
        return STATUS_CORRUPT;
    }
    uint16_t major = codec_u16(header + AT_MAJOR);
    if (major < SEGMENT_MAJOR) {
        complaint_set(complaint,
                      "the segment has format version %u, of a program from before the first release; this one reads "
                      "version %d only: go on with the program that wrote it, or begin with an empty data folder",
                      major, SEGMENT_MAJOR);
        return STATUS_VERSION;
    }
    if (major != SEGMENT_MAJOR || codec_u32(header + AT_READ_FEATURES) != 0) {
        complaint_set(complaint,
                      "the segment has format version %u and features %x; this program reads version %d only", major,
                      codec_u32(header + AT_READ_FEATURES), SEGMENT_MAJOR);
        return STATUS_VERSION;
    }
    *out = (struct segment_header){
        .first_sequence = codec_u64(header + AT_FIRST),
        .epoch = codec_u64(header + AT_EPOCH),
        .created_ms = (int64_t)codec_u64(header + AT_CREATED),
        .salt = codec_u64(header + AT_SALT),
        .continue_features = codec_u32(header + AT_CONTINUE_FEATURES),
    };
    if (out->first_sequence == 0 || codec_u32(header + AT_RESERVED) != 0) {
        complaint_set(complaint, "the segment header has a field out of range");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

bool segment_encode_head(struct segment_header *header, const struct epochs *epochs, struct buf *out)
{
    uint8_t bytes[SEGMENT_HEADER_SIZE];
    check(out->size == 0 && header->first_sequence > 0); /* it stands at the beginning of the file */
    uint64_t before = header->first_sequence - 1;
    header->epoch = epochs_number(epochs, before);
    segment_encode(header, bytes);
    return buf_append(out, (struct gm_bytes){bytes, sizeof bytes}) &&
           epochs_encode(epochs, before, header->created_ms, out);
}

static enum status parse_head(struct gm_bytes head, struct epochs *epochs, struct complaint *complaint)
{
    struct segment_header header;
    struct record table;
    size_t size;
    TRY(segment_parse(head, &header, complaint));
    struct gm_bytes rest = {head.data + SEGMENT_HEADER_SIZE, head.size - SEGMENT_HEADER_SIZE};
    enum status status = record_parse(rest, &table, &size, complaint);
    if (status == STATUS_AGAIN) {
        complaint_set(complaint, "it ends within its table of epochs");
    }
    return status == STATUS_OK ? epochs_decode(epochs, &table, complaint) : STATUS_CORRUPT;
}

enum status segment_read_head(struct disk *disk, const char *name, struct epochs *epochs, struct complaint *complaint)
{
    struct disk_file *file;
    size_t got = 0;
    enum status status = disk->ops->open(disk, name, DISK_READ, &file);
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s cannot be read: %s", name, status_text(status));
        return status;
    }
    uint8_t *head = memory_alloc(SEGMENT_HEAD_MAX);
    status = disk->ops->read(disk, file, 0, head, SEGMENT_HEAD_MAX, &got);
    if (status == STATUS_OK) {
        status = parse_head((struct gm_bytes){head, got}, epochs, complaint);
    } else {
        complaint_set(complaint, "it cannot be read: %s", status_text(status));
    }
    if (status != STATUS_OK) {
        complaint_prefix(complaint, "%s", name);
    }
    memory_free(head);
    disk->ops->close(disk, file);
    return status;
}

void segment_name(uint64_t first_sequence, char out[static DISK_NAME_MAX])
{
    numbered_name(PREFIX, SUFFIX, first_sequence, out);
}

bool segment_name_parse(const char *name, uint64_t *first_sequence)
{
    return numbered_parse(name, PREFIX, SUFFIX, first_sequence) && *first_sequence > 0;
}
