/* SPDX-License-Identifier: MIT */

/* snapshot.c - names, header, heads of blocks and footer; snapshot.h has the layout.
 *
 * Idea     The checksum of a block's head covers the checksum of its content and that of the head before: so the heads
 *          form a chain from the header to the footer, and a block that is lost, doubled, exchanged or of another file
 *          is noticed at its place.
 */
#include "log/snapshot.h"

#include <stdlib.h>

#include "base/codec.h"
#include "base/crc32c.h"
#include "base/memory.h"
#include "log/numbered.h"

#define PREFIX    "snapshot-"
#define SUFFIX    ".snap"
#define FOUND_MAX ((size_t)64 * 1024) /* snapshots in one folder */

enum header_offset {
    HEADER_CRC = 8,
    HEADER_MAJOR = 12,
    HEADER_READ_FEATURES = 16,
    HEADER_RESERVED = 28,
    HEADER_SEQUENCE = 32,
    HEADER_EPOCH = 40,
    HEADER_TIME = 48,
    HEADER_RESERVED_TOO = 56,
};

enum head_offset {
    HEAD_CRC = 0,
    HEAD_CONTENT_CRC = 4,
    HEAD_CHAIN = 8,
    HEAD_KIND = 12,
    HEAD_CODEC = 14,
    HEAD_STORED = 16,
    HEAD_PLAIN = 20,
    HEAD_RECORDS = 24,
    HEAD_RESERVED = 28,
};

enum counts_offset {
    COUNTS_SEQUENCE = 0,
    COUNTS_RECORDS = 8,
    COUNTS_KEYS = 16,
    COUNTS_PLAIN = 24,
    COUNTS_BLOCKS = 32,
    COUNTS_TYPES = 40,
    COUNTS_RESERVED = 44,
};

#define FEATURE_LZ4    1u
#define FEATURE_ZSTD   2u
#define FEATURES_KNOWN (FEATURE_LZ4 | FEATURE_ZSTD)

/* ---- header ---- */

static uint32_t header_checksum(const uint8_t *header)
{
    return crc32c((struct gm_bytes){header + HEADER_MAJOR, SNAPSHOT_HEADER_SIZE - HEADER_MAJOR});
}

void snapshot_encode_header(const struct snapshot_cut *cut, enum snapshot_codec codec,
                            uint8_t out[static SNAPSHOT_HEADER_SIZE])
{
    memset(out, 0, SNAPSHOT_HEADER_SIZE);
    memcpy(out, SNAPSHOT_MAGIC, 8);
    codec_put_u16(out + HEADER_MAJOR, SNAPSHOT_MAJOR);
    codec_put_u32(out + HEADER_READ_FEATURES, codec == SNAPSHOT_LZ4    ? FEATURE_LZ4
                                              : codec == SNAPSHOT_ZSTD ? FEATURE_ZSTD
                                                                       : 0);
    codec_put_u64(out + HEADER_SEQUENCE, cut->sequence);
    codec_put_u64(out + HEADER_EPOCH, cut->epoch);
    codec_put_u64(out + HEADER_TIME, (uint64_t)cut->time_ms);
    codec_put_u32(out + HEADER_CRC, header_checksum(out));
}

enum status snapshot_parse_header(struct gm_bytes bytes, struct snapshot_cut *cut, unsigned *codecs,
                                  struct complaint *complaint)
{
    if (bytes.size < SNAPSHOT_HEADER_SIZE || memcmp(bytes.data, SNAPSHOT_MAGIC, 8) != 0) {
        complaint_set(complaint, "there is no snapshot header");
        return STATUS_CORRUPT;
    }
    const uint8_t *header = bytes.data;
    if (header_checksum(header) != codec_u32(header + HEADER_CRC)) {
        complaint_set(complaint, "the checksum of the snapshot header is wrong");
        return STATUS_CORRUPT;
    }
    uint16_t major = codec_u16(header + HEADER_MAJOR);
    uint32_t features = codec_u32(header + HEADER_READ_FEATURES);
    if (major < SNAPSHOT_MAJOR) {
        complaint_set(complaint,
                      "the snapshot has format version %u, of a program from before the first release; this one reads "
                      "version %d only: go on with the program that wrote it, or begin with an empty data folder",
                      major, SNAPSHOT_MAJOR);
        return STATUS_VERSION;
    }
    if (major != SNAPSHOT_MAJOR || (features & ~FEATURES_KNOWN) != 0) {
        complaint_set(complaint,
                      "the snapshot has format version %u and features %x; this program reads version %d with "
                      "features %x only",
                      major, features, SNAPSHOT_MAJOR, FEATURES_KNOWN);
        return STATUS_VERSION;
    }
    if (codec_u32(header + HEADER_RESERVED) != 0 || codec_u64(header + HEADER_RESERVED_TOO) != 0) {
        complaint_set(complaint, "the snapshot header has a field out of range");
        return STATUS_CORRUPT;
    }
    *cut = (struct snapshot_cut){.sequence = codec_u64(header + HEADER_SEQUENCE),
                                 .epoch = codec_u64(header + HEADER_EPOCH),
                                 .time_ms = (int64_t)codec_u64(header + HEADER_TIME)};
    *codecs = 1u << SNAPSHOT_PLAIN | ((features & FEATURE_LZ4) != 0 ? 1u << SNAPSHOT_LZ4 : 0) |
              ((features & FEATURE_ZSTD) != 0 ? 1u << SNAPSHOT_ZSTD : 0);
    return STATUS_OK;
}

