/* SPDX-License-Identifier: MIT */

/* caller.h - for whom a command is carried out: all that its execution needs to know of the client, by value, wherever
 * the client's connection is.
 *
 * A connection here has a session, which holds its caller. A forwarded command, a call of another kind of port, or a
 * command of another worker brings a caller without one: commands about the connection itself (CALL_SESSION) are not
 * for it. The host is a caller as well, of id CHANGE_NOBODY: what it does by itself is nobody's.
 */
#ifndef GEOMYS_SERVE_CALLER_H
#define GEOMYS_SERVE_CALLER_H

#include "shard/change.h"
#include "shard/gate.h"

#include <stdbool.h>

#define CALLER_USER "default" /* the only user so far */

struct session;

struct caller {
    uint64_t id;             /* of the connection: never used twice while the process lives; or CHANGE_NOBODY */
    struct session *session; /* borrowed; NULL: the connection is not here, or there is none */
    const char *user;        /* static; NULL: the password has not been shown yet */
    const char *address;     /* borrowed: of the peer, for people */
    const char *name;        /* borrowed: what CLIENT SETNAME has said, or "" */
    uint16_t database;       /* that its commands are about: SELECT */
    uint8_t level;           /* enum gate_level: how durable what it is shown must be */
    bool resp3;
    bool no_touch; /* does not heat the keys that it uses */
};

_Static_assert(sizeof(struct caller) <= 48, "it is copied for each call");

/* The host, which may do everything. */
static inline struct caller caller_host(void)
{
    return (struct caller){.id = CHANGE_NOBODY, .user = CALLER_USER, .address = "", .name = ""};
}

#endif
