/* SPDX-License-Identifier: MIT */

/* test_kv_lcs_value.c - the longest common subsequence against one found by trying everything. */
#include "kv_lcs_value.h"

#include "base/bytes.h"
#include "base/prng.h"
#include "support/seed.h"

#include <criterion/criterion.h>

#define LENGTH_MAX 8

/* Either the first bytes are used together, or one of them is not used: all ways. */
static uint32_t length_model(struct gm_bytes a, struct gm_bytes b)
{
    if (a.size == 0 || b.size == 0) {
        return 0;
    }
    struct gm_bytes a_rest = {a.data + 1, a.size - 1};
    struct gm_bytes b_rest = {b.data + 1, b.size - 1};
    uint32_t best = a.data[0] == b.data[0] ? 1 + length_model(a_rest, b_rest) : 0;
    uint32_t without_a = length_model(a_rest, b);
    uint32_t without_b = length_model(a, b_rest);
    best = without_a > best ? without_a : best;
    return without_b > best ? without_b : best;
}

static struct gm_bytes random_text(struct prng *random, uint8_t text[LENGTH_MAX])
{
    size_t size = prng_below(random, LENGTH_MAX + 1);
    for (size_t i = 0; i < size; i++) {
        text[i] = (uint8_t)('a' + prng_below(random, 3));
    }
    return (struct gm_bytes){text, size};
}

Test(kv_lcs_value, the_matches_are_a_longest_common_subsequence)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    for (int round = 0; round < 3000; round++) {
        uint8_t text_a[LENGTH_MAX];
        uint8_t text_b[LENGTH_MAX];
        struct gm_bytes a = random_text(&random, text_a);
        struct gm_bytes b = random_text(&random, text_b);
        uint32_t row[LENGTH_MAX + 1] = {0};
        uint32_t table[(LENGTH_MAX + 1) * (LENGTH_MAX + 1)] = {0};
        struct kv_lcs lcs;
        uint32_t length = kv_lcs_value_fill(&lcs, a, b, table);
        cr_assert_eq(length, length_model(a, b));
        cr_assert_eq(kv_lcs_value_length(a, b, row), length);
        struct kv_match match;
        size_t a_end = a.size;
        size_t b_end = b.size;
        size_t total = 0;
        while (kv_lcs_value_next(&lcs, &match)) {
            cr_assert(match.size > 0 && match.a_first + match.size <= a_end && match.b_first + match.size <= b_end);
            cr_assert_arr_eq(a.data + match.a_first, b.data + match.b_first, match.size);
            cr_assert(total == 0 || match.a_first + match.size < a_end || match.b_first + match.size < b_end,
                      "neighbours in both strings are one match");
            a_end = match.a_first;
            b_end = match.b_first;
            total += match.size;
        }
        cr_assert_eq(total, length);
        cr_assert_not(kv_lcs_value_next(&lcs, &match));
        kv_lcs_value_rewind(&lcs);
        cr_assert_eq(kv_lcs_value_next(&lcs, &match), length > 0);
    }
}

Test(kv_lcs_value, the_size_of_a_table_is_checked_arithmetic)
{
    size_t size;
    cr_assert(kv_lcs_value_table_bytes(0, 0, &size) && size == 4);
    cr_assert(kv_lcs_value_table_bytes(2, 3, &size) && size == 48);
    cr_assert_not(kv_lcs_value_table_bytes(SIZE_MAX, 1, &size));
    cr_assert_not(kv_lcs_value_table_bytes(1, SIZE_MAX, &size));
    cr_assert_not(kv_lcs_value_table_bytes(SIZE_MAX / 2, 4, &size));
    cr_assert_not(kv_lcs_value_table_bytes((size_t)1 << 31, (size_t)1 << 31, &size));
}
