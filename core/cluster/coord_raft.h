/* SPDX-License-Identifier: MIT */

/* coord_raft.h - the coordinator of a cluster: its members agree by Raft (libraft, behind coord_guard).
 *
 * Every member has a server of it, made of its data folder; those whose engine_voter is set vote, the others follow and
 * so know the topology. Who is which follows the topology by itself: the leader's engine takes in, promotes and removes
 * one server at a time. Any member may be asked for swaps and reads: it asks the leader. */
#ifndef GEOMYS_CLUSTER_COORD_RAFT_H
#define GEOMYS_CLUSTER_COORD_RAFT_H

#include "cluster/coord.h"
#include "env/disk.h"

#define COORD_RAFT_LOG_SIZE ((uint64_t)16 * 1024 * 1024) /* bytes: some hundred thousand changes */
#define COORD_RAFT_BEAT_MS  100
#define COORD_RAFT_ELECT_MS 600
#define COORD_RAFT_WAIT_MS  3000 /* how long a swap or a read waits for a leader and its answer */

struct coord_raft_config {
    struct disk *disk; /* the cluster's own folder; borrowed until destroy */
    struct coord_sender sender;
    uint64_t node;                       /* above 0, at most INT64_MAX */
    uint8_t folder_id[TOPOLOGY_ID_SIZE]; /* another one is another server */
    bool bootstrap;    /* if the folder is empty: this is the first server of a new cluster; else it waits to be taken
                           in */
    uint64_t log_size; /* bytes, COORD_RAFT_LOG_SIZE; of a log that is made. The same on all nodes */
    uint32_t beat_ms;  /* COORD_RAFT_BEAT_MS */
    uint32_t elect_ms; /* COORD_RAFT_ELECT_MS */
    uint64_t seed;     /* of the times at which it stands for election */
    int64_t now_us;    /* as turn is told */
};

/* Reads the folder, or makes its files. CORRUPT, VERSION, INVALID (the folder of another), or what the disk says, with
 * a sentence; nothing is removed then. Blocks. */
must_use enum status coord_raft_create(struct coord **out, const struct coord_raft_config *config,
                                       struct complaint *complaint);

#endif
