/* SPDX-License-Identifier: MIT */

/* follow.h - the follower's side of a Follow stream: opens it, says where it stands, and carries out what comes. See
 * follow.c for the argument. [worker's thread] */
#ifndef GEOMYS_REPLICA_FOLLOW_H
#define GEOMYS_REPLICA_FOLLOW_H

#include "env/peer.h"
#include "replica/feed.h"
#include "replica/intake.h"
#include "shard/source.h"

struct follow_config {
    struct replica *replica; /* borrowed */
    struct peer *peer;       /* borrowed */
    struct feed_identity self;
    uint32_t shard;
    const struct trace *trace;
};

enum follow_state {
    FOLLOW_OFF,      /* nobody to follow, or the next try is to come */
    FOLLOW_GREETING, /* it has said where it stands */
    FOLLOW_STREAMING,
    FOLLOW_TAKING,  /* a snapshot */
    FOLLOW_CLOSING, /* closed by us: on_closed is to come */
};

struct follow {
    struct follow_config config;
    enum follow_state state;
    uint64_t epoch; /* whom it follows: as the leader of this epoch */
    uint64_t leader;
    char address[NET_ADDRESS_MAX]; /* "": nobody */
    struct peer_link *link;        /* NULL: none is open */
    struct source source;
    uint64_t began;   /* the last record that was there when the stream began */
    uint64_t acked;   /* the last that was said to be synced, in this stream */
    int64_t acked_ms; /* monotonic: when it was said */
    struct buf batch; /* of several messages, so far */
    uint64_t batch_total;
    struct arena arena;
    struct buf out;
    struct intake intake;
    uint64_t cut; /* of the snapshot that is taken */
    struct gm_secret secret;
    bool anew; /* what this node has reaches back to nothing that the leader has: it asks for a snapshot */
    bool paused;
    int64_t next_ms;          /* monotonic: the next try */
    int64_t heard_ms;         /* monotonic: the last word of the leader */
    int64_t fed_ms;           /* monotonic: the last one that it was told as a leader, to a follower */
    uint64_t reached;         /* the leader's last record, as it said last */
    struct complaint refusal; /* why it does not follow, as told last; "": it does, or nothing was told */
    uint64_t streams;         /* that were begun */
};

void follow_init(struct follow *follow, const struct follow_config *config);

/* The peer is gone, or nobody has it turn any more. */
void follow_finish(struct follow *follow);

/* Follows this node from now on, in this epoch, which the replica's stand has promised; or nobody (address ""). A
 * stream to another one ends. */
void follow_choose(struct follow *follow, const char *address, uint64_t epoch, uint64_t leader);

/* Once per turn, between batches, behind replica_turn. */
void follow_turn(struct follow *follow);

/* When follow_turn wants to be called at the latest, monotonic ms. */
int64_t follow_next_ms(const struct follow *follow);

#endif
