/* SPDX-License-Identifier: MIT */

/* os_peers.h - the real links between nodes (env/peer.h): gRPC, loaded when it is wanted.
 *
 *     os_peers_create ─► os_peers_listen, for each address ─► os_peers_join, for each loop
 *                        ... loops run ...
 *     os_peers_leave, on the thread of each loop or when it has ended ─► os_peers_destroy ─► os_loop_destroy
 *
 * A child that was forked must not use any of it: no more than exec or _exit. */
#ifndef GEOMYS_OS_OS_PEERS_H
#define GEOMYS_OS_OS_PEERS_H

#include "env/peer.h"
#include "os/loop.h"

struct os_peers;

/* Loads gRPC, which lies beside `program` (the whole path of an executable) or in ../lib/geomys. NOT_FOUND, VERSION,
 * REFUSED. Takes some milliseconds, and megabytes. */
must_use enum status os_peers_create(struct os_peers **out, const char *program, struct complaint *complaint);

/* Other nodes may call here from now on: what no loop accepts is refused. `address` is an IPv4 or IPv6 literal or
 * "localhost"; port 0: the system chooses. `bound` may be NULL. INVALID: not an address; EXISTS: in use; NOT_FOUND: the
 * machine has no such address; REFUSED. */
must_use enum status os_peers_listen(struct os_peers *peers, const char *address, uint16_t port, uint16_t *bound,
                                     struct complaint *complaint);

/* The links as this loop has them; all callbacks come on its thread. REFUSED when the system has no descriptors.
 * [before the loop runs, or on its thread] */
must_use enum status os_peers_join(struct os_peers *peers, struct os_loop *loop, struct peer **out,
                                   struct complaint *complaint);

/* Closes its links, with on_closed for each, and what they had sent still goes out. NULL is fine. */
void os_peers_leave(struct os_peers *peers, struct peer *peer);

/* No loop runs that has joined; those that have not left do. Takes up to a second, if others do not take what was
 * sent last. NULL is fine. */
void os_peers_destroy(struct os_peers *peers);

#endif
