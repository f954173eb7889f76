/* SPDX-License-Identifier: MIT */

/* words.h - calls written as one line, for the tests of this folder. */
#ifndef TEST_MODULE_WORDS_H
#define TEST_MODULE_WORDS_H

#include <criterion/criterion.h>

#include "module/usage/usage.h"

#define WORDS_MAX 64

struct words {
    struct gm_bytes argv[WORDS_MAX];
    uint32_t argc;
};

/* Splits at blanks; '' is an empty word. Borrowed from `line`. */
static inline struct words words_of(const char *line)
{
    struct words words = {.argc = 0};
    while (*line != '\0') {
        size_t size = strcspn(line, " ");
        bool empty = size == 2 && line[0] == '\'' && line[1] == '\'';
        if (size > 0) {
            words.argv[words.argc++] = (struct gm_bytes){(const uint8_t *)line, empty ? 0 : size};
        }
        line += size + (line[size] == ' ' ? 1 : 0);
    }
    return words;
}

static inline struct usage usage_of(const char *line)
{
    struct usage usage;
    struct complaint complaint;
    cr_assert_eq(usage_parse(&usage, line, &complaint), STATUS_OK, "%s", complaint.text);
    return usage;
}

#endif
