/* SPDX-License-Identifier: MIT */

/* answer.h - what a server answered, as a tree; and the reader that builds it from bytes in pieces of any size.
 *
 * Idea     The reader takes bytes as they come and keeps its own place, so the caller may wait wherever it likes. It
 *          reads RESP2 and RESP3 alike. A server is as hostile as a client.
 *
 * Promises R1  A tree never costs more memory than the reader's limit, whatever lengths the bytes announce: room is
 *              made for what has come, not for what is promised.
 *          R2  A tree is at most ANSWER_DEPTH deep, so walking it by recursion is fine.
 *          R3  Attributes are read and dropped. Streamed (unbounded) types are refused: no server sends them.
 */
#ifndef GEOMYS_CLI_ANSWER_H
#define GEOMYS_CLI_ANSWER_H

#include "base/buf.h"
#include "base/status.h"

#define ANSWER_DEPTH         64                          /* levels of nesting */
#define ANSWER_LINE          65536                       /* bytes in a line: a status, an error, a number */
#define ANSWER_LIMIT_DEFAULT ((size_t)512 * 1024 * 1024) /* bytes of memory for one reply */

enum answer_type {
    ANSWER_STATUS,   /* text */
    ANSWER_ERROR,    /* text */
    ANSWER_INTEGER,  /* integer */
    ANSWER_STRING,   /* text */
    ANSWER_VERBATIM, /* text, without its format; meant to be shown as it is */
    ANSWER_NULL,     /* nothing */
    ANSWER_BOOL,     /* integer: 0 or 1 */
    ANSWER_DOUBLE,   /* number, and text as it came */
    ANSWER_BIG,      /* text: an integer of any size */
    ANSWER_ARRAY,    /* items */
    ANSWER_SET,      /* items */
    ANSWER_PUSH,     /* items; only ever the top of a tree */
    ANSWER_MAP,      /* items: key, value, key, value ... */
};

struct answer {
    enum answer_type type;
    int64_t integer;
    double number;
    struct gm_bytes text; /* owned */
    struct answer *items; /* owned */
    size_t count;         /* of items: in a map, twice the pairs */
};

/* Releases what the reply owns, not the struct. Zeroed memory is fine. */
void answer_finish(struct answer *reply);

bool answer_is_text(const struct answer *reply); /* a status, string or verbatim string */

/* The value of `key` in a map, or in the flat array that stands for a map in RESP2; NULL if absent or no map. O(n). */
const struct answer *answer_get(const struct answer *map, const char *key);

struct answer_frame;

struct answer_reader {
    size_t limit;                /* bytes */
    size_t spent;                /* bytes that the tree under construction costs */
    struct answer_frame *frames; /* owned; ANSWER_DEPTH of them */
    size_t depth;
    struct buf line;    /* a header or a line that has not come whole yet */
    struct buf body;    /* a string that has not come whole yet */
    uint64_t body_size; /* announced; with `in_body` */
    bool in_body;
    enum answer_type body_type;
};

void answer_reader_init(struct answer_reader *reader, size_t limit);
void answer_reader_finish(struct answer_reader *reader);

/* Reads from `bytes` at most to the end of one reply and sets `used` to how many bytes it took. STATUS_OK: `out` is a
 * whole reply, owned by the caller. STATUS_AGAIN: all bytes are taken and more are needed. STATUS_CORRUPT,
 * STATUS_TOO_BIG: with a sentence; the connection cannot be used any more. O(n). */
must_use enum status answer_read(struct answer_reader *reader, struct gm_bytes bytes, size_t *used, struct answer *out,
                                 struct complaint *complaint);

/* True between replies. */
bool answer_reader_idle(const struct answer_reader *reader);

#endif
