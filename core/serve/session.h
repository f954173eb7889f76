/* SPDX-License-Identifier: MIT */

/* session.h - one client whose connection is here: what it is, and what is written to it. Knows no socket. Its input is
 * taken by pipeline.c; it begins and ends in sessions.c.
 *
 * States
 *
 *     talking ──BLPOP…──► waiting ──served, timed out──► talking
 *        │                   │
 *        └──── MULTI: queues commands until EXEC or DISCARD
 *        └──── brimming: more output waits than pool->output_pause: its commands stay in its input until it has read
 *        └──── doomed: protocol error, QUIT, output limit: no more input is taken; closes when its output has left
 *
 * A client that reads is not slow, however much it has asked for: its next command waits, and it is not cut. What
 * nobody has asked for cannot wait: messages above pool->push_max end the session.
 *
 * Output goes through the gate: `marks` say from which sequence on which prefix of `out` may leave.
 *
 * Promises
 *   I1  sent <= released_end <= out.size; the marks' ends and sequences rise, and the last end is at most out.size.
 *   I2  What was written leaves in order, and not before all that stands before it.
 *   I3  A command begins with room for one reply of pool->output_max bytes, whatever waits before it; so what a reply
 *       may be does not depend on what else is read late.
 *
 * Limits   Input is the driver's; output by the mark, one reply and the messages (pool->output_max, push_max); queued
 *          commands by the worker's queue_max; SESSION_MARKS marks, the last of which takes in what has no room.
 */
#ifndef GEOMYS_SERVE_SESSION_H
#define GEOMYS_SERVE_SESSION_H

#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"
#include "meter/meters.h"
#include "serve/caller.h"
#include "serve/crowd.h"
#include "serve/guess.h"
#include "serve/transaction.h"
#include "wire/resp.h"

#define SESSION_MARKS       16
#define SESSION_NAME_MAX    64
#define SESSION_WATCH_MAX   65536               /* keys that one session watches */
#define SESSION_MUTED       UINT32_MAX          /* all commands, until told otherwise */
#define SESSION_OUT_KEPT    ((size_t)16 * 1024) /* bytes of output memory that an idle session keeps */
#define SESSION_OUT_PAUSE   ((size_t)1 << 20)   /* bytes of output above which the next command waits */
#define SESSION_TOPIC_KINDS 3                   /* channels, patterns, shard channels: see pubsub.h */

struct forward_client;
struct session;
struct worker;

/* Why the server has ended a session: in its log, and counted. */
enum session_end {
    SESSION_END_NONE,     /* it has not, or the client asked for it */
    SESSION_END_OUTPUT,   /* messages that it does not read, or answers that nobody may be given */
    SESSION_END_STALLED,  /* has read nothing of much for long */
    SESSION_END_PROTOCOL, /* what it has sent is not RESP */
    SESSION_END_FOREIGN,  /* nor is it meant to be: parser.error says what it is */
    SESSION_END_IDLE,
    SESSION_END_KILLED,    /* by another client */
    SESSION_END_MEMORY,    /* the clients hold more than maxmemory_clients, and this one was the worst: see crowd.h */
    SESSION_END_RETRACTED, /* what it waits for does not come, and cannot be told from messages: see retract.h */
};

/* What the sessions of one worker share. */
struct session_pool {
    struct list all;   /* session.all */
    struct list dirty; /* session.dirty: who has something to send, or input to go on with */
    uint64_t count;
    uint64_t blocked;                /* sessions that wait, or are held back */
    struct meters_counts *counts;    /* borrowed: of those that were ended */
    struct buf pushed;               /* messages for the session whose command is under way */
    const struct session *executing; /* that one; NULL: none */
    const struct gate *gate;         /* borrowed */
    struct crowd crowd;              /* what all of them hold */
    size_t output_max;               /* bytes of one reply */
    size_t output_pause;             /* bytes of output above which a session's next command waits */
    size_t push_max;                 /* bytes of messages held for one client that it has not asked for */
    size_t push_began;               /* where the message under way begins */
    enum gate_level level;           /* how durable what anybody is shown must be at least: write_acks */
};

_Static_assert(SESSION_MARKS <= 16, "there is a bit for each");

struct session_mark {
    size_t end;        /* offset in `out` */
    uint64_t sequence; /* that must be released */
    uint64_t of_all;   /* ... unless the gate is stuck */
};

struct session {
    struct worker *worker;     /* borrowed */
    struct session_pool *pool; /* borrowed */
    struct caller caller;      /* its strings are those below */
    struct resp_parser parser;

