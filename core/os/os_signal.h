/* SPDX-License-Identifier: MIT */

/* os_signal.h - signals as events of the loop. */
#ifndef GEOMYS_OS_OS_SIGNAL_H
#define GEOMYS_OS_OS_SIGNAL_H

#include "base/status.h"

struct os_loop;
struct os_signal;

/* From now on SIGTERM and SIGINT are told by on_signal, on the loop's thread between the turn's beginning and its end,
 * and SIGPIPE is ignored. Call it before any thread is started, so that all inherit the mask. One per process. */
must_use enum status os_signal_create(struct os_signal **out, struct os_loop *loop,
                                      void (*on_signal)(void *context, int number), void *context,
                                      struct complaint *complaint);

/* Before the loop is destroyed. The signals stay blocked: one that comes now does not kill what is being put away. NULL
 * is fine. */
void os_signal_destroy(struct os_signal *signal);

#endif
