/* SPDX-License-Identifier: MIT */

/* os_grpc_view.h - the links as the thread of one loop sees them. */
#ifndef GEOMYS_OS_OS_GRPC_VIEW_H
#define GEOMYS_OS_OS_GRPC_VIEW_H

#include "os/os_grpc_state.h"

must_use enum status os_grpc_view_create(struct os_grpc *grpc, struct peer **out, int *event_fd,
                                         struct complaint *complaint);

/* Tells users what has happened to their links, a bounded part of it per link and call. */
void os_grpc_view_deliver(struct peer *peer);

/* Closes all its links, tells their users, and frees it. */
void os_grpc_view_destroy(struct peer *peer);

#endif
