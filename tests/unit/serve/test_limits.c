/* SPDX-License-Identifier: MIT */

/* test_limits.c - every buffer has a ceiling: what happens at it, and one byte below. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/memory.h"
#include "shard/digest.h"
#include "support/shard_fixture.h"

static char *word_of(size_t size)
{
    char *word = memory_alloc(size + 1);
    memset(word, 'k', size);
    word[size] = '\0';
    return word;
}

/* A command as RESP, which has no limit on a line. */
static void send_call(struct shard_fixture *at, unsigned client, const char *name, const char *key, const char *value)
{
    struct buf call;
    buf_init(&call, 1 << 20);
    cr_assert(buf_format(&call, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(name), name, strlen(key)));
    cr_assert(buf_append(&call, gm_bytes_of(key)));
    cr_assert(buf_format(&call, "\r\n$%zu\r\n", strlen(value)));
    cr_assert(buf_append(&call, gm_bytes_of(value)));
    cr_assert(buf_append(&call, BYTES("\r\n")));
    (void)shard_fixture_send(at, client, buf_bytes(&call));
    buf_finish(&call);
}

Test(limits, a_key_has_at_most_65535_bytes)
{
    struct shard_fixture at, copy;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    char *key = word_of(65535);
    char *longer = word_of(65536);
    send_call(&at, 0, "SET", key, "v");
    expect_heard(&at, 0, "OK");
    send_call(&at, 0, "SET", longer, "v");
    expect_heard(&at, 0, "-ERR the key is longer than 65535 bytes");
    send_call(&at, 0, "EXISTS", key, longer);
    expect_heard(&at, 0, "-ERR the key is longer than 65535 bytes");
    send_call(&at, 0, "EXISTS", key, key);
    expect_heard(&at, 0, ":2");
    send_call(&at, 0, "RPUSH", longer, "v");
    expect_heard(&at, 0, "-ERR the key is longer than 65535 bytes");
    expect_said(&at, 0, ":1", "DBSIZE");
    shard_fixture_open(&copy, &(struct shard_fixture_options){.seed = 5});
    shard_fixture_replay(&at, &copy);
    cr_expect_eq(digest_shard(&copy.shard), digest_shard(&at.shard));
    shard_fixture_close(&copy);
    shard_fixture_close(&at);
    memory_free(key);
    memory_free(longer);
}

Test(limits, the_empty_key_is_a_key)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    expect_said(&at, 0, "OK", "SET \"\" v PX 100");
    expect_said(&at, 0, "\"v\"", "GET \"\"");
    expect_said(&at, 0, "OK", "WATCH \"\"");
    shard_fixture_pass(&at, 100);
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "nil[]", "EXEC");
    expect_said(&at, 1, "", "BLPOP \"\" \"\" 0");
    expect_said(&at, 0, ":1", "RPUSH \"\" \"\"");
    expect_heard(&at, 1, "[\"\" \"\"]");
    shard_fixture_close(&at);
}

/* exec I3 */
Test(limits, what_cannot_be_told_changes_nothing)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 4096});
    char *value = word_of(3000);
    expect_said(&at, 0, ":1", "RPUSH many %s", value);
    expect_said(&at, 0, ":2", "RPUSH many %s", value);
    expect_said(&at, 0, ":3", "RPUSH many %s", value);
    expect_begins(&at, 0, "-ERR the reply is larger than client_output_limit", "LPOP many 3");
    expect_said(&at, 0, ":3", "LLEN many");
    for (int i = 0; i < 3; i++) {
        (void)shard_fixture_say(&at, 0, "APPEND big %s", value);
    }
    expect_begins(&at, 0, "-ERR the reply is larger than client_output_limit", "GETDEL big");
    expect_said(&at, 0, ":9000", "STRLEN big");
    expect_said(&at, 0, "OK", "MULTI");
    expect_said(&at, 0, "QUEUED", "GETDEL big");
    expect_said(&at, 0, "QUEUED", "SET d 1");
    expect_begins(&at, 0, "[-ERR the reply is larger than client_output_limit", "EXEC");
    expect_said(&at, 0, ":2", "EXISTS big d");
    cr_expect_not(at.clients[0]->doomed);
    cr_expect_eq(at.worker.meters.counts.dropped, 0);
    /* one that waited for it */
    expect_said(&at, 1, "", "BLMPOP 0 1 later LEFT COUNT 3");
    expect_said(&at, 0, ":3", "RPUSH later %s %s %s", value, value, value);
    const char *told = shard_fixture_hear(&at, 1);
    cr_expect(strstr(told, "-ERR the reply is larger than client_output_limit") == told, "%s", told);
    expect_said(&at, 0, ":3", "LLEN later");
    shard_fixture_close(&at);
    memory_free(value);
}

/* session I3: one that reads is not cut, however much it asks for at once; and what it reads late takes no memory. */
Test(limits, who_reads_gets_all_that_it_has_asked_for)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.output_max = 4096});
    char *value = word_of(1000);
    expect_said(&at, 0, "OK", "SET a %s", value);
    char pipeline[100 * 7 + 1];
    for (int i = 0; i < 100; i++) {
        memcpy(pipeline + i * 7, "GET a\r\n", 8);
    }
    size_t done = 0;
    unsigned rounds = 0;
    size_t heard = 0;
    while (done < sizeof pipeline - 1) {
        cr_assert_lt(rounds++, 100u);
        done +=
            shard_fixture_send(&at, 0, (struct gm_bytes){(const uint8_t *)pipeline + done, sizeof pipeline - 1 - done});
        cr_assert_not(at.clients[0]->doomed);
        cr_expect_lt(session_unsent(at.clients[0]), 2u * 4096);
        heard += strlen(shard_fixture_hear(&at, 0));
        cr_expect_not(at.clients[0]->brimming);
    }
    cr_expect_gt(rounds, 10u, "its commands have waited");
    cr_expect_eq(heard, 100 * 1002 + (100 - rounds) * strlen(" | "));
    shard_fixture_close(&at);
    memory_free(value);
}

