/* SPDX-License-Identifier: MIT */

/* reply.c - the encoders of reply.h. An output that is full swallows the rest: the
 * reply is bad then, and its owner sees buf.full. */
#include "wire/reply.h"

#include <math.h>
#include <stdio.h>

#define ERROR_MAX 512

void reply_begin(struct reply *reply, struct buf *out, bool resp3)
{
    reply->out = out;
    reply->start = out->size;
    reply->owed = 1;
    reply->resp3 = resp3;
    reply->error = false;
    reply->bad = 0;
    reply->wrong = REPLY_RIGHT;
    reply->open_count = 0;
}

void reply_rewind(struct reply *reply)
{
    check(reply->out->size >= reply->start);
    reply->out->size = reply->start;
    reply->owed = 1;
    reply->error = false;
    reply->bad = 0;
    reply->wrong = REPLY_RIGHT;
    reply->open_count = 0;
}

seldom static void spoil(struct reply *reply, enum reply_wrong wrong)
{
    reply->bad |= REPLY_WRONG;
    reply->wrong = reply->wrong == REPLY_RIGHT ? (uint8_t)wrong : reply->wrong;
}

static void head(struct reply *reply, char type, int64_t number);

/* An element of what is open, or one too many. */
seldom static void count_open(struct reply *reply, uint64_t more)
{
    if (reply->open_count == 0 || reply->owed != 0) {
        spoil(reply, reply->owed == 0 ? REPLY_MORE : REPLY_ENDLESS);
        return;
    }
    struct reply_open *open = &reply->open[reply->open_count - 1];
    if (reply->resp3 && open->kind == REPLY_PAIRS && open->elements % 2 == 0) {
        head(reply, '*', 2);
    }
    open->elements++;
    reply->owed = more;
}

/* Counts one element that brings `more` others. */
static inline void count(struct reply *reply, uint64_t more)
{
    if (__builtin_expect(reply->owed == 0 || more > UINT64_MAX - reply->owed, 0)) {
        count_open(reply, more);
    } else {
        reply->owed = reply->owed - 1 + more;
    }
}

static inline void put(struct reply *reply, struct gm_bytes bytes)
{
    if (__builtin_expect(!buf_append(reply->out, bytes), 0)) {
        spoil(reply, REPLY_ROOM);
    }
}

/* "<type>number\r\n" */
static void head(struct reply *reply, char type, int64_t number)
{
    uint8_t *out = buf_reserve(reply->out, 24);
    if (__builtin_expect(out == NULL, 0)) {
        spoil(reply, REPLY_ROOM);
        return;
    }
    out[0] = (uint8_t)type;
    size_t size = 1;
    if (number >= 0 && number < 100) { /* the length of most values */
        unsigned tens = (unsigned)number / 10;
        out[1] = (uint8_t)('0' + tens);
        size += tens > 0;
        out[size++] = (uint8_t)('0' + (unsigned)number - 10 * tens);
    } else {
        size += bytes_from_int((char *)out + 1, number);
    }
    out[size] = '\r';
    out[size + 1] = '\n';
    reply->out->size += size + 2;
}

static void line(struct reply *reply, char type, const char *text)
{
    char clean[ERROR_MAX + 3];
    size_t size = 0;
    clean[size++] = type;
    for (; *text != '\0' && size < ERROR_MAX; text++) {
        clean[size++] = *text == '\r' || *text == '\n' ? ' ' : *text;
    }
    clean[size++] = '\r';
    clean[size++] = '\n';
    put(reply, (struct gm_bytes){(const uint8_t *)clean, size});
}

void reply_status(struct reply *reply, const char *text)
{
    count(reply, 0);
    if (text[0] == 'O' && text[1] == 'K' && text[2] == '\0') {
        put(reply, BYTES("+OK\r\n"));
        return;
    }
    line(reply, '+', text);
}

void reply_error(struct reply *reply, const char *text)
{
    reply_rewind(reply);
    count(reply, 0);
    line(reply, '-', text);
    reply->error = true;
}

