/* SPDX-License-Identifier: MIT */

/* node.h - a whole server over an env: one replica, and the worker that serves it. No thread, no socket, no file but
 * through the env.
 *
 * States
 *
 *     loading ──log read──► serving ──node_stop──► stopping
 *        └──damage──┐          └──sync failed──┐
 *                   └──────────► failed ◄──────┘
 *
 *   loading   the snapshot and the log are read, a slice per turn; clients are answered LOADING
 *   serving   commands are carried out
 *   stopping  the driver ends its turns and calls node_close, which writes everything down
 *   failed    the driver ends at once: nothing is written, nothing is answered any more; `complaint` says why
 *
 * The driver's turn: node_turn, then bytes through the acceptor's connections, then node_turn_end. */
#ifndef GEOMYS_NODE_NODE_H
#define GEOMYS_NODE_NODE_H

#include "base/trace.h"
#include "config/config.h"
#include "env/clock.h"
#include "env/disk.h"
#include "env/entropy.h"
#include "env/net.h"
#include "env/process.h"
#include "env/settings.h"
#include "meter/traffic.h"
#include "node/farewell.h"
#include "node/forward.h"
#include "node/forwarded.h"
#include "node/membership.h"
#include "node/options.h"
#include "node/parting.h"
#include "replica/replica.h"
#include "serve/worker.h"

#define NODE_BACKLOG_MAX ((size_t)64 << 20) /* bytes not yet with the disk, above which no input is taken */

struct loop; /* cluster/loop.h */

struct node_env {
    struct disk *disk;   /* NULL with persistence none: nothing is read or written */
    struct clock *clock; /* NULL: nothing is measured, and bounded work is bounded by counts alone */
    struct entropy *entropy;
    struct process *process;
    struct settings *settings; /* NULL: the server runs without a configuration file */
    struct network *network;   /* NULL: as many connections as are wanted, and nothing to configure about them */
    struct peer *peer;         /* NULL: this node is in no cluster; of the loop that has its turns */
    struct lock *lock;         /* of what its worker shares with a cluster loop; NULL: there is none, or no thread */
    struct feed_identity identity; /* who it is in the cluster */
    struct orders *orders;         /* of the cluster loop; NULL: there is none */
    const struct loop *loop;       /* the cluster loop itself, to be looked at (loop_look); NULL: there is none */
    const struct membership_places *places; /* where clients reach other nodes; NULL: nobody knows */
    struct trace trace;
    uint64_t seed; /* of what is no secret; 0: from entropy; else runs repeat, if entropy does */
};

enum node_state {
    NODE_LOADING,
    NODE_SERVING,
    NODE_STOPPING,
    NODE_FAILED,
};

struct node {
    struct config *config;           /* borrowed; CONFIG SET changes it */
    const struct registry *registry; /* held */
    struct node_env env;
    enum replica_state replica_seen; /* when its owner last looked */
    enum node_state state;
    struct complaint complaint; /* with NODE_FAILED */
    struct replica replica;
    struct worker worker;
    struct membership membership; /* and its tenure: what may be answered */
    struct forward forward;       /* commands of clients here, to the leader */
    struct forwarded forwarded;   /* ... of clients elsewhere, while this node leads */

    int64_t now_ms;
    int64_t monotonic_ms;
    int64_t started_ms;     /* monotonic */
    bool turned;            /* there was a turn, which was the start */
    int64_t next_second_ms; /* monotonic: of the idle check */

    struct client_options clients;
    struct list gated;    /* sessions (dirty links) whose answers wait for the disk */
    size_t backlog_max;   /* NODE_BACKLOG_MAX, or less in a test */
    struct list stuffed;  /* clients whose input waits for that */
    bool squeezed;        /* the clients hold much, and those who hold most have been restrained */
    struct pace squeezes; /* of lines about it */
    struct list unknown;  /* clients that have not shown the password, those who wait longest first */
    uint64_t unknown_count;
    uint64_t released[GATE_LEVELS]; /* of the last turn */
    uint64_t next_session_id;
    uint64_t peak_memory; /* bytes */
    struct farewell farewell;
    struct parting parting;  /* it was asked to end, and leads others */
    int64_t guesses_next_ms; /* monotonic: when wrong passwords are worth a line again */
    uint64_t guesses_told;   /* how many there had been at the last one */
    struct traffic traffic;
    struct pace aparts; /* of lines about the time of the data */
    char run_id[41];
};

/* `registry` holds the modules; its commands (node_commands.h) are added to it by the caller before. The node begins
 * loading in its first turn. Everything given outlives the node. */
must_use enum status node_create(struct node **out, struct config *config, const struct registry *registry,
                                 const struct node_env *env, struct complaint *complaint);
void node_destroy(struct node *node);

/* The interfaces that modules may need: for registry_create. */
const struct registry_interface *node_interfaces(uint32_t *count);

/* Goes over to a newer registry, made from the node's own, and holds that instead. Between turns, while it serves. Else
 * as renew. */
must_use enum status node_adopt(struct node *node, const struct registry *newer, struct complaint *complaint);

struct net_acceptor node_acceptor(struct node *node);

void node_turn(struct node *node, int64_t wall_ms, int64_t monotonic_ms);

/* Returns when the next turn is wanted at the latest, monotonic ms; now or before: at once. */
int64_t node_turn_end(struct node *node);

/* Asks for the end: state becomes NODE_STOPPING, at once, or when those who follow this leader have what it has
 * (parting.h). Twice: at once. */
void node_stop(struct node *node);

/* After the last turn: everything is written down and synced, and answers that waited for it are sent. Blocks. With
 * NODE_FAILED nothing happens. */
must_use enum status node_close(struct node *node, struct complaint *complaint);

#endif