Test(limits, before_the_password_a_client_is_allowed_little)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.password = "secret"});
    (void)shard_fixture_send(&at, 0, BYTES("*11\r\n"));
    expect_begins(&at, 1, "-NOAUTH", "GET a");
    expect_heard(&at, 0, "-ERR Protocol error: unauthenticated multibulk length");
    cr_expect(at.clients[0]->doomed);
    expect_said(&at, 1, "OK", "AUTH secret");
    (void)shard_fixture_send(&at, 1, BYTES("*11\r\n"));
    expect_heard(&at, 1, "");
    cr_expect_not(at.clients[1]->doomed);
    (void)shard_fixture_send(&at, 2, BYTES("*2\r\n$4\r\nAUTH\r\n$16385\r\n"));
    cr_expect(at.clients[2]->doomed);
    /* the limits are those of the moment: password and what is only allowed behind it in one piece */
    struct gm_bytes piece = BYTES("AUTH secret\r\nEXISTS a b c d e f g h i j k l\r\n");
    cr_expect_eq(shard_fixture_send(&at, 3, piece), piece.size);
    expect_heard(&at, 3, "OK | :0");
    /* answers that nobody fetches */
    shard_fixture_hang_up(&at, 0);
    struct buf questions;
    buf_init(&questions, 1 << 20);
    for (int i = 0; i < 5000; i++) {
        cr_assert(buf_append(&questions, BYTES("GET a\r\n")));
    }
    (void)shard_fixture_send(&at, 0, buf_bytes(&questions));
    cr_expect(at.clients[0]->overflowed);
    buf_finish(&questions);
    shard_fixture_close(&at);
}

Test(limits, too_many_arguments_are_a_protocol_error)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){.args_max = 100});
    (void)shard_fixture_send(&at, 0, BYTES("*100\r\n$4\r\nPING\r\n"));
    expect_heard(&at, 0, "");
    cr_expect_not(at.clients[0]->doomed);
    (void)shard_fixture_send(&at, 1, BYTES("*101\r\n$4\r\nPING\r\n"));
    expect_heard(
        &at, 1,
        "-ERR Protocol error: invalid multibulk length: client_query_limit holds no command of so many arguments");
    cr_expect(session_over(at.clients[1]));
    shard_fixture_close(&at);
}

/* ... those of a line too, which says nowhere how many come. */
Test(limits, too_many_words_of_a_line_are_a_protocol_error)
{
    struct shard_fixture at;
    struct buf line;
    shard_fixture_open(&at, &(struct shard_fixture_options){.args_max = 100});
    buf_init(&line, 4096);
    (void)buf_append(&line, BYTES("DEL"));
    for (int i = 1; i < 100; i++) {
        (void)buf_append(&line, BYTES(" 'k'"));
    }
    size_t size = line.size;
    (void)buf_append(&line, BYTES("\r\n"));
    (void)shard_fixture_send(&at, 0, buf_bytes(&line));
    expect_heard(&at, 0, ":0");
    cr_expect_not(at.clients[0]->doomed);
    line.size = size;
    (void)buf_append(&line, BYTES(" k\r\n"));
    (void)shard_fixture_send(&at, 1, buf_bytes(&line));
    expect_heard(&at, 1, "-ERR Protocol error: too many arguments");
    cr_expect(session_over(at.clients[1]));
    buf_finish(&line);
    shard_fixture_close(&at);
}

/* More keys than a call has room for in itself. */
Test(limits, a_thousand_keys_in_one_call)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    struct buf words;
    buf_init(&words, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        cr_assert(buf_format(&words, " key%d v%d", i, i));
    }
    cr_assert(buf_append(&words, (struct gm_bytes){(const uint8_t *)"", 1}));
    expect_said(&at, 0, "OK", "MSET%s", (const char *)words.data);
    expect_said(&at, 0, ":1000", "DBSIZE");
    expect_said(&at, 0, "\"v999\"", "GET key999");
    expect_said(&at, 0, ":0", "MSETNX%s", (const char *)words.data);
    shard_fixture_pass(&at, 0);
    expect_said(&at, 0, ":1000", "DEL%s", (const char *)words.data);
    buf_finish(&words);
    shard_fixture_close(&at);
}

/* Its first record makes the value that the second finds. */
Test(limits, elements_that_do_not_fit_into_one_record)
{
    struct shard_fixture at;
    shard_fixture_open(&at, &(struct shard_fixture_options){0});
    char *element = word_of(60000);
    struct buf call;
    buf_init(&call, 1 << 20);
    cr_assert(buf_format(&call, "*5\r\n$5\r\nRPUSH\r\n$1\r\nd\r\n"));
    for (int i = 0; i < 3; i++) {
        cr_assert(buf_append(&call, BYTES("$60000\r\n")) && buf_append(&call, gm_bytes_of(element)) &&
                  buf_append(&call, BYTES("\r\n")));
    }
    (void)shard_fixture_send(&at, 0, buf_bytes(&call));
    expect_heard(&at, 0, ":3");
    expect_said(&at, 0, ":3", "LLEN d");
    buf_finish(&call);
    memory_free(element);
    shard_fixture_close(&at);
}
