/* SPDX-License-Identifier: MIT */

/* test_answer.c - replies are read from bytes in pieces of any size, and a hostile server gains nothing. */
#include "support.h"
#include "support/seed.h"

static enum status read_all(const char *text, size_t limit, struct complaint *complaint)
{
    struct answer_reader reader;
    struct answer reply = {0};
    size_t used;
    answer_reader_init(&reader, limit);
    enum status status = answer_read(&reader, gm_bytes_of(text), &used, &reply, complaint);
    answer_finish(&reply);
    answer_reader_finish(&reader);
    return status;
}

Test(answer, every_type_is_read)
{
    struct answer reply = answer_from_text(
        "*14\r\n+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n_\r\n#t\r\n#f\r\n,1.5\r\n"
        "(123456789012345678901234567890\r\n=7\r\ntxt:a\nb\r\n~1\r\n:1\r\n%1\r\n+k\r\n!5\r\nE boo\r\n");
    static const enum answer_type types[] = {
        ANSWER_STATUS, ANSWER_ERROR, ANSWER_INTEGER, ANSWER_STRING, ANSWER_NULL,     ANSWER_NULL, ANSWER_NULL,
        ANSWER_BOOL,   ANSWER_BOOL,  ANSWER_DOUBLE,  ANSWER_BIG,    ANSWER_VERBATIM, ANSWER_SET,  ANSWER_MAP};
    cr_assert_eq(reply.count, 14);
    for (size_t i = 0; i < 14; i++) {
        cr_expect_eq(reply.items[i].type, types[i], "item %zu", i);
    }
    cr_expect_eq(reply.items[2].integer, -7);
    cr_expect(gm_bytes_equal(reply.items[3].text, BYTES("a\r\n")));
    cr_expect_eq(reply.items[7].integer, 1);
    cr_expect_eq(reply.items[8].integer, 0);
    cr_expect(gm_bytes_equal(reply.items[11].text, BYTES("a\nb")));
    cr_expect_eq(reply.items[13].items[1].type, ANSWER_ERROR);
    answer_finish(&reply);
}

Test(answer, pieces_of_any_size_give_the_same)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    static const char text[] =
        "%2\r\n$1\r\na\r\n*2\r\n:1\r\n$10\r\n0123\r\n6789\r\n+b\r\n|1\r\n+ttl\r\n:3\r\n~1\r\n,inf\r\n";
    for (int round = 0; round < 500; round++) {
        struct answer_reader reader;
        struct answer reply = {0};
        struct complaint complaint;
        answer_reader_init(&reader, 4096);
        size_t at = 0;
        enum status status = STATUS_AGAIN;
        while (at < sizeof text - 1) {
            size_t size = 1 + prng_below(&prng, 9);
            size = size < sizeof text - 1 - at ? size : sizeof text - 1 - at;
            size_t used;
            cr_assert_eq(status, STATUS_AGAIN);
            status =
                answer_read(&reader, (struct gm_bytes){(const uint8_t *)text + at, size}, &used, &reply, &complaint);
            at += used;
        }
        cr_assert_eq(status, STATUS_OK);
        cr_expect(answer_reader_idle(&reader));
        cr_expect_eq(reply.count, 4);
        cr_expect(gm_bytes_equal(reply.items[1].items[1].text, BYTES("0123\r\n6789")));
        cr_expect_eq(reply.items[3].type, ANSWER_SET, "the attribute is dropped"); /* answer R3 */
        answer_finish(&reply);
        answer_reader_finish(&reader);
    }
}

Test(answer, one_reply_at_a_time)
{
    struct answer_reader reader;
    struct answer reply;
    struct complaint complaint;
    size_t used;
    answer_reader_init(&reader, 4096);
    cr_assert_eq(answer_read(&reader, BYTES("+a\r\n+b\r\n"), &used, &reply, &complaint), STATUS_OK);
    cr_expect_eq(used, 4);
    answer_finish(&reply);
    answer_reader_finish(&reader);
}

Test(answer, nonsense_is_refused_with_a_sentence)
{
    static const char *const cases[] = {
        "hello\r\n",
        "\r\n",
        "+a\n",
        ":\r\n",
        ":1x\r\n",
        ":99999999999999999999\r\n",
        "$-2\r\n",
        "$x\r\n",
        "*-2\r\n",
        "%-1\r\n",
        "$1\r\nabc\r\n",
        "#x\r\n",
        "_x\r\n",
        ",abc\r\n",
        ",\r\n",
        "(12a\r\n",
        "(\r\n",
        "*1\r\n>1\r\n+a\r\n",
        "$?\r\n",
        "*?\r\n",
        ";4\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        "\x16\x03\x01\r\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct complaint complaint = {""};
        cr_expect_eq(read_all(cases[i], 4096, &complaint), STATUS_CORRUPT, "%s", cases[i]);
        cr_expect_gt(strlen(complaint.text), 10, "%s", cases[i]);
        for (const char *at = complaint.text; *at != '\0'; at++) {
            cr_expect(*at >= 0x20 && *at < 0x7f);
        }
    }
}