uint32_t snapshot_chain_of_header(const uint8_t header[static SNAPSHOT_HEADER_SIZE])
{
    return codec_u32(header + HEADER_CRC);
}

/* ---- heads of blocks ---- */

static uint32_t head_checksum(const uint8_t *head)
{
    return crc32c((struct gm_bytes){head + HEAD_CONTENT_CRC, SNAPSHOT_HEAD_SIZE - HEAD_CONTENT_CRC});
}

void snapshot_encode_head(const struct snapshot_head *head, uint8_t out[static SNAPSHOT_HEAD_SIZE])
{
    codec_put_u32(out + HEAD_CONTENT_CRC, head->content_crc);
    codec_put_u32(out + HEAD_CHAIN, head->chain);
    codec_put_u16(out + HEAD_KIND, head->kind);
    codec_put_u16(out + HEAD_CODEC, head->codec);
    codec_put_u32(out + HEAD_STORED, head->stored_size);
    codec_put_u32(out + HEAD_PLAIN, head->plain_size);
    codec_put_u32(out + HEAD_RECORDS, head->records);
    codec_put_u32(out + HEAD_RESERVED, 0);
    codec_put_u32(out + HEAD_CRC, head_checksum(out));
}

static bool head_is_sound(const struct snapshot_head *head)
{
    bool packed = head->codec != SNAPSHOT_PLAIN;
    bool footer = head->kind == SNAPSHOT_FOOTER;
    if (head->plain_size == 0 || head->plain_size > SNAPSHOT_BLOCK_MAX) {
        return false;
    }
    if (packed ? head->stored_size == 0 || head->stored_size >= head->plain_size
               : head->stored_size != head->plain_size) {
        return false;
    }
    if (footer) {
        return !packed && head->plain_size == SNAPSHOT_COUNTS_SIZE && head->records == 0;
    }
    if (head->plain_size % 8 != 0 || head->plain_size < RECORD_HEADER_SIZE) {
        return head->kind == SNAPSHOT_PART && head->plain_size % 8 == 0 && head->records == 0;
    }
    return head->kind == SNAPSHOT_PART ? head->records <= 1
                                       : head->records >= 1 && head->records <= head->plain_size / RECORD_HEADER_SIZE;
}

const char *snapshot_parse_head(const uint8_t bytes[static SNAPSHOT_HEAD_SIZE], unsigned codecs,
                                struct snapshot_head *out)
{
    if (head_checksum(bytes) != codec_u32(bytes + HEAD_CRC)) {
        return "the checksum of the block's head is wrong";
    }
    *out = (struct snapshot_head){.content_crc = codec_u32(bytes + HEAD_CONTENT_CRC),
                                  .chain = codec_u32(bytes + HEAD_CHAIN),
                                  .kind = codec_u16(bytes + HEAD_KIND),
                                  .codec = codec_u16(bytes + HEAD_CODEC),
                                  .stored_size = codec_u32(bytes + HEAD_STORED),
                                  .plain_size = codec_u32(bytes + HEAD_PLAIN),
                                  .records = codec_u32(bytes + HEAD_RECORDS)};
    if (out->kind < SNAPSHOT_RECORDS || out->kind > SNAPSHOT_FOOTER || codec_u32(bytes + HEAD_RESERVED) != 0) {
        return "the block is of an unknown kind";
    }
    if (out->codec > SNAPSHOT_ZSTD || (codecs >> out->codec & 1) == 0) {
        return "the block is compressed in a way that the header does not announce";
    }
    return head_is_sound(out) ? NULL : "the block's sizes are out of range";
}

uint32_t snapshot_chain_of_head(const uint8_t head[static SNAPSHOT_HEAD_SIZE])
{
    return codec_u32(head + HEAD_CRC);
}

/* ---- footer ---- */

