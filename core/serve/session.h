/* SPDX-License-Identifier: MIT */

/* session.h - one client: its bytes in, its commands, its bytes out. Knows no socket.
 *
 * States
 *
 *     talking ──BLPOP…──► waiting ──served, timed out──► talking
 *        │                   │
 *        └──── MULTI: queues commands until EXEC or DISCARD
 *        └──── doomed: protocol error, QUIT, output limit: no more input is taken; closes when its output has left
 *
 * Output goes through the gate: `marks` say from which sequence on which prefix of `out` may leave.
 *
 * Limits   Input is the driver's; output by options.output_max; queued commands by options.queue_max; SESSION_MARKS
 *          marks, the last of which takes in what has no room.
 */
#ifndef GEOMYS_SERVE_SESSION_H
#define GEOMYS_SERVE_SESSION_H

#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"
#include "serve/pubsub.h"
#include "wire/resp.h"

#define SESSION_MARKS     16
#define SESSION_NAME_MAX  64
#define SESSION_WATCH_MAX 65536               /* keys that one session watches */
#define SESSION_MUTED     UINT32_MAX          /* all commands, until told otherwise */
#define SESSION_OUT_KEPT  ((size_t)16 * 1024) /* bytes of output memory that an idle session keeps */

struct registry;
struct shard;

struct session_mark {
    size_t end; /* offset in `out` */
    uint64_t sequence;
};

/* A command kept for later, in one allocation: by MULTI, or while it waits. */
struct session_call {
    struct session_call *next;
    size_t size; /* bytes of this allocation */
    uint32_t argc;
    struct gm_bytes argv[]; /* the bytes follow */
};

struct session {
    struct shard *shard; /* borrowed */
    uint64_t id;
    struct resp_parser parser;

    struct buf out;
    size_t sent;         /* of `out` */
    size_t released_end; /* offset in `out` up to which it may leave */
    uint64_t turn_mark;  /* the highest sequence that this turn's answers depend on */
    struct session_mark marks[SESSION_MARKS];
    uint32_t mark_count;
    struct list dirty; /* in shard->dirty, or alone */

    bool resp3;
    bool authenticated;
    bool doomed;     /* takes no more input */
    bool overflowed; /* its output passed the limit: close it at once */
    bool multi;
    bool multi_failed; /* a command could not be queued: EXEC will refuse */
    bool watch_broken; /* a watched key has changed */
    bool waiting;
    bool no_touch; /* does not heat the keys that it uses */
    bool no_evict; /* asked not to be evicted, which no client is; CLIENT LIST shows it */
    bool resumed;  /* has waited until this turn: there may be input to go on with */

    struct session_call *queue; /* owned: MULTI's commands */
    struct session_call **queue_end;
    uint32_t queue_count;
    size_t queue_size;           /* bytes */
    struct list watches;         /* interest_link.in_session */
    uint32_t watch_count;        /* links in it */
    struct list waits;           /* interest_link.in_session */
    struct session_call *parked; /* owned: the command that waits */
    uint64_t spent_ns;           /* for it so far */
    struct heap_node timeout;
    uint32_t muted;                   /* that many more commands are not answered */
    struct list monitors;             /* in shard->monitors, or alone */
    struct list syncing;              /* in shard->syncing, or alone */
    uint64_t written;                 /* the last sequence of its own records */
    struct list held;                 /* in shard->held, or alone */
    struct list topics[PUBSUB_KINDS]; /* pubsub_link.in_session */
    uint32_t topic_count[PUBSUB_KINDS];
    size_t topic_bytes;       /* of their names */
    struct tracker *tracker;  /* owned by shard->tracking; NULL: it does not track */
    struct list redirections; /* tracker.in_target: those whose messages come here */

    void *user;        /* of who created the session */
    struct list all;   /* in shard->sessions */
    char address[128]; /* of the peer, for people; set by who created the session */
    char local[128];   /* ... and of this side */
    int descriptor;    /* for people */
    char name[SESSION_NAME_MAX + 1];
    char lib_name[SESSION_NAME_MAX + 1];
    char lib_version[SESSION_NAME_MAX + 1];
    uint64_t commands;
    int64_t created_ms;       /* monotonic */
    int64_t active_ms;        /* monotonic: of the last command */
    const char *last_command; /* full name, borrowed from the registry */
};

struct session *session_create(struct shard *shard, uint64_t id);
void session_destroy(struct session *session); /* NULL is fine */

/* Takes the bytes that have arrived and were not consumed yet, carries out the commands in them, and returns how many
 * it has consumed. `wants`: how many unconsumed bytes it takes to go on. A waiting or doomed session consumes nothing,
 * respectively everything. */
size_t session_input(struct session *session, const uint8_t *data, size_t size, size_t *wants);

/* At the end of a turn: marks what it has written, and returns how many bytes of `out`, from `sent` on, may leave
 * now. */
size_t session_releasable(struct session *session);

/* After an answer has been written: a session whose output has passed its limit is to be closed. */
void session_check_output(struct session *session);

/* `size` more bytes have left. */
void session_sent(struct session *session, size_t size);

/* Nothing more will happen: everything has been sent, and the session is doomed. */
static inline bool session_over(const struct session *session)
{
    return session->overflowed || (session->doomed && session->sent == session->out.size);
}

/* Ends a session whose client does not read what it has asked for. */
void session_check_output(struct session *session);

/* Where a message to the session goes that nobody has asked for: behind the answer of the command that it is in the
 * middle of, if it is. The message leaves when `mark` is released. NULL: the session takes nothing more. session_pushed
 * follows, after the bytes have been appended. */
struct buf *session_push(struct session *session, uint64_t mark);
void session_pushed(struct session *session);

/* At the end of a command whose answer begins at `start` in `out`: it is taken back if the client wants none; what was
 * pushed meanwhile follows it. */
void session_settle(struct session *session, size_t start);

/* Whether it listens rather than asks: not idle, however long it is silent. */
static inline bool session_listens(const struct session *session)
{
    return session->topic_count[PUBSUB_CHANNEL] + session->topic_count[PUBSUB_PATTERN] > 0;
}

/* Puts the session on shard->dirty. */
void session_touch(struct session *session);

/* A copy of the call, in one piece. */
struct session_call *session_call_copy(const struct gm_bytes *argv, uint32_t argc);

/* What a copy would take. */
size_t session_call_size(const struct gm_bytes *argv, uint32_t argc);

/* Forgets what MULTI queued, and the watched keys. */
void session_discard(struct session *session);
void session_unwatch(struct session *session);

/* Parks the call until one of `keys` changes or the moment comes (monotonic ms; 0 = never). */
void session_park(struct session *session, const struct gm_bytes *argv, uint32_t argc, int64_t until_ms);
void session_unpark(struct session *session);

/* Of a waiting session: as if its time was over. It is answered at the end of the turn. */
void session_time_out(struct session *session);

/* Ends a session of somebody else: nothing more is done or sent for it, and its connection closes. Not for the session
 * whose command is under way. */
void session_kill(struct session *session);

/* The session's shard has gone over to a newer registry, and the one before is about to go: nothing in the session may
 * point into it any longer. A command that waits and is not in the newer one is answered at the end of the turn. */
void session_adopt(struct session *session, const struct registry *newer);

/* Back to how it was when it connected. */
void session_reset(struct session *session);

#endif