Test(answer, what_is_announced_is_not_believed)
{
    struct complaint complaint;
    cr_expect_eq(read_all("$5000\r\n", 4096, &complaint), STATUS_TOO_BIG);
    cr_expect_eq(read_all("$9223372036854775807\r\n", ANSWER_LIMIT_DEFAULT, &complaint), STATUS_TOO_BIG);
    cr_expect_eq(read_all("*9223372036854775807\r\n", ANSWER_LIMIT_DEFAULT, &complaint), STATUS_TOO_BIG);
    cr_expect_eq(read_all("%9223372036854775807\r\n", SIZE_MAX, &complaint), STATUS_TOO_BIG);
    cr_expect_eq(read_all("*9000000\r\n:1\r\n", ANSWER_LIMIT_DEFAULT, &complaint), STATUS_AGAIN,
                 "room only for what came");
    cr_expect_eq(read_all("$400000000\r\nx", ANSWER_LIMIT_DEFAULT, &complaint), STATUS_AGAIN);
}

Test(answer, a_tree_costs_at_most_its_limit)
{
    struct answer_reader reader;
    struct answer reply;
    struct complaint complaint = {""};
    size_t used;
    answer_reader_init(&reader, 100000);
    enum status status = answer_read(&reader, BYTES("*1000\r\n"), &used, &reply, &complaint);
    size_t items = 0;
    while (status == STATUS_AGAIN && items < 100000) {
        status = answer_read(&reader, BYTES("*1\r\n:1\r\n"), &used, &reply, &complaint);
        items++;
    }
    cr_expect_eq(status, STATUS_TOO_BIG);
    cr_expect_leq(items, 100000 / sizeof(struct answer)); /* answer R1 */
    cr_expect_not_null(strstr(complaint.text, "100000"));
    answer_reader_finish(&reader);
}

Test(answer, depth_has_an_end)
{
    struct buf text;
    struct complaint complaint;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < ANSWER_DEPTH; i++) {
        buf_append(&text, BYTES("*1\r\n"));
    }
    buf_append(&text, BYTES(":1\r\n\0"));
    cr_expect_eq(read_all((const char *)text.data, 1 << 20, &complaint), STATUS_OK);
    buf_clear(&text, 1 << 20);
    for (int i = 0; i < 10000; i++) {
        buf_append(&text, BYTES("*1\r\n"));
    }
    buf_append(&text, BYTES("\0"));
    cr_expect_eq(read_all((const char *)text.data, 1 << 20, &complaint), STATUS_TOO_BIG); /* answer R2 */
    buf_finish(&text);
}

Test(answer, an_endless_line_is_refused)
{
    struct answer_reader reader;
    struct answer reply;
    struct complaint complaint;
    size_t used;
    answer_reader_init(&reader, ANSWER_LIMIT_DEFAULT);
    enum status status = answer_read(&reader, BYTES("+"), &used, &reply, &complaint);
    for (int i = 0; i < 10000 && status == STATUS_AGAIN; i++) {
        status = answer_read(&reader, BYTES("xxxxxxxxxxxxxxxx"), &used, &reply, &complaint);
    }
    cr_expect_eq(status, STATUS_CORRUPT);
    answer_reader_finish(&reader);
}

Test(answer, random_bytes_do_no_harm)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    static const char *const parts[] = {"*2\r\n", "%1\r\n", "$3\r\nabc\r\n", ":1\r\n",        "+a\r\n", "|1\r\n",
                                        "_\r\n",  ",1\r\n", "~3\r\n",        ">1\r\n",        "\r\n",   "$",
                                        "-1",     "9",      "*0\r\n",        "=4\r\ntxt:\r\n"};
    for (int round = 0; round < 20000; round++) {
        struct buf text;
        buf_init(&text, 4096);
        for (size_t i = prng_below(&prng, 20); i > 0; i--) {
            buf_append(&text, gm_bytes_of(parts[prng_below(&prng, sizeof parts / sizeof *parts)]));
        }
        if (text.size > 0 && prng_below(&prng, 3) == 0) {
            text.data[prng_below(&prng, text.size)] = (uint8_t)prng_next(&prng);
        }
        struct answer_reader reader;
        struct answer reply = {0};
        struct complaint complaint;
        size_t at = 0;
        answer_reader_init(&reader, 4096);
        enum status status = STATUS_OK;
        while (status == STATUS_OK && at < text.size) {
            size_t used;
            status = answer_read(&reader, (struct gm_bytes){text.data + at, text.size - at}, &used, &reply, &complaint);
            at += used;
            if (status == STATUS_OK) {
                answer_finish(&reply);
            }
        }
        answer_reader_finish(&reader);
        buf_finish(&text);
    }
}
