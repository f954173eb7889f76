/* SPDX-License-Identifier: MIT */

/* resp.c - the incremental parser of resp.h. */
#include "wire/resp.h"

#include <stdio.h>

#include "base/memory.h"
#include "wire/escape.h"
#include "wire/foreign.h"

#define ROOM_FIRST 8u
#define ROOM_KEPT  256u /* slices kept between commands */
#define LINE_MAX   32u  /* bytes of "*123\r\n": a longer number line is an error */

void resp_parser_init(struct resp_parser *parser)
{
    *parser = (struct resp_parser){0};
}

void resp_parser_finish(struct resp_parser *parser)
{
    memory_free(parser->argv);
    memory_free(parser->unquoted);
    *parser = (struct resp_parser){0};
}

void resp_parser_next(struct resp_parser *parser)
{
    if (__builtin_expect(parser->room > ROOM_KEPT, 0)) {
        memory_free(parser->argv);
        parser->argv = NULL;
        parser->room = 0;
    }
    if (__builtin_expect(parser->unquoted != NULL, 0)) {
        memory_free(parser->unquoted);
        parser->unquoted = NULL;
    }
    parser->argc = 0;
    parser->first = 0;
    parser->start = 0;
    parser->expected = 0;
    parser->inside = false;
    parser->have_size = false;
    parser->position = 0;
    parser->base = NULL;
    parser->error = NULL;
    check_slow(parser->room <= ROOM_KEPT); /* resp I3 */
}

void resp_parser_tidy(struct resp_parser *parser)
{
    if (parser->argc == 0 && !parser->inside && parser->unquoted == NULL) {
        memory_free(parser->argv);
        parser->argv = NULL;
        parser->room = 0;
    }
}

void resp_parser_keep(struct resp_parser *parser)
{
    parser->first = parser->argc;
    parser->start = parser->position;
    parser->expected = 0;
    parser->inside = false;
    parser->have_size = false;
}

void resp_parser_drop(struct resp_parser *parser)
{
    uint32_t under_way = parser->argc - parser->first;
    if (under_way == 0 && !parser->inside && parser->position == parser->start) {
        resp_parser_next(parser);
        return;
    }
    if (under_way > 0) {
        memmove(parser->argv, parser->argv + parser->first, under_way * sizeof *parser->argv);
    }
    parser->argc = under_way;
    parser->first = 0;
    parser->position -= parser->start;
    parser->base += parser->start;
    parser->start = 0;
}

size_t resp_parser_wants(const struct resp_parser *parser)
{
    size_t needed = parser->position + (parser->have_size ? parser->bulk_size + 2 : LINE_MAX);
    bool in_sight = parser->have_size && parser->argc - parser->first + 1 == parser->expected;
    size_t doubled = 2 * parser->position;
    return in_sight || needed > doubled ? needed : doubled;
}

static enum resp_result fail(struct resp_parser *parser, const char *error)
{
    parser->error = error;
    return RESP_ERROR;
}

/* Clients and their tests know this text. Only a line of plain text may leave. */
static __attribute__((noinline)) enum resp_result fail_at_argument(struct resp_parser *parser, uint8_t got)
{
    char shown = got >= ' ' && got < 0x7f ? (char)got : ' ';
    int size = snprintf(parser->told, sizeof parser->told, "ERR Protocol error: expected '$', got '%c'", shown);
    check(size > 0 && (size_t)size < sizeof parser->told);
    return fail(parser, parser->told);
}

static __attribute__((noinline)) void make_room(struct resp_parser *parser)
{
    parser->room = parser->room == 0 ? ROOM_FIRST : parser->room * 2;
    parser->argv = memory_realloc(parser->argv, parser->room * sizeof *parser->argv);
}

static inline void add(struct resp_parser *parser, const uint8_t *data, size_t size)
{
    if (__builtin_expect(parser->argc == parser->room, 0)) {
        make_room(parser);
    }
    parser->argv[parser->argc++] = (struct gm_bytes){data, size};
}

/* The bytes may have moved since the last call: point the slices to where they are now. */
static void rebase(struct resp_parser *parser, const uint8_t *data)
{
    if (parser->base != data) {
        for (uint32_t i = 0; i < parser->argc; i++) {
            uintptr_t offset = (uintptr_t)parser->argv[i].data - (uintptr_t)parser->base;
            parser->argv[i].data = data + offset;
        }
        parser->base = data;
    }
}

enum line {
    LINE_MORE,
    LINE_NUMBER,
    LINE_BAD,
};

