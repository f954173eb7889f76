/* SPDX-License-Identifier: MIT */

/* forward.h - the client's node's end of Forward streams: commands of clients whose connection is here, carried out by
 * the leader. See forward.c for the argument; which commands those are: steer.h. */
#ifndef GEOMYS_NODE_FORWARD_H
#define GEOMYS_NODE_FORWARD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "env/peer.h"
#include "replica/follow.h"
#include "serve/worker.h"
#include "wire/forwarding.h"
#include "wire/replies.h"

#define FORWARD_WAIT_MS 5000                 /* for a leader, and for what an answer depends on */
#define FORWARD_ENTRIES 128                  /* commands of one client on their way */
#define FORWARD_AHEAD   ((size_t)256 * 1024) /* bytes of them above which the next one waits */
#define FORWARD_MARKS   16

/* What comes of a command when its answer is there, or is lost. */
enum forward_kind {
    FORWARD_READ,  /* it has changed nothing: it may be asked again */
    FORWARD_WRITE, /* it may have */
    FORWARD_WAITS, /* the same; and it may wait there, and had changed nothing while it did */
    FORWARD_EXEC,  /* as a write; ends what WATCH began */
    FORWARD_WATCH, /* a read; from its answer on the connection watches */
    FORWARD_UNWATCH,
};

/* A command on its way, or a transaction from MULTI to EXEC. */
struct forward_entry {
    uint64_t end;      /* behind its last byte, of all that this client has sent on */
    uint32_t hidden;   /* answers that come before its own, and that the client does not get */
    uint16_t database; /* with EXEC: that is chosen when it was carried out */
    uint8_t kind;      /* enum forward_kind */
    bool silent;       /* the client does not get its answer either */
    bool returned;     /* a leader has sent it back */
    int64_t since_ms;  /* monotonic: when the client asked */
    int64_t unsent_ms; /* since when it waits for a leader */
};

/* What a stream was told of the connection. */
struct forward_told {
    uint16_t database;
    uint8_t level;
    bool resp3, no_touch, any;
    char name[SESSION_NAME_MAX + 1];
};

struct forward_mark {
    size_t end; /* in `in` */
    struct forwarding_mark mark;
    int64_t since_ms; /* monotonic */
};

/* Of one connection. */
struct forward_client {
    struct session *session; /* NULL: it is gone, and the stream is about to be */
    struct forward *owner;
    struct list all;  /* in owner->all */
    struct list busy; /* in owner->busy, or alone */

    struct forward_entry entries[FORWARD_ENTRIES];
    uint32_t first, count;
    struct buf bytes; /* of the entries: commands that are not answered yet */
    uint64_t base;    /* where `bytes` begin, of all that this client has sent on */
    uint64_t sent;    /* up to here, on this stream */
    uint64_t opened;  /* where this stream began */

    struct peer_link *link; /* NULL: there is none */
    uint64_t epoch, leader; /* that it goes to */
    struct forward_told told;
    bool heard;         /* anything */
    bool lost;          /* it has ended; what it brought is still to be passed on */
    bool nothing_begun; /* ... before anything was carried out */
    bool sent_back;     /* ... with what was not begun: */
    bool dismissed;     /* the leader has ended the session */
    uint64_t begun;     /* up to here commands were begun at most */
    bool parked;        /* but for the last of them */
    int64_t retired_ms; /* monotonic: since when it goes to one who leads no more; 0: it does not */
    char reason[FORWARDING_REASON + 1];

    struct buf in; /* answers */
    struct forward_mark marks[FORWARD_MARKS];
    uint32_t mark_count;
    struct replies replies; /* where those end that may be passed on */
    uint64_t answered;      /* of all that this client has sent on, as the leader says */
    size_t owed;            /* bytes of credit that were not given back */

    bool watching;     /* keys, at the leader */
    bool watch_broken; /* ... that is gone: the next EXEC does nothing */
    bool listening;    /* it has subscribed there: nothing is counted */
    bool listens;      /* ... still, as the leader said last */
    bool looping;      /* what was sent back is carried out here */
    bool news;         /* since it was held: it may be asked again */
};

struct forward_options {
    bool on;         /* off: a node takes only the commands that it can carry out */
    int64_t wait_ms; /* forward_wait_ms */
};

struct forward_config {
    struct worker *worker;       /* borrowed, as all here */
    const struct follow *follow; /* whom this node follows */
    struct peer *peer;           /* NULL: it is in no cluster */
    const struct trace *trace;
};

struct forward {
    struct forward_config config;
    struct forward_options options;
    struct list all;
    struct list busy;
    struct arena arena;
    struct buf out;
    bool led;               /* when it last had its turn */
    uint64_t epoch, leader; /* that it followed then; 0: nobody */
    int64_t retry_ms;       /* monotonic: when the leader is tried again */
    uint64_t taken;         /* commands that were sent on */
    uint64_t uncertain;     /* ... of which it is not known whether they were carried out */
    uint64_t late;          /* answers that were passed on before this node had what they depend on */
};

void forward_init(struct forward *forward, const struct forward_config *config);

/* The peer is gone, or nobody has it turn any more. */
void forward_finish(struct forward *forward);

/* At the end of a turn, before answers are released. */
void forward_turn(struct forward *forward);

/* When it wants to be called at the latest, monotonic ms. */
int64_t forward_next_ms(const struct forward *forward);

/* ---- of one client */

/* The state of the connection; made if there is none. */
struct forward_client *forward_client_of(struct forward *forward, struct session *session);

/* The connection is gone. */
void forward_forget(struct session *session);

/* Commands are on their way: later ones must wait, or follow them. NULL is fine. */
static inline bool forward_is_busy(const struct forward_client *fc)
{
    return fc != NULL && fc->count > 0;
}

/* It waits for answers, or for messages: it is not idle. */
static inline bool forward_is_passive(const struct forward_client *fc)
{
    return fc != NULL && (fc->count > 0 || fc->listening);
}

/* The last command on its way may wait for long: not a reason to keep a connection that sends no more. */
bool forward_may_wait(const struct forward_client *fc);

/* Whether one more can be sent on. */
bool forward_has_room(const struct forward_client *fc);

/* The words of a command become the last bytes of what is on its way; then forward_take makes an entry of them. */
void forward_add(struct forward_client *fc, const struct gm_bytes *argv, uint32_t argc);
void forward_take(struct forward_client *fc, const struct forward_entry *entry);

/* Its stream ends, and what it remembers of the connection with it. Nothing is on its way. */
void forward_drop(struct forward_client *fc);

/* It may have to be asked again: looked at in forward_turn. */
void forward_wake(struct forward_client *fc);

/* This node leads, as far as it knows. */
static inline bool forward_leads(const struct forward *forward)
{
    enum shard_role role = forward->config.worker->shard->role;
    return role == SHARD_LEADING || role == SHARD_FENCED;
}

#endif
