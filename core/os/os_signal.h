/* SPDX-License-Identifier: MIT */

/* os_signal.h - signals as events of the loop. */
#ifndef GEOMYS_OS_OS_SIGNAL_H
#define GEOMYS_OS_OS_SIGNAL_H

#include "base/status.h"

struct os_loop;
struct os_signal;

/* From now on no signal ends the process that is not meant to: SIGHUP, SIGQUIT, SIGUSR1, SIGALRM, those of real time
 * and the like wait until they are told. SIGTERM and SIGINT still do, for what comes before the loop may hang. First of
 * all, before any thread is started, so that all inherit the mask. */
void os_signal_hold(void);

/* From now on these signals, SIGTERM and SIGINT are told by on_signal and do nothing else, on the loop's thread between
 * the turn's beginning and its end; SIGPIPE and SIGXFSZ are ignored. Before any thread is started. One per process. */
must_use enum status os_signal_create(struct os_signal **out, struct os_loop *loop,
                                      void (*on_signal)(void *context, int number), void *context,
                                      struct complaint *complaint);

/* Before the loop is destroyed. The signals stay blocked: one that comes now does not kill what is being put away. NULL
 * is fine. */
void os_signal_destroy(struct os_signal *signal);

#endif
