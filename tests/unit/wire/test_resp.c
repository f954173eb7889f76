/* SPDX-License-Identifier: MIT */

/* The parser sees the same commands however the bytes arrive, and refuses what it must before it costs anything. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/memory.h"
#include "wire/resp.h"

static const struct resp_limits limits = {.args_max = 1000, .bulk_max = 100000, .query_max = 200000};

#define TOO_MANY                                                                                                       \
    "ERR Protocol error: invalid multibulk length: client_query_limit holds no command of so many arguments"

struct run {
    char *out; /* "arg|arg|\n" per command */
    size_t room;
    size_t used;
    size_t batch; /* commands that are kept before they are dropped together */
};

static void note(struct run *run, const struct resp_parser *parser)
{
    for (uint32_t i = parser->first; i < parser->argc; i++) {
        run->used += (size_t)snprintf(run->out + run->used, run->room - run->used, "%.*s|", (int)parser->argv[i].size,
                                      (const char *)parser->argv[i].data);
    }
    run->used += (size_t)snprintf(run->out + run->used, run->room - run->used, "\n");
}

/* Parses what is there, a batch; returns how many bytes it took, and whether to go on. */
static size_t parse_batch(struct run *run, struct resp_parser *parser, const uint8_t *data, size_t size, bool *more)
{
    enum resp_result result = RESP_CALL;
    *more = true;
    for (size_t kept = 0; kept < run->batch && result == RESP_CALL; kept++) {
        result = resp_parse(parser, data, size, &limits);
        if (result == RESP_CALL) {
            note(run, parser);
            resp_parser_keep(parser);
            if (parser->unquoted != NULL) {
                break;
            }
        }
    }
    size_t taken = parser->start;
    if (result == RESP_ERROR) {
        run->used += (size_t)snprintf(run->out + run->used, run->room - run->used, "%s\n", parser->error);
        *more = false;
        return SIZE_MAX;
    }
    resp_parser_drop(parser);
    if (result == RESP_MORE) {
        cr_assert(resp_parser_wants(parser) == 0 || resp_parser_wants(parser) > size - taken);
        *more = false;
    }
    return taken;
}

/* Feeds the bytes in pieces of `piece`, from memory that moves each time. */
static void feed(struct run *run, struct gm_bytes input, size_t piece)
{
    struct resp_parser parser;
    resp_parser_init(&parser);
    size_t done = 0;
    size_t given = 0;
    run->used = 0;
    run->out[0] = '\0';
    while (given < input.size && done != SIZE_MAX) {
        given = given + piece < input.size ? given + piece : input.size;
        bool more = true;
        while (more) {
            size_t size = given - done;
            uint8_t *copy = memory_alloc(size);
            memcpy(copy, input.data + done, size);
            size_t taken = parse_batch(run, &parser, copy, size, &more);
            done = taken == SIZE_MAX ? SIZE_MAX : done + taken;
            memory_free(copy);
        }
    }
    resp_parser_finish(&parser);
}

static void expect(const char *input, const char *expected)
{
    char out[2048];
    for (size_t batch = 1; batch <= 3; batch++) {
        struct run run = {.out = out, .room = sizeof out, .batch = batch};
        for (size_t piece = 1; piece <= strlen(input); piece++) {
            feed(&run, gm_bytes_of(input), piece);
            cr_assert_str_eq(out, expected, "in pieces of %zu, %zu at a time", piece, batch);
        }
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

/* foreign I1: and nothing behind it is a command, in whatever pieces it comes. */
Test(resp, ends_where_another_protocol_begins)
{
    expect("PING\r\nPOST / HTTP/1.1\r\nHost: x\r\n\r\nSET a b\r\n",
           "PING|\nERR Protocol error: this port speaks RESP, not HTTP\n");
    expect("a b\nhost: x\nSET a b\n", "a|b|\nERR Protocol error: this port speaks RESP, not HTTP\n");
    expect("\x16\x03\x01\r\nSET a b\n", "ERR Protocol error: this port speaks RESP, not TLS\n");
    expect("*1\r\n$15\r\nPOST / HTTP/1.1\r\n*1\r\n$5\r\nhost:\r\n", "POST / HTTP/1.1|\nhost:|\n");
}

Test(resp, refuses_what_is_not_a_command)
{
    expect("*x\r\n", "ERR Protocol error: invalid multibulk length\n");
    expect("*1001\r\n", TOO_MANY "\n");
    expect("*99999999999999999999\r\n", "ERR Protocol error: invalid multibulk length\n"); /* resp I1 */
    expect("*1\r\nPING\r\n", "ERR Protocol error: expected '$', got 'P'\n");
    expect("*1\r\n\r\n", "ERR Protocol error: expected '$', got ' '\n");
    expect("*2\r\n$4\r\nPING\r\n\x7f", "ERR Protocol error: expected '$', got ' '\n");
    expect("*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length\n");
    expect("*1\r\n$x\r\n", "ERR Protocol error: invalid bulk length\n");
    expect("*1\r\n$100001\r\n", "ERR Protocol error: invalid bulk length\n");
    expect("*1\r\n$2\r\nabcd\r\n", "ERR Protocol error: an argument is longer than announced\n");
    expect("*1\r\n$2\r\nabc\n", "ERR Protocol error: an argument is longer than announced\n");
    expect("*1\r\n$2\r\nab\rd", "ERR Protocol error: an argument is longer than announced\n");
    expect("*1\r\n$2\rXab\r\n", "ERR Protocol error: invalid bulk length\n");
    expect("*1\rX$2\r\nab\r\n", "ERR Protocol error: invalid multibulk length\n");
    expect("*1\r\n$00000000000000000000000000000000000000000001\r\n", "ERR Protocol error: invalid bulk length\n");
}

/* What is short goes another way through the parser than what is long. */
Test(resp, limits_hold_for_what_is_short_too)
{
    static const struct {
        struct resp_limits limits;
        const char *input;
        const char *error; /* NULL: it is a call */
    } cases[] = {
        {{3, 4, 29, false}, "*2\r\n$4\r\nabcd\r\n$3\r\nabc\r\n", NULL},
        {{1, 4, 100, true}, "*2\r\n$4\r\nabcd\r\n", "ERR Protocol error: unauthenticated multibulk length"},
        {{1, 4, 100, false}, "*2\r\n$4\r\nabcd\r\n", TOO_MANY},
        {{1, 4, 100, false}, "*2147483648\r\n", "ERR Protocol error: invalid multibulk length"},
        {{3, 3, 100, true}, "*2\r\n$4\r\nabcd\r\n", "ERR Protocol error: unauthenticated bulk length"},
        {{3, 3, 100, false}, "*2\r\n$4\r\nabcd\r\n", "ERR Protocol error: invalid bulk length"},
        {{3, 4, 20, false},
         "*2\r\n$4\r\nabcd\r\n$3\r\nabc\r\n",
         "ERR Protocol error: the command is larger than client_query_limit"},
        {{3, 4, 1, false}, "*1\r\n$1\r\na\r\n", "ERR Protocol error: the command is larger than client_query_limit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct resp_parser parser;
        resp_parser_init(&parser);
        struct gm_bytes input = gm_bytes_of(cases[i].input);
        enum resp_result result = resp_parse(&parser, input.data, input.size, &cases[i].limits);
        cr_assert_eq(result, cases[i].error == NULL ? RESP_CALL : RESP_ERROR, "case %zu", i);
        if (cases[i].error != NULL) {
            cr_assert_str_eq(parser.error, cases[i].error, "case %zu", i);
        }
        resp_parser_finish(&parser);
    }
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
