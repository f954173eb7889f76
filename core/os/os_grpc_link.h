/* SPDX-License-Identifier: MIT */

/* os_grpc_link.h - one call of gRPC as a link (env/peer.h), seen from gRPC's thread and from the loop's. */
#ifndef GEOMYS_OS_OS_GRPC_LINK_H
#define GEOMYS_OS_OS_GRPC_LINK_H

#include "os/os_grpc_queue.h"
#include "os/os_grpc_state.h"

struct os_grpc_link {
    struct peer_link_base base;
    struct os_grpc *grpc;
    struct os_grpc_channel *channel; /* NULL: the other side has opened it */
    grpc_call *call;

    /* The loop's. */
    const struct peer_user_ops *ops; /* NULL: nobody has accepted it yet */
    void *user;

    /* Guarded by the lock. */
    struct os_grpc_view *view; /* NULL: there is nobody to tell any more */
    unsigned holders;          /* each batch under way, the view, being in view->ready or served */
    struct list all;           /* in grpc->links */
    struct list ready;         /* in view->ready, or a list that is being served */
    struct os_grpc_queue out;
    struct os_grpc_queue in;
    struct os_grpc_message *writing; /* gRPC has it; NULL: none */
    bool started;                    /* the first batches have been begun */
    bool receiving;                  /* gRPC is to give us one */
    bool received_all;               /* no more will come */
    bool established;                /* the other side has been heard of */
    bool sent_one;                   /* at least */
    bool ending;                     /* our side is to end when `out` is empty */
    bool sent_last;                  /* our side has ended: half-closed, or the status is sent */
    bool cancelling, cancelled;      /* by us: to be, has been */
    bool fresh;                      /* the acceptor is to be asked */
    bool paused;                     /* by the user */
    bool blocked;                    /* a send was answered with AGAIN: on_writable is due when there is room */
    bool closed;                     /* by the user: nothing more is taken from it nor given to it */
    bool ended;                      /* the call is over */
    bool refused;                    /* the other side sent what is not taken */
    int64_t due_ms;                  /* when it is given up; 0: never */
    enum peer_end end;               /* if ended */
    char reason[PEER_REASON_MAX];
    grpc_status_code parting; /* what the other side is told */
    char parting_words[PEER_REASON_MAX];

    /* Batches, and what gRPC writes into. */
    struct os_grpc_tag kicking, starting, heading, finishing, sending, parted, reading;
    grpc_metadata_array head, trailers;
    grpc_status_code status;
    grpc_slice details;
    int lost; /* as the side that is called learns it */
    grpc_byte_buffer *received;
};

/* ---- beginning ---- */

/* As of peer_ops. */
struct peer_link *os_grpc_link_open(struct peer *peer, const char *address, enum peer_method method,
                                    const struct peer_user_ops *ops, void *user);

/* A call came in from `address` for `method`, which `view` accepts; takes the call. With the lock held;
 * os_grpc_link_start is due without it. */
struct os_grpc_link *os_grpc_link_accept(struct os_grpc_view *view, enum peer_method method, grpc_call *call,
                                         const char *address);
void os_grpc_link_start(struct os_grpc_link *link);

/* ---- the loop's side; with the lock held ---- */

/* What its user is to be told next. */
enum os_grpc_news {
    OS_GRPC_NOTHING,
    OS_GRPC_ACCEPT,
    OS_GRPC_MESSAGE, /* *message: the caller's, to os_grpc_message_free */
    OS_GRPC_WRITABLE,
    OS_GRPC_CLOSED, /* the last; os_grpc_link_forget is due */
};
enum os_grpc_news os_grpc_link_next(struct os_grpc_link *link, struct os_grpc_message **message);

/* There is something to tell: its view is woken. */
void os_grpc_link_tell(struct os_grpc_link *link);

/* Its user has been told the end, or there never was one. Its holder is another one than the view. */
void os_grpc_link_forget(struct os_grpc_link *link);

/* The acceptor does not want it. */
void os_grpc_link_decline(struct os_grpc_link *link, const char *reason);

/* ---- without the lock ---- */

/* Its loop ends: it is closed, and its user, if it has one, is told in the next delivery. */
void os_grpc_link_leave(struct os_grpc_link *link);

/* Begins what can be begun by now. */
void os_grpc_link_advance(struct os_grpc_link *link);

void os_grpc_link_drop(struct os_grpc_link *link); /* one holder less */

/* Gives up those whose moment has come; all if `now_ms` is INT64_MAX. gRPC's thread. */
void os_grpc_link_sweep(struct os_grpc *grpc, int64_t now_ms);

#endif
