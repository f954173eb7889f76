/* SPDX-License-Identifier: MIT */

/* script.c - finding the commands. */
#include "cli/text/script.h"

#include "base/crc32c.h"
#include "base/memory.h"

#define HEADER 24 /* bytes of "*<number>\r\n" at most */

void script_init(struct script *script)
{
    *script = (struct script){0};
    buf_init(&script->in, SCRIPT_COMMAND + SCRIPT_CHUNK);
}

void script_finish(struct script *script)
{
    words_finish(&script->words);
    memory_free(script->array.argv);
    memory_free(script->array.starts);
    buf_finish(&script->in);
}

static void pass(struct script_place *place, struct gm_bytes bytes)
{
    place->offset += bytes.size;
    place->crc = crc32c_more(place->crc, bytes);
    for (const uint8_t *at = bytes.data, *end = at + bytes.size; at < end; at++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL) {
            return;
        }
        place->line++;
    }
}

bool script_feed(struct script *script, struct gm_bytes bytes)
{
    if (script->at > 0) {
        buf_consume(&script->in, script->at);
        script->at = 0;
    }
    script->ended = bytes.size == 0;
    return buf_append(&script->in, bytes);
}

void script_skip(struct script *script, struct gm_bytes bytes)
{
    pass(&script->place, bytes);
}

static struct gm_bytes unread(const struct script *script)
{
    size_t size = script->in.size - script->at;
    return size > 0 ? (struct gm_bytes){script->in.data + script->at, size} : BYTES_NONE;
}

static void advance(struct script *script, size_t size)
{
    pass(&script->place, (struct gm_bytes){script->in.data + script->at, size});
    script->at += size;
    script->searched = 0;
}

/* ---- arrays -------------------------------------------------------------------------------------------------- */

/* Reads "<mark><number>\r\n" at `at`, which moves behind it. */
static enum status read_header(struct gm_bytes bytes, size_t *at, uint8_t mark, int64_t *number)
{
    if (*at >= bytes.size) {
        return STATUS_AGAIN;
    }
    size_t room = bytes.size - *at < HEADER ? bytes.size - *at : HEADER;
    const uint8_t *from = bytes.data + *at;
    const uint8_t *end = memchr(from, '\n', room);
    if (end == NULL) {
        return room < HEADER && *from == mark ? STATUS_AGAIN : STATUS_CORRUPT;
    }
    size_t size = (size_t)(end - from);
    bool fine =
        size >= 3 && *from == mark && end[-1] == '\r' && bytes_to_int((struct gm_bytes){from + 1, size - 2}, number);
    *at += size + 1;
    return fine ? STATUS_OK : STATUS_CORRUPT;
}

static void put_argument(struct script_array *array, size_t start, size_t size)
{
    if (array->read == array->room) {
        array->room = array->room > 0 ? 2 * array->room : 16;
        array->argv = memory_realloc(array->argv, array->room * sizeof *array->argv);
        array->starts = memory_realloc(array->starts, array->room * sizeof *array->starts);
    }
    array->starts[array->read] = start;
    array->argv[array->read++] = (struct gm_bytes){NULL, size};
}

static enum status read_argument(struct script_array *array, struct gm_bytes bytes)
{
    int64_t size;
    size_t at = array->at;
    TRY(read_header(bytes, &at, '$', &size));
    if (size < 0 || (uint64_t)size > SCRIPT_COMMAND) {
        return STATUS_CORRUPT;
    }
    if (bytes.size - at < (size_t)size + 2) {
        return STATUS_AGAIN;
    }
    size_t end = at + (size_t)size;
    if (bytes.data[end] != '\r' || bytes.data[end + 1] != '\n') {
        return STATUS_CORRUPT;
    }
    put_argument(array, at, (size_t)size);
    array->at = end + 2;
    return STATUS_OK;
}

/* Goes on where it had to stop for more bytes; an array of n arguments in m pieces costs n + m, not n * m. */
static enum status read_array(struct script_array *array, struct gm_bytes bytes)
{
    if (array->at == 0) {
        int64_t count;
        size_t at = 0;
        TRY(read_header(bytes, &at, '*', &count));
        if (count < 0 || count > WORDS_MAX) {
            return STATUS_CORRUPT;
        }
        array->count = (size_t)count;
        array->at = at;
    }
    while (array->read < array->count) {
        TRY(read_argument(array, bytes));
    }
    for (size_t i = 0; i < array->count; i++) {
        array->argv[i].data = bytes.data + array->starts[i];
    }
    return STATUS_OK;
}

static enum status next_array(struct script *script, const struct gm_bytes **argv, size_t *argc,
                              struct complaint *complaint)
{
    struct script_array *array = &script->array;
    enum status status = read_array(array, unread(script));
    if (status == STATUS_AGAIN && script->ended) {
        complaint_set(complaint, "the input ends within a command");
        return STATUS_CORRUPT;
    }
    if (status == STATUS_CORRUPT) {
        complaint_set(complaint, "this is neither a line nor an array of the protocol");
    }
    TRY(status);
    advance(script, array->at);
    *argv = array->argv;
    *argc = array->count;
    array->at = 0;
    array->read = 0;
    return STATUS_OK;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static enum status next_line(struct script *script, const struct gm_bytes **argv, size_t *argc,
                             struct complaint *complaint)
{
    struct gm_bytes bytes = unread(script);
    const uint8_t *end = bytes.size > script->searched
                             ? memchr(bytes.data + script->searched, '\n', bytes.size - script->searched)
                             : NULL;
    if (end == NULL && !script->ended) {
        script->searched = bytes.size;
        return STATUS_AGAIN;
    }
    struct words_error error;
    struct gm_bytes line = {bytes.data, end != NULL ? (size_t)(end - bytes.data) : bytes.size};
    words_finish(&script->words);
    script->words = (struct words){0};
    enum status status = words_split(&script->words, line, &error);
    advance(script, line.size + (end != NULL ? 1 : 0));
    if (status != STATUS_OK) {
        complaint_set(complaint, "column %zu: %s", error.at + 1, error.reason);
        return STATUS_INVALID;
    }
    *argv = script->words.argv;
    *argc = script->words.count;
    return STATUS_OK;
}

enum status script_next(struct script *script, const struct gm_bytes **argv, size_t *argc, uint64_t *line,
                        struct complaint *complaint)
{
    for (;;) {
        struct gm_bytes bytes = unread(script);
        if (bytes.size == 0) {
            return script->ended ? STATUS_CLOSED : STATUS_AGAIN;
        }
        *argc = 0;
        *line = script->place.line + 1;
        TRY(*bytes.data == '*' ? next_array(script, argv, argc, complaint) : next_line(script, argv, argc, complaint));
        if (*argc > 0) {
            return STATUS_OK;
        }
    }
}
