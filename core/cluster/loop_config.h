/* SPDX-License-Identifier: MIT */

/* loop_config.h - what a cluster loop is given, and what it shows of itself. See loop.h. */
#ifndef GEOMYS_CLUSTER_LOOP_CONFIG_H
#define GEOMYS_CLUSTER_LOOP_CONFIG_H

#include "base/trace.h"
#include "cluster/coord_raft.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/entropy.h"
#include "env/peer.h"
#include "replica/orders.h"
#include "wire/topology.h"

#define LOOP_JOIN_MAX 16 /* places that --join may name */

struct loop_config {
    struct disk *disk;       /* the folder `cluster` in the data folder; borrowed, as all pointers here */
    struct peer *peer;       /* of the loop that has these turns */
    struct entropy *entropy; /* of identities, and of the times at which the engine stands for election */
    struct clock *clock;     /* monotonic_us */
    struct orders *orders;   /* that the worker takes */
    const struct trace *trace;

    uint64_t node; /* node ID, above 0 */
    bool bootstrap;
    const char *join[LOOP_JOIN_MAX]; /* "host:port" of node ports */
    uint32_t join_count;
    const char *host; /* where others reach this node; "": where its connections come from */
    uint16_t client_port, node_port;
    const char *version; /* of the program */
    bool has_data;       /* the data folder holds records of a node that was in no cluster */

    /* Makes the coordinator's engine, as coord_raft_create does, which NULL stands for. */
    enum status (*engine)(void *context, struct coord **out, const struct coord_raft_config *config,
                          struct complaint *complaint);
    void *engine_context;

    uint32_t beat_ms, lease_ms, stall_ms; /* lease_ms, replicas and write_acks: at the beginning of a cluster */
    uint32_t replicas;
    bool quorum;
};

/* ---- what it knows, for whoever asks on another thread: copied under the lock of the orders */

enum loop_phase {
    LOOP_ENTERING, /* it is in no cluster yet, or none that it can reach has taken it in */
    LOOP_MEMBER,
};

struct loop_member {
    uint64_t node;
    char host[TOPOLOGY_HOST_MAX + 1];
    uint16_t client_port, node_port;
    bool voter;       /* of the engine */
    bool replica;     /* of the shard: it counts */
    bool linked;      /* there is a connection, or it is this node */
    int64_t heard_us; /* when it was last heard, by the clock; 0: not in this life */
};

struct loop_view {
    enum loop_phase phase;
    int64_t now_us; /* of the moment that it shows */
    uint8_t cluster_id[TOPOLOGY_ID_SIZE];
    uint64_t version;              /* of the topology */
    uint64_t epoch, named;         /* by the topology */
    uint64_t leader;               /* that this node has promised, or is; 0: none */
    int64_t leader_lost_us;        /* when it was heard last, if it is not heard now; 0: it is */
    char waiting[PEER_REASON_MAX]; /* whom or what it waits for, as a sentence; "": nothing */
    uint32_t member_count;
    struct loop_member members[TOPOLOGY_MEMBERS_MAX];
};

#endif
