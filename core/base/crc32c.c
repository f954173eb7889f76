/* SPDX-License-Identifier: MIT */

/* crc32c.c - CRC-32C by instruction where there is one, else by eight tables, eight bytes a step.
 *
 * Idea     The checksum is linear: the table entry of a byte is the XOR of the entries of its bits. So a table is
 *          written as eight constants and the compiler works out the other 248 entries.
 *
 * Promises
 *   I1  Both ways give the same number for the same bytes (the test compares them with a third, bit by bit).
 */
#include "base/crc32c.h"

#include "base/codec.h"

#if defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

#define ENTRY(i, a, b, c, d, e, f, g, h)                                                                               \
    (((i)&1 ? (a) : 0) ^ ((i)&2 ? (b) : 0) ^ ((i)&4 ? (c) : 0) ^ ((i)&8 ? (d) : 0) ^ ((i)&16 ? (e) : 0) ^              \
     ((i)&32 ? (f) : 0) ^ ((i)&64 ? (g) : 0) ^ ((i)&128 ? (h) : 0))
#define FOUR(i, ...)                                                                                                   \
    ENTRY((i), __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__), ENTRY((i) + 3, __VA_ARGS__)
#define SIXTEEN(i, ...)                                                                                                \
    FOUR((i), __VA_ARGS__), FOUR((i) + 4, __VA_ARGS__), FOUR((i) + 8, __VA_ARGS__), FOUR((i) + 12, __VA_ARGS__)
#define SIXTY_FOUR(i, ...)                                                                                             \
    SIXTEEN((i), __VA_ARGS__), SIXTEEN((i) + 16, __VA_ARGS__), SIXTEEN((i) + 32, __VA_ARGS__),                         \
        SIXTEEN((i) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                                     \
    {                                                                                                                  \
        SIXTY_FOUR(0, __VA_ARGS__), SIXTY_FOUR(64, __VA_ARGS__), SIXTY_FOUR(128, __VA_ARGS__),                         \
            SIXTY_FOUR(192, __VA_ARGS__)                                                                               \
    }

/* tables[k][byte]: what `byte` contributes k bytes before the end of a step. */
static const uint32_t tables[8][256] = {
    TABLE(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu, 0x417b1dbcu, 0x82f63b78u),
    TABLE(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u, 0x7f8be302u, 0xff17c604u, 0xfbc3faf9u),
    TABLE(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au, 0xe144fb14u, 0xc76580d9u, 0x8b277743u),
    TABLE(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du, 0xd725148bu, 0xaba65fe7u, 0x52a0c93fu),
    TABLE(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u, 0x1ba8b557u, 0x37516aaeu, 0x6ea2d55cu),
    TABLE(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu, 0x85f4168du, 0x0e045bebu, 0x1c08b7d6u),
    TABLE(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u, 0x3d5b83bdu, 0x7ab7077au, 0xf56e0ef4u),
    TABLE(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u, 0x0d006599u, 0x1a00cb32u, 0x34019664u),
};

uint32_t crc32c_table(uint32_t crc, struct gm_bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t rest = bytes.size;
    crc = ~crc;
    for (; rest >= 8; rest -= 8, at += 8) {
        uint64_t word = codec_u64(at) ^ crc;
        crc = tables[7][word & 255] ^ tables[6][word >> 8 & 255] ^ tables[5][word >> 16 & 255] ^
              tables[4][word >> 24 & 255] ^ tables[3][word >> 32 & 255] ^ tables[2][word >> 40 & 255] ^
              tables[1][word >> 48 & 255] ^ tables[0][word >> 56];
    }
    for (; rest > 0; rest--, at++) {
        crc = tables[0][(crc ^ *at) & 255] ^ crc >> 8;
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, struct gm_bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t rest = bytes.size;
    uint64_t wide = (uint32_t)~crc;
    for (; rest >= 8; rest -= 8, at += 8) {
        wide = __builtin_ia32_crc32di(wide, codec_u64(at));
    }
    uint32_t narrow = (uint32_t)wide;
    for (; rest > 0; rest--, at++) {
        narrow = __builtin_ia32_crc32qi(narrow, *at);
    }
    return ~narrow;
}

uint32_t crc32c_more(uint32_t crc, struct gm_bytes bytes)
{
    return __builtin_cpu_supports("sse4.2") ? by_instruction(crc, bytes) : crc32c_table(crc, bytes);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t crc32c_more(uint32_t crc, struct gm_bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t rest = bytes.size;
    crc = ~crc;
    for (; rest >= 8; rest -= 8, at += 8) {
        crc = __crc32cd(crc, codec_u64(at));
    }
    for (; rest > 0; rest--, at++) {
        crc = __crc32cb(crc, *at);
    }
    return ~crc;
}

#else

uint32_t crc32c_more(uint32_t crc, struct gm_bytes bytes)
{
    return crc32c_table(crc, bytes);
}

#endif

uint32_t crc32c(struct gm_bytes bytes)
{
    return crc32c_more(0, bytes);
}