    struct buf out;
    size_t sent;          /* of `out` */
    size_t released_end;  /* offset in `out` up to which it may leave */
    size_t pushed;        /* bytes of messages among what is unsent, at most */
    uint64_t turn_mark;   /* the highest sequence that this turn's answers depend on */
    uint64_t turn_of_all; /* ... that those about all keys do */
    uint64_t shown;       /* the highest that anything depends on that has been let go */
    struct session_mark marks[SESSION_MARKS];
    uint8_t mark_count;
    bool turn_wrote;      /* among this turn's answers is one of a command that has changed something */
    uint16_t marks_wrote; /* ... among those of a mark: a bit each */
    struct list dirty;    /* in pool->dirty, or alone */

    enum session_end ended; /* why; with `doomed` */
    bool brimming : 1;      /* its next command waits until it has read */
    bool doomed : 1;        /* takes no more input */
    bool waiting : 1;       /* these three are asked for together, between commands: one byte, one comparison */
    bool overflowed;        /* its output passed the limit: close it at once */
    bool watch_broken;      /* a watched key has changed */
    bool resumed;           /* has waited until this turn: there may be input to go on with */

    struct transaction transaction;
    struct list watches;         /* interest_link.in_session */
    uint32_t watch_count;        /* keys named to WATCH, twice if it was said twice */
    uint32_t watching;           /* keys in `watches` */
    struct list waits;           /* interest_link.in_session */
    struct request_kept *parked; /* owned: the command that waits */
    uint64_t spent_ns;           /* for it so far */
    int64_t waited_ms;           /* that the command which is about to be carried out has waited elsewhere already */
    struct heap_node timeout;
    uint32_t muted;                          /* that many more commands are not answered */
    struct list monitors;                    /* in worker->monitors, or alone */
    struct list syncing;                     /* in worker->syncing, or alone */
    struct list stints;                      /* in worker->stints, or alone */
    struct stint *stint;                     /* owned: what the command that waits has done so far (stint.h) */
    size_t stint_bytes;                      /* that it takes */
    struct gm_bytes kept;                    /* owned: what the command that waits has given to keep (wait/2) */
    uint64_t written;                        /* the last sequence of its own records */
    struct list held;                        /* in one of worker->held, or alone */
    bool held_for_memory;                    /* in that of HOLD_MEMORY */
    bool held_for_route;                     /* in that of HOLD_ROUTE */
    struct list topics[SESSION_TOPIC_KINDS]; /* pubsub_link.in_session */
    uint32_t topic_count[SESSION_TOPIC_KINDS];
    size_t topic_bytes;             /* of their names */
    bool elsewhere;                 /* its connection is a stream from another node */
    struct forward_client *forward; /* owned by whoever routes: what another node does for it; NULL: nothing */
    struct tracker *tracker;        /* owned by worker->tracking; NULL: it does not track */
    struct list redirections;       /* tracker.in_target: those whose messages come here */

    struct holdings holdings; /* the memory that it takes; what changes in every command is noted by session_note */
    size_t input;             /* bytes that have arrived and were not carried out when they were last looked at */
    size_t output_peak;       /* bytes of `out` at most, since session_tidy was last called */

    struct guess_record guess; /* passwords that it has tried in vain */
    int64_t guess_at_ms;       /* monotonic: when the next one may be tried; 0: it has not come, or was */

    void *user;        /* of its creator */
    struct list all;   /* in pool->all */
    char address[128]; /* of the peer, for people; set by who created the session */
    char local[128];   /* ... and of this side */
    int descriptor;    /* for people */
    bool on_unix;      /* the peer is a process of this machine; for people */
    char name[SESSION_NAME_MAX + 1];
    char lib_name[SESSION_NAME_MAX + 1];
    char lib_version[SESSION_NAME_MAX + 1];
    uint64_t commands;
    int64_t created_ms;       /* monotonic */
    int64_t active_ms;        /* monotonic: of the last command */
    const char *last_command; /* full name, borrowed from the registry */
};

void session_pool_init(struct session_pool *pool, const struct gate *gate, struct meters_counts *counts);
void session_pool_finish(struct session_pool *pool); /* no session may be left */

/* Other limits, for all sessions that there are too. Those that hold more are doomed at once: overflowed. */
void session_pool_limit(struct session_pool *pool, size_t output_max, size_t push_max);

/* At the end of a turn: marks what it has written, and returns how many bytes of `out`, from `sent` on, may leave
 * now. */
size_t session_releasable(struct session *session);

/* How durable what the session is shown must be. */
static inline enum gate_level session_level(const struct session *session)
{
    enum gate_level own = session->caller.level;
    return own > session->pool->level ? own : session->pool->level;
}

