/* SPDX-License-Identifier: MIT */

/* forwarded.h - the leader's end of Forward streams: clients whose connection is a stream from another node. See
 * forwarded.c for the argument. */
#ifndef GEOMYS_NODE_FORWARDED_H
#define GEOMYS_NODE_FORWARDED_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "env/peer.h"
#include "serve/worker.h"

struct forwarded_config {
    struct worker *worker;                     /* borrowed, as all here */
    struct net_acceptor acceptor;              /* of clients, whoever their connection is */
    struct session *(*session_of)(void *user); /* of a client that it has made */
    struct peer *peer;                         /* NULL: the node is in no cluster */
};

struct forwarded {
    struct forwarded_config config;
    struct list all;    /* forwarded_conn.link */
    struct list ready;  /* forwarded_conn.ready: whose input is to be offered */
    uint32_t count;     /* of them */
    struct arena arena; /* of the message that is looked at */
    struct buf out;     /* the message that is sent */
    uint64_t streams;   /* that have come */
};

/* Streams of PEER_FORWARD are taken from now on. */
void forwarded_init(struct forwarded *forwarded, const struct forwarded_config *config);

/* The peer is gone, or nobody has it turn any more: all of them end. */
void forwarded_finish(struct forwarded *forwarded);

/* Within a turn, before waiting commands are served: carries out what has come. O(those that something has come
 * from). */
void forwarded_offer(struct forwarded *forwarded);

/* All are sent back, with what was not begun: the node carries out nothing any more. */
void forwarded_part(struct forwarded *forwarded);

/* At the end of a turn: if this node leads no more, all are sent back, with what was not begun. */
void forwarded_turn(struct forwarded *forwarded);

#endif