/* A number up to CR LF at parser->position + 1 (behind the type byte); moves behind it. */
static enum line number_line(struct resp_parser *parser, const uint8_t *data, size_t size, int64_t *out)
{
    size_t at = parser->position + 1;
    if (at < size && data[at] >= '0' && data[at] <= '9') {
        /* The common case, in one pass. */
        int64_t value = 0;
        size_t begin = at;
        while (at < size && data[at] >= '0' && data[at] <= '9') {
            if (at - begin >= 12) {
                return LINE_BAD;
            }
            value = value * 10 + (data[at] - '0');
            at++;
        }
        if (at + 1 < size) {
            if (data[at] != '\r' || data[at + 1] != '\n') {
                return LINE_BAD;
            }
            *out = value;
            parser->position = at + 2;
            return LINE_NUMBER;
        }
        return at < size && data[at] != '\r' ? LINE_BAD : LINE_MORE;
    }
    size_t limit = size - parser->position < LINE_MAX ? size : parser->position + LINE_MAX;
    for (size_t end = at; end + 1 < limit; end++) {
        if (data[end] == '\r' && data[end + 1] == '\n') {
            if (!bytes_to_int((struct gm_bytes){data + at, end - at}, out)) {
                return LINE_BAD;
            }
            parser->position = end + 2;
            return LINE_NUMBER;
        }
    }
    return limit < size || size - parser->position >= LINE_MAX ? LINE_BAD : LINE_MORE;
}

/* ---- what nearly every command is made of ---- */

#define SHORT_LINE 6u /* bytes: a type byte, three digits, CR LF */

/* A line with a number of at most three digits, in SHORT_LINE bytes; its size, 0 if it is not one. */
static inline size_t short_line(const uint8_t *at, uint32_t *out)
{
    uint32_t value = (uint32_t)at[1] - '0';
    size_t end = 2;
    if (value > 9) {
        return 0;
    }
    for (uint32_t digit; end < 4 && (digit = (uint32_t)at[end] - '0') <= 9; end++) {
        value = value * 10 + digit;
    }
    *out = value;
    return at[end] == '\r' && at[end + 1] == '\n' ? end + 2 : 0;
}

/* Takes the arguments that are short and all there. It refuses nothing: where it stops, whatever the reason,
 * resp_parse goes on and looks closely. */
static inline void take_short(struct resp_parser *parser, const uint8_t *data, size_t size,
                              const struct resp_limits *limits)
{
    size_t at = parser->position;
    size_t end = parser->start + (limits->query_max < size - parser->start ? limits->query_max : size - parser->start);
    for (uint32_t left = parser->expected - (parser->argc - parser->first); left > 0; left--) {
        uint32_t bulk;
        if (at + SHORT_LINE > end || data[at] != '$') {
            break;
        }
        size_t line = short_line(data + at, &bulk);
        const uint8_t *argument = data + at + line;
        if (line == 0 || bulk > limits->bulk_max || end - at - line < (size_t)bulk + 2 || argument[bulk] != '\r' ||
            argument[bulk + 1] != '\n') {
            break;
        }
        add(parser, argument, bulk);
        at += line + bulk + 2;
    }
    parser->position = at;
}

/* ---- inline commands ---- */

/* Reads a quoted word that begins behind its quote; false if it does not end well. */
static bool quoted_word(const uint8_t **at, const uint8_t *end, uint8_t quote, uint8_t **out)
{
    const uint8_t *c = *at;
    while (c < end && *c != quote) {
        bool escape = *c == '\\' && c + 1 < end;
        if (escape && quote == '"') {
            c += escape_read(c, end, (*out)++);
        } else {
            c += escape && c[1] == quote ? 1 : 0;
            *(*out)++ = *c++;
        }
    }
    if (c == end) {
        return false;
    }
    c++;
    *at = c;
    return c == end || *c == ' ' || *c == '\t';
}

/* Unquoting never makes a word longer. */
static enum resp_result inline_words(struct resp_parser *parser, struct gm_bytes line, const struct resp_limits *limits)
{
    const uint8_t *at = line.data;
    const uint8_t *end = line.data + line.size;
    parser->unquoted = memory_alloc(line.size + 1);
    uint8_t *out = parser->unquoted;
    for (;;) {
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }
        if (at == end) {
            return RESP_CALL;
        }
        if (parser->argc - parser->first == limits->args_max) {
            return fail(parser, "ERR Protocol error: too many arguments");
        }
        uint8_t *word = out;
        while (at < end && *at != ' ' && *at != '\t') {
            if (*at == '"' || *at == '\'') {
                uint8_t quote = *at++;
                if (!quoted_word(&at, end, quote, &out)) {
                    return fail(parser, "ERR Protocol error: unbalanced quotes in request");
                }
            } else {
                *out++ = *at++;
            }
        }
        add(parser, word, (size_t)(out - word));
    }
}

