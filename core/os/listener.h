/* SPDX-License-Identifier: MIT */

/* listener.h - the sockets that connections come in on. */
#ifndef GEOMYS_OS_LISTENER_H
#define GEOMYS_OS_LISTENER_H

#include "os/loop_state.h"

/* A step of the turn: accepts again when the wait for descriptors is over. */
void listener_turn(struct os_loop *loop);

/* TCP connections that come in from now on are probed as loop->keepalive_s says. O(listening sockets). */
void listener_keepalive(struct os_loop *loop);

/* Closes all; frees those that were closed before the events of this turn had been handed out. */
void listener_close_all(struct os_loop *loop);

#endif