void reply_errorf(struct reply *reply, const char *format, ...)
{
    char text[ERROR_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_error(reply, text);
}

void reply_error_element(struct reply *reply, const char *text)
{
    count(reply, 0);
    line(reply, '-', text);
}

void reply_int(struct reply *reply, int64_t number)
{
    count(reply, 0);
    head(reply, ':', number);
}

void reply_bytes(struct reply *reply, struct gm_bytes bytes)
{
    count(reply, 0);
    if (__builtin_expect(bytes.size > SIZE_MAX - 64, 0)) {
        spoil(reply, REPLY_SIZE);
        return;
    }
    uint8_t *out = buf_reserve(reply->out, bytes.size + 32);
    if (__builtin_expect(out == NULL, 0)) {
        spoil(reply, REPLY_ROOM);
        return;
    }
    head(reply, '$', (int64_t)bytes.size);
    out = reply->out->data + reply->out->size;
    if (bytes.size > 0) {
        memcpy(out, bytes.data, bytes.size);
    }
    out[bytes.size] = '\r';
    out[bytes.size + 1] = '\n';
    reply->out->size += bytes.size + 2;
}

void reply_text(struct reply *reply, const char *text)
{
    reply_bytes(reply, gm_bytes_of(text));
}

void reply_format(struct reply *reply, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_text(reply, text);
}

void reply_verbatim(struct reply *reply, struct gm_bytes text)
{
    if (!reply->resp3) {
        reply_bytes(reply, text);
        return;
    }
    count(reply, 0);
    head(reply, '=', (int64_t)text.size + 4);
    put(reply, BYTES("txt:"));
    put(reply, text);
    put(reply, BYTES("\r\n"));
}

void reply_double(struct reply *reply, double number)
{
    char text[64];
    if (isnan(number)) {
        (void)snprintf(text, sizeof text, "nan");
    } else if (isinf(number)) {
        (void)snprintf(text, sizeof text, number > 0 ? "inf" : "-inf");
    } else {
        /* The shortest text that reads back as the same number. */
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(text, sizeof text, "%.*g", digits, number);
            double back = 0;
            if (bytes_to_double(gm_bytes_of(text), &back) && back == number) {
                break;
            }
        }
    }
    if (reply->resp3) {
        count(reply, 0);
        line(reply, ',', text);
    } else {
        reply_text(reply, text);
    }
}

void reply_bool(struct reply *reply, bool truth)
{
    if (!reply->resp3) {
        reply_int(reply, truth ? 1 : 0);
        return;
    }
    count(reply, 0);
    put(reply, truth ? BYTES("#t\r\n") : BYTES("#f\r\n"));
}

void reply_null(struct reply *reply)
{
    count(reply, 0);
    put(reply, reply->resp3 ? BYTES("_\r\n") : BYTES("$-1\r\n"));
}

void reply_null_array(struct reply *reply)
{
    count(reply, 0);
    put(reply, reply->resp3 ? BYTES("_\r\n") : BYTES("*-1\r\n"));
}

/* `width` elements for each of `announced`. A count that RESP cannot express is no reply. */
static void aggregate(struct reply *reply, char type, size_t announced, unsigned width)
{
    uint64_t elements;
    if (__builtin_mul_overflow(announced, width, &elements) || elements > INT64_MAX) {
        spoil(reply, REPLY_ENDLESS);
        return;
    }
    count(reply, elements);
    head(reply, type, (int64_t)(type == '*' ? elements : announced));
}

void reply_array(struct reply *reply, size_t elements)
{
    aggregate(reply, '*', elements, 1);
}

void reply_map(struct reply *reply, size_t pairs)
{
    aggregate(reply, reply->resp3 ? '%' : '*', pairs, 2);
}

void reply_set(struct reply *reply, size_t elements)
{
    aggregate(reply, reply->resp3 ? '~' : '*', elements, 1);
}

void reply_push(struct reply *reply, size_t elements)
{
    aggregate(reply, reply->resp3 ? '>' : '*', elements, 1);
}

void reply_open(struct reply *reply, enum reply_kind kind)
{
    if (reply->open_count == REPLY_DEPTH_MAX || (unsigned)kind >= REPLY_KINDS) {
        spoil(reply, REPLY_EARLY);
        return;
    }
    count(reply, 0);
    reply->open[reply->open_count++] = (struct reply_open){.at = reply->out->size, .owed = reply->owed, .kind = kind};
    reply->owed = 0;
    reply->bad |= REPLY_IS_OPEN;
}

/* Puts the head before what has been written since `at`. */
static void head_before(struct reply *reply, size_t at, char type, int64_t number)
{
    struct buf *out = reply->out;
    size_t end = out->size;
    head(reply, type, number);
    char text[24];
    size_t size = out->size - end; /* 0: there is no room */
    check(size <= sizeof text && at <= end);
    if (size == 0) {
        return;
    }
    memcpy(text, out->data + end, size);
    memmove(out->data + at + size, out->data + at, end - at);
    memcpy(out->data + at, text, size);
}

void reply_end(struct reply *reply)
{
    if (reply->open_count == 0) {
        spoil(reply, REPLY_UNOPENED);
        return;
    }
    const struct reply_open *open = &reply->open[--reply->open_count];
    bool paired = open->kind == REPLY_MAP || open->kind == REPLY_PAIRS;
    if (reply->owed != 0 || (paired && open->elements % 2 != 0)) { /* reply I3 */
        spoil(reply, REPLY_EARLY);
    }
    reply->owed = open->owed;
    if (reply->open_count == 0) {
        reply->bad &= (uint8_t)~REPLY_IS_OPEN;
    }
    if ((reply->bad & REPLY_WRONG) == 0) {
        static const char heads[REPLY_KINDS] = {'*', '%', '~', '*'};
        head_before(reply, open->at, reply->resp3 ? heads[open->kind] : '*',
                    (int64_t)(reply->resp3 && paired ? open->elements / 2 : open->elements));
    }
}
