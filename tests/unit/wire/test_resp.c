/* SPDX-License-Identifier: MIT */

/* The parser sees the same commands however the bytes arrive, and refuses what it must before it costs anything. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/memory.h"
#include "wire/resp.h"

static const struct resp_limits limits = {.args_max = 1000, .bulk_max = 100000, .query_max = 200000};

/* Feeds the bytes in pieces of `piece`, from memory that moves each time; writes "arg|arg|\n" per command. */
static void run(struct gm_bytes input, size_t piece, char *out, size_t room)
{
    struct resp_parser parser;
    resp_parser_init(&parser);
    size_t done = 0;
    size_t given = 0;
    size_t used = 0;
    out[0] = '\0';
    while (given < input.size) {
        given = given + piece < input.size ? given + piece : input.size;
        for (;;) {
            size_t size = given - done;
            uint8_t *copy = memory_alloc(size);
            memcpy(copy, input.data + done, size);
            enum resp_result result = resp_parse(&parser, copy, size, &limits);
            if (result == RESP_MORE) {
                cr_assert(resp_parser_wants(&parser) == 0 || resp_parser_wants(&parser) > size);
                memory_free(copy);
                break;
            }
            if (result == RESP_ERROR) {
                (void)snprintf(out + used, room - used, "%s\n", parser.error);
                memory_free(copy);
                resp_parser_finish(&parser);
                return;
            }
            for (uint32_t i = 0; i < parser.argc; i++) {
                used += (size_t)snprintf(out + used, room - used, "%.*s|", (int)parser.argv[i].size,
                                         (const char *)parser.argv[i].data);
            }
            used += (size_t)snprintf(out + used, room - used, "\n");
            done += parser.position;
            cr_assert_leq(done, given);
            resp_parser_next(&parser);
            memory_free(copy);
        }
    }
    resp_parser_finish(&parser);
}

static void expect(const char *input, const char *expected)
{
    char out[2048];
    for (size_t piece = 1; piece <= strlen(input); piece++) {
        run(gm_bytes_of(input), piece, out, sizeof out);
        cr_assert_str_eq(out, expected, "in pieces of %zu", piece);
    }
}

Test(resp, commands_are_the_same_in_pieces_of_any_size)
{
    expect("*1\r\n$4\r\nPING\r\n", "PING|\n");
    expect("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "SET|k||\nGET|k|\n");
    expect("*0\r\n*1\r\n$1\r\na\r\n", "\na|\n");
    expect("*-1\r\n*1\r\n$1\r\na\r\n", "\na|\n");
    expect("*2\r\n$2\r\n\r\n\r\n$2\r\n$1\r\n", "\r\n|$1|\n");
    expect("*12\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$"
           "1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
           "1|2|3|4|5|6|7|8|9|a|b|c|\n");
}

Test(resp, lines_are_commands_too)
{
    expect("PING\r\n", "PING|\n");
    expect("  set  a   b \nget a\n", "set|a|b|\nget|a|\n");
    expect("set a \"x y\\n\\x41\\\"\" 'it''\n", "ERR Protocol error: unbalanced quotes in request\n");
    expect("set a \"x y\\x41\\\"\" 'i\\'t'\r\n", "set|a|x yA\"|i't|\n");
    expect("\r\n\r\nPING\r\n", "\n\nPING|\n");
    expect("a\"b c\"d\n", "ERR Protocol error: unbalanced quotes in request\n");
    expect("a \"b\n", "ERR Protocol error: unbalanced quotes in request\n");
}

Test(resp, refuses_what_is_not_a_command)
{
    expect("*x\r\n", "ERR Protocol error: invalid multibulk length\n");
    expect("*1001\r\n", "ERR Protocol error: invalid multibulk length\n");
    expect("*99999999999999999999\r\n", "ERR Protocol error: invalid multibulk length\n");
    expect("*1\r\nPING\r\n", "ERR Protocol error: expected '$' before an argument\n");
    expect("*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length\n");
    expect("*1\r\n$x\r\n", "ERR Protocol error: invalid bulk length\n");
    expect("*1\r\n$100001\r\n", "ERR Protocol error: invalid bulk length\n");
    expect("*1\r\n$2\r\nabcd\r\n", "ERR Protocol error: an argument is longer than announced\n");
    expect("*1\r\n$00000000000000000000000000000000000000000001\r\n", "ERR Protocol error: invalid bulk length\n");
}

Test(resp, the_size_of_a_whole_command_is_bounded)
{
    struct resp_parser parser;
    struct resp_limits small = {.args_max = 10, .bulk_max = 1000, .query_max = 1500};
    resp_parser_init(&parser);
    static uint8_t input[4000];
    size_t size = (size_t)snprintf((char *)input, sizeof input, "*3\r\n$1000\r\n");
    memset(input + size, 'x', 1000);
    size += 1000;
    size += (size_t)snprintf((char *)input + size, sizeof input - size, "\r\n$600\r\n");
    cr_assert_eq(resp_parse(&parser, input, size, &small), RESP_ERROR);
    cr_assert_str_eq(parser.error, "ERR Protocol error: the command is larger than client_query_limit");
    resp_parser_finish(&parser);
}

Test(resp, a_line_without_an_end_is_refused)
{
    struct resp_parser parser;
    resp_parser_init(&parser);
    size_t size = RESP_INLINE_MAX + 2;
    uint8_t *input = memory_alloc(size);
    memset(input, 'a', size);
    cr_assert_eq(resp_parse(&parser, input, size / 2, &limits), RESP_MORE);
    cr_assert_eq(resp_parse(&parser, input, size, &limits), RESP_ERROR);
    memory_free(input);
    resp_parser_finish(&parser);
}
