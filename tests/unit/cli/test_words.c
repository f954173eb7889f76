/* SPDX-License-Identifier: MIT */

/* test_words.c - a line becomes arguments and back. */
#include "support.h"

#include "cli/text/words.h"
#include "support/seed.h"

static void expect(const char *line, size_t count, const char *const *expected)
{
    struct words words;
    struct words_error error = {0};
    cr_assert_eq(words_split(&words, gm_bytes_of(line), &error), STATUS_OK, "%s: %s", line, error.reason);
    cr_assert_eq(words.count, count, "%s", line);
    for (size_t i = 0; i < count; i++) {
        cr_expect(gm_bytes_equal(words.argv[i], gm_bytes_of(expected[i])), "%s: word %zu is %.*s", line, i,
                  (int)words.argv[i].size, (const char *)words.argv[i].data);
    }
    words_finish(&words);
}

#define EXPECT(line, ...)                                                                                              \
    expect(line, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

Test(words, a_person_quotes_as_in_geomys)
{
    expect("", 0, NULL);
    expect(" \t ", 0, NULL);
    EXPECT("set name \"john doe\"", "set", "name", "john doe");
    EXPECT("  set\ta   1  \r", "set", "a", "1");
}

Test(words, quotes_and_escapes)
{
    EXPECT("\"\" ''", "", "");
    EXPECT("\"a\\\"b\" \"\\\\\" \"\\n\\r\\t\\a\\b\"", "a\"b", "\\", "\n\r\t\a\b");
    EXPECT("\"\\x41\\xe9z\\x4\" \"\\q\"",
           "A\xe9z"
           "x4",
           "q");
    EXPECT("'a\\'b' 'a\\\\b' 'a\\nb' '\"'", "a'b", "a\\b", "a\\nb", "\"");
    EXPECT("a\"b c\" x'y'", "ab c", "xy");
    EXPECT("back\\slash", "back\\slash");
}

Test(words, a_zero_byte_is_a_byte)
{
    struct words words;
    struct words_error error;
    cr_assert_eq(words_split(&words, BYTES("set \"a\\x00b\" x\0y"), &error), STATUS_OK);
    cr_assert_eq(words.count, 3);
    cr_expect(gm_bytes_equal(words.argv[1], BYTES("a\0b")));
    cr_expect(gm_bytes_equal(words.argv[2], BYTES("x\0y")));
    words_finish(&words);
}

Test(words, errors_say_where)
{
    static const struct {
        const char *line;
        size_t at;
    } cases[] = {
        {"set a \"b", 6}, {"set a 'b", 6}, {"set \"a\"b c", 7}, {"\"", 0},
        {"x'", 1},        {"a \"b\\", 2},  {"a \"b\\\"", 2},    {"'a'\"b\"", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct words words;
        struct words_error error = {0};
        cr_assert_eq(words_split(&words, gm_bytes_of(cases[i].line), &error), STATUS_INVALID, "%s", cases[i].line);
        cr_expect_eq(error.at, cases[i].at, "%s: %zu", cases[i].line, error.at);
        cr_expect_not_null(error.reason);
        cr_expect_eq(words.count, 0);
    }
}

Test(words, offsets_point_into_the_line)
{
    struct words words;
    struct words_error error;
    cr_assert_eq(words_split(&words, BYTES("  set \"a b\" c"), &error), STATUS_OK);
    cr_expect_eq(words.starts[1], 6);
    cr_expect_eq(words.ends[1], 11);
    cr_expect_eq(words.starts[2], 12);
    cr_expect_eq(words.ends[2], 13);
    words_finish(&words);
}

Test(words, a_line_being_typed_is_never_refused)
{
    struct words words;
    words_split_open(&words, BYTES("set \"a b"));
    cr_assert_eq(words.count, 2);
    cr_expect_eq(words.quote, '"');
    cr_expect(gm_bytes_equal(words.argv[1], BYTES("a b")));
    words_finish(&words);
    words_split_open(&words, BYTES("set \"a\"b c"));
    cr_expect_eq(words.count, 3);
    cr_expect_eq(words.quote, 0);
    words_finish(&words);
}

Test(words, whatever_is_quoted_comes_back)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[40];
        size_t size = prng_below(&prng, sizeof bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(prng_below(&prng, 2) ? prng_next(&prng)
                                                      : (uint64_t) "\"\\' x\n\xc3\xa9"[prng_below(&prng, 8)]);
        }
        struct buf line;
        buf_init(&line, 4096);
        cr_assert(words_quote(&line, (struct gm_bytes){bytes, size}, round % 2 == 0));
        struct words words;
        struct words_error error;
        cr_assert_eq(words_split(&words, buf_bytes(&line), &error), STATUS_OK);
        cr_assert_eq(words.count, 1);
        cr_assert(gm_bytes_equal(words.argv[0], (struct gm_bytes){bytes, size}), "round %d", round); /* words W1 */
        words_finish(&words);
        buf_finish(&line);
    }
}

Test(words, any_bytes_split_without_harm)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (int round = 0; round < 20000; round++) {
        static const char alphabet[] = "ab \"'\\xn4\t\xc3";
        uint8_t line[24];
        size_t size = prng_below(&prng, sizeof line);
        for (size_t i = 0; i < size; i++) {
            line[i] = (uint8_t)alphabet[prng_below(&prng, sizeof alphabet)];
        }
        struct words words;
        struct words_error error = {.at = SIZE_MAX};
        if (words_split(&words, (struct gm_bytes){line, size}, &error) == STATUS_OK) {
            words_finish(&words);
        } else {
            cr_assert_lt(error.at, size);
        }
        words_split_open(&words, (struct gm_bytes){line, size});
        words_finish(&words);
    }
}
