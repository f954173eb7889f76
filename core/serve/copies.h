/* SPDX-License-Identifier: MIT */

/* copies.h - other nodes that have the data, or have it from here: what commands about the connection's own writes want
 * to know (WAIT, ROLE). Whoever composes the worker knows it; a worker that is alone has none (NULL). */
#ifndef GEOMYS_SERVE_COPIES_H
#define GEOMYS_SERVE_COPIES_H

#include <stdbool.h>
#include <stdint.h>

#define COPIES_HOST_MAX 254

/* Another node, in the words of Redis. */
struct copies_node {
    uint64_t node;
    char host[COPIES_HOST_MAX]; /* where clients reach it; "node-2": that is not known */
    uint16_t port;              /* 0: not known */
    const char *state; /* static; of a follower online, wait_bgsave or send_bulk; of a leader connect, connecting,
                                 * sync or connected */
    uint64_t sequence; /* of a follower: that it has on its disk; of a leader: the last that has come */
    uint64_t lag_s;    /* since its last word */
    bool heard;        /* there was one */
};

struct copies_ops {
    /* True: this node follows, and `leader` is whom. */
    bool (*follows)(void *context, struct copies_node *leader);
    /* The i-th that follows this node; false: there are no more. */
    bool (*follower)(void *context, uint32_t i, struct copies_node *out);
    /* How many of them have the record on their disks. O(them). */
    uint32_t (*count)(void *context, uint64_t sequence);
};

struct copies {
    const struct copies_ops *ops;
    void *context;
};

static inline bool copies_follows(const struct copies *copies, struct copies_node *leader)
{
    return copies != NULL && copies->ops->follows(copies->context, leader);
}

static inline bool copies_follower(const struct copies *copies, uint32_t i, struct copies_node *out)
{
    return copies != NULL && copies->ops->follower(copies->context, i, out);
}

static inline uint32_t copies_count(const struct copies *copies, uint64_t sequence)
{
    return copies != NULL ? copies->ops->count(copies->context, sequence) : 0;
}

#endif
