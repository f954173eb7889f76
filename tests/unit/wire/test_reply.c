/* SPDX-License-Identifier: MIT */

/* The same replies in both protocols, and the count that tells a whole reply from half of one. */
#include <criterion/criterion.h>
#include <math.h>

#include "wire/reply.h"

static struct buf out;

static struct reply begin(bool resp3)
{
    struct reply reply;
    buf_finish(&out);
    buf_init(&out, 1 << 20);
    reply_begin(&reply, &out, resp3);
    return reply;
}

static void expect(const struct reply *reply, const char *bytes)
{
    cr_assert(reply_whole(reply));
    cr_assert(gm_bytes_equal(buf_bytes(&out), gm_bytes_of(bytes)), "%.*s", (int)out.size, (const char *)out.data);
}

#define CASE(call, resp2, resp3)                                                                                       \
    do {                                                                                                               \
        struct reply reply = begin(false);                                                                             \
        call;                                                                                                          \
        expect(&reply, resp2);                                                                                         \
        reply = begin(true);                                                                                           \
        call;                                                                                                          \
        expect(&reply, resp3);                                                                                         \
    } while (0)

Test(reply, elements_in_both_protocols)
{
    CASE(reply_status(&reply, "OK"), "+OK\r\n", "+OK\r\n");
    CASE(reply_status(&reply, "two\r\nlines"), "+two  lines\r\n", "+two  lines\r\n");
    CASE(reply_error(&reply, "ERR a\nb"), "-ERR a b\r\n", "-ERR a b\r\n"); /* reply I1 */
    CASE(reply_int(&reply, 0), ":0\r\n", ":0\r\n");
    CASE(reply_int(&reply, INT64_MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n");
    CASE(reply_bytes(&reply, BYTES("a\r\nb")), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n");
}

Test(reply, elements_that_differ)
{
    CASE(reply_null(&reply), "$-1\r\n", "_\r\n");
    CASE(reply_null_array(&reply), "*-1\r\n", "_\r\n");
    CASE(reply_bool(&reply, true), ":1\r\n", "#t\r\n");
    CASE(reply_double(&reply, 1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
    CASE(reply_double(&reply, 0.1), "$3\r\n0.1\r\n", ",0.1\r\n");
    CASE(reply_double(&reply, -INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    CASE(reply_verbatim(&reply, BYTES("hi")), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n");
    CASE((reply_map(&reply, 1), reply_int(&reply, 1), reply_int(&reply, 2)), "*2\r\n:1\r\n:2\r\n",
         "%1\r\n:1\r\n:2\r\n");
    CASE((reply_set(&reply, 2), reply_int(&reply, 1), reply_int(&reply, 2)), "*2\r\n:1\r\n:2\r\n",
         "~2\r\n:1\r\n:2\r\n");
    CASE(reply_array(&reply, 0), "*0\r\n", "*0\r\n");
}

Test(reply, counts_what_is_owed)
{
    struct reply reply = begin(false);
    reply_array(&reply, 2);
    reply_array(&reply, 1);
    reply_int(&reply, 1);
    cr_assert_not(reply_whole(&reply));
    reply_int(&reply, 2);
    cr_assert(reply_whole(&reply));
    reply_int(&reply, 3);
    cr_assert_not(reply_whole(&reply), "one too many");
    reply_error(&reply, "ERR instead");
    expect(&reply, "-ERR instead\r\n"); /* reply I2 */
    cr_assert(reply.error);
}

/* All the numbers there are can be announced, and no more; nothing is written of what cannot be. */
Test(reply, what_can_not_be_counted_is_no_reply)
{
    for (int resp3 = 0; resp3 < 2; resp3++) {
        struct reply reply = begin(resp3 != 0);
        reply_array(&reply, (size_t)INT64_MAX);
        cr_assert_not(reply.bad);
        cr_assert_eq(reply.owed, INT64_MAX);
        reply = begin(resp3 != 0);
        reply_array(&reply, (size_t)INT64_MAX + 1);
        cr_assert(reply.bad);
        cr_assert_eq(out.size, 0);
        reply = begin(resp3 != 0);
        reply_map(&reply, (size_t)INT64_MAX / 2);
        cr_assert_not(reply.bad);
        reply = begin(resp3 != 0);
        reply_map(&reply, (size_t)INT64_MAX / 2 + 1);
        cr_assert(reply.bad);
        cr_assert_eq(out.size, 0);
        reply = begin(resp3 != 0);
        reply_map(&reply, SIZE_MAX);
        cr_assert(reply.bad);
        reply = begin(resp3 != 0);
        reply_array(&reply, (size_t)INT64_MAX);
        reply_set(&reply, (size_t)INT64_MAX);
        cr_assert_not(reply.bad);
        reply_array(&reply, 4);
        cr_assert(reply.bad);
        reply = begin(resp3 != 0);
        reply_bytes(&reply, (struct gm_bytes){(const uint8_t *)"", SIZE_MAX});
        cr_assert(reply.bad);
        cr_assert_not(reply_whole(&reply));
    }
}

Test(reply, an_error_replaces_only_its_own_reply)
{
    struct reply reply = begin(false);
    reply_int(&reply, 1);
    struct reply second;
    reply_begin(&second, &out, false);
    reply_array(&second, 3);
    reply_int(&second, 7);
    reply_error(&second, "ERR no");
    expect(&second, ":1\r\n-ERR no\r\n");
}
