/* SPDX-License-Identifier: MIT */

/* coord_patch.c - patches of documents; coord_patch.h has the layout. */
#include "cluster/coord_patch.h"

#include "base/codec.h"
#include "base/crc32c.h"
#include "wire/topology.h"

#define KIND 1

enum offset {
    AT_CRC = 4,
    AT_VERSION = 8,
    AT_BEGINNING = 16,
    AT_END = 20,
};

void coord_patch_make(struct gm_bytes base, uint64_t version, struct gm_bytes next, struct buf *out)
{
    size_t shared = base.size < next.size ? base.size : next.size;
    size_t beginning = 0;
    size_t end = 0;
    check(base.size <= TOPOLOGY_BYTES_MAX && next.size <= TOPOLOGY_BYTES_MAX);
    while (beginning < shared && base.data[beginning] == next.data[beginning]) {
        beginning++;
    }
    while (end < shared - beginning && base.data[base.size - 1 - end] == next.data[next.size - 1 - end]) {
        end++;
    }
    uint8_t header[COORD_PATCH_HEADER];
    codec_put_u32(header, KIND);
    codec_put_u32(header + AT_CRC, crc32c(next));
    codec_put_u64(header + AT_VERSION, version);
    codec_put_u32(header + AT_BEGINNING, (uint32_t)beginning);
    codec_put_u32(header + AT_END, (uint32_t)end);
    (void)buf_append(out, gm_bytes_at(header, sizeof header));
    (void)buf_append(out, gm_bytes_at(next.data + beginning, next.size - beginning - end));
    check(!out->full);
}

enum status coord_patch_version(struct gm_bytes patch, uint64_t *out)
{
    if (patch.size < COORD_PATCH_HEADER || codec_u32(patch.data) != KIND) {
        return STATUS_CORRUPT;
    }
    *out = codec_u64(patch.data + AT_VERSION);
    return STATUS_OK;
}

enum status coord_patch_apply(struct gm_bytes base, struct gm_bytes patch, struct buf *out)
{
    uint64_t version;
    TRY(coord_patch_version(patch, &version));
    size_t beginning = codec_u32(patch.data + AT_BEGINNING);
    size_t end = codec_u32(patch.data + AT_END);
    struct gm_bytes middle = gm_bytes_at(patch.data + COORD_PATCH_HEADER, patch.size - COORD_PATCH_HEADER);
    if (beginning > base.size || end > base.size - beginning ||
        beginning + end + middle.size > TOPOLOGY_BYTES_MAX) { /* each is below 4 GiB */
        return STATUS_CORRUPT;
    }
    buf_clear(out, SIZE_MAX);
    if (!buf_append(out, gm_bytes_at(base.data, beginning)) || !buf_append(out, middle) ||
        !buf_append(out, gm_bytes_at(base.data + base.size - end, end))) {
        return STATUS_CORRUPT;
    }
    return crc32c(buf_bytes(out)) == codec_u32(patch.data + AT_CRC) ? STATUS_OK : STATUS_CORRUPT;
}
