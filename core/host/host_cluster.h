/* SPDX-License-Identifier: MIT */

/* host_cluster.h - the second thread of a server that is in a cluster, and what it stands on. See host_cluster.c for
 * the argument.
 *
 *     create ─► lend, and node_create ─► start ─► ... the worker's turns ... ─► stop ─► node_destroy ─► destroy
 *
 * NULL is a server without a cluster: then all of these do nothing. [the worker's thread] */
#ifndef GEOMYS_HOST_HOST_CLUSTER_H
#define GEOMYS_HOST_HOST_CLUSTER_H

#include "node/node.h"
#include "os/loop.h"

struct host_cluster; /* opaque */

struct host_cluster_config {
    struct config *config; /* borrowed, as all here */
    const char *program;   /* the whole path of this executable */
    const char *machine;   /* what this machine calls itself */
    struct disk *data;     /* the data folder's */
    struct os_loop *loop;  /* the worker's */
    const struct trace *trace;
};

/* NULL, if neither the settings nor the data folder say that it is in a cluster. Else gRPC is loaded, the node port is
 * open, and it is known who this node is. With a sentence: what the settings, gRPC, the addresses or the folder say. */
must_use enum status host_cluster_create(struct host_cluster **out, const struct host_cluster_config *config,
                                         struct complaint *complaint);

/* What the node is to know of its cluster. */
void host_cluster_lend(struct host_cluster *cluster, struct node_env *env);

/* The thread runs. The worker's turns begin soon: a leader whose worker stands still is none. */
must_use enum status host_cluster_start(struct host_cluster *cluster, struct node *node, struct complaint *complaint);

/* NULL, or why the process is to end: a sentence, valid until destroy. The worker's loop takes a turn when it comes
 * up. */
const char *host_cluster_trouble(const struct host_cluster *cluster);

/* The node has closed in order: if it leads others, it hands over to one of them, in a second at most. */
void host_cluster_resign(struct host_cluster *cluster);

/* The thread has ended, and no link is left; the node has been told of the end of its own. After its last turn. */
void host_cluster_stop(struct host_cluster *cluster);

void host_cluster_destroy(struct host_cluster *cluster);

#endif
