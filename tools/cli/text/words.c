/* SPDX-License-Identifier: MIT */

/* words.c - from a typed line to arguments and back.
 *
 * Idea     A blank ends a word unless a quote is open.
 *            "..."  understands the escapes of wire/escape.h
 *            '...'  takes everything as it is but \' and \\
 *          A quote may begin in the middle of a word; after the closing quote there must be a blank or the end: what
 *          somebody meant by "a"b is not to be guessed.
 *
 * Promises W1  words_split(words_quote(x)) is x, for every x.
 *          W2  Decoding never grows: all arguments of a line fit in as many bytes as the line has.
 */
#include "cli/text/words.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "cli/text/cells.h"
#include "wire/escape.h"

struct splitter {
    struct gm_bytes line;
    struct words *words;
    size_t at;
    size_t used;     /* bytes of words->store */
    size_t capacity; /* words that fit */
    bool tolerant;
};

static bool blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void put(struct splitter *splitter, uint8_t byte)
{
    check(splitter->used <= splitter->at); /* words W2: written behind what was read */
    splitter->words->store[splitter->used++] = byte;
}

/* Takes a quoted run, `at` on its opening quote. */
static const char *take_quoted(struct splitter *splitter)
{
    const uint8_t *end = splitter->line.data + splitter->line.size;
    uint8_t quote = splitter->line.data[splitter->at++];
    while (splitter->at < splitter->line.size) {
        uint8_t byte = splitter->line.data[splitter->at];
        bool more = splitter->at + 1 < splitter->line.size;
        uint8_t next = more ? splitter->line.data[splitter->at + 1] : 0;
        if (byte == quote) {
            splitter->at++;
            return more && !blank(next) ? "a closing quote must be followed by a blank" : NULL;
        }
        if (byte == '\\' && more && quote == '"') {
            uint8_t meant;
            splitter->at += escape_read(&splitter->line.data[splitter->at], end, &meant);
            put(splitter, meant);
        } else if (byte == '\\' && more && (next == '\'' || next == '\\')) {
            put(splitter, next);
            splitter->at += 2;
        } else {
            put(splitter, byte);
            splitter->at++;
        }
    }
    splitter->words->quote = (char)quote;
    return "a quote is not closed";
}

static void words_grow(struct splitter *splitter)
{
    struct words *words = splitter->words;
    splitter->capacity = splitter->capacity == 0 ? 8 : splitter->capacity * 2;
    words->argv = memory_realloc(words->argv, splitter->capacity * sizeof *words->argv);
    words->starts = memory_realloc(words->starts, splitter->capacity * sizeof *words->starts);
    words->ends = memory_realloc(words->ends, splitter->capacity * sizeof *words->ends);
}

static const char *take_word(struct splitter *splitter, size_t *blame)
{
    struct words *words = splitter->words;
    if (words->count == splitter->capacity) {
        words_grow(splitter);
    }
    size_t start = splitter->at;
    size_t from = splitter->used;
    const char *reason = NULL;
    *blame = start;
    while (splitter->at < splitter->line.size && !blank(splitter->line.data[splitter->at])) {
        uint8_t byte = splitter->line.data[splitter->at];
        if (byte != '"' && byte != '\'') {
            put(splitter, byte);
            splitter->at++;
            continue;
        }
        *blame = splitter->at;
        reason = take_quoted(splitter);
        if (reason != NULL) {
            *blame = words->quote == 0 ? splitter->at : *blame;
        }
        if (reason != NULL && !splitter->tolerant) {
            return reason;
        }
    }
    words->argv[words->count] = (struct gm_bytes){words->store + from, splitter->used - from};
    words->starts[words->count] = start;
    words->ends[words->count] = splitter->at;
    words->count++;
    return NULL;
}

static enum status split(struct words *words, struct gm_bytes line, struct words_error *error, bool tolerant)
{
    *words = (struct words){.store = memory_alloc(line.size + 1)};
    struct splitter splitter = {.line = line, .words = words, .tolerant = tolerant};
    for (;;) {
        while (splitter.at < line.size && blank(line.data[splitter.at])) {
            splitter.at++;
        }
        if (splitter.at == line.size) {
            return STATUS_OK;
        }
        size_t blame = splitter.at;
        const char *reason = words->count == WORDS_MAX ? "too many arguments" : take_word(&splitter, &blame);
        if (reason != NULL) {
            *error = (struct words_error){reason, blame};
            words_finish(words);
            return STATUS_INVALID;
        }
    }
}

enum status words_split(struct words *words, struct gm_bytes line, struct words_error *error)
{
    return split(words, line, error, false);
}

void words_split_open(struct words *words, struct gm_bytes line)
{
    struct words_error ignored;
    if (split(words, line, &ignored, true) != STATUS_OK) {
        *words = (struct words){0}; /* only past WORDS_MAX */
    }
}

void words_finish(struct words *words)
{
    memory_free(words->argv);
    memory_free(words->starts);
    memory_free(words->ends);
    memory_free(words->store);
    *words = (struct words){0};
}

static const char *escape_of(uint8_t byte)
{
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\a':
        return "\\a";
    case '\b':
        return "\\b";
    default:
        return NULL;
    }
}

/* How many bytes at the beginning of `bytes` may be written as they are. */
static size_t plain_size(struct gm_bytes bytes, bool utf8)
{
    uint8_t first = bytes.data[0];
    if (first < 0x80) {
        return first >= 0x20 && first < 0x7f;
    }
    uint32_t character;
    size_t size = utf8 ? utf8_decode(bytes, &character) : 0;
    return size > 0 && cells_of(character) >= 0 ? size : 0;
}

bool words_quote(struct buf *out, struct gm_bytes bytes, bool utf8)
{
    bool fine = buf_append(out, BYTES("\""));
    for (size_t at = 0; fine && at < bytes.size;) {
        struct gm_bytes rest = {bytes.data + at, bytes.size - at};
        const char *escape = escape_of(rest.data[0]);
        size_t plain = plain_size(rest, utf8);
        if (escape != NULL) {
            fine = buf_append(out, gm_bytes_of(escape));
        } else if (plain > 0) {
            fine = buf_append(out, (struct gm_bytes){rest.data, plain});
        } else {
            fine = buf_format(out, "\\x%02x", rest.data[0]);
        }
        at += plain > 0 ? plain : 1;
    }
    return fine && buf_append(out, BYTES("\""));
}
