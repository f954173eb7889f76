/* SPDX-License-Identifier: MIT */

/* feed.h - the leader's side of Follow streams: whoever asks gets the history from where it stands. See feed.c for the
 * argument. [worker's thread] */
#ifndef GEOMYS_REPLICA_FEED_H
#define GEOMYS_REPLICA_FEED_H

#include "env/peer.h"
#include "log/reader.h"
#include "log/snapshot_raw.h"
#include "replica/replica.h"
#include "wire/replication.h"

#define FEED_MAX 64 /* streams at a time, of followers and of those who never said hello */

/* Who somebody is, as a hello says it. */
struct feed_identity {
    struct replication_id cluster;
    struct replication_id folder;
    uint64_t node;
    uint64_t start;
};

struct feeds_config {
    struct replica *replica; /* borrowed; leads, or refuses */
    struct feed_identity self;
    uint32_t shard;
    const struct trace *trace;
    /* Whether a follower may be fed; NULL, or a static sentence why not. May be NULL itself: all of the cluster may. */
    const char *(*judge)(void *context, const struct replication_hello *hello);
    void *context;
};

#define FEED_KEPT 8

/* The log behind a snapshot that was sent stays for who got it. */
struct feed_kept {
    struct wal_hold hold;
    uint64_t node;    /* 0: for nobody */
    int64_t until_ms; /* monotonic */
};

struct feeds {
    struct feeds_config config;
    struct feed_kept kept[FEED_KEPT];
    uint32_t kept_next;
    struct list list; /* feed.link */
    uint32_t count;
    struct arena arena;   /* of the message that is looked at */
    struct buf out;       /* the message that is sent */
    uint64_t leader_hint; /* whom else to ask, for who comes while this node does not lead; 0: not known */
    int64_t told_ms;      /* monotonic: the last progress */
    uint64_t told;        /* what it said to be committed */
};

void feeds_init(struct feeds *feeds, const struct feeds_config *config);

/* Ends all streams: on_closed comes for each later, from the loop. */
void feeds_stop(struct feeds *feeds, const char *reason);

/* The log is about to go: whoever reads or holds it lets go, and all streams end. */
void feeds_drop(struct feeds *feeds);

/* Forgets what is left of them: the peer is gone, or nobody has it turn any more. */
void feeds_finish(struct feeds *feeds);

/* For PEER_FOLLOW. */
struct peer_acceptor feeds_acceptor(struct feeds *feeds);

/* Once per turn, between batches, behind replica_turn: sends what is new, as far as there is room. Streams end when the
 * replica does not lead any more. True: it could go on at once. O(feeds), and what is read. */
bool feeds_turn(struct feeds *feeds);

/* When feeds_turn wants to be called at the latest, monotonic ms. */
int64_t feeds_next_ms(const struct feeds *feeds);

/* What one follower is known to have. */
struct feed_view {
    uint64_t node;
    uint64_t sent, received, synced; /* sequences */
    bool streaming;                  /* it has been told where it goes on */
    bool sending;                    /* it gets a snapshot */
    int64_t heard_ms;                /* monotonic: its last word */
};

/* The i-th, of feeds->count. */
struct feed_view feeds_view(const struct feeds *feeds, uint32_t i);

#endif
