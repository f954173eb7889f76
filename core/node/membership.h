/* SPDX-License-Identifier: MIT */

/* membership.h - a node's part in a cluster: whom it feeds and whom it follows, turn by turn. What it is to be, leader
 * or follower, others decide (cluster/). A node without a peer in its env has none of it. */
#ifndef GEOMYS_NODE_MEMBERSHIP_H
#define GEOMYS_NODE_MEMBERSHIP_H

#include "replica/feed.h"
#include "replica/follow.h"

struct worker;

struct membership_config {
    struct replica *replica; /* borrowed, as all here */
    struct worker *worker;
    struct peer *peer; /* NULL: the node is in no cluster */
    struct feed_identity self;
    const struct trace *trace;
};

struct membership {
    struct membership_config config;
    struct feeds feeds;
    struct follow follow;
};

void membership_init(struct membership *membership, const struct membership_config *config);

/* The peer is gone, or nobody has it turn any more. */
void membership_finish(struct membership *membership);

/* Between batches, behind the replica's turn. True: it could go on at once. */
bool membership_turn(struct membership *membership);

/* When the next one is wanted at the latest, monotonic ms. */
int64_t membership_next_ms(const struct membership *membership);

/* This node leads in this epoch, which its replica's stand has promised, from now on. Between turns. */
void membership_lead(struct membership *membership, uint64_t epoch, const struct record_epoch *leader);

/* It follows the node at this address, which leads in that epoch; "": nobody for now. Between turns. */
void membership_follow(struct membership *membership, const char *address, uint64_t epoch, uint64_t leader);

#endif
