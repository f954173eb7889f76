/* SPDX-License-Identifier: MIT */

/* os_grpc.h - what the shared object with gRPC in it gives to the program that loads it (os_peers.c).
 *
 * Why      Who has no cluster pays nothing: gRPC takes megabytes and milliseconds by being there. So the program knows
 *          nothing of it but these pointers, and gets them by dlopen when the node port is opened. */
#ifndef GEOMYS_OS_OS_GRPC_H
#define GEOMYS_OS_OS_GRPC_H

#include "env/peer.h"

struct os_grpc; /* opaque */

struct os_grpc_table {
    /* Of the same sources as the program: both have GEOMYS_VERSION and the size of what they share. */
    const char *version;
    size_t size;

    must_use enum status (*create)(struct os_grpc **out, struct complaint *complaint);

    /* `target`: "127.0.0.1:6000", "[::1]:0". */
    must_use enum status (*listen)(struct os_grpc *grpc, const char *target, uint16_t *bound,
                                   struct complaint *complaint);

    /* A view for one thread. When *event_fd is readable, that thread calls deliver. */
    must_use enum status (*join)(struct os_grpc *grpc, struct peer **out, int *event_fd, struct complaint *complaint);
    void (*deliver)(struct peer *peer);

    /* Closes the view's links: on_closed comes for each, inside this call. */
    void (*leave)(struct peer *peer);

    /* All views have left. What was sent may take a moment to go out. No thread is left. */
    void (*destroy)(struct os_grpc *grpc);
};

#define OS_GRPC_ENTRY "os_grpc_table" /* the one symbol of the shared object: a const struct os_grpc_table *(void) */

#endif
