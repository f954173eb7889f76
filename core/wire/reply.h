/* SPDX-License-Identifier: MIT */

/* reply.h - building one reply in RESP2 or RESP3, and counting that it is whole.
 *
 * Idea     Bytes go straight into the connection's output. `owed` counts the elements that still have to come: 1 at the
 *          beginning, one less with each element, and as many more as an array announces. A reply is whole when it is
 *          0: so a module that announces three and gives two cannot shift every later answer of the connection.
 *
 * Promises
 *   I1  No text that came from a client or a module gets into the framing: line breaks in errors and statuses become
 *       blanks.
 *   I2  After reply_error the reply is exactly that error, whatever was there before.
 */
#ifndef GEOMYS_WIRE_REPLY_H
#define GEOMYS_WIRE_REPLY_H

#include "base/buf.h"

/* What was wrong with a reply first. */
enum reply_wrong {
    REPLY_RIGHT,
    REPLY_MORE,    /* an element behind the last that was announced, or behind the first where none was */
    REPLY_ENDLESS, /* more elements announced than there can be */
    REPLY_SIZE,    /* more bytes than there can be */
    REPLY_ROOM,    /* more bytes than the output takes */
};

struct reply {
    struct buf *out; /* borrowed: the connection's output */
    size_t start;    /* where this reply begins in it */
    uint64_t owed;   /* elements that have to come yet */
    bool resp3;
    bool error;    /* the reply is an error */
    bool bad;      /* more elements than announced, announced more than there can be, or no room for one */
    uint8_t wrong; /* enum reply_wrong: what it was, if it was one of these */
};

void reply_begin(struct reply *reply, struct buf *out, bool resp3);

static inline bool reply_whole(const struct reply *reply)
{
    return reply->owed == 0 && !reply->bad;
}

/* What this reply has written so far; until more is written. */
static inline struct gm_bytes reply_written(const struct reply *reply)
{
    return (struct gm_bytes){reply->out->data + reply->start, reply->out->size - reply->start};
}

/* Takes back what this reply has written so far. */
void reply_rewind(struct reply *reply);

void reply_status(struct reply *reply, const char *text);
void reply_error(struct reply *reply, const char *text); /* 512 bytes at most; the whole reply */
__attribute__((format(printf, 2, 3))) void reply_errorf(struct reply *reply, const char *format, ...);
/* An error as one element among others (inside EXEC's array). */
void reply_error_element(struct reply *reply, const char *text);
void reply_int(struct reply *reply, int64_t number);
void reply_double(struct reply *reply, double number);
void reply_bool(struct reply *reply, bool truth);
void reply_bytes(struct reply *reply, struct gm_bytes bytes);
void reply_text(struct reply *reply, const char *text);
void reply_verbatim(struct reply *reply, struct gm_bytes text); /* "txt" in RESP3, a bulk in RESP2 */
void reply_null(struct reply *reply);
void reply_null_array(struct reply *reply);
void reply_array(struct reply *reply, size_t count);
void reply_map(struct reply *reply, size_t pairs);
void reply_set(struct reply *reply, size_t count);
void reply_push(struct reply *reply, size_t count); /* an array in RESP2 */

/* What comes is `replies` whole replies, not one. Before the first of them. */
static inline void reply_expect(struct reply *reply, uint64_t replies)
{
    reply->owed = replies;
}

/* A bulk string of formatted text (1024 bytes at most). */
__attribute__((format(printf, 2, 3))) void reply_format(struct reply *reply, const char *format, ...);

#endif
