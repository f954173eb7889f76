/* SPDX-License-Identifier: MIT */

/* coord_guard_state.h - what coord_guard.c and coord_guard_io.c share. */
#ifndef GEOMYS_CLUSTER_COORD_GUARD_STATE_H
#define GEOMYS_CLUSTER_COORD_GUARD_STATE_H

#include "cluster/coord_guard.h"

struct coord_guard_letter { /* it arrived */
    struct list link;
    uint64_t from;
    size_t size;
    uint8_t bytes[];
};

struct coord_guard_parcel { /* it leaves when the store is idle */
    struct list link;
    uint64_t to;
    struct raft_io_send *send; /* the library's, or NULL */
    raft_io_send_cb cb;
    struct buf bytes;
};

struct coord_guard_waiter { /* an append of the library that waits for the store */
    struct list link;
    struct raft_io_append *append;
    raft_io_append_cb cb;
};

/* An empty parcel at the end of the outbox. */
struct coord_guard_parcel *coord_guard_parcel(struct coord_guard *guard, uint64_t to);

/* The library's address of a node is its id in decimal. 0: it is none. */
uint64_t coord_guard_node(const char *address);
void coord_guard_address(uint64_t node, char out[static 24]);

#endif
