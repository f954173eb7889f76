/* SPDX-License-Identifier: MIT */

/* loop.h - the real world's events, handed out in turns.
 *
 * A turn
 *
 *     wait ─► turn(now) ─► what is ready: input, writable, accepts, watches ─► resumed input ─► closed ─► turn_end ─┐
 *      ▲                                                                                                            │
 *      └─────────── until something happens, or the moment that turn_end named ─────────────────────────────────────┘
 *
 * All is called on the thread that runs the loop, and all of it may be called inside callbacks, except os_loop_run and
 * os_loop_destroy.
 */
#ifndef GEOMYS_OS_LOOP_H
#define GEOMYS_OS_LOOP_H

#include "base/status.h"
#include "env/net.h"

#define OS_LOOP_NEVER INT64_MAX /* of turn_end: no next turn is wanted unless something happens */

struct os_loop;

/* Who gives the turns their meaning. */
struct os_loop_driver {
    /* A turn begins. All callbacks of connections, acceptors and watches come between this and turn_end. */
    void (*turn)(void *context, int64_t wall_ms, int64_t monotonic_ms);
    /* A turn is over: the moment to write. Returns when the next one is wanted at the latest (monotonic ms); not later
     * than `monotonic_ms` of this turn: at once. The next turn may be later by as long as this one took. What is closed
     * or resumed in here is told in the next turn, which then follows at once. */
    int64_t (*turn_end)(void *context);
    /* Something that the operator should know, as a sentence without a full stop; at most one a minute. May be NULL. */
    void (*on_trouble)(void *context, const char *sentence);
    void *context;
};

/* REFUSED when the system has no descriptors. The driver is copied. */
must_use enum status os_loop_create(struct os_loop **out, const struct os_loop_driver *driver,
                                    struct complaint *complaint);

/* Closes what is open: on_closed comes for every connection. Unix sockets of ours are removed. NULL is fine. */
void os_loop_destroy(struct os_loop *loop);

/* Takes turns until os_loop_stop. May be called again. */
void os_loop_run(struct os_loop *loop);

/* os_loop_run returns after this turn. */
void os_loop_stop(struct os_loop *loop);

/* ---- listening ---- */

/* `address` is an IPv4 or IPv6 literal ("0.0.0.0", "::") or "localhost", which is 127.0.0.1. Port 0: the system
 * chooses. `bound_port` may be NULL. The acceptor is copied. INVALID: not an address; EXISTS: in use; NOT_FOUND: the
 * machine has no such address; REFUSED. */
must_use enum status os_loop_listen_tcp(struct os_loop *loop, const char *address, uint16_t port, int backlog,
                                        const struct net_acceptor *acceptor, uint16_t *bound_port,
                                        struct complaint *complaint);

/* Listens on a socket file with these permissions (0700: its owner alone). One that nobody answers on any more is
 * replaced. EXISTS: somebody answers, or it is no socket; INVALID: the path is too long; REFUSED. */
must_use enum status os_loop_listen_unix(struct os_loop *loop, const char *path, unsigned mode, int backlog,
                                         const struct net_acceptor *acceptor, struct complaint *complaint);

/* Closes all listening sockets; connections stay. */
void os_loop_unlisten(struct os_loop *loop);

/* What holds for all connections; lives as long as the loop. Until it is configured, TCP connections are probed after
 * 300 s of silence. */
struct network *os_loop_network(struct os_loop *loop);

/* Bytes that the connections' records and kept input take. O(1). */
size_t os_loop_memory(const struct os_loop *loop);

/* ---- other descriptors ---- */

/* Calls on_ready in each turn in which `descriptor` is readable, so on_ready must read it. It stays the caller's;
 * unwatch it before closing it. REFUSED when the system has no room. */
must_use enum status os_loop_watch(struct os_loop *loop, int descriptor, void (*on_ready)(void *context), void *context,
                                   struct complaint *complaint);

/* on_ready is not called any more, not even in this turn. Unknown descriptors are fine. O(watches). */
void os_loop_unwatch(struct os_loop *loop, int descriptor);

#endif
