/* SPDX-License-Identifier: MIT */

/* peer.h - streams of messages between nodes, as those who talk over them see them.
 *
 * Idea     A *link* is one call of one method: messages go both ways until one side ends it. Which methods there are,
 *          and how the network names them, stands in one table. What a message means is its users' affair; here it is
 *          bytes. A link has one user, who is told what happens to it, on the thread of the loop whose `struct peer` it
 *          was opened or accepted with; all calls are made on that thread, too.
 *
 *             peer_open ─► send ... on_message ... ─► on_closed        who opens
 *             on_accept ─► on_message ... send ... ─► on_closed        who is called
 *
 * Promises of an implementation
 *   E1  Messages arrive whole and in the order in which they were sent, each at most once. What is missing is missing
 *       at the end: after a message that got lost none arrives on that link.
 *   E2  No callback comes inside a call of this header: all come from the loop, on_accept too.
 *   E3  on_closed is the last call for a link, and comes exactly once, also after peer_close: then the user may be
 *       destroyed. What had arrived before the other side ended it orderly is given to on_message before.
 *   E4  Messages that wait to be sent are bounded: with PEER_QUEUE_MAX bytes or more of them a send is answered with
 *       AGAIN, and takes nothing; on_writable comes when half of that is free. A message may count a little more than
 *       its bytes: empty ones are bounded too.
 *   E5  Messages that have arrived and that the user has not taken are bounded too (PEER_QUEUE_MAX): then the other
 *       side's sends wait. While a link is paused nothing is given to its user.
 *   E6  A peer that is dead or cut off is told as PEER_LOST within PEER_DEAD_MS, though nothing is sent; one that
 *       cannot be reached as PEER_UNREACHABLE within the same time. Nothing is tried again but by opening anew, and
 *       that works as soon as the peer is there.
 *   E7  A larger message than PEER_MESSAGE_MAX from the other side closes the link, as does a method that is not of the
 *       table; both are counted (peer_counts).
 *   E8  Methods marked `apart` have a connection of their own: what goes over others is never before them in a queue.
 */
#ifndef GEOMYS_ENV_PEER_H
#define GEOMYS_ENV_PEER_H

#include "base/bytes.h"
#include "base/status.h"
#include "env/net.h"

#define PEER_MESSAGE_MAX ((size_t)1024 * 1024)     /* bytes of one message */
#define PEER_QUEUE_MAX   ((size_t)8 * 1024 * 1024) /* bytes of messages of one link and direction */
#define PEER_DEAD_MS     1500
#define PEER_REASON_MAX  256 /* bytes of a sentence, with the terminator */

/*    method             its name on the network              apart  its shape */
#define PEER_METHOD_TABLE(X)                                                                                           \
    X(PEER_TALK, "/geomys.v1.Cluster/Talk", true, PEER_STREAM)                                                         \
    X(PEER_FOLLOW, "/geomys.v1.Replication/Follow", false, PEER_STREAM)                                                \
    X(PEER_FORWARD, "/geomys.v1.Store/Forward", false, PEER_STREAM)                                                    \
    X(PEER_EXECUTE, "/geomys.v1.Store/Execute", false, PEER_UNARY)                                                     \
    X(PEER_SESSION, "/geomys.v1.Store/Session", false, PEER_STREAM)                                                    \
    X(PEER_HEALTH_CHECK, "/grpc.health.v1.Health/Check", false, PEER_UNARY)                                            \
    X(PEER_HEALTH_WATCH, "/grpc.health.v1.Health/Watch", false, PEER_ASK)

/* How many messages go. */
enum peer_shape {
    PEER_STREAM, /* as many as both sides want, until one of them ends the link */
    PEER_UNARY,  /* one each way; the link ends behind the answer by itself */
    PEER_ASK,    /* one from who opens it, then as many as the side that is called wants, until it ends the link */
};

enum peer_method {
#define X(name, path, apart, shape) name,
    PEER_METHOD_TABLE(X)
#undef X
        PEER_METHODS,
};

/* Why a link is closed. */
enum peer_end {
    PEER_DONE,        /* one side has ended it */
    PEER_UNREACHABLE, /* nobody answers at that address */
    PEER_LOST,        /* the connection broke, or the other side was silent for too long */
    PEER_REFUSED,     /* the other side does not take it: an unknown method, too large a message, no proof */
};

struct peer_link; /* the implementation's, beginning with a struct peer_link_base */