/* Room for the reply of a command that begins (session I3). Once for commands that are carried out together. */
void session_make_room(struct session *session);

/* After an answer has been written: whether the next command may begin. If not, the session is brimming, or its output
 * has passed every limit and it is to be closed. */
seldom bool session_check_slow(struct session *session);
static inline size_t session_unsent(const struct session *session)
{
    return session->out.size - session->sent;
}

/* The offset in `out` behind which it looks; 0 for one who has not shown the password. Holds until output leaves. */
static inline size_t session_brim(const struct session *session)
{
    return session->caller.user == NULL ? 0 : session->sent + session->pool->output_pause;
}
static inline bool session_check_output(struct session *session, size_t brim)
{
    bool much = session->out.size > brim || session->out.full;
    return __builtin_expect(!much, 1) || session_check_slow(session);
}

/* The server ends the session, at once: what has not left is lost. Once is enough; the first reason counts. */
void session_end(struct session *session, enum session_end why);

/* The output becomes the bytes of `whole` from the offset `from` on, which are the reply of the command under way, and
 * `whole` is empty then: a large reply is not copied. False, and nothing happens: other output waits. O(1). */
bool session_hand_over(struct session *session, struct buf *whole, size_t from);

/* `size` more bytes have left. */
void session_sent(struct session *session, size_t size);

/* Counts what it holds now of arguments, queued commands and output, which any command may have changed; what it holds
 * else is counted where it changes. O(1). */
static inline void session_note(struct session *session)
{
    struct holdings *holdings = &session->holdings;
    size_t parked = session->parked != NULL ? session->parked->size + session->kept.size : 0;
    holdings_set(holdings, HOLDING_ARGUMENTS, session->parser.room * sizeof *session->parser.argv + parked);
    holdings_set(holdings, HOLDING_QUEUE, session->transaction.size);
    holdings_set(holdings, HOLDING_OUTPUT, session->out.capacity + session->stint_bytes);
    session->output_peak = session->out.size > session->output_peak ? session->out.size : session->output_peak;
}

/* Gives back memory that it keeps for what may come, and begins another peak. True: there was some. */
bool session_tidy(struct session *session);

/* Nothing more will happen: everything has been sent, and the session is doomed. */
static inline bool session_over(const struct session *session)
{
    return session->overflowed || (session->doomed && session->sent == session->out.size);
}

/* What the session is shown from now on, up to the end of this turn, depends on that sequence. */
static inline void session_depends(struct session *session, uint64_t sequence)
{
    session->turn_mark = sequence > session->turn_mark ? sequence : session->turn_mark;
}

/* The same, of what shows something of all keys. */
static inline void session_depends_on_all(struct session *session, uint64_t sequence)
{
    session->turn_of_all = sequence > session->turn_of_all ? sequence : session->turn_of_all;
}

/* Where a message to the session goes that nobody has asked for: behind the answer of the command that it is in the
 * middle of, if it is. The message leaves when `mark` is released. NULL: the session takes nothing more. session_pushed
 * follows, after the bytes have been appended. */
struct buf *session_push(struct session *session, uint64_t mark);
void session_pushed(struct session *session);

/* A command of the session begins, which is not part of another: what is pushed to it goes aside from now on. At its
 * end, with the answer's beginning in `out`: the answer is taken back if the client wants none; what was pushed
 * meanwhile follows it. */
static inline void session_begin(struct session *session)
{
    session->pool->executing = session;
}
seldom void session_settle_slow(struct session *session, size_t start);
static inline void session_settle(struct session *session, size_t start)
{
    struct session_pool *pool = session->pool;
    check(pool->executing == session);
    pool->executing = NULL;
    if (__builtin_expect((session->muted | pool->pushed.size | pool->pushed.full) != 0, 0)) {
        session_settle_slow(session, start);
    }
}

/* How much it subscribes to, of all kinds. */
static inline uint32_t session_topics(const struct session *session)
{
    return session->topic_count[0] + session->topic_count[1] + session->topic_count[2];
}

/* Whether it listens rather than asks: not idle, however long it is silent. */
static inline bool session_listens(const struct session *session)
{
    return session_topics(session) > 0;
}

/* Puts the session on the pool's dirty list. */
static inline void session_touch(struct session *session)
{
    if (list_empty(&session->dirty)) {
        list_push_back(&session->pool->dirty, &session->dirty);
    }
}

/* There may be input to go on with: it has been let go, or has waited until now. */
void session_resume(struct session *session);

#endif
