/* SPDX-License-Identifier: MIT */

/* membership.h - a node's part in a cluster: whom it feeds and whom it follows, turn by turn. What it is to be, leader
 * or follower, others decide (cluster/). A node without a peer in its env has none of it. */
#ifndef GEOMYS_NODE_MEMBERSHIP_H
#define GEOMYS_NODE_MEMBERSHIP_H

#include "node/tenure.h"
#include "replica/feed.h"
#include "replica/follow.h"
#include "replica/retain.h"
#include "serve/copies.h"

struct worker;

/* Where clients reach the nodes of a cluster: somebody else knows. */
struct membership_places {
    /* False: it is not known. `port` is that of clients. [worker's thread] */
    bool (*find)(void *context, uint64_t node, char *host, size_t size, uint16_t *port);
    void *context;
};

struct membership_config {
    struct replica *replica; /* borrowed, as all here */
    struct worker *worker;
    struct peer *peer; /* NULL: the node is in no cluster */
    struct feed_identity self;
    struct orders *orders;                  /* NULL: whoever calls says what it is to be */
    const struct membership_places *places; /* NULL: nobody knows */
    struct list *gated;                     /* sessions (dirty links) whose answers are held */
    const struct trace *trace;
};

struct membership {
    struct membership_config config;
    struct feeds feeds;
    struct follow follow;
    struct tenure tenure;
    struct retain retain;
    uint64_t log_limit;
    struct copies copies;  /* the worker's */
    uint64_t progress;     /* replicas_progress, when those were tried that wait for it */
    struct orders_now now; /* that are carried out */
    struct orders_report report;
    bool undone;            /* not yet */
    uint64_t second_last;   /* the last record that was there, */
    int64_t second_ms;      /* when that was looked at: monotonic */
    uint64_t second_before; /* and a second before that */
    uint64_t synced;        /* as reported last */
};

void membership_init(struct membership *membership, const struct membership_config *config);

/* Takes over other options, at once. A node that is in no cluster has none. */
void membership_configure(struct membership *membership, const struct membership_options *options);

/* The peer is gone, or nobody has it turn any more. */
void membership_finish(struct membership *membership);

/* Between batches, behind the replica's turn. True: it could go on at once. */
bool membership_turn(struct membership *membership);

/* When the next one is wanted at the latest, monotonic ms. */
int64_t membership_next_ms(const struct membership *membership);

/* This node leads in this epoch from now on, if its replica's stand has promised that: else false. Between turns. */
bool membership_lead(struct membership *membership, uint64_t epoch, const struct record_epoch *leader);

/* It follows the node at this address, which leads in that epoch; "": nobody for now. Between turns. */
void membership_follow(struct membership *membership, const char *address, uint64_t epoch, uint64_t leader);

#endif
