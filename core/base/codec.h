/* SPDX-License-Identifier: MIT */

/* codec.h - fixed-width little-endian numbers in bytes that need not be aligned. The caller has checked that the bytes
 * are there. O(1). [any thread] */
#ifndef GEOMYS_BASE_CODEC_H
#define GEOMYS_BASE_CODEC_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define CODEC_SWAP(bits, value) __builtin_bswap##bits(value)
#else
#define CODEC_SWAP(bits, value) (value)
#endif

static inline uint16_t codec_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return CODEC_SWAP(16, value);
}

static inline uint32_t codec_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return CODEC_SWAP(32, value);
}

static inline uint64_t codec_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return CODEC_SWAP(64, value);
}

static inline void codec_put_u16(uint8_t *to, uint16_t value)
{
    value = CODEC_SWAP(16, value);
    memcpy(to, &value, sizeof value);
}

static inline void codec_put_u32(uint8_t *to, uint32_t value)
{
    value = CODEC_SWAP(32, value);
    memcpy(to, &value, sizeof value);
}

static inline void codec_put_u64(uint8_t *to, uint64_t value)
{
    value = CODEC_SWAP(64, value);
    memcpy(to, &value, sizeof value);
}

#endif
