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

/* ---- containers whose length comes last ---- */

static void three(struct reply *reply, enum reply_kind kind)
{
    reply_open(reply, kind);
    reply_int(reply, 1);
    reply_array(reply, 2);
    reply_int(reply, 2);
    reply_text(reply, "x");
    reply_null(reply);
    reply_int(reply, 4);
    reply_end(reply);
}

Test(reply, the_head_is_put_before_what_was_written)
{
    CASE((reply_open(&reply, REPLY_ARRAY), reply_end(&reply)), "*0\r\n", "*0\r\n");
    CASE(three(&reply, REPLY_ARRAY), "*4\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n$-1\r\n:4\r\n",
         "*4\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n_\r\n:4\r\n");
    CASE(three(&reply, REPLY_SET), "*4\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n$-1\r\n:4\r\n",
         "~4\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n_\r\n:4\r\n");
    CASE(three(&reply, REPLY_MAP), "*4\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n$-1\r\n:4\r\n",
         "%2\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n_\r\n:4\r\n");
    CASE(three(&reply, REPLY_PAIRS), "*4\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n$-1\r\n:4\r\n",
         "*2\r\n*2\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n*2\r\n_\r\n:4\r\n");
}

static void nest(struct reply *reply, unsigned depth)
{
    reply_open(reply, REPLY_ARRAY);
    reply_int(reply, depth);
    if (depth > 1) {
        nest(reply, depth - 1);
    }
    reply_end(reply);
}

Test(reply, what_is_open_may_hold_more_that_is)
{
    CASE((reply_array(&reply, 2), nest(&reply, 3), reply_int(&reply, 9)),
         "*2\r\n*2\r\n:3\r\n*2\r\n:2\r\n*1\r\n:1\r\n:9\r\n", "*2\r\n*2\r\n:3\r\n*2\r\n:2\r\n*1\r\n:1\r\n:9\r\n");
    struct reply reply = begin(false);
    nest(&reply, REPLY_DEPTH_MAX);
    cr_assert(reply_whole(&reply));
    reply = begin(false);
    nest(&reply, REPLY_DEPTH_MAX + 1);
    cr_assert_not(reply_whole(&reply));
    reply = begin(false);
    reply_open(&reply, REPLY_ARRAY);
    for (int i = 0; i < 123456; i++) {
        reply_int(&reply, 1);
    }
    reply_end(&reply);
    cr_assert(reply_whole(&reply));
    cr_assert(memcmp(out.data, "*123456\r\n:1\r\n:1\r\n", 17) == 0);
    cr_assert_eq(out.size, 9 + 123456 * 4);
}

/* reply I3 */
Test(reply, what_is_not_ended_as_it_should_be_is_not_whole)
{
    for (int resp3 = 0; resp3 < 2; resp3++) {
        struct reply reply = begin(resp3 != 0);
        reply_open(&reply, REPLY_ARRAY);
        reply_int(&reply, 1);
        cr_assert_not(reply_whole(&reply), "not ended");
        reply_end(&reply);
        cr_assert(reply_whole(&reply));
        reply_int(&reply, 1);
        cr_assert_not(reply_whole(&reply), "more than one");

        reply = begin(resp3 != 0);
        reply_end(&reply);
        cr_assert_not(reply_whole(&reply), "nothing to end");

        reply = begin(resp3 != 0);
        reply_open(&reply, REPLY_ARRAY);
        reply_array(&reply, 2);
        reply_int(&reply, 1);
        reply_end(&reply);
        cr_assert_not(reply_whole(&reply), "less than announced in it");
        reply_error(&reply, "ERR instead");
        expect(&reply, "-ERR instead\r\n"); /* reply I2 */

        for (enum reply_kind kind = 0; kind < REPLY_KINDS; kind++) {
            reply = begin(resp3 != 0);
            reply_open(&reply, kind);
            reply_int(&reply, 1);
            reply_int(&reply, 2);
            reply_int(&reply, 3);
            reply_end(&reply);
            cr_assert_eq(reply_whole(&reply), kind == REPLY_ARRAY || kind == REPLY_SET, "three of kind %d", kind);
        }
    }
}

/* No room for the head, or for what is in it. */
Test(reply, what_is_open_and_finds_no_room)
{
    for (size_t room = 0; room < 80; room++) {
        struct reply reply = begin(true);
        buf_finish(&out);
        buf_init(&out, room);
        reply_begin(&reply, &out, true);
        three(&reply, REPLY_PAIRS);
        cr_assert_eq(reply_whole(&reply), !out.full);
    }
}
