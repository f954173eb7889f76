/* SPDX-License-Identifier: MIT */

/* test_escape.c - each way to write a byte, and what is none. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/escape.h"

Test(escape, each_of_them)
{
    const struct {
        const char *text;
        size_t size;
        uint8_t byte;
    } cases[] = {
        {"\\n", 2, '\n'},  {"\\r", 2, '\r'},  {"\\t", 2, '\t'},   {"\\a", 2, '\a'},
        {"\\b", 2, '\b'},  {"\\\"", 2, '"'},  {"\\\\", 2, '\\'},  {"\\q", 2, 'q'},
        {"\\nn", 2, '\n'}, {"\\x00", 4, 0},   {"\\xfF", 4, 0xff}, {"\\xA9z", 4, 0xa9},
        {"\\x4", 2, 'x'},  {"\\x4g", 2, 'x'}, {"\\xg4", 2, 'x'},  {"\\X41", 2, 'X'},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *text = (const uint8_t *)cases[i].text;
        uint8_t byte = 1;
        cr_expect_eq(escape_read(text, text + strlen(cases[i].text), &byte), cases[i].size, "%s", cases[i].text);
        cr_expect_eq(byte, cases[i].byte, "%s is %u", cases[i].text, byte);
    }
}

Test(escape, hexadecimal_digits_and_their_neighbours)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        cr_expect_eq(escape_hex((uint8_t)digits[i]), i);
    }
    cr_expect_eq(escape_hex('A'), 10);
    cr_expect_eq(escape_hex('F'), 15);
    for (const char *other = "/:@G`g \x01\x10"; *other != '\0'; other++) {
        cr_expect_eq(escape_hex((uint8_t)*other), -1, "%d", *other);
    }
}
