/* SPDX-License-Identifier: MIT */

/* The checksum against the published examples, and the fast ways against the definition. */
#include <criterion/criterion.h>

#include "base/crc32c.h"
#include "base/prng.h"

static uint32_t by_definition(struct gm_bytes bytes)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < bytes.size; i++) {
        crc ^= bytes.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
        }
    }
    return ~crc;
}

Test(crc32c, gives_the_published_numbers)
{
    uint8_t bytes[32] = {0};
    cr_assert_eq(crc32c(BYTES("123456789")), 0xe3069283u);
    cr_assert_eq(crc32c(BYTES_NONE), 0);
    /* RFC 3720, B.4 */
    cr_assert_eq(crc32c((struct gm_bytes){bytes, 32}), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    cr_assert_eq(crc32c((struct gm_bytes){bytes, 32}), 0x62a8ab43u);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    cr_assert_eq(crc32c((struct gm_bytes){bytes, 32}), 0x46dd794eu);
}

Test(crc32c, is_the_same_by_instruction_by_table_and_by_definition_at_every_size_alignment_and_split)
{
    uint8_t bytes[160];
    struct prng prng;
    prng_seed(&prng, 7);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)prng_next(&prng);
    }
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; size <= 140; size++) {
            struct gm_bytes all = {bytes + start, size};
            uint32_t expected = by_definition(all);
            cr_assert_eq(crc32c(all), expected, "start %zu size %zu", start, size);
            cr_assert_eq(crc32c_table(0, all), expected, "start %zu size %zu", start, size); /* crc32c I1 */
            size_t split = prng_below(&prng, size + 1);
            uint32_t first = crc32c((struct gm_bytes){all.data, split});
            cr_assert_eq(crc32c_more(first, (struct gm_bytes){all.data + split, size - split}), expected);
        }
    }
}
