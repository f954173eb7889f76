/* SPDX-License-Identifier: MIT */

/* test_codec.c - what is written is read, what is not whole is a failure, and nothing is looked at behind the end. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/prng.h"
#include "geomys/call.h"
#include "geomys/codec.h"
#include "geomys/hash.h"
#include "support/seed.h"

Test(codec, fixed_numbers_are_little_endian)
{
    uint8_t bytes[64];
    uint8_t *end = gm_store_u8(bytes, 0x01);
    end = gm_store_u16(end, 0x0203);
    end = gm_store_u32(end, 0x04050607);
    end = gm_store_u64(end, 0x08090a0b0c0d0e0f);
    end = gm_store_f64(end, -2.5);
    static const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e, 0x0d, 0x0c, 0x0b,
                                       0x0a, 0x09, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0xc0};
    cr_assert_eq((size_t)(end - bytes), sizeof expected);
    cr_assert_arr_eq(bytes, expected, sizeof expected);
    struct gm_reader in = gm_reader_of(gm_bytes_between(bytes, end));
    cr_assert_eq(gm_read_u8(&in), 0x01);
    cr_assert_eq(gm_read_u16(&in), 0x0203);
    cr_assert_eq(gm_read_u32(&in), 0x04050607);
    cr_assert_eq(gm_read_u64(&in), 0x08090a0b0c0d0e0f);
    cr_assert_not(gm_read_all(&in), "something is left");
    cr_assert_eq(gm_read_f64(&in), -2.5);
    cr_assert(gm_read_all(&in));
}

Test(codec, a_number_has_one_varint)
{
    static const int64_t numbers[] = {0, 1, -1, 63, -64, 64, -65, 8191, -8192, 8192, INT32_MAX, INT64_MAX, INT64_MIN};
    static const size_t sizes[] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 5, 10, 10};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint8_t code[GM_VARINT_MAX + 1];
        uint8_t *end = gm_store_varint(code, gm_zigzag(numbers[i]));
        cr_assert_eq((size_t)(end - code), sizes[i]);
        cr_assert_eq(gm_varint_size(gm_zigzag(numbers[i])), sizes[i]);
        struct gm_reader in = gm_reader_of(gm_bytes_between(code, end));
        cr_assert_eq(gm_read_signed(&in), numbers[i]);
        cr_assert(gm_read_all(&in));
        in = gm_reader_of(gm_bytes_between(code, end - 1));
        cr_assert_eq(gm_read_varint(&in), 0);
        cr_assert_not(gm_read_fine(&in), "cut");
        end[-1] |= 0x80;
        *end++ = 0;
        in = gm_reader_of(gm_bytes_between(code, end));
        (void)gm_read_varint(&in);
        cr_assert_not(gm_read_fine(&in), "longer than need be"); /* codec P2 */
    }
    static const uint8_t above[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    struct gm_reader in = gm_reader_of(gm_bytes_at(above, sizeof above));
    (void)gm_read_varint(&in);
    cr_assert_not(gm_read_fine(&in), "above 64 bits");
    static const uint8_t longer[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x00};
    in = gm_reader_of(gm_bytes_at(longer, sizeof longer));
    (void)gm_read_varint(&in);
    cr_assert_not(gm_read_fine(&in), "eleven bytes");
}

