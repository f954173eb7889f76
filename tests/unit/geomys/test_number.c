/* SPDX-License-Identifier: MIT */

/* test_number.c - numbers and their texts. That Redis has the same is shown by tests/integration/helpers_test.py. */
#include <criterion/criterion.h>

#include <math.h>

#include "base/prng.h"
#include "geomys/number.h"
#include "support/seed.h"

static struct gm_bytes of(const char *text)
{
    return gm_bytes_of(text);
}

Test(number, reads_canonical_integers_and_nothing_else)
{
    static const struct {
        const char *text;
        int64_t number;
    } good[] = {
        {"0", 0},
        {"7", 7},
        {"-7", -7},
        {"10", 10},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "01",
        "-0",
        "-01",
        "00",
        "1.0",
        "1e3",
        "0x1",
        "9223372036854775808",
        "a1",
        "1a",
        "--1",
        "-9223372036854775809",
        "99999999999999999999",
        "100000000000000000000000",
    };
    int64_t number = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(gm_parse_int(of(good[i].text), &number), "%s", good[i].text);
        cr_assert_eq(number, good[i].number);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!gm_parse_int(of(bad[i]), &number), "%s", bad[i]);
    }
    cr_assert(!gm_parse_int((struct gm_bytes){0}, &number));
    cr_assert(!gm_parse_int((struct gm_bytes){(const uint8_t *)"1\0", 2}, &number));
}

Test(number, reads_floats_as_redis_does)
{
    static const char *const bad[] = {"", " 1", "1 ", "1.0a", "abc", "nan", "1e5000", "-1e5000", "1e-5000", "\t1"};
    long double number = 0;
    cr_assert(gm_parse_long_double(of("3.25"), &number) && number == 3.25L);
    cr_assert(gm_parse_long_double(of("-1e3"), &number) && number == -1000.0L);
    cr_assert(gm_parse_long_double(of("+.5"), &number) && number == 0.5L);
    cr_assert(gm_parse_long_double(of("0x10"), &number) && number == 16.0L);
    cr_assert(gm_parse_long_double(of("inf"), &number) && isinf(number), "refused as a sum, not as a text");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!gm_parse_long_double(of(bad[i]), &number), "%s", bad[i]);
    }
    cr_assert(!gm_parse_long_double((struct gm_bytes){(const uint8_t *)"1\0", 2}, &number));
    static char digits[GM_FLOAT_TEXT];
    memset(digits, '0', sizeof digits);
    cr_assert(!gm_parse_long_double((struct gm_bytes){(const uint8_t *)digits, sizeof digits}, &number));
}

Test(number, writes_floats_as_redis_does)
{
    static const struct {
        long double number;
        const char *text;
    } cases[] = {
        {0.0L, "0"},
        {-0.0L, "0"},
        {1.5L, "1.5"},
        {-1.5L, "-1.5"},
        {3000.1L, "3000.10000000000000009"},
        {5000.0L, "5000"},
        {1e-17L, "0.00000000000000001"},
        {-1e-30L, "0"},
        {1e20L, "100000000000000000000"},
        {10.0L, "10"},
    };
    char text[GM_FLOAT_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = gm_format_long_double(text, cases[i].number);
        cr_assert(gm_bytes_equal((struct gm_bytes){(uint8_t *)text, size}, of(cases[i].text)), "%.*s for %s", (int)size,
                  text, cases[i].text);
    }
    size_t size = gm_format_long_double(text, 1.18973149535723176502e+4932L);
    cr_assert_eq(size, 4933, "the greatest");
}

Test(number, an_integer_that_is_written_is_read_as_what_it_was)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (int i = 0; i < 100000; i++) {
        char text[GM_INT_TEXT];
        int64_t number = (int64_t)(prng_next(&prng) >> prng_below(&prng, 64));
        number = i % 2 == 0 ? number : -number;
        int64_t back = ~number;
        cr_assert(gm_parse_int(gm_bytes_at(text, gm_format_int(text, number)), &back)); /* number P1 */
        cr_assert_eq(back, number);
    }
}

Test(number, doubles_are_read_and_written_as_redis_does)
{
    static const char *const bad[] = {"", " 1", "1 ", "1.0a", "abc", "nan", "-nan", "1e400", "-1e400", "1e-400", "\t1"};
    static const struct {
        const char *text;
        const char *written;
    } good[] = {
        {"3.25", "3.25"},
        {"0.1", "0.10000000000000001"},
        {"1e3", "1000"},
        {"0x10", "16"},
        {"+.5", "0.5"},
        {"inf", "inf"},
        {"-Infinity", "-inf"},
        {"1e22", "1e+22"},
        {"-0", "-0"},
        {"5e-324", "4.9406564584124654e-324"},
        {"17179869184", "17179869184"},
    };
    double number = 0;
    char text[GM_DOUBLE_TEXT];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!gm_parse_double(of(bad[i]), &number), "%s", bad[i]);
    }
    cr_assert(!gm_parse_double(gm_bytes_at("1\0", 2), &number), "a zero byte is no digit");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(gm_parse_double(of(good[i].text), &number), "%s", good[i].text);
        size_t size = gm_format_double(text, number);
        cr_assert(gm_bytes_equal(gm_bytes_at(text, size), of(good[i].written)), "%s: %.*s", good[i].text, (int)size,
                  text);
    }
}
