/* SPDX-License-Identifier: MIT */

/* lab.h - engines of the coordinator on nodes that are not there: disks in memory (support/sim_disk), a network that
 * delays and can be cut, one clock. All that happens comes from the seed. */
#ifndef GEOMYS_TESTS_CLUSTER_LAB_H
#define GEOMYS_TESTS_CLUSTER_LAB_H

#include "base/prng.h"
#include "cluster/coord.h"
#include "support/sim_disk.h"
#include "support/topology_sample.h"

#define LAB_NODES 5

enum lab_engine {
    LAB_LOCAL,
    LAB_RAFT,
};

struct lab_message {
    struct list link;
    uint64_t from, to;
    int64_t at_us; /* when it arrives */
    size_t size;
    uint8_t bytes[];
};

struct lab_node {
    struct lab *lab;
    uint64_t id;
    struct sim_disk *sim;
    struct coord *coord;        /* NULL: it does not run */
    uint64_t shown;             /* the newest version that it showed since it runs */
    struct complaint complaint; /* why it did not start */
};

struct lab {
    enum lab_engine engine;
    uint64_t count;
    struct lab_node nodes[LAB_NODES + 1];   /* by id, from 1 on */
    bool cut[LAB_NODES + 1][LAB_NODES + 1]; /* from, to: nothing arrives */
    uint32_t loss_percent;
    uint32_t delay_us; /* at most */
    struct list messages;
    int64_t now_us;
    struct prng prng;
};

/* The disks are empty and no node runs. */
struct lab *lab_create(enum lab_engine engine, uint64_t count, uint64_t seed);
void lab_destroy(struct lab *lab);

/* OK, or why not: node->complaint. */
enum status lab_start(struct lab *lab, uint64_t id);

/* The process dies, and the machine with it: what was not synced is lost in part. */
void lab_crash(struct lab *lab, uint64_t id);

/* A moment: disks work off some requests, messages arrive, engines have their turns. A node whose disk has died by a
 * fault dies with it. */
void lab_step(struct lab *lab);
void lab_run(struct lab *lab, int64_t for_ms);

/* Asks, and waits up to ten seconds of the lab for the answer; AGAIN if there is none, or the node dies. `topology` is
 * the caller's. */
enum coord_outcome lab_swap(struct lab *lab, uint64_t id, const struct topology *topology);

/* The version read, 0 if there is no topology. AGAIN: there was no answer. */
enum coord_outcome lab_read(struct lab *lab, uint64_t id, uint64_t *version);

/* Waits for a read at node `id` to be answered, up to `limit_ms`; the version. UINT64_MAX: it was not. */
uint64_t lab_settle(struct lab *lab, uint64_t id, int64_t limit_ms);

/* A topology of `count` members at `version`; epoch of the shard: the version. With raft they all vote. */
struct topology *lab_topology(const struct lab *lab, uint64_t version, uint64_t leader);

#endif