Test(codec, a_failure_stays_and_all_that_follows_is_empty)
{
    static const uint8_t bytes[] = {5, 'a', 'b', 1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct gm_reader in = gm_reader_of(gm_bytes_at(bytes, 3));
    struct gm_bytes item = gm_read_item(&in);
    cr_assert(item.data == NULL && item.size == 0);
    cr_assert_not(gm_read_fine(&in));
    cr_assert_eq(gm_read_left(&in), 0, "so that a loop ends");
    cr_assert_eq(gm_read_u8(&in), 0);
    cr_assert_eq(gm_read_u64(&in), 0);
    cr_assert_eq(gm_read_bytes(&in, UINT64_MAX).size, 0);
    cr_assert_not(gm_read_all(&in));
    in = gm_reader_of((struct gm_bytes){0});
    cr_assert(gm_read_all(&in), "nothing was wanted");
    cr_assert_eq(gm_read_rest(&in).size, 0);
    cr_assert(gm_read_all(&in));
    gm_read_fail(&in);
    cr_assert_not(gm_read_all(&in));
}

/* Any bytes, in memory that ends where they do: a sanitizer sees what reads behind them. */
Test(codec, reads_nothing_behind_the_end)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (int round = 0; round < 20000; round++) {
        size_t size = prng_below(&prng, 24);
        uint8_t *bytes = malloc(size + 1);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(prng_next(&prng) % 3 == 0 ? 0x80 | prng_next(&prng) : prng_next(&prng) % 4);
        }
        bytes = realloc(bytes, size > 0 ? size : 1);
        struct gm_reader in = gm_reader_of(gm_bytes_at(bytes, size));
        for (int i = 0; i < 8 && gm_read_left(&in) > 0; i++) {
            size_t before = gm_read_left(&in);
            switch (prng_below(&prng, 5)) {
            case 0:
                (void)gm_read_u16(&in);
                break;
            case 1:
                (void)gm_read_u64(&in);
                break;
            case 2:
                (void)gm_read_varint(&in);
                break;
            case 3: {
                struct gm_bytes item = gm_read_item(&in);
                cr_assert(item.size == 0 || (item.data >= bytes && item.data + item.size <= bytes + size));
                break;
            }
            default:
                (void)gm_read_bytes(&in, prng_next(&prng) >> prng_below(&prng, 64));
                break;
            }
            cr_assert_leq(gm_read_left(&in), before); /* codec P1 */
        }
        free(bytes);
    }
}

/* ---- gm_random_below ---- */

struct drawn {
    struct gm_call call;
    const uint64_t *numbers;
    size_t count;
};

static uint64_t draw(struct gm_call *call)
{
    struct drawn *drawn = (struct drawn *)call;
    drawn->count++;
    return *drawn->numbers++;
}

Test(codec, a_number_below_a_bound_is_as_likely_as_any_other)
{
    /* 2^64 % 6 is 4: of the lowest four numbers none may count, else 0 to 3 would be likelier. */
    static const uint64_t numbers[] = {0, 3, 4, 5, 1, UINT64_MAX, 7};
    static const struct gm_call_ops ops = {.size = sizeof ops, .random = draw};
    struct drawn drawn = {.call.ops = &ops, .numbers = numbers};
    cr_assert_eq(gm_random_below(&drawn.call, 6), 4);
    cr_assert_eq(drawn.count, 3);
    cr_assert_eq(gm_random_below(&drawn.call, 6), 5);
    cr_assert_eq(gm_random_below(&drawn.call, 6), UINT64_MAX % 6);
    cr_assert_eq(drawn.count, 6);
    cr_assert_eq(gm_random_below(&drawn.call, 1), 0);
}

Test(codec, a_hash_depends_on_its_key)
{
    struct gm_hash_key counting = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    struct gm_hash_key other = {0x0706050403020100u, 0x0f0e0d0c0b0a0909u};
    static const uint8_t message[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    cr_assert_eq(gm_hash(&counting, gm_bytes_at(message, 9)), 0x25a48eb36c063de4, "as published");
    cr_assert_neq(gm_hash(&other, gm_bytes_at(message, 9)), 0x25a48eb36c063de4);
    cr_assert_eq(gm_hash(&counting, (struct gm_bytes){0}), 0xabac0158050fc4dc);
}

Test(codec, each_use_of_a_secret_has_a_key_of_its_own)
{
    struct gm_secret secret = {"sixteen bytes..."};
    struct gm_secret other = secret;
    other.bytes[15] ^= 1;
    struct gm_hash_key key = gm_hash_key_of(&secret, "acme.set/members");
    struct gm_hash_key same = gm_hash_key_of(&secret, "acme.set/members");
    struct gm_hash_key second = gm_hash_key_of(&secret, "acme.set/scores");
    struct gm_hash_key foreign = gm_hash_key_of(&other, "acme.set/members");
    cr_assert(key.k0 == same.k0 && key.k1 == same.k1);
    cr_assert(key.k0 != second.k0 && key.k1 != second.k1 && key.k0 != foreign.k0 && key.k1 != foreign.k1);
    cr_assert(key.k0 != gm_load_u64(secret.bytes) && key.k1 != gm_load_u64(secret.bytes + 8));
    cr_assert(key.k0 == 0x08aa8b13f9f246a0 && key.k1 == 0x3b46fd99131a7528,
              "stable for ever: values and SCAN's cursors rest on it");
}
