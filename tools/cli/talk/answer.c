/* SPDX-License-Identifier: MIT */

/* answer.c - the reader.
 *
 * Idea     Every item begins with a line. A scalar is complete with it, a string has a body after it, an aggregate
 *          opens a frame. A complete item is put into the innermost frame; when that has all it was promised, it is
 *          itself complete, and so on outwards.
 *
 *              *2 CRLF  :7 CRLF  $3 CRLF  abc CRLF
 *              push     put 7             put "abc": frame complete, popped, the reply
 *
 *          An aggregate's items live in the frame until it is complete, for they move while they grow.
 *
 * Limits   `spent` counts items at their full size and the bytes of texts. Growing by doubling may reserve twice as
 *          much for the moment.
 */
#include "cli/talk/answer.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

struct answer_frame {
    struct answer reply;
    size_t capacity;
    uint64_t wanted; /* items */
    bool dropped;    /* an attribute */
};

/* ---- trees --------------------------------------------------------------------------------------------------- */

void answer_finish(struct answer *reply)
{
    for (size_t i = 0; i < reply->count; i++) {
        answer_finish(&reply->items[i]);
    }
    memory_free(reply->items);
    memory_free((void *)(uintptr_t)reply->text.data);
    *reply = (struct answer){.type = ANSWER_NULL};
}

bool answer_is_text(const struct answer *reply)
{
    return reply->type == ANSWER_STATUS || reply->type == ANSWER_STRING || reply->type == ANSWER_VERBATIM;
}

const struct answer *answer_get(const struct answer *map, const char *key)
{
    if (map->type != ANSWER_MAP && map->type != ANSWER_ARRAY) {
        return NULL;
    }
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        if (answer_is_text(&map->items[i]) && gm_bytes_equal(map->items[i].text, gm_bytes_of(key))) {
            return &map->items[i + 1];
        }
    }
    return NULL;
}

/* ---- the reader's life --------------------------------------------------------------------------------------- */

void answer_reader_init(struct answer_reader *reader, size_t limit)
{
    *reader = (struct answer_reader){.limit = limit, .frames = memory_zeroed(ANSWER_DEPTH * sizeof *reader->frames)};
    buf_init(&reader->line, ANSWER_LINE + 2);
    buf_init(&reader->body, limit);
}

void answer_reader_finish(struct answer_reader *reader)
{
    for (size_t i = 0; i < reader->depth; i++) {
        answer_finish(&reader->frames[i].reply);
    }
    memory_free(reader->frames);
    buf_finish(&reader->line);
    buf_finish(&reader->body);
    *reader = (struct answer_reader){0};
}

bool answer_reader_idle(const struct answer_reader *reader)
{
    return reader->depth == 0 && reader->line.size == 0 && !reader->in_body;
}

/* ---- items --------------------------------------------------------------------------------------------------- */

static bool spend(struct answer_reader *reader, size_t size)
{
    return !__builtin_add_overflow(reader->spent, size, &reader->spent) && reader->spent <= reader->limit;
}

static enum status too_big(const struct answer_reader *reader, struct complaint *complaint)
{
    complaint_set(complaint, "the reply is larger than the limit of %zu bytes", reader->limit);
    return STATUS_TOO_BIG;
}

static enum status broken(struct complaint *complaint, const char *what, struct gm_bytes line)
{
    char shown[64] = "";
    size_t used = 0;
    for (size_t i = 0; i < line.size && used < 48; i++) {
        shown[used++] = line.data[i] >= 0x20 && line.data[i] < 0x7f ? (char)line.data[i] : '.';
    }
    complaint_set(complaint, "the server does not speak the Redis protocol: %s in \"%s\"", what, shown);
    return STATUS_CORRUPT;
}

static struct gm_bytes copy_text(struct gm_bytes text)
{
    uint8_t *copy = memory_alloc(text.size + 1);
    memcpy(copy, text.size > 0 ? text.data : (const uint8_t *)"", text.size);
    copy[text.size] = 0;
    return (struct gm_bytes){copy, text.size};
}

static void frame_put(struct answer_frame *frame, const struct answer *item)
{
    if (frame->reply.count == frame->capacity) {
        frame->capacity = frame->capacity == 0 ? 4 : frame->capacity * 2;
        frame->reply.items = memory_realloc(frame->reply.items, frame->capacity * sizeof *item);
    }
    frame->reply.items[frame->reply.count++] = *item;
}

