/* SPDX-License-Identifier: MIT */

/* net.h - connections, as those who talk over them see it.
 *
 * Idea     Bytes arrive as events; bytes leave by a call that takes what the system takes at once. A connection has one
 *          user, who is told what happens to it. All calls are made on the loop's thread.
 *
 * Promises of an implementation
 *   N1  on_input is given all bytes that have arrived and that it has not consumed, in one piece; it is called again
 *       when there are more, or after net_resume. One read per connection and turn.
 *   N2  Input that nobody consumes is bounded: reading stops when `wants` (or 64 KiB, if that is more) is there, and
 *       goes on when something is consumed.
 *   N3  on_closed is the last call for a connection, and comes exactly once, also after net_close (in a later moment of
 *       the same turn or the next): then the user may be destroyed.
 *   N4  The user may close any connection in any callback.
 *   N5  A peer that sends no more may still be reading: on_eof comes once, after on_input has been given all that had
 *       arrived, and the connection stays until its user closes it, a write fails, or the peer is gone in both
 *       directions. What on_input has left over can still be resumed.
 */
#ifndef GEOMYS_ENV_NET_H
#define GEOMYS_ENV_NET_H

#include "base/bytes.h"

#define NET_ADDRESS_MAX 128 /* bytes of "[::1]:6379" or a path, with the terminator */

struct net_conn; /* the implementation's, beginning with a struct net_conn_base */

struct net_user_ops {
    /* Returns how many bytes it has consumed; *wants: how many unconsumed bytes it takes to go on, as far as known (0:
     * not known; a peer may announce much and send little, so buffers follow what has arrived). */
    size_t (*on_input)(void *user, const uint8_t *data, size_t size, size_t *wants);
    /* A write that took less than all may go on. */
    void (*on_writable)(void *user);
    /* The peer sends no more (it has shut down its side); everything that it sent has been given to on_input. Answers
     * can still be written; the user closes the connection when it is through. */
    void (*on_eof)(void *user);
    void (*on_closed)(void *user);
    /* The memory of its unconsumed input is so many bytes now; 0 at the latest before on_closed. Changes nothing but
     * what its user knows. NULL: nobody wants to know. */
    void (*on_held)(void *user, size_t bytes);
};

struct net_ops {
    /* Writes what the system takes at once and returns how much; less than `size`: on_writable comes. Errors are told
     * by on_closed, and count as taken. One system call. */
    size_t (*write)(struct net_conn *, const uint8_t *data, size_t size);
    void (*close)(struct net_conn *);
    /* As close, for its user; but what was written last shall be read by a peer that is still sending, so the rest of
     * its input is taken for a while, and thrown away, before the socket goes. */
    void (*part)(struct net_conn *);
    /* on_input comes again, if there are unconsumed bytes: in this turn, or at once in the next. Never inside this
     * call. */
    void (*resume)(struct net_conn *);
    /* While paused nothing is read. */
    void (*pause)(struct net_conn *, bool paused);
    /* Bytes that were written and that the peer's side has not taken yet; 0 if the system does not tell. What a write
     * takes says little of a peer that reads slowly: a system buffers megabytes and takes more in leaps. One system
     * call. */
    uint64_t (*untaken)(struct net_conn *);
    /* Gives back memory that the unconsumed input does not need as it stands. O(input). */
    void (*fit)(struct net_conn *);
};

struct net_conn_base {
    const struct net_ops *ops;
    int error;                  /* errno: why the system has ended it; 0: it has not, or the peer's end was orderly */
    int descriptor;             /* for people (CLIENT LIST); -1 if there is none */
    bool local;                 /* the peer is a process of this machine, on a Unix socket */
    size_t record;              /* bytes of the connection itself, without its input */
    char peer[NET_ADDRESS_MAX]; /* "127.0.0.1:54321", "/run/geomys.sock:0" */
    char address[NET_ADDRESS_MAX]; /* the address on this side that it came in on */
};

/* A connection came in: the acceptor gives it a user and returns true, or returns false and it is closed (after
 * `refusal`, if not empty, has been written to it). */
struct net_acceptor {
    bool (*on_accept)(void *context, struct net_conn *conn, const struct net_user_ops **ops, void **user,
                      struct gm_bytes *refusal);
    /* Last words to a connection for which the system has no descriptor left; borrowed, may be empty. */
    struct gm_bytes exhausted;
    void *context;
};

/* ---- the network as a whole, as the node sees it ---- */

struct network_options {
    uint32_t keepalive_s; /* TCP connections that have been silent for so long are probed, three times; 0: never */
};

struct network;

struct network_ops {
    /* Asks the system for room for so many connections at a time, beside what else the process has open. Returns for
     * how many there is room now, `connections` at most. What there is room for already is never taken away. */
    uint64_t (*make_room)(struct network *network, uint64_t connections);
    /* Of the connections that are there and of all that come. A few system calls per connection. */
    void (*configure)(struct network *network, const struct network_options *options);
};

struct network {
    const struct network_ops *ops;
};

static inline const struct net_conn_base *net_base(const struct net_conn *conn)
{
    return (const struct net_conn_base *)(const void *)conn;
}

static inline size_t net_write(struct net_conn *conn, const uint8_t *data, size_t size)
{
    return net_base(conn)->ops->write(conn, data, size);
}

static inline void net_close(struct net_conn *conn)
{
    net_base(conn)->ops->close(conn);
}

static inline void net_part(struct net_conn *conn)
{
    net_base(conn)->ops->part(conn);
}

static inline void net_resume(struct net_conn *conn)
{
    net_base(conn)->ops->resume(conn);
}

static inline uint64_t net_untaken(struct net_conn *conn)
{
    return net_base(conn)->ops->untaken(conn);
}

static inline void net_fit(struct net_conn *conn)
{
    net_base(conn)->ops->fit(conn);
}

static inline void net_pause(struct net_conn *conn, bool paused)
{
    net_base(conn)->ops->pause(conn, paused);
}

#endif
