/* SPDX-License-Identifier: MIT */

/* test_replies.c - where replies end, however they arrive. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/prng.h"
#include "support/seed.h"
#include "wire/replies.h"

static const char *const whole[] = {
    "+OK\r\n",
    "-ERR no\r\n",
    ":12\r\n",
    "$3\r\na\nb\r\n",
    "$0\r\n\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*2\r\n$1\r\na\r\n*1\r\n:1\r\n",
    "%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n,1.5\r\n#t\r\n",
    "_\r\n",
    "=5\r\ntxt:a\r\n",
    "|1\r\n+ttl\r\n:3\r\n*1\r\n_\r\n",
    "(123456789012345678901234567890\r\n",
    "!3\r\nERR\r\n",
    "%0\r\n",
    "*3\r\n*0\r\n%0\r\n$-1\r\n",
};

#define WHOLE (sizeof whole / sizeof whole[0])

/* replies P1 */
Test(replies, they_end_where_they_end_however_they_arrive)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (unsigned run = 0; run < 3000; run++) {
        uint8_t bytes[4096];
        size_t ends[20];
        bool pushes[20];
        size_t size = 0;
        unsigned count = 1 + (unsigned)prng_below(&prng, 19);
        for (unsigned i = 0; i < count; i++) {
            const char *one = whole[prng_below(&prng, WHOLE)];
            pushes[i] = prng_below(&prng, 5) == 0;
            one = pushes[i] ? ">2\r\n+message\r\n$2\r\n\r\n\r\n" : one;
            memcpy(bytes + size, one, strlen(one));
            size += strlen(one);
            ends[i] = size;
        }
        struct replies replies = {0};
        unsigned found = 0;
        size_t gone = 0;
        for (size_t there = 0; found < count;) {
            there = there < size ? there + 1 + (size_t)prng_below(&prng, size - there) : there;
            enum replies_result result;
            while ((result = replies_next(&replies, (struct gm_bytes){bytes + gone, there - gone})) != REPLIES_MORE) {
                cr_assert_eq(result, pushes[found] ? REPLIES_PUSH : REPLIES_REPLY);
                cr_assert_eq(gone + replies.position, ends[found]);
                found++;
            }
            size_t through = found > 0 ? ends[found - 1] - gone : 0;
            replies_consumed(&replies, through);
            gone += through;
        }
        cr_assert_eq(gone, size);
    }
}

Test(replies, what_is_none_is_seen)
{
    const char *const broken[] = {"x\r\n", "\r\n", "$x\r\n", "*-2\r\n", "+OK\n", "*99999999999999\r\n", "\n", "$\r\n"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct replies replies = {0};
        struct gm_bytes bytes = {(const uint8_t *)broken[i], strlen(broken[i])};
        cr_assert_eq(replies_next(&replies, bytes), REPLIES_BROKEN, "%s", broken[i]);
    }
}

Test(replies, any_bytes_are_told_apart_or_refused)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    for (unsigned run = 0; run < 20000; run++) {
        static const char letters[] = "+-:$*%~|>_#,=!(\r\n0123456789a";
        uint8_t bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)letters[prng_below(&prng, sizeof letters - 1)];
        }
        struct replies replies = {0};
        size_t before = 0;
        enum replies_result result = REPLIES_REPLY;
        while (result == REPLIES_REPLY || result == REPLIES_PUSH) {
            result = replies_next(&replies, (struct gm_bytes){bytes, sizeof bytes});
            cr_assert(result == REPLIES_BROKEN || replies.position >= before);
            before = replies.position;
        }
    }
}
