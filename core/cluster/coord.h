/* SPDX-License-Identifier: MIT */

/* coord.h - the coordinator: one small document, the topology, that all nodes of a cluster agree on.
 *
 * Idea     An *engine* keeps it (coord_local: a file; coord_raft: voters among the members). It is changed in one way,
 *          by compare-and-swap of its version. Safety of data does not rest on it (cluster.md, section 1): who was
 *          named here still has to be voted for. Beats, leases and positions do not go through it.
 *
 *          An engine belongs to one loop and has no thread. Nothing blocks but the engines' create functions, which
 *          read the folder: disk is asked by requests on DISK_LANE_LOG, messages go out through the sender and come in
 *          through on_message. All callbacks come from turn.
 *
 *             swap(v, document) ─► OK      it is carried out: committed, on the disks of those who must have it
 *                               ─► EXISTS  it is not, and will not be: version v is not the newest any more
 *                               ─► REFUSED it is not, and will not be: the sentence says why
 *                               ─► AGAIN   unknown: carried out, or not, or still to be. Read again
 *
 * Promises of an engine
 *   O1  Of several swaps that expect the same version at most one is ever carried out, wherever they were asked.
 *   O2  OK is said only of what will be found by every later read, on every node, whatever crashes.
 *   O3  A read that is answered with OK shows all that was carried out before it was asked, on whatever node.
 *   O4  The versions that a node is shown never go back while it runs.
 *   O5  A callback comes from turn alone, exactly once per request, unless the engine is destroyed before.
 *   O6  What an engine cannot read it does not touch: it refuses to start, with a sentence. When a disk fails it stops
 *       (trouble), and says nothing more.
 */
#ifndef GEOMYS_CLUSTER_COORD_H
#define GEOMYS_CLUSTER_COORD_H

#include "base/list.h"
#include "wire/topology.h"

/* Bytes of a message of an engine: with what is around it, it fits into one of a link (env/peer.h). */
#define COORD_MESSAGE_MAX ((size_t)1024 * 1024 - 4096)

enum coord_outcome {
    COORD_OK,
    COORD_EXISTS,
    COORD_AGAIN,
    COORD_REFUSED,
};

/* Requests live in the struct that waits for them, until on_done. */
struct coord_swap {
    struct list link;                /* the engine's */
    uint64_t expected_version;       /* 0: there is none yet */
    const struct topology *topology; /* borrowed until on_done; its version is expected_version + 1 */
    enum coord_outcome outcome;
    struct complaint complaint; /* of REFUSED and AGAIN */
    void (*on_done)(struct coord_swap *swap);
};

struct coord_read {
    struct list link;                /* the engine's */
    enum coord_outcome outcome;      /* OK, AGAIN, REFUSED */
    const struct topology *topology; /* of OK; NULL: there is none yet. Borrowed until on_done returns */
    struct complaint complaint;      /* of REFUSED and AGAIN */
    void (*on_done)(struct coord_read *read);
};

struct coord;

struct coord_ops {
    /* The newest that is known here, NULL: none. Borrowed until the next turn. It may be old. O(1). */
    const struct topology *(*topology)(const struct coord *coord);
    /* Each lives in what its caller has, so the callers' ceilings are the engine's. */
    void (*swap)(struct coord *coord, struct coord_swap *swap);
    void (*read)(struct coord *coord, struct coord_read *read);
    /* A hint: two may believe it at once. */
    bool (*is_controller)(const struct coord *coord);
    /* Does what is due, and calls back. `now_us`: a clock that never goes back. */
    void (*turn)(struct coord *coord, int64_t now_us);
    /* In how many milliseconds it wants its next turn, if nothing comes before: a message, a swap, a read, a request of
     * the disk that was carried out. 0: at once. */
    uint32_t (*next_ms)(const struct coord *coord, int64_t now_us);
    /* A message of the engine of node `from`, any bytes. It is copied, or dropped if it is not one. The next turn sees
     * to it. `from` is who it is proven to be: the loop has asked for its folder_id. */
    void (*on_message)(struct coord *coord, uint64_t from, struct gm_bytes message);
    /* NULL: it works. Else the engine has stopped for good, and why: the process ends. Borrowed from the engine. */
    const char *(*trouble)(const struct coord *coord);
    /* The disk has been drained before (or has crashed). Requests that are under way are forgotten, without on_done. */
    void (*destroy)(struct coord *coord);
};

struct coord {
    const struct coord_ops *ops;
};

/* How an engine's messages leave. They may be lost, and come twice or in another order. */
struct coord_sender {
    void (*send)(void *context, uint64_t to, struct gm_bytes message); /* copied; no callback comes from it */
    void *context;
};

#endif
