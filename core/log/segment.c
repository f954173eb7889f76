/* SPDX-License-Identifier: MIT */

/* segment.c - names and headers; segment.h has the layout. */
#include "log/segment.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/crc32c.h"

#define PREFIX "wal-"
#define SUFFIX ".log"
#define DIGITS 20

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

void segment_name(uint64_t first_sequence, char out[static DISK_NAME_MAX])
{
    (void)snprintf(out, DISK_NAME_MAX, PREFIX "%0*" PRIu64 SUFFIX, DIGITS, first_sequence);
}

bool segment_name_parse(const char *name, uint64_t *first_sequence)
{
    size_t prefix = sizeof PREFIX - 1;
    if (strlen(name) != prefix + DIGITS + sizeof SUFFIX - 1 || memcmp(name, PREFIX, prefix) != 0 ||
        strcmp(name + prefix + DIGITS, SUFFIX) != 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = prefix; i < prefix + DIGITS; i++) {
        uint8_t digit = (uint8_t)(name[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *first_sequence = value;
    return value > 0;
}
