/* SPDX-License-Identifier: MIT */

/* loop_state.h - what the parts of the cluster loop share.
 *
 *     loop            life, the order of a turn, links, what others may look at
 *     loop_resign     a leader that ends in order
 *     loop_enter      beginning a cluster, entering one, letting others in
 *     loop_grow       who counts: replicas and the engine's voters, one at a time
 *     loop_choose     the controller's: who is to lead when nobody does
 *     loop_follow     a replica's side: beats are granted, votes are given, questions answered
 *     loop_lead       a leader's, and of one who is named: votes are asked for, beats sent, the lease counted
 *     loop_change     changes of the topology, one at a time
 *
 * Each part looks at what is (the topology, what was heard, the clock) in each turn and does what is to be done; none
 * waits for an answer in a state of its own, so that a lost message or a crash needs no case of its own. */
#ifndef GEOMYS_CLUSTER_LOOP_STATE_H
#define GEOMYS_CLUSTER_LOOP_STATE_H

#include "cluster/choose.h"
#include "cluster/coord.h"
#include "cluster/hub.h"
#include "cluster/lease.h"
#include "cluster/loop_config.h"
#include "cluster/state.h"
#include "cluster/vote.h"

#include <string.h>

#define LOOP_SHARD 0 /* the one there is */

/* What is known of a member, or of who may become one, beside what the topology says. */
struct loop_peer {
    uint64_t node;  /* 0: the place is free */
    uint64_t start; /* the highest that its folder has shown */
    int64_t heard_us;
    char address[NET_ADDRESS_MAX]; /* of its node port, as it was believed last */
    struct talk_promise promised;  /* as it has said last; zeros: it has not */
    int64_t asked_us;              /* for its vote */
    struct choose_view view;       /* its answer to the controller's question of this round */
};

/* A change of the topology that is under way. */
struct loop_change {
    struct coord_swap swap;
    struct topology *next; /* owned */
    bool busy;
    int64_t rest_us; /* none is begun before */
    const char *what;
};

/* As a leader, or one who wants to be. */
struct loop_lead {
    struct candidacy candidacy;
    struct talk_promise led; /* the epoch that it was elected to, in this life; epoch 0: it does not lead */
    struct record_epoch set; /* of that */
    struct lease lease;
    int64_t beaten_us; /* when beats were sent last */
    int64_t other_us;  /* since when the topology names another, or a replica has promised more; 0: they do not */
    uint64_t highest;  /* epoch that a member is known to have promised */
    uint64_t tried;    /* the newest epoch that it has asked for, and given up */
    uint64_t widened;  /* the lease is counted by a set that a change of this version is to make (cluster C6); 0:
                                 by its own */
    uint64_t alone;    /* the epoch that it begins by its own yes, as of two the other is away (cluster C6) */
    bool stalled;      /* the worker stands still: nobody is beaten */
    bool own_asked;    /* this node's own yes is on its way to the disk */
    int64_t own_us;    /* when it was asked for last */
};

/* As the controller. */
struct loop_choose {
    uint64_t round;   /* number of the question; 0: none is asked */
    int64_t asked_us; /* when it was asked */
    int64_t named_us; /* when a leader was named last */
    struct choose_view own;
};

/* On the way out. */
struct loop_resign {
    bool begun, done;
    int64_t until_us, asked_us;
};

enum loop_enter_place {
    LOOP_PLACE_SILENT, /* it has not said, or its link is gone */
    LOOP_PLACE_EMPTY,  /* it is in no cluster */
    LOOP_PLACE_MEMBER, /* it is in one */
    LOOP_PLACE_SELF,   /* it is this node */
};

