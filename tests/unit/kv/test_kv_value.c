/* SPDX-License-Identifier: MIT */

/* test_kv_value.c - the arithmetic of strings against models that look at one bit at a time. */
#include "kv_value.h"

#include "geomys/number.h"

#include "base/bytes.h"
#include "base/prng.h"
#include "support/seed.h"

#include <criterion/criterion.h>
#include <inttypes.h>

#define SIZE_MAX_TESTED 100
#define ROUNDS          20000

/* ---- ranges ---- */

/* Each position is looked at: does it belong to start..end? */
static struct kv_range clamp_model(int64_t start, int64_t end, uint64_t size)
{
    struct kv_range range = {0, 0};
    __int128 from = start < 0 ? (__int128)start + size : start;
    __int128 to = end < 0 ? (__int128)end + size : end;
    from = from < 0 ? 0 : from;
    to = to < 0 ? 0 : to;
    for (uint64_t i = 0; i < size; i++) {
        if (i >= from && i <= to) {
            range.first = range.count == 0 ? i : range.first;
            range.count++;
        }
    }
    return range;
}

static int64_t random_position(struct prng *random)
{
    switch (prng_below(random, 8)) {
    case 0:
        return INT64_MIN;
    case 1:
        return INT64_MAX;
    default:
        return (int64_t)prng_below(random, 60) - 30;
    }
}

Test(kv_value, ranges_are_the_positions_that_lie_between)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t size = prng_below(&random, 20);
        int64_t start = random_position(&random);
        int64_t end = random_position(&random);
        struct kv_range range = kv_value_clamp(start, end, size);
        struct kv_range model = clamp_model(start, end, size);
        cr_assert(range.first == model.first && range.count == model.count,
                  "clamp %" PRId64 "..%" PRId64 " of %" PRIu64 ": %" PRIu64 "+%" PRIu64, start, end, size, range.first,
                  range.count);
        struct kv_range strict = kv_value_range(start, end, size);
        bool reversed = start < 0 && end < 0 && start > end;
        cr_assert_eq(strict.count, reversed ? 0 : model.count);
    }
}

/* ---- integers ---- */

Test(kv_value, only_the_canonical_form_is_an_integer)
{
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } cases[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"-0", false, 0},
        {"00", false, 0},
        {"01", false, 0},
        {"-01", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x1", false, 0},
        {"1a", false, 0},
        {"--1", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t number = 0;
        bool good = gm_parse_int(gm_bytes_of(cases[i].text), &number);
        cr_assert_eq(good, cases[i].good, "\"%s\"", cases[i].text);
        cr_assert(!good || number == cases[i].number, "\"%s\"", cases[i].text);
        const char *encoding = kv_value_encoding(gm_bytes_of(cases[i].text));
        cr_assert_str_eq(encoding, good ? "int" : "embstr");
    }
    cr_assert_not(gm_parse_int(BYTES("12\0"), &(int64_t){0}), "a zero byte is no digit");
    char text[46];
    memset(text, 'a', 45);
    text[45] = '\0';
    cr_assert_str_eq(kv_value_encoding(gm_bytes_of(text)), "raw");
    cr_assert_str_eq(kv_value_encoding(gm_bytes_of(text + 1)), "embstr");
}

/* ---- bits ---- */

/* A value in an allocation of its own size, so that a sanitizer sees each read behind it; mostly equal bytes, so that
 * searches go far. */
static struct gm_bytes random_value(struct prng *random, size_t size)
{
    uint8_t *data = malloc(size > 0 ? size : 1);
    uint8_t usual = (uint8_t)(prng_below(random, 2) * 0xff);
    uint64_t odds = 1 + prng_below(random, 60);
    for (size_t i = 0; i < size; i++) {
        data[i] = prng_below(random, odds) == 0 ? (uint8_t)prng_next(random) : usual;
    }
    return (struct gm_bytes){data, size};
}

static bool bit_model(struct gm_bytes value, uint64_t bit)
{
    if (bit / 8 >= value.size) {
        return false;
    }
    return (value.data[bit / 8] >> (7 - bit % 8)) % 2 == 1;
}

