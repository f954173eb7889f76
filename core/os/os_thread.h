/* SPDX-License-Identifier: MIT */

/* os_thread.h - a loop on a thread of its own.
 *
 *     os_loop_create ─► watches ─► os_thread_start ─► ... turns, there ... ─► os_thread_end ─► os_loop_destroy */
#ifndef GEOMYS_OS_OS_THREAD_H
#define GEOMYS_OS_OS_THREAD_H

#include "os/loop.h"

struct os_thread; /* opaque */

/* Runs the loop, which belongs to that thread from now on. `name`: for those who look at the process, at most 15
 * bytes. No signal comes to it but what a fault raises. REFUSED when the system has no thread. */
must_use enum status os_thread_start(struct os_thread **out, struct os_loop *loop, const char *name,
                                     struct complaint *complaint);

/* Waits until the loop has ended its turn; it belongs to the caller again. Fine too if it has stopped by itself. NULL
 * is fine. */
void os_thread_end(struct os_thread *thread);

#endif
