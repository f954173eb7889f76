/* SPDX-License-Identifier: MIT */

/* The published vectors for SipHash-1-3 with the key 00 01 .. 0f and the message 00 01 .. n-1; the further ones were
 * computed by two other implementations that agree with each other (CPython's, and one written from the paper). */
#include <criterion/criterion.h>

#include "base/siphash.h"

static const struct siphash_key counting = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static uint64_t hash_of_counting(size_t size)
{
    uint8_t message[64];
    for (size_t i = 0; i < size; i++) {
        message[i] = (uint8_t)i;
    }
    return siphash(&counting, (struct gm_bytes){message, size});
}

Test(siphash, gives_the_published_hashes)
{
    static const struct {
        size_t size;
        uint64_t hash;
    } vectors[] = {
        {0, 0xabac0158050fc4dc}, {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},  {8, 0x369095118d299a8e},
        {9, 0x25a48eb36c063de4}, {15, 0xd320d86d2a519956}, {16, 0xcc4fdd1a7d908b66}, {63, 0x9d199062b7bbb3a8},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        cr_assert_eq(hash_of_counting(vectors[i].size), vectors[i].hash, "%zu bytes", vectors[i].size);
    }
    uint64_t all = 0;
    for (size_t size = 0; size < 64; size++) {
        all = (all * 0x100000001b3u) ^ hash_of_counting(size);
    }
    cr_assert_eq(all, 0x6f124d6d7db3112b, "all sizes from 0 to 63");

    static const struct siphash_key zero = {0, 0};
    cr_assert_eq(siphash(&zero, BYTES("geomys")), 0x78d4d45c9e5a85b4);
    cr_assert_eq(siphash(&zero, BYTES("0123456789abcdef!")), 0x9463628f6c8882ca);
}

Test(siphash, depends_on_the_key_and_on_nothing_around_the_bytes)
{
    struct siphash_key other = counting;
    other.k1 ^= 1;
    cr_assert_neq(siphash(&other, BYTES("key")), siphash(&counting, BYTES("key")));

    cr_assert_eq(siphash(&counting, BYTES_NONE), hash_of_counting(0), "no bytes at all");
    uint8_t shifted[40] = "xxxa key that is not aligned";
    cr_assert_eq(siphash(&counting, (struct gm_bytes){shifted + 3, 25}),
                 siphash(&counting, BYTES("a key that is not aligned")));
}