/* On the way into a cluster. */
struct loop_enter {
    bool storing;                                /* the identity is on its way to the disk */
    int64_t began_us;                            /* when this life began */
    int64_t joined_us;                           /* when it last asked to be let in */
    struct topology *welcome;                    /* owned; the topology that it was let in with */
    enum loop_enter_place places[LOOP_JOIN_MAX]; /* what those of --join have said */
    uint64_t nodes[LOOP_JOIN_MAX];               /* who that is */
    uint64_t knows[TOPOLOGY_MEMBERS_MAX];        /* members of a cluster that have called this node */
    uint32_t knows_count;
    char knows_address[NET_ADDRESS_MAX];
    uint8_t knows_as[TOPOLOGY_ID_SIZE]; /* the cluster of those */
    char waiting[PEER_REASON_MAX];      /* for whom or what, as told last */
};

struct loop {
    struct loop_config config;
    struct state *state;
    struct coord *coord; /* NULL: it is in no cluster yet */
    bool entered;        /* it is in one, and that is on its disk */
    struct stand *stand;
    struct grant grant;
    struct voter voter;
    struct hub hub;
    struct topology *topology; /* owned; that is acted on. Version 0: none */
    struct loop_peer peers[TOPOLOGY_MEMBERS_MAX];
    struct loop_change change;
    struct loop_lead lead;
    struct loop_choose choose;
    struct loop_enter enter;
    struct loop_resign resign;
    struct orders_report report; /* as heard in this turn */
    struct orders_now given;
    struct talk_promise leader;  /* who has beaten last, whatever became of it; leader 0: nobody has in this life */
    int64_t leader_us;           /* when */
    bool storing_lease;          /* a longer lease is on its way to the disk */
    uint32_t storing_ms;         /* that */
    uint64_t shown_version;      /* of the topology that the links and the trace know */
    int64_t now_us;              /* of the turn */
    int64_t told_us;             /* the last line about waiting */
    bool ordered;                /* the first orders were given */
    struct complaint trouble;    /* why the process is to end; "": it need not */
    struct loop_view *view;      /* owned; under the lock of the orders */
    struct loop_view *view_next; /* owned; being made */
};

/* A reading of the clock, in this call. */
static inline int64_t loop_clock(const struct loop *loop)
{
    return loop->config.clock->ops->monotonic_us(loop->config.clock);
}

static inline bool loop_is_member(const struct loop *loop)
{
    return loop->entered;
}

/* Who that is, as it has greeted. Borrowed from the link. */
static inline struct talk_greeting loop_greeting_of(const struct hub_link *link)
{
    struct talk_greeting greeting = {.node = link->node,
                                     .start = link->start,
                                     .host = gm_bytes_of(link->host),
                                     .client_port = link->client_port,
                                     .node_port = link->node_port,
                                     .version = gm_bytes_of(link->version)};
    memcpy(greeting.folder_id, link->folder_id, TALK_ID_SIZE);
    return greeting;
}

/* What a member says of itself, into its entry of the topology. */
void loop_describe(const struct talk_greeting *greeting, struct topology_member *member);

/* NULL: there is no topology yet. */
static inline const struct topology_shard *loop_shard(const struct loop *loop)
{
    return loop->topology->version > 0 ? topology_shard(loop->topology, LOOP_SHARD) : NULL;
}

/* Of a node above 0; made if it is not there. NULL: there are too many. */
struct loop_peer *loop_peer(struct loop *loop, uint64_t node);

/* The other side of the link is the member that the topology means (cluster C21, C24). */
bool loop_proven(const struct loop *loop, const struct hub_link *link);

/* A link to that member, to the folder that the topology means; NULL: there is none. */
struct hub_link *loop_link(const struct loop *loop, uint64_t node);

/* "host:port" in `out`; false: it is too long. */
bool loop_address(const char *host, uint16_t port, char out[static NET_ADDRESS_MAX]);

/* The set that a shard of the topology means, with `leader`. */
void loop_set(const struct topology_shard *shard, uint64_t leader, struct record_epoch *out);

/* The process has to end. The first sentence counts. */
__attribute__((format(printf, 2, 3))) void loop_fail(struct loop *loop, const char *format, ...);

#define loop_say(loop, level, ...) trace((loop)->config.trace, level, __VA_ARGS__)

#endif
