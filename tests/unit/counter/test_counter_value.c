/* SPDX-License-Identifier: MIT */

/* Numbers and their texts. */
#include <criterion/criterion.h>

#include "counter_value.h"

#include <math.h>

static struct gm_bytes of(const char *text)
{
    return gm_bytes_of(text);
}

Test(counter_value, reads_canonical_integers_and_nothing_else)
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
        cr_assert(counter_int_read(of(good[i].text), &number), "%s", good[i].text);
        cr_assert_eq(number, good[i].number);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!counter_int_read(of(bad[i]), &number), "%s", bad[i]);
    }
    cr_assert(!counter_int_read((struct gm_bytes){0}, &number));
    cr_assert(!counter_int_read((struct gm_bytes){(const uint8_t *)"1\0", 2}, &number));
}

Test(counter_value, reads_floats_as_redis_does)
{
    static const char *const bad[] = {"", " 1", "1 ", "1.0a", "abc", "nan", "1e5000", "-1e5000", "1e-5000", "\t1"};
    long double number = 0;
    cr_assert(counter_float_read(of("3.25"), &number) && number == 3.25L);
    cr_assert(counter_float_read(of("-1e3"), &number) && number == -1000.0L);
    cr_assert(counter_float_read(of("+.5"), &number) && number == 0.5L);
    cr_assert(counter_float_read(of("0x10"), &number) && number == 16.0L);
    cr_assert(counter_float_read(of("inf"), &number) && isinf(number), "refused as a sum, not as a text");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!counter_float_read(of(bad[i]), &number), "%s", bad[i]);
    }
    cr_assert(!counter_float_read((struct gm_bytes){(const uint8_t *)"1\0", 2}, &number));
    static char digits[COUNTER_TEXT_MAX];
    memset(digits, '0', sizeof digits);
    cr_assert(!counter_float_read((struct gm_bytes){(const uint8_t *)digits, sizeof digits}, &number));
}

Test(counter_value, writes_floats_as_redis_does)
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
    char text[COUNTER_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = counter_float_write(text, cases[i].number);
        cr_assert(gm_bytes_equal((struct gm_bytes){(uint8_t *)text, size}, of(cases[i].text)), "%.*s for %s", (int)size,
                  text, cases[i].text);
        int64_t whole = 0;
        cr_assert_eq(counter_float_canonical(of(cases[i].text)), !counter_int_read(of(cases[i].text), &whole));
    }
    size_t size = counter_float_write(text, 1.18973149535723176502e+4932L);
    cr_assert_eq(size, 4933, "the greatest");
    cr_assert(counter_float_canonical((struct gm_bytes){(uint8_t *)text, size}));
}

Test(counter_value, knows_which_texts_it_would_not_have_written)
{
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      "1.",
                                      ".5",
                                      "-.5",
                                      "1.50",
                                      "01.5",
                                      "0",
                                      "12",
                                      "-0",
                                      "-5",
                                      "00.5",
                                      "1.5 ",
                                      "1.5e1",
                                      "+1.5",
                                      "1..5",
                                      "1.5.5",
                                      "0.123456789012345678",
                                      "9223372036854775807",
                                      "010000000000000000000000"};
    static const char *const good[] = {
        "0.5", "-0.5", "1.5", "-12.25", "9223372036854775808", "-9223372036854775809", "0.12345678901234567"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(!counter_float_canonical(of(bad[i])), "%s", bad[i]);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(counter_float_canonical(of(good[i])), "%s", good[i]);
    }
}

Test(counter_value, codes_each_integer_in_one_way)
{
    static const int64_t numbers[] = {0, 1, -1, 63, -64, 64, -65, 8191, -8192, 8192, INT32_MAX, INT64_MAX, INT64_MIN};
    static const size_t sizes[] = {1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 5, 10, 10};
    uint8_t code[COUNTER_VARINT + 1];
    int64_t number = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        size_t size = counter_code_write(code, numbers[i]);
        cr_assert_eq(size, sizes[i]);
        cr_assert(counter_code_read((struct gm_bytes){code, size}, &number) && number == numbers[i]);
        cr_assert(!counter_code_read((struct gm_bytes){code, size - 1}, &number), "cut");
        code[size] = 0;
        cr_assert(!counter_code_read((struct gm_bytes){code, size + 1}, &number), "followed by something");
        code[size - 1] |= 0x80;
        cr_assert(!counter_code_read((struct gm_bytes){code, size + 1}, &number), "longer than need be");
    }
    static const uint8_t above[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    cr_assert(!counter_code_read((struct gm_bytes){above, sizeof above}, &number), "above 64 bits");
}
