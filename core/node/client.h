/* SPDX-License-Identifier: MIT */

/* client.h - a session and its connection: input in, released output out, back-pressure between. */
#ifndef GEOMYS_NODE_CLIENT_H
#define GEOMYS_NODE_CLIENT_H

#include "node/node.h"
#include "serve/session.h"

struct client {
    struct node *node;       /* borrowed */
    struct net_conn *conn;   /* borrowed, until on_closed */
    struct session *session; /* owned */
    struct list stuffed;     /* in node->stuffed, or alone */
    const char *user_seen;   /* the session's, when it was looked at; NULL: it has not shown the password */
    struct list unknown;     /* in node->unknown, or alone: it has shown the password, or there is none */
    int64_t unknown_ms;      /* monotonic: since when it is there */
    size_t left;             /* bytes of input that were not consumed */
    int64_t input_ms;        /* monotonic: when bytes came last */
    int64_t progress_ms;     /* monotonic: when the peer was last offered output, and had taken what was before it */
    uint64_t
        untaken;  /* bytes that the peer had not taken when it was last looked at, while stalled; UINT64_MAX: not yet */
    bool stalled; /* the peer does not take more just now */
    bool ended;   /* the peer sends no more */
    bool resuming; /* its input will be given again */
};

/* For the acceptor. */
bool client_accept(void *node, struct net_conn *conn, const struct net_user_ops **ops, void **user,
                   struct gm_bytes *refusal);

/* Sends what the gate lets go; closes the connection when it is over. */
void client_flush(struct client *client);

/* Closes the connections of those who have not shown the password in time, and tells of wrong ones. Once per second;
 * O(those). */
void client_check_unknown(struct node *node);

/* There is no password any more: nobody is waited for. O(those). */
void client_know_all(struct node *node);

static inline struct client *client_of(struct session *session)
{
    return session->user;
}

/* Ends it if it has been silent, or has read nothing, for too long. Once per second. */
void client_check(struct client *client);

#endif
