/* SPDX-License-Identifier: MIT */

/* os_grpc_server.h - ports that other nodes call. */
#ifndef GEOMYS_OS_OS_GRPC_SERVER_H
#define GEOMYS_OS_OS_GRPC_SERVER_H

#include "os/os_grpc_state.h"

must_use enum status os_grpc_server_listen(struct os_grpc *grpc, const char *target, uint16_t *bound,
                                           struct complaint *complaint);

/* No call is taken any more. When the last one is over, os_grpc_server_all_stopped. */
void os_grpc_server_stop_all(struct os_grpc *grpc);
void os_grpc_server_cancel_all(struct os_grpc *grpc);
bool os_grpc_server_all_stopped(const struct os_grpc *grpc); /* with the lock held */
void os_grpc_server_free_all(struct os_grpc *grpc);

#endif
