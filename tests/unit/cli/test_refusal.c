/* SPDX-License-Identifier: MIT */

/* test_refusal.c - the marks stand under what they are about. */
#include "support.h"

#include <locale.h>

#include "cli/show/refusal.h"

Test(refusal, marks_stand_under_the_word_whatever_stands_before_it)
{
    static const struct {
        const char *line;
        size_t from;
        size_t to;
        bool utf8;
        const char *shown;
    } cases[] = {
        {"get a b", 6, 7, true, "  get a b\n        ^\n"},
        {"get", 4, 0, true, "  get\n      ^\n"},
        {"get 'a", 4, 5, true, "  get 'a\n      ^\n"},
        {"set \xe6\x97\xa5\xe6\x9c\xac no", 11, 13, true, "  set \xe6\x97\xa5\xe6\x9c\xac no\n           ^^\n"},
        {"set e\xcc\x81 \xe6\x97\xa5", 8, 11, true, "  set e\xcc\x81 \xe6\x97\xa5\n        ^^\n"},
        {"set \xff\x01 no", 7, 9, true, "  set \\xff\\x01 no\n               ^^\n"},
        {"set \xc3\xa9 no", 7, 9, false, "  set \\xc3\\xa9 no\n               ^^\n"},
    };
    cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char shown[200] = "";
        FILE *file = fmemopen(shown, sizeof shown, "w");
        cr_assert_not_null(file);
        refusal_point(file, gm_bytes_of(cases[i].line), cases[i].from, cases[i].to, cases[i].utf8);
        fclose(file);
        cr_expect_str_eq(shown, cases[i].shown, "%s", cases[i].line);
    }
}
