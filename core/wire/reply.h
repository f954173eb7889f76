/* SPDX-License-Identifier: MIT */

/* reply.h - building one reply in RESP2 or RESP3, and counting that it is whole.
 *
 * Idea     Bytes go straight into the connection's output. `owed` counts the elements that still have to come: 1 at the
 *          beginning, one less with each element, and as many more as an array announces. A reply is whole when it is
 *          0: so a module that announces three and gives two cannot shift every later answer of the connection.
 *
 *          A container whose number of elements its author does not know yet is opened and ended. What was owed is put
 *          aside meanwhile, the elements are counted up, and the head is put before them in the end:
 *
 *              open      a  b  [x y]  c      end
 *              |         4 elements          |
 *              +--- "*4" goes here <---------+        (what is behind it moves, once for each level that it is in)
 *
 *          Pairs are an array of arrays of two in RESP3 and flat in RESP2, as ZRANGE WITHSCORES has it.
 *
 * Promises
 *   I1  No text that came from a client or a module gets into the framing: line breaks in errors and statuses become
 *       blanks.
 *   I2  After reply_error the reply is exactly that error, whatever was there before.
 *   I3  What is opened must be ended, with all that was announced in it, and with an even number of elements where they
 *       are pairs; else the reply is not whole.
 */
#ifndef GEOMYS_WIRE_REPLY_H
#define GEOMYS_WIRE_REPLY_H

#include "base/buf.h"

enum reply_kind { REPLY_ARRAY, REPLY_MAP, REPLY_SET, REPLY_PAIRS, REPLY_KINDS };

#define REPLY_DEPTH_MAX 8 /* open containers in each other */

struct reply_open {
    size_t at;         /* in `out`: where its head goes */
    uint64_t owed;     /* by what it is in */
    uint64_t elements; /* so far */
    enum reply_kind kind;
};

enum reply_fault {
    REPLY_WRONG = 1,   /* more elements than announced, announced more than there can be, or no room for one */
    REPLY_IS_OPEN = 2, /* what was opened has not ended */
};

/* What was wrong with a reply first. */
enum reply_wrong {
    REPLY_RIGHT,
    REPLY_MORE,     /* an element behind the last that was announced, or behind the first where none was */
    REPLY_ENDLESS,  /* more elements announced than there can be */
    REPLY_SIZE,     /* more bytes than there can be */
    REPLY_ROOM,     /* more bytes than the output takes */
    REPLY_UNOPENED, /* an end of what was not opened */
    REPLY_EARLY,    /* an end of what lacks elements that were announced in it, or half of a pair */
};

struct reply {
    struct buf *out; /* borrowed: the connection's output */
    size_t start;    /* where this reply begins in it */
    uint64_t owed;   /* elements that have to come yet; while one is open: by what was announced in it */
    bool resp3;
    bool error;                              /* the reply is an error */
    uint8_t bad;                             /* enum reply_fault, or-ed */
    uint8_t wrong;                           /* enum reply_wrong: what was wrong first */
    uint8_t open_count;                      /* of `open`: the rest of it is undefined, since nobody pays for it */
    struct reply_open open[REPLY_DEPTH_MAX]; /* the last one is the innermost */
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
/* An error as one element among others (inside EXEC's array): never the whole reply, which is reply_error's. */
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

/* A container whose length comes last: its elements follow, two for each pair of a map or of pairs, then reply_end,
 * which costs O(bytes of them). At most REPLY_DEPTH_MAX in each other. */
void reply_open(struct reply *reply, enum reply_kind kind);
void reply_end(struct reply *reply);

/* Whether nothing was replied. */
static inline bool reply_is_blank(const struct reply *reply)
{
    return reply->out->size == reply->start && reply->owed == 1 && (reply->bad | reply->open_count) == 0;
}

/* What comes is `replies` whole replies, not one. Before the first of them. */
static inline void reply_expect(struct reply *reply, uint64_t replies)
{
    reply->owed = replies;
}

/* A bulk string of formatted text (1024 bytes at most). */
__attribute__((format(printf, 2, 3))) void reply_format(struct reply *reply, const char *format, ...);

#endif
