/* SPDX-License-Identifier: MIT */

/* Where replies end that stand one behind the other. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "support/resp_text.h"
#include "support/seed.h"
#include "wire/span.h"

static const char *const whole[] = {
    "+OK\r\n",
    "-ERR no\r\n",
    ":-17\r\n",
    "$0\r\n\r\n",
    "$5\r\na\r\nbc\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*2\r\n*1\r\n:1\r\n$1\r\na\r\n",
    "%2\r\n+a\r\n:1\r\n+b\r\n*2\r\n:2\r\n:3\r\n",
    "~1\r\n#t\r\n",
    "_\r\n",
    ",1.5\r\n",
    "(123456789012345678901234567890\r\n",
    "=7\r\ntxt:abc\r\n",
    "!6\r\nERR no\r\n",
    ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n",
    "|1\r\n+ttl\r\n:3\r\n:1\r\n",
};

Test(span, each_kind_ends_where_it_ends)
{
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        char two[256];
        size_t size = strlen(whole[i]);
        int all = snprintf(two, sizeof two, "%s+behind\r\n", whole[i]);
        cr_expect_eq(span_reply((struct gm_bytes){(const uint8_t *)two, (size_t)all}), size, "%s", whole[i]);
        for (size_t part = 0; part < size; part++) {
            cr_expect_eq(span_reply((struct gm_bytes){(const uint8_t *)whole[i], part}), 0, "%zu of %s", part,
                         whole[i]);
        }
    }
}

Test(span, what_is_no_reply_has_no_end)
{
    static const char *const broken[] = {"",
                                         "\r\n",
                                         "OK\r\n",
                                         "$\r\n",
                                         "$x\r\n",
                                         "$-2\r\n",
                                         "%-1\r\n",
                                         "*99999999999999999999\r\n",
                                         "*9223372036854775807\r\n:1\r\n",
                                         "%9223372036854775807\r\n",
                                         "$9223372036854775807\r\nabc\r\n",
                                         "+a\rb"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        cr_expect_eq(span_reply(gm_bytes_of(broken[i])), 0, "%s", broken[i]);
    }
}

/* As a client reads it. */
Test(span, it_agrees_with_a_client)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (unsigned run = 0; run < 20000; run++) {
        char text[512] = "";
        size_t size = 0;
        for (uint64_t parts = 1 + prng_below(&prng, 6); parts > 0; parts--) {
            const char *part = whole[prng_below(&prng, sizeof whole / sizeof whole[0])];
            size_t heads = prng_below(&prng, 3) == 0 ? 4 : strlen(part); /* containers without what is in them */
            size += (size_t)snprintf(text + size, sizeof text - size, "%.*s", (int)heads, part);
        }
        size_t client = resp_text_reply((struct gm_bytes){(const uint8_t *)text, size}, NULL);
        size_t span = span_reply((struct gm_bytes){(const uint8_t *)text, size});
        if (client != RESP_TEXT_BROKEN && strchr(text, '|') == NULL && strchr(text, '!') == NULL) {
            cr_assert_eq(span, client, "%s: %zu, %zu", text, span, client);
        }
    }
}
