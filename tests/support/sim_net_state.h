/* SPDX-License-Identifier: MIT */

/* sim_net_state.h - what the parts of the simulated network share. */
#ifndef GEOMYS_TESTS_SUPPORT_SIM_NET_STATE_H
#define GEOMYS_TESTS_SUPPORT_SIM_NET_STATE_H

#include "base/list.h"
#include "base/prng.h"
#include "support/sim_net.h"

struct sim_net {
    struct prng prng;
    int64_t now_us;
    struct list hosts, wires, links;
    uint64_t opened;
};

struct sim_path { /* a wire with its queues */
    struct sim_wire wire;
    struct list link;
    char source[NET_ADDRESS_MAX], target[NET_ADDRESS_MAX];
    int64_t busy_us[2]; /* until when what was sent before is under way: of methods apart, and of the others */
};

struct sim_host {
    struct sim_net *net;
    struct list link;
    struct list loops;
    char address[NET_ADDRESS_MAX];
    bool paused;
    struct {
        struct sim_loop *loop; /* NULL: nobody accepts it */
        struct peer_acceptor acceptor;
    } accepts[PEER_METHODS];
};

struct sim_loop {
    struct peer base;
    struct sim_host *host;
    struct list link;
    struct list ends;
    struct peer_counts counts;
};

/* What goes over a link: a message, or its end. */
struct sim_packet {
    struct list link;
    int64_t due_us;
    bool arrived;
    bool last;
    enum peer_end end; /* if it is the last */
    size_t size;
    uint8_t data[]; /* of the last: the reason */
};

/* One end of a link. Its inbox has what the other end has sent, in order: what has arrived, then what is under way. */
struct peer_link {
    struct peer_link_base base;
    struct sim_link *pair;
    struct sim_loop *loop; /* NULL: not accepted yet, or its process is gone */
    struct list in_loop;
    const struct peer_user_ops *ops; /* NULL: it has no user yet */
    void *user;
    struct list inbox;
    size_t arrived, under_way; /* bytes of messages in it */
    bool paused;
    bool wants_room; /* a send was refused */
    bool has_sent;   /* for methods with one message */
    bool shut;       /* no more sends */
    bool deaf;       /* its user is given no more messages */
    bool closing;    /* on_closed comes */
    bool over;       /* it has come, or nobody is there to hear it */
    enum peer_end end;
    char reason[PEER_REASON_MAX];
    int64_t reset_us; /* it hears that the other end is gone */
    int64_t dead_us;  /* it gives up, if the silence lasts */
};

struct sim_link {
    struct sim_net *net;
    struct list link;
    struct peer_link ends[2];  /* who opened it, who is called */
    struct sim_path *paths[2]; /* to the end of the same index */
    int64_t connect_us;        /* the call arrives; SIM_NEVER: it has */
    bool made;                 /* the call was taken */
    bool silent;
};

static inline struct peer_link *sim_other(struct peer_link *end)
{
    return &end->pair->ends[end == &end->pair->ends[0]];
}

static inline struct sim_path *sim_path_to(const struct peer_link *end)
{
    return end->pair->paths[end == &end->pair->ends[1]];
}

/* sim_net.c */
struct sim_path *sim_net_path(struct sim_net *net, const char *source, const char *target);
struct sim_host *sim_net_host(struct sim_net *net, const char *address);
int64_t sim_net_delay(struct sim_net *net, const struct sim_path *path);

/* sim_peer.c */
extern const struct peer_ops sim_peer_ops;
void sim_peer_connect(struct sim_link *pair);
void sim_peer_arrive(struct peer_link *end);
void sim_peer_lose(struct peer_link *end, enum peer_end why, const char *reason);
void sim_peer_abandon(struct peer_link *end, enum sim_death death);
bool sim_peer_ready(const struct peer_link *end);
void sim_peer_tell(struct peer_link *end);
void sim_peer_sweep(struct sim_net *net);
void sim_peer_destroy(struct sim_link *pair);

#endif