/* Puts a complete item, which it takes over, where it belongs. True: `out` is a whole reply. */
static bool item_complete(struct answer_reader *reader, struct answer item, struct answer *out)
{
    for (;;) {
        if (reader->depth == 0) {
            *out = item;
            reader->spent = 0;
            return true;
        }
        struct answer_frame *frame = &reader->frames[reader->depth - 1];
        frame_put(frame, &item);
        if (frame->reply.count == frame->wanted && frame->dropped) {
            answer_finish(&frame->reply); /* what follows an attribute takes its place */
            *frame = (struct answer_frame){0};
            reader->depth--;
            return false;
        }
        if (frame->reply.count < frame->wanted) {
            return false;
        }
        item = frame->reply;
        *frame = (struct answer_frame){0};
        reader->depth--;
    }
}

static enum status text_item(struct answer_reader *reader, enum answer_type type, struct gm_bytes text,
                             struct answer *out, struct complaint *complaint)
{
    if (!spend(reader, sizeof *out + text.size)) {
        return too_big(reader, complaint);
    }
    struct answer item = {.type = type, .text = copy_text(text)};
    return item_complete(reader, item, out) ? STATUS_OK : STATUS_AGAIN;
}

static enum status number_item(struct answer_reader *reader, struct answer item, struct answer *out,
                               struct complaint *complaint)
{
    if (!spend(reader, sizeof item)) {
        return too_big(reader, complaint);
    }
    return item_complete(reader, item, out) ? STATUS_OK : STATUS_AGAIN;
}

static bool read_double(struct gm_bytes text, double *out)
{
    if (bytes_equal_nocase(text, "inf") || bytes_equal_nocase(text, "+inf")) {
        *out = (double)INFINITY;
        return true;
    }
    if (bytes_equal_nocase(text, "-inf")) {
        *out = -(double)INFINITY;
        return true;
    }
    if (bytes_equal_nocase(text, "nan") || bytes_equal_nocase(text, "-nan")) {
        *out = (double)NAN;
        return true;
    }
    return bytes_to_double(text, out);
}

