/* SPDX-License-Identifier: MIT */

/* codec.h - fixed-width little-endian numbers in bytes that need not be aligned, as the modules have them
 * (geomys/codec.h). The caller has checked that the bytes are there. O(1). [any thread] */
#ifndef GEOMYS_BASE_CODEC_H
#define GEOMYS_BASE_CODEC_H

#include "geomys/codec.h"

static inline uint16_t codec_u16(const uint8_t *from)
{
    return gm_load_u16(from);
}

static inline uint32_t codec_u32(const uint8_t *from)
{
    return gm_load_u32(from);
}

static inline uint64_t codec_u64(const uint8_t *from)
{
    return gm_load_u64(from);
}

static inline void codec_put_u16(uint8_t *to, uint16_t value)
{
    (void)gm_store_u16(to, value);
}

static inline void codec_put_u32(uint8_t *to, uint32_t value)
{
    (void)gm_store_u32(to, value);
}

static inline void codec_put_u64(uint8_t *to, uint64_t value)
{
    (void)gm_store_u64(to, value);
}

#endif