static struct kv_range random_bits(struct prng *random, struct gm_bytes value)
{
    uint64_t first = prng_below(random, value.size * 8 + 1);
    uint64_t count = prng_below(random, value.size * 8 - first + 1);
    return prng_below(random, 4) == 0 ? (struct kv_range){0, value.size * 8} : (struct kv_range){first, count};
}

Test(kv_value, counting_and_finding_bits_is_looking_at_each)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    for (int round = 0; round < ROUNDS; round++) {
        struct gm_bytes value = random_value(&random, prng_below(&random, SIZE_MAX_TESTED));
        struct kv_range bits = random_bits(&random, value);
        uint64_t ones = 0;
        int64_t first[2] = {-1, -1};
        for (uint64_t bit = bits.first; bit < bits.first + bits.count; bit++) {
            bool set = bit_model(value, bit);
            cr_assert_eq(kv_value_bit(value, bit), set);
            ones += set;
            first[set] = first[set] < 0 ? (int64_t)bit : first[set];
        }
        cr_assert_eq(kv_value_bit_count(value, bits), ones);
        cr_assert_eq(kv_value_bit_find(value, true, bits), first[1]);
        cr_assert_eq(kv_value_bit_find(value, false, bits), first[0]);
        cr_assert_not(kv_value_bit(value, value.size * 8 + prng_below(&random, 100)));
        free((void *)(uintptr_t)value.data);
    }
}

Test(kv_value, many_ones_are_counted)
{
    uint8_t data[1000];
    memset(data, 0xff, sizeof data);
    for (uint64_t bits = 0; bits <= sizeof data * 8; bits++) {
        cr_assert_eq(kv_value_bit_count((struct gm_bytes){data, sizeof data}, (struct kv_range){0, bits}), bits);
    }
}

Test(kv_value, combining_is_done_bit_by_bit_over_zeros)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    for (int round = 0; round < ROUNDS; round++) {
        struct gm_bytes target = random_value(&random, prng_below(&random, SIZE_MAX_TESTED));
        struct gm_bytes source = random_value(&random, prng_below(&random, target.size + 1));
        uint8_t result[SIZE_MAX_TESTED];
        enum kv_bit_op op = (enum kv_bit_op)prng_below(&random, 3);
        memcpy(result, target.data, target.size);
        kv_value_bit_combine(op, result, target.size, source);
        for (uint64_t bit = 0; bit < target.size * 8; bit++) {
            bool a = bit_model(target, bit);
            bool b = bit_model(source, bit);
            bool wanted = op == KV_BIT_AND ? a && b : op == KV_BIT_OR ? a || b : a != b;
            cr_assert_eq(bit_model((struct gm_bytes){result, target.size}, bit), wanted);
        }
        memcpy(result, target.data, target.size);
        kv_value_bit_invert(result, target.size);
        for (size_t i = 0; i < target.size; i++) {
            cr_assert_eq(result[i] + target.data[i], 0xff);
        }
        free((void *)(uintptr_t)target.data);
        free((void *)(uintptr_t)source.data);
    }
}

/* ---- bit fields ---- */

static struct kv_field random_field(struct prng *random)
{
    bool is_signed = prng_below(random, 2) == 1;
    return (struct kv_field){
        .bit = prng_below(random, 200),
        .width = (uint8_t)(1 + prng_below(random, is_signed ? 64 : 63)),
        .is_signed = is_signed,
    };
}

static __int128 power_of_two(unsigned exponent)
{
    return (__int128)1 << exponent;
}

/* The definition of two's complement: the first bit weighs minus what it would weigh otherwise. */
static int64_t field_model(struct gm_bytes value, struct kv_field field)
{
    __int128 number = 0;
    for (unsigned i = 0; i < field.width; i++) {
        __int128 weight = power_of_two(field.width - 1u - i);
        if (bit_model(value, field.bit + i)) {
            number += i == 0 && field.is_signed ? -weight : weight;
        }
    }
    return (int64_t)number;
}

static __int128 least_of(struct kv_field field)
{
    return field.is_signed ? -power_of_two(field.width - 1u) : 0;
}