static bool is_big_number(struct gm_bytes text)
{
    size_t at = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    for (size_t i = at; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return text.size > at;
}

static enum status open_frame(struct answer_reader *reader, uint8_t mark, uint64_t count, struct answer *out,
                              struct complaint *complaint)
{
    enum answer_type type = mark == '%' || mark == '|' ? ANSWER_MAP
                            : mark == '~'              ? ANSWER_SET
                            : mark == '>'              ? ANSWER_PUSH
                                                       : ANSWER_ARRAY;
    if (mark == '>' && reader->depth > 0) {
        return broken(complaint, "a push inside a reply", BYTES(">"));
    }
    if (type == ANSWER_MAP && __builtin_mul_overflow(count, 2, &count)) {
        return too_big(reader, complaint);
    }
    if (count > reader->limit / sizeof(struct answer)) {
        return too_big(reader, complaint);
    }
    if (count == 0 && mark == '|') {
        return STATUS_AGAIN;
    }
    if (count == 0) {
        return number_item(reader, (struct answer){.type = type}, out, complaint);
    }
    if (reader->depth == ANSWER_DEPTH) {
        complaint_set(complaint, "the reply is nested deeper than %d levels", ANSWER_DEPTH);
        return STATUS_TOO_BIG;
    }
    if (!spend(reader, sizeof(struct answer))) {
        return too_big(reader, complaint);
    }
    reader->frames[reader->depth++] =
        (struct answer_frame){.reply = {.type = type}, .wanted = count, .dropped = mark == '|'};
    return STATUS_AGAIN;
}

static enum status open_body(struct answer_reader *reader, uint8_t mark, uint64_t size, struct complaint *complaint)
{
    if (size > reader->limit - (reader->spent < reader->limit ? reader->spent : reader->limit)) {
        return too_big(reader, complaint);
    }
    reader->in_body = true;
    reader->body_size = size;
    reader->body_type = mark == '!' ? ANSWER_ERROR : mark == '=' ? ANSWER_VERBATIM : ANSWER_STRING;
    return STATUS_AGAIN;
}

/* A line that announces a length: "$5", "*-1", "%2". */
static enum status sized_line(struct answer_reader *reader, struct gm_bytes line, struct answer *out,
                              struct complaint *complaint)
{
    uint8_t mark = line.data[0];
    int64_t size;
    if (!bytes_to_int((struct gm_bytes){line.data + 1, line.size - 1}, &size) || size < -1) {
        return broken(complaint, "a wrong length", line);
    }
    bool body = mark == '$' || mark == '!' || mark == '=';
    if (size == -1) {
        if (mark != '$' && mark != '*') {
            return broken(complaint, "a wrong length", line);
        }
        return number_item(reader, (struct answer){.type = ANSWER_NULL}, out, complaint);
    }
    return body ? open_body(reader, mark, (uint64_t)size, complaint)
                : open_frame(reader, mark, (uint64_t)size, out, complaint);
}

static enum status take_line(struct answer_reader *reader, struct gm_bytes line, struct answer *out,
                             struct complaint *complaint)
{
    if (line.size == 0) {
        return broken(complaint, "an empty line", line);
    }
    struct gm_bytes rest = {line.data + 1, line.size - 1};
    struct answer item = {0};
    switch (line.data[0]) {
    case '+':
        return text_item(reader, ANSWER_STATUS, rest, out, complaint);
    case '-':
        return text_item(reader, ANSWER_ERROR, rest, out, complaint);
    case ':':
        item.type = ANSWER_INTEGER;
        return bytes_to_int(rest, &item.integer) ? number_item(reader, item, out, complaint)
                                                 : broken(complaint, "a wrong integer", line);
    case '_':
        item.type = ANSWER_NULL;
        return rest.size == 0 ? number_item(reader, item, out, complaint) : broken(complaint, "a wrong null", line);
    case '#':
        item = (struct answer){.type = ANSWER_BOOL, .integer = gm_bytes_equal(rest, BYTES("t"))};
        return item.integer == 1 || gm_bytes_equal(rest, BYTES("f")) ? number_item(reader, item, out, complaint)
                                                                     : broken(complaint, "a wrong boolean", line);
    case ',':
        if (!read_double(rest, &item.number)) {
            return broken(complaint, "a wrong double", line);
        }
        if (!spend(reader, sizeof item + rest.size)) {
            return too_big(reader, complaint);
        }
        item.type = ANSWER_DOUBLE;
        item.text = copy_text(rest);
        return item_complete(reader, item, out) ? STATUS_OK : STATUS_AGAIN;
    case '(':
        return is_big_number(rest) ? text_item(reader, ANSWER_BIG, rest, out, complaint)
                                   : broken(complaint, "a wrong number", line);
    case '$':
    case '!':
    case '=':
    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
        return sized_line(reader, line, out, complaint);
    default:
        return broken(complaint, "an unknown mark", line);
    }
}

/* ---- bytes in pieces ----------------------------------------------------------------------------------------- */

static enum status body_complete(struct answer_reader *reader, struct answer *out, struct complaint *complaint)
{
    struct gm_bytes body = {reader->body.data, reader->body.size - 2};
    if (body.data[body.size] != '\r' || body.data[body.size + 1] != '\n') {
        return broken(complaint, "a string that is longer than announced", body);
    }
    if (reader->body_type == ANSWER_VERBATIM && body.size >= 4 && body.data[3] == ':') {
        body = (struct gm_bytes){body.data + 4, body.size - 4};
    }
    enum status status = text_item(reader, reader->body_type, body, out, complaint);
    reader->in_body = false;
    buf_clear(&reader->body, 65536);
    return status;
}

static enum status read_body(struct answer_reader *reader, struct gm_bytes bytes, size_t *used, struct answer *out,
                             struct complaint *complaint)
{
    size_t missing = (size_t)reader->body_size + 2 - reader->body.size;
    size_t taken = bytes.size < missing ? bytes.size : missing;
    reader->body.limit = (size_t)reader->body_size + 2;
    bool fits = buf_append(&reader->body, (struct gm_bytes){bytes.data, taken});
    check(fits); /* the limit has just been set */
    *used += taken;
    return taken == missing ? body_complete(reader, out, complaint) : STATUS_AGAIN;
}

static enum status read_line(struct answer_reader *reader, struct gm_bytes bytes, size_t *used, struct answer *out,
                             struct complaint *complaint)
{
    const uint8_t *end = memchr(bytes.data, '\n', bytes.size);
    size_t taken = end != NULL ? (size_t)(end - bytes.data) + 1 : bytes.size;
    if (!buf_append(&reader->line, (struct gm_bytes){bytes.data, taken})) {
        return broken(complaint, "a line that does not end", buf_bytes(&reader->line));
    }
    *used += taken;
    if (end == NULL) {
        return STATUS_AGAIN;
    }
    struct gm_bytes line = {reader->line.data, reader->line.size - 1};
    if (line.size == 0 || line.data[line.size - 1] != '\r') {
        return broken(complaint, "a line that does not end with CR LF", line);
    }
    line.size--;
    enum status status = take_line(reader, line, out, complaint);
    buf_clear(&reader->line, ANSWER_LINE + 2);
    return status;
}

enum status answer_read(struct answer_reader *reader, struct gm_bytes bytes, size_t *used, struct answer *out,
                        struct complaint *complaint)
{
    *used = 0;
    while (*used < bytes.size) {
        struct gm_bytes rest = {bytes.data + *used, bytes.size - *used};
        enum status status = reader->in_body ? read_body(reader, rest, used, out, complaint)
                                             : read_line(reader, rest, used, out, complaint);
        if (status != STATUS_AGAIN) {
            return status;
        }
    }
    return STATUS_AGAIN;
}
