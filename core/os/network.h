/* SPDX-License-Identifier: MIT */

/* network.h - what holds for all connections of the loop: env/net.h's struct network. */
#ifndef GEOMYS_OS_NETWORK_H
#define GEOMYS_OS_NETWORK_H

#include "os/loop_state.h"

void network_init(struct os_loop *loop);

/* A TCP connection, or those that a listening socket will bring, is probed after `seconds` of silence, three times; 0:
 * never. False: it is of another kind. */
bool network_keepalive(int descriptor, uint32_t seconds);

#endif
