/* SPDX-License-Identifier: MIT */

/* conn.h - a connection of the loop: env/net.h over a non-blocking stream socket. */
#ifndef GEOMYS_OS_CONN_H
#define GEOMYS_OS_CONN_H

#include "os/loop_state.h"

/* Takes the descriptor and asks the acceptor who uses it; false, and the descriptor is closed, when nobody does.
 * `local`: it is a Unix socket. `address` is this side. */
bool conn_create(struct os_loop *loop, int descriptor, const struct net_acceptor *acceptor, bool local,
                 const char *peer, const char *address);

/* Writes a few last words to a socket that nobody uses, as far as it takes them at once, and closes it. */
void conn_refuse(struct os_loop *loop, int descriptor, struct gm_bytes words);

/* The steps of a turn. `ready`: what was in loop->ready when it began. */
void conn_read_all(struct list *ready);
void conn_resume_all(struct os_loop *loop);
void conn_reap(struct os_loop *loop);

/* Those that are there are probed as loop->keepalive_s says. O(connections). */
void conn_keepalive(struct os_loop *loop);

void conn_close_all(struct os_loop *loop);

#endif
