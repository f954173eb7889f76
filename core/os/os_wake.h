/* SPDX-License-Identifier: MIT */

/* os_wake.h - has another thread's loop take a turn. */
#ifndef GEOMYS_OS_OS_WAKE_H
#define GEOMYS_OS_OS_WAKE_H

#include "os/loop.h"

struct os_wake; /* opaque */

/* `on_wake` (may be NULL: the turn itself is what is wanted) is called on the loop's thread, in a turn that begins
 * after os_wake_call, once for all calls before it. REFUSED when the system has no descriptors. [before the loop runs,
 * or on its thread] */
must_use enum status os_wake_create(struct os_wake **out, struct os_loop *loop, void (*on_wake)(void *context),
                                    void *context, struct complaint *complaint);

/* [any thread, a signal handler too] */
void os_wake_call(struct os_wake *wake);

/* Nobody calls it any more. NULL is fine. [as create] */
void os_wake_destroy(struct os_wake *wake);

#endif
