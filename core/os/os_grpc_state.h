/* SPDX-License-Identifier: MIT */

/* os_grpc_state.h - what the files of the shared object with gRPC share.
 *
 * Threads
 *          gRPC's    is in the completion queue always: a channel that nobody polls does not connect again. It runs
 *                    `on_done` of what has been carried out, and moves links on.
 *          loops     each has a view; users are called by os_grpc_view_deliver alone.
 *
 *          One mutex guards everything that both see. It is held for some pointers and numbers, never over a call of
 *          gRPC that sends or receives (those write to sockets), and never over a user's callback. */
#ifndef GEOMYS_OS_OS_GRPC_STATE_H
#define GEOMYS_OS_OS_GRPC_STATE_H

#include <pthread.h>

#include <grpc/grpc.h>

#include "base/list.h"
#include "os/os_grpc.h"

struct os_grpc_view;

/* What gRPC's thread is given back. It belongs to the thing that it is a member of. */
struct os_grpc_tag {
    void (*on_done)(struct os_grpc_tag *tag, bool success);
};

struct os_grpc {
    pthread_mutex_t lock;
    pthread_cond_t fewer; /* links or servers, while it ends */
    grpc_completion_queue *queue;
    pthread_t thread;

    /* Guarded by the lock. */
    struct list links;                            /* os_grpc_link.all */
    size_t links_alive;                           /* these, and those that are being freed */
    size_t links_in;                              /* of these, opened by others */
    size_t links_timed;                           /* of these, with a moment at which they are given up */
    struct list channels;                         /* os_grpc_channel.all */
    struct list servers;                          /* os_grpc_server.all */
    struct os_grpc_view *acceptors[PEER_METHODS]; /* NULL: nobody */
    struct peer_counts counts;
};

struct os_grpc_view {
    struct peer base;
    struct os_grpc *grpc;
    int event_fd;
    struct peer_acceptor acceptors[PEER_METHODS]; /* the loop's */

    /* Guarded by the lock. */
    struct list ready; /* os_grpc_link.ready: there is something to tell */
    bool signalled;    /* the event is raised */
};

int64_t os_grpc_now_ms(void); /* monotonic */

/* An integer setting of a channel or a server. */
grpc_arg os_grpc_setting(const char *key, int value);

/* What channels and servers have in common; returns how many. */
#define OS_GRPC_SETTINGS 16
size_t os_grpc_settings(grpc_arg out[static OS_GRPC_SETTINGS]);

#endif
