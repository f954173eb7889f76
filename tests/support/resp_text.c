/* SPDX-License-Identifier: MIT */

/* resp_text.c - a strict reader of replies, written apart from core/wire so that both cannot err in the same way. */
#include "support/resp_text.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    struct buf *text;
    bool more;   /* the bytes end too early */
    bool broken; /* they are no reply */
};

static void say(struct reader *reader, const char *words)
{
    if (reader->text != NULL) {
        (void)buf_append(reader->text, gm_bytes_of(words));
    }
}

static void say_bytes(struct reader *reader, struct gm_bytes bytes)
{
    if (reader->text != NULL) {
        (void)buf_append(reader->text, bytes);
    }
}

static bool stopped(const struct reader *reader)
{
    return reader->more || reader->broken;
}

/* What stands before the next CR LF. */
static struct gm_bytes line(struct reader *reader)
{
    const uint8_t *start = reader->at;
    for (const uint8_t *at = start; at < reader->end; at++) {
        if (*at == '\n') {
            reader->broken = true;
            return BYTES_NONE;
        }
        if (*at == '\r') {
            reader->more = at + 1 == reader->end;
            reader->broken = !reader->more && at[1] != '\n';
            reader->at = at + 2;
            return (struct gm_bytes){start, (size_t)(at - start)};
        }
    }
    reader->more = true;
    return BYTES_NONE;
}

static int64_t number(struct reader *reader, int64_t least)
{
    struct gm_bytes digits = line(reader);
    int64_t value = 0;
    if (!stopped(reader) && (!bytes_to_int(digits, &value) || value < least)) {
        reader->broken = true;
    }
    return stopped(reader) ? 0 : value;
}

static void bulk(struct reader *reader, int64_t size, const char *before, const char *after)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left < (size_t)size + 2) {
        reader->more = true;
        return;
    }
    say(reader, before);
    say_bytes(reader, (struct gm_bytes){reader->at, (size_t)size});
    say(reader, after);
    reader->at += size;
    reader->broken = reader->at[0] != '\r' || reader->at[1] != '\n';
    reader->at += 2;
}

static void reply(struct reader *reader, unsigned depth);

static void elements(struct reader *reader, int64_t count, const char *before, const char *after, unsigned depth)
{
    say(reader, before);
    for (int64_t i = 0; i < count && !stopped(reader); i++) {
        say(reader, i > 0 ? " " : "");
        reply(reader, depth + 1);
    }
    say(reader, after);
}

static void one_of(struct reader *reader, const char *words)
{
    struct gm_bytes found = line(reader);
    bool fits = found.size == (words[0] == '\0' ? 0 : 1) && (found.size == 0 || strchr(words, found.data[0]) != NULL);
    if (!stopped(reader) && !fits) {
        reader->broken = true;
    }
    say_bytes(reader, stopped(reader) ? BYTES_NONE : found);
}

static void bulk_or_nil(struct reader *reader)
{
    int64_t size = number(reader, -1);
    if (size < 0) {
        say(reader, "nil");
    } else if (!stopped(reader)) {
        bulk(reader, size, "\"", "\"");
    }
}

static void array_or_nil(struct reader *reader, unsigned depth)
{
    int64_t count = number(reader, -1);
    if (count < 0) {
        say(reader, "nil[]");
    } else {
        elements(reader, count, "[", "]", depth);
    }
}

static void verbatim(struct reader *reader)
{
    int64_t size = number(reader, 4);
    if (!stopped(reader)) {
        bulk(reader, size, "=", "");
    }
}

static void reply(struct reader *reader, unsigned depth)
{
    if (reader->at == reader->end || depth > RESP_TEXT_DEPTH) {
        reader->more = reader->at == reader->end;
        reader->broken = !reader->more;
        return;
    }
    char kind[2] = {(char)*reader->at++, '\0'};
    switch (kind[0]) {
    case '+':
        say_bytes(reader, line(reader));
        break;
    case '-':
    case ',':
        say(reader, kind);
        say_bytes(reader, line(reader));
        break;
    case ':': {
        char digits[20];
        int64_t value = number(reader, INT64_MIN);
        say(reader, kind);
        say_bytes(reader, (struct gm_bytes){(const uint8_t *)digits, bytes_from_int(digits, value)});
        break;
    }
    case '$':
        bulk_or_nil(reader);
        break;
    case '*':
        array_or_nil(reader, depth);
        break;
    case '%':
        elements(reader, number(reader, 0) * 2, "{", "}", depth);
        break;
    case '>':
        elements(reader, number(reader, 0), "(", ")", depth);
        break;
    case '~':
        elements(reader, number(reader, 0), "<", ">", depth);
        break;
    case '=':
        verbatim(reader);
        break;
    case '_':
        say(reader, "nil");
        one_of(reader, "");
        break;
    case '#':
        say(reader, kind);
        one_of(reader, "tf");
        break;
    default:
        reader->broken = true;
    }
}

size_t resp_text_reply(struct gm_bytes bytes, struct buf *text)
{
    size_t before = text != NULL ? text->size : 0;
    if (bytes.size == 0) {
        return 0;
    }
    struct reader reader = {.at = bytes.data, .end = bytes.data + bytes.size, .text = text};
    reply(&reader, 0);
    if (stopped(&reader)) {
        if (text != NULL) {
            text->size = before;
        }
        return reader.broken ? RESP_TEXT_BROKEN : 0;
    }
    return (size_t)(reader.at - bytes.data);
}
