/* SPDX-License-Identifier: MIT */

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"

Test(bytes, compare)
{
    cr_assert(gm_bytes_equal(BYTES_NONE, BYTES("")));
    cr_assert(gm_bytes_equal(BYTES("a\0b"), BYTES("a\0b")));
    cr_assert_not(gm_bytes_equal(BYTES("a\0b"), BYTES("a\0c")), "a zero byte is a byte");
    cr_assert_not(gm_bytes_equal(BYTES("ab"), BYTES("abc")));
    cr_assert_eq(gm_bytes_of("abc").size, 3);

    cr_assert(bytes_equal_nocase(BYTES("GeT"), "get"));
    cr_assert(bytes_equal_nocase(BYTES_NONE, ""));
    cr_assert_not(bytes_equal_nocase(BYTES("ge"), "get"));
    cr_assert_not(bytes_equal_nocase(BYTES("gets"), "get"));
    cr_assert_not(bytes_equal_nocase(BYTES("get\0"), "get"), "a zero byte does not end the bytes");
    cr_assert_not(bytes_equal_nocase(BYTES("@["), "`{"), "only letters have a case");
    cr_assert_not(bytes_equal_nocase(BYTES("\xc4"), "\xe4"), "only ASCII letters");
}

Test(bytes, integers_have_one_form)
{
    static const int64_t numbers[] = {
        0,         1,         -1,   9,     10,    -10,       11,        99,        100,           101,
        110,       999,       1000, -1000, 10001, 123456789, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1,
        INT32_MAX, INT32_MIN,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char text[24];
        char expected[24];
        size_t size = bytes_from_int(text, numbers[i]);
        int expected_size = snprintf(expected, sizeof expected, "%" PRId64, numbers[i]);
        cr_assert_eq(size, (size_t)expected_size);
        cr_assert_arr_eq(text, expected, size);
        int64_t back = ~numbers[i];
        cr_assert(bytes_to_int((struct gm_bytes){(const uint8_t *)text, size}, &back), "%s", expected);
        cr_assert_eq(back, numbers[i]);
    }

    static const char *const refused[] = {
        "",
        "-",
        "+1",
        "-0",
        "00",
        "01",
        "-01",
        " 1",
        "1 ",
        "1a",
        "0x1",
        "1.0",
        "1e3",
        "--1",
        "1-",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "18446744073709551617",
        "99999999999999999999",
        "100000000000000000000",
        "-99999999999999999999",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int64_t untouched = 77;
        cr_assert_not(bytes_to_int(gm_bytes_of(refused[i]), &untouched), "\"%s\"", refused[i]);
        cr_assert_eq(untouched, 77, "\"%s\" is refused, but was written", refused[i]);
    }
    int64_t number;
    cr_assert_not(bytes_to_int(BYTES("1\0"), &number));
    cr_assert_not(bytes_to_int(BYTES_NONE, &number));
}

Test(bytes, doubles_are_finite_and_whole)
{
    static const struct {
        const char *text;
        double number;
    } taken[] = {{"0", 0},  {"12", 12},  {"-3.5", -3.5}, {"1e3", 1000},
                 {"+2", 2}, {".5", 0.5}, {"1.", 1},      {"1E-2", 0.01}};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        double number;
        cr_assert(bytes_to_double(gm_bytes_of(taken[i].text), &number), "\"%s\"", taken[i].text);
        cr_assert_eq(number, taken[i].number);
    }
    static const char *const refused[] = {"",       " 1", "1 ", "0x10",  "inf", "-inf", "nan", "1e999",
                                          "-1e999", "1e", "e1", "1.2.3", "-",   ".",    "1,5", "++1"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        double number;
        cr_assert_not(bytes_to_double(gm_bytes_of(refused[i]), &number), "\"%s\"", refused[i]);
    }
    char long_zeros[200];
    memset(long_zeros, '0', sizeof long_zeros);
    double number;
    cr_assert_not(bytes_to_double((struct gm_bytes){(const uint8_t *)long_zeros, sizeof long_zeros}, &number),
                  "longer than any number needs to be");
    /* Bytes that do not end in a zero: reading one too many would take the 9. */
    uint8_t digits[3] = {'4', '2', '9'};
    cr_assert(bytes_to_double((struct gm_bytes){digits, 2}, &number));
    cr_assert_eq(number, 42);
}
