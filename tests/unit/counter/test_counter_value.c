/* SPDX-License-Identifier: MIT */

/* Which texts a counter may hold. */
#include <criterion/criterion.h>

#include "counter_value.h"

static struct gm_bytes of(const char *text)
{
    return gm_bytes_of(text);
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
