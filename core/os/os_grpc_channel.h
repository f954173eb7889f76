/* SPDX-License-Identifier: MIT */

/* os_grpc_channel.h - connections to other nodes: one per address, and one for each method that wants its own.
 *
 * All with the lock held, but os_grpc_channel_sweep. */
#ifndef GEOMYS_OS_OS_GRPC_CHANNEL_H
#define GEOMYS_OS_OS_GRPC_CHANNEL_H

#include "os/os_grpc_state.h"

struct os_grpc_channel {
    struct list all; /* in os_grpc.channels, or in none: retired */
    grpc_channel *channel;
    enum peer_method method; /* the one that has it alone; PEER_METHODS: those that share */
    unsigned users;
    int64_t idle_ms; /* since when nobody uses it */
    char address[NET_ADDRESS_MAX];
};

/* The one for this address and method, made if there is none. Give it back by os_grpc_channel_drop. */
struct os_grpc_channel *os_grpc_channel_take(struct os_grpc *grpc, const char *address, enum peer_method method);
void os_grpc_channel_drop(struct os_grpc_channel *channel);

/* Nobody gets it any more: who opens next connects at once, and does not wait with this one for its next attempt. */
void os_grpc_channel_retire(struct os_grpc_channel *channel);

/* Ends those that have been idle for long; all if `now_ms` is INT64_MAX. Takes the lock. */
void os_grpc_channel_sweep(struct os_grpc *grpc, int64_t now_ms);

#endif