/* A line of words, as typed into telnet. */
static enum resp_result inline_command(struct resp_parser *parser, const uint8_t *data, size_t size,
                                       const struct resp_limits *limits)
{
    const uint8_t *newline = memchr(data + parser->position, '\n', size - parser->position);
    struct gm_bytes line = {data + parser->start, size - parser->start};
    if (newline != NULL) {
        line.size = (size_t)(newline - line.data);
        line.size -= line.size > 0 && newline[-1] == '\r' ? 1 : 0;
    }
    const char *foreign = foreign_refusal(line, newline != NULL);
    if (foreign != NULL) {
        return fail(parser, foreign); /* foreign I1 */
    }
    if (line.size > RESP_INLINE_MAX) {
        return fail(parser, "ERR Protocol error: too big inline request");
    }
    if (newline == NULL) {
        parser->position = size;
        return RESP_MORE;
    }
    parser->position = (size_t)(newline - data) + 1;
    return inline_words(parser, line, limits);
}

/* ---- commands ---- */

static enum resp_result array_begin(struct resp_parser *parser, const uint8_t *data, size_t size,
                                    const struct resp_limits *limits)
{
    int64_t count;
    uint32_t few;
    size_t line = size - parser->position < SHORT_LINE ? 0 : short_line(data + parser->position, &few);
    if (__builtin_expect(line > 0 && few <= limits->args_max, 1)) {
        parser->position += line;
        parser->expected = few;
        parser->inside = true;
        return RESP_CALL;
    }
    switch (number_line(parser, data, size, &count)) {
    case LINE_MORE:
        return RESP_MORE;
    case LINE_BAD:
        return fail(parser, "ERR Protocol error: invalid multibulk length");
    case LINE_NUMBER:
        break;
    }
    if (count > (int64_t)limits->args_max) {
        return fail(parser, limits->before_password ? "ERR Protocol error: unauthenticated multibulk length"
                            : count > INT32_MAX     ? "ERR Protocol error: invalid multibulk length"
                                                : "ERR Protocol error: invalid multibulk length: client_query_limit "
                                                  "holds no command of so many arguments");
    }
    parser->expected = count > 0 ? (uint32_t)count : 0;
    parser->inside = true;
    return RESP_CALL;
}

enum resp_result resp_parse(struct resp_parser *parser, const uint8_t *data, size_t size,
                            const struct resp_limits *limits)
{
    check_slow(parser->error == NULL); /* resp I2: nothing is looked at behind an error */
    rebase(parser, data);
    if (!parser->inside) {
        if (parser->position >= size) {
            return RESP_MORE;
        }
        if (data[parser->start] != '*') {
            return inline_command(parser, data, size, limits);
        }
        enum resp_result begun = array_begin(parser, data, size, limits);
        if (begun != RESP_CALL) {
            return begun;
        }
    }
    if (!parser->have_size) {
        take_short(parser, data, size, limits);
    }
    while (parser->argc - parser->first < parser->expected) {
        if (!parser->have_size) {
            if (parser->position >= size) {
                return RESP_MORE;
            }
            if (data[parser->position] != '$') {
                return fail_at_argument(parser, data[parser->position]);
            }
            int64_t bulk;
            enum line line = number_line(parser, data, size, &bulk);
            if (line == LINE_MORE) {
                return RESP_MORE;
            }
            if (line == LINE_BAD || bulk < 0) {
                return fail(parser, "ERR Protocol error: invalid bulk length");
            }
            if ((uint64_t)bulk > limits->bulk_max) {
                return fail(parser, limits->before_password ? "ERR Protocol error: unauthenticated bulk length"
                                                            : "ERR Protocol error: invalid bulk length");
            }
            if (parser->position - parser->start + (uint64_t)bulk > limits->query_max) {
                return fail(parser, "ERR Protocol error: the command is larger than client_query_limit");
            }
            parser->bulk_size = (size_t)bulk;
            parser->have_size = true;
        }
        if (size - parser->position < parser->bulk_size + 2) {
            return RESP_MORE;
        }
        const uint8_t *argument = data + parser->position;
        if (argument[parser->bulk_size] != '\r' || argument[parser->bulk_size + 1] != '\n') {
            return fail(parser, "ERR Protocol error: an argument is longer than announced");
        }
        add(parser, argument, parser->bulk_size);
        parser->position += parser->bulk_size + 2;
        parser->have_size = false;
    }
    return RESP_CALL;
}
