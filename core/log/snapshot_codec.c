/* SPDX-License-Identifier: MIT */

/* snapshot_codec.c - LZ4 and zstd behind two calls.
 *
 * Idea     The output may never be larger than the input, so one buffer of a block's size is enough; what does not fit
 *          is stored plain. zstd works at level 1 with tables that fit a block: it is there for those who pay for
 *          bytes, LZ4 for those who pay for time. What zstd takes for itself is found out by compressing one block of
 *          zeros.
 *
 * Promises
 *   P1  Unpacking writes within out[0..size) whatever the bytes say, and takes no memory by what they claim: LZ4's
 *       decoder has none, zstd's needs none when it decodes a whole frame at once into a buffer.
 */
#include "log/snapshot_codec.h"

#include <lz4.h>
#include <zstd.h>

#include "base/memory.h"

#define LZ4_SPEED  1
#define ZSTD_LEVEL 1

struct snapshot_packer {
    enum snapshot_codec codec;
    size_t plain_max;
    uint8_t *out;
    void *lz4;
    ZSTD_CCtx *zstd;
};

struct snapshot_unpacker {
    ZSTD_DCtx *zstd;
};

static void begin_zstd(struct snapshot_packer *packer)
{
    packer->zstd = ZSTD_createCCtx();
    check(packer->zstd != NULL);
    uint8_t *zeros = memory_zeroed(packer->plain_max);
    size_t result =
        ZSTD_compressCCtx(packer->zstd, packer->out, packer->plain_max, zeros, packer->plain_max, ZSTD_LEVEL);
    memory_free(zeros);
    check(!ZSTD_isError(result));
}

struct snapshot_packer *snapshot_packer_create(enum snapshot_codec codec, size_t plain_max)
{
    check(plain_max >= 64 && plain_max <= LZ4_MAX_INPUT_SIZE);
    struct snapshot_packer *packer = memory_zeroed(sizeof *packer);
    packer->codec = codec;
    packer->plain_max = plain_max;
    if (codec != SNAPSHOT_PLAIN) {
        packer->out = memory_alloc(plain_max);
    }
    if (codec == SNAPSHOT_LZ4) {
        packer->lz4 = memory_alloc((size_t)LZ4_sizeofState());
    }
    if (codec == SNAPSHOT_ZSTD) {
        begin_zstd(packer);
    }
    return packer;
}

void snapshot_packer_destroy(struct snapshot_packer *packer)
{
    if (packer != NULL) {
        (void)ZSTD_freeCCtx(packer->zstd);
        memory_free(packer->lz4);
        memory_free(packer->out);
        memory_free(packer);
    }
}

size_t snapshot_packer_memory(const struct snapshot_packer *packer)
{
    size_t memory = memory_size(packer) + ZSTD_sizeof_CCtx(packer->zstd);
    memory += packer->out != NULL ? memory_size(packer->out) : 0;
    return memory + (packer->lz4 != NULL ? memory_size(packer->lz4) : 0);
}

static size_t pack_lz4(struct snapshot_packer *packer, struct gm_bytes plain, size_t room)
{
    int size = LZ4_compress_fast_extState(packer->lz4, (const char *)plain.data, (char *)packer->out, (int)plain.size,
                                          (int)room, LZ4_SPEED);
    return size > 0 ? (size_t)size : 0;
}

static size_t pack_zstd(struct snapshot_packer *packer, struct gm_bytes plain, size_t room)
{
    size_t size = ZSTD_compressCCtx(packer->zstd, packer->out, room, plain.data, plain.size, ZSTD_LEVEL);
    return ZSTD_isError(size) ? 0 : size;
}

bool snapshot_pack(struct snapshot_packer *packer, struct gm_bytes plain, struct gm_bytes *out)
{
    check(plain.size <= packer->plain_max);
    size_t room = plain.size - plain.size / 16;
    size_t size = 0;
    if (packer->codec == SNAPSHOT_LZ4) {
        size = pack_lz4(packer, plain, room);
    } else if (packer->codec == SNAPSHOT_ZSTD) {
        size = pack_zstd(packer, plain, room);
    }
    *out = (struct gm_bytes){packer->out, size};
    return size > 0;
}

struct snapshot_unpacker *snapshot_unpacker_create(void)
{
    struct snapshot_unpacker *unpacker = memory_zeroed(sizeof *unpacker);
    unpacker->zstd = ZSTD_createDCtx();
    check(unpacker->zstd != NULL);
    return unpacker;
}

void snapshot_unpacker_destroy(struct snapshot_unpacker *unpacker)
{
    if (unpacker != NULL) {
        (void)ZSTD_freeDCtx(unpacker->zstd);
        memory_free(unpacker);
    }
}

bool snapshot_unpack(struct snapshot_unpacker *unpacker, enum snapshot_codec codec, struct gm_bytes stored,
                     uint8_t *out, size_t size)
{
    if (stored.size > LZ4_MAX_INPUT_SIZE || size > LZ4_MAX_INPUT_SIZE) {
        return false;
    }
    if (codec == SNAPSHOT_LZ4) {
        int got = LZ4_decompress_safe((const char *)stored.data, (char *)out, (int)stored.size, (int)size);
        return got >= 0 && (size_t)got == size;
    }
    if (codec == SNAPSHOT_ZSTD) {
        size_t got = ZSTD_decompressDCtx(unpacker->zstd, out, size, stored.data, stored.size);
        return !ZSTD_isError(got) && got == size;
    }
    return false;
}