struct peer_user_ops {
    /* Borrowed until it returns. At most PEER_MESSAGE_MAX bytes, 0 is possible. */
    void (*on_message)(void *user, struct gm_bytes message);
    /* A send was answered with AGAIN, and now there is room. May be NULL: who never sends much. */
    void (*on_writable)(void *user);
    /* `reason`: a sentence for a person, borrowed until it returns; "" if there is nothing to say. */
    void (*on_closed)(void *user, enum peer_end end, const char *reason);
};

struct peer_link_ops {
    /* OK: it is on its way, and copied. AGAIN: too much waits (E4). CLOSED: the link has ended, or was closed, or the
     * method's shape allows no more. TOO_BIG: an implementation may send nothing larger than PEER_MESSAGE_MAX. */
    enum status (*send)(struct peer_link *link, struct gm_bytes message);
    /* What was sent before still goes out (unless the other side takes none of it for seconds); nothing that arrives is
     * given to the user any more. `reason`: NULL, an orderly end; else a sentence: if the side that was called has it,
     * the other side is told PEER_REFUSED with it; if who opened the link has it, the other side is told PEER_LOST,
     * without it. Twice is fine. */
    void (*close)(struct peer_link *link, const char *reason);
    /* Bytes that wait to be sent. */
    size_t (*queued)(const struct peer_link *link);
    void (*pause)(struct peer_link *link, bool paused);
};

struct peer_link_base {
    const struct peer_link_ops *ops;
    enum peer_method method;
    bool accepted;              /* the other side has opened it */
    char peer[NET_ADDRESS_MAX]; /* where the other side is: "127.0.0.1:6001", as far as known */
};

/* A link came in: the acceptor gives it a user and returns true, or returns false, and it is closed with `*reason` (a
 * static sentence). */
struct peer_acceptor {
    bool (*on_accept)(void *context, struct peer_link *link, const struct peer_user_ops **ops, void **user,
                      const char **reason);
    void *context;
};

struct peer_counts {
    uint64_t opened, accepted, lost;
    uint64_t refused;        /* methods that are not of the table, messages that are too large */
    uint64_t sent, received; /* bytes of messages */
};

struct peer;

struct peer_ops {
    /* Never blocks, and never fails at once: what is wrong is told by on_closed. `address`: "host:port", host a name,
     * an IPv4 literal or an IPv6 literal in brackets. */
    struct peer_link *(*open)(struct peer *peer, const char *address, enum peer_method method,
                              const struct peer_user_ops *ops, void *user);
    /* Links of these methods (bits, 1 << method) that come in from now on are accepted here, by this loop. Methods that
     * nobody accepts are refused. The acceptor is copied. */
    void (*accept)(struct peer *peer, uint32_t methods, const struct peer_acceptor *acceptor);
    void (*counts)(const struct peer *peer, struct peer_counts *out);
};

struct peer {
    const struct peer_ops *ops;
};

/* As the network names it. Static. */
static inline const char *peer_method_path(enum peer_method method)
{
    static const char *const paths[] = {
#define X(name, path, apart, shape) path,
        PEER_METHOD_TABLE(X)
#undef X
    };
    check(method < PEER_METHODS);
    return paths[method];
}

static inline bool peer_method_apart(enum peer_method method)
{
    static const bool apart_of[] = {
#define X(name, path, apart, shape) apart,
        PEER_METHOD_TABLE(X)
#undef X
    };
    check(method < PEER_METHODS);
    return apart_of[method];
}

static inline enum peer_shape peer_method_shape(enum peer_method method)
{
    static const enum peer_shape shape_of[] = {
#define X(name, path, apart, shape) shape,
        PEER_METHOD_TABLE(X)
#undef X
    };
    check(method < PEER_METHODS);
    return shape_of[method];
}

/* Whether each side sends one message: then the link ends behind that of the side that is called. */
static inline bool peer_method_unary(enum peer_method method)
{
    return peer_method_shape(method) == PEER_UNARY;
}

static inline const struct peer_link_base *peer_base(const struct peer_link *link)
{
    return (const struct peer_link_base *)(const void *)link;
}

static inline struct peer_link *peer_open(struct peer *peer, const char *address, enum peer_method method,
                                          const struct peer_user_ops *ops, void *user)
{
    return peer->ops->open(peer, address, method, ops, user);
}

must_use static inline enum status peer_send(struct peer_link *link, struct gm_bytes message)
{
    return peer_base(link)->ops->send(link, message);
}

static inline void peer_close(struct peer_link *link, const char *reason)
{
    peer_base(link)->ops->close(link, reason);
}

static inline size_t peer_queued(const struct peer_link *link)
{
    return peer_base(link)->ops->queued(link);
}

static inline void peer_pause(struct peer_link *link, bool paused)
{
    peer_base(link)->ops->pause(link, paused);
}

#endif
