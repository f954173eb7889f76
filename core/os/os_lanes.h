/* SPDX-License-Identifier: MIT */

/* os_lanes.h - the queues of a disk and the threads that carry them out: one of each per lane. See os_lanes.c for the
 * argument. Everything here is called on the loop's thread. */
#ifndef GEOMYS_OS_OS_LANES_H
#define GEOMYS_OS_OS_LANES_H

#include "env/disk.h"

struct os_lanes; /* opaque */

/* Starts the threads. NULL: the system refuses (errno). `folder_fd` is needed during the call only. */
struct os_lanes *os_lanes_create(int folder_fd);

/* Ready for reading (level-triggered) when there is something to deliver. */
int os_lanes_event_fd(const struct os_lanes *lanes);

void os_lanes_submit(struct os_lanes *lanes, struct disk_request *request);

/* Calls on_done of the requests that have been carried out. */
void os_lanes_deliver(struct os_lanes *lanes);

/* Blocks until all lanes are empty and everything is delivered, also what on_done submits. */
void os_lanes_drain(struct os_lanes *lanes);

/* Carries out what is submitted, without on_done; then ends the threads. NULL is fine. */
void os_lanes_destroy(struct os_lanes *lanes);

#endif