static __int128 greatest_of(struct kv_field field)
{
    return power_of_two(field.width - (field.is_signed ? 1u : 0u)) - 1;
}

Test(kv_value, a_field_holds_what_was_written_and_nothing_else_changes)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    for (int round = 0; round < ROUNDS; round++) {
        struct kv_field field = random_field(&random);
        struct gm_bytes value = random_value(&random, (field.bit + field.width + 7) / 8);
        struct gm_bytes part = {value.data, prng_below(&random, value.size + 1)};
        cr_assert_eq(kv_value_field_get(value, field), field_model(value, field));
        cr_assert_eq(kv_value_field_get(part, field), field_model(part, field), "zeros behind the end");
        uint8_t written[64];
        int64_t number = (int64_t)prng_next(&random);
        struct gm_bytes after = {written, value.size};
        memcpy(written, value.data, value.size);
        kv_value_field_set(written, field, number);
        for (uint64_t bit = 0; bit < value.size * 8; bit++) {
            bool within = bit >= field.bit && bit < field.bit + field.width;
            uint64_t from_right = within ? field.bit + field.width - 1 - bit : 0;
            bool wanted = within ? ((uint64_t)number >> from_right) % 2 == 1 : bit_model(value, bit);
            cr_assert_eq(bit_model(after, bit), wanted); /* kv_value P1 */
        }
        free((void *)(uintptr_t)value.data);
    }
}

static int64_t wrapped(struct kv_field field, __int128 number)
{
    __int128 turn = power_of_two(field.width);
    __int128 least = least_of(field);
    __int128 above = (number - least) % turn;
    return (int64_t)(least + (above < 0 ? above + turn : above));
}

static void check_fit(struct kv_field field, __int128 exact, enum kv_overflow overflow, bool fits, int64_t result)
{
    bool within = exact >= least_of(field) && exact <= greatest_of(field);
    cr_assert_eq(fits, within || overflow != KV_FAIL);
    if (within) {
        cr_assert(result == exact);
    } else if (overflow == KV_SATURATE) {
        cr_assert(result == (exact < least_of(field) ? least_of(field) : greatest_of(field)));
    } else if (overflow == KV_WRAP) {
        cr_assert(result == wrapped(field, exact)); /* kv_value P2 */
    }
}

Test(kv_value, overflow_wraps_saturates_or_fails)
{
    struct prng random;
    prng_seed(&random, seed_of_run());
    for (int round = 0; round < ROUNDS * 5; round++) {
        struct kv_field field = random_field(&random);
        enum kv_overflow overflow = (enum kv_overflow)prng_below(&random, 3);
        int64_t old = (int64_t)prng_next(&random) >> prng_below(&random, 64);
        int64_t number = (int64_t)prng_next(&random) >> prng_below(&random, 64);
        int64_t result = 0;
        number = prng_below(&random, 10) == 0 ? INT64_MIN : prng_below(&random, 10) == 0 ? INT64_MAX : number;
        old = wrapped(field, old);
        bool fits = kv_value_field_add(field, old, number, overflow, &result);
        check_fit(field, (__int128)old + number, overflow, fits, result);
        fits = kv_value_field_store(field, number, overflow, &result);
        check_fit(field, field.is_signed ? (__int128)number : (__int128)(uint64_t)number, overflow, fits, result);
    }
}

Test(kv_value, field_types)
{
    static const char *const bad[] = {"",    "i",   "u",  "u0", "i0", "u64", "i65",
                                      "u-1", "i08", "x8", "8",  "U8", "u8 ", "u99999999999999999999"};
    struct kv_field field = {0};
    cr_assert(kv_value_parse_field(BYTES("i64"), &field) && field.width == 64 && field.is_signed);
    cr_assert(kv_value_parse_field(BYTES("u63"), &field) && field.width == 63 && !field.is_signed);
    cr_assert(kv_value_parse_field(BYTES("u1"), &field) && field.width == 1 && !field.is_signed);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_not(kv_value_parse_field(gm_bytes_of(bad[i]), &field), "\"%s\"", bad[i]);
    }
}