void snapshot_encode_footer(const struct snapshot_counts *counts, uint32_t chain,
                            uint8_t out[static SNAPSHOT_FOOTER_SIZE])
{
    uint8_t *content = out + SNAPSHOT_HEAD_SIZE;
    codec_put_u64(content + COUNTS_SEQUENCE, counts->sequence);
    codec_put_u64(content + COUNTS_RECORDS, counts->records);
    codec_put_u64(content + COUNTS_KEYS, counts->keys);
    codec_put_u64(content + COUNTS_PLAIN, counts->plain);
    codec_put_u64(content + COUNTS_BLOCKS, counts->blocks);
    codec_put_u32(content + COUNTS_TYPES, counts->types);
    codec_put_u32(content + COUNTS_RESERVED, 0);
    struct snapshot_head head = {.content_crc = crc32c((struct gm_bytes){content, SNAPSHOT_COUNTS_SIZE}),
                                 .chain = chain,
                                 .kind = SNAPSHOT_FOOTER,
                                 .codec = SNAPSHOT_PLAIN,
                                 .stored_size = SNAPSHOT_COUNTS_SIZE,
                                 .plain_size = SNAPSHOT_COUNTS_SIZE};
    snapshot_encode_head(&head, out);
}

const char *snapshot_parse_footer(const uint8_t bytes[static SNAPSHOT_FOOTER_SIZE], struct snapshot_counts *counts,
                                  uint32_t *chain)
{
    struct snapshot_head head;
    const uint8_t *content = bytes + SNAPSHOT_HEAD_SIZE;
    if (snapshot_parse_head(bytes, 1u << SNAPSHOT_PLAIN, &head) != NULL || head.kind != SNAPSHOT_FOOTER) {
        return "the file does not end with a footer";
    }
    if (crc32c((struct gm_bytes){content, SNAPSHOT_COUNTS_SIZE}) != head.content_crc) {
        return "the checksum of the footer is wrong";
    }
    *chain = head.chain;
    *counts = (struct snapshot_counts){.sequence = codec_u64(content + COUNTS_SEQUENCE),
                                       .records = codec_u64(content + COUNTS_RECORDS),
                                       .keys = codec_u64(content + COUNTS_KEYS),
                                       .plain = codec_u64(content + COUNTS_PLAIN),
                                       .blocks = codec_u64(content + COUNTS_BLOCKS),
                                       .types = codec_u32(content + COUNTS_TYPES)};
    if (counts->keys > counts->records || counts->records > counts->plain / RECORD_HEADER_SIZE ||
        counts->plain % 8 != 0 || codec_u32(content + COUNTS_RESERVED) != 0) {
        return "the footer's counts are out of range";
    }
    return NULL;
}

/* ---- names ---- */

void snapshot_name(uint64_t sequence, char out[static DISK_NAME_MAX])
{
    numbered_name(PREFIX, SUFFIX, sequence, out);
}

bool snapshot_name_parse(const char *name, uint64_t *sequence)
{
    return numbered_parse(name, PREFIX, SUFFIX, sequence);
}

struct listing {
    struct snapshot_found *found;
    size_t count;
};

static bool add_name(void *context, const char *name)
{
    struct listing *listing = context;
    uint64_t sequence;
    if (snapshot_name_parse(name, &sequence) && listing->count < FOUND_MAX) {
        listing->found = memory_realloc(listing->found, (listing->count + 1) * sizeof *listing->found);
        listing->found[listing->count++] = (struct snapshot_found){.sequence = sequence};
    }
    return true;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t first = ((const struct snapshot_found *)a)->sequence;
    uint64_t second = ((const struct snapshot_found *)b)->sequence;
    return first > second ? -1 : first < second;
}

static enum status measure(struct disk *disk, struct snapshot_found *found, struct complaint *complaint)
{
    struct disk_file *file;
    char name[DISK_NAME_MAX];
    snapshot_name(found->sequence, name);
    enum status status = disk->ops->open(disk, name, DISK_READ, &file);
    if (status == STATUS_OK) {
        status = disk->ops->size(disk, file, &found->size);
        disk->ops->close(disk, file);
    }
    if (status != STATUS_OK) {
        complaint_set(complaint, "%s cannot be read: %s", name, status_text(status));
    }
    return status;
}

enum status snapshot_list(struct disk *disk, struct snapshot_found **out, size_t *count, struct complaint *complaint)
{
    struct listing listing = {0};
    enum status status = disk->ops->list(disk, add_name, &listing);
    if (status != STATUS_OK) {
        complaint_set(complaint, "the data folder cannot be read: %s", status_text(status));
    }
    for (size_t i = 0; i < listing.count && status == STATUS_OK; i++) {
        status = measure(disk, &listing.found[i], complaint);
    }
    if (status != STATUS_OK) {
        memory_free(listing.found);
        return status;
    }
    if (listing.count > 0) {
        qsort(listing.found, listing.count, sizeof *listing.found, newest_first);
    }
    *out = listing.found;
    *count = listing.count;
    return STATUS_OK;
}
