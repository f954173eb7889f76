/* SPDX-License-Identifier: MIT */

/* os_watch.h - a command that does not return is named, and SIGTERM still ends the server. */
#ifndef GEOMYS_OS_OS_WATCH_H
#define GEOMYS_OS_OS_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who knows how far the thread is: a number that changes whenever another thing is under way. Called in a signal
 * handler on the thread that called os_watch_start. */
struct os_watch_witness {
    uint64_t (*progress)(const void *context);
    const void *context; /* borrowed, until os_watch_stop */
};

struct os_watch {
    atomic_uint_fast64_t turn; /* odd within a turn */
};

/* From now on, if within one turn of the calling thread nothing has come forward for a second, one line says what is
 * under way (os_crash_say); and if SIGTERM or SIGINT waits meanwhile, for a second more, the process ends with a line
 * and exit code 1: what was acknowledged is in the log. Behind os_crash_watch. One per process. NULL: there is no
 * thread to be had, and nobody watches. */
struct os_watch *os_watch_start(const struct os_watch_witness *witness);

/* A turn of the thread begins, or ends. NULL is fine. A few instructions. */
static inline void os_watch_turn(struct os_watch *watch, bool begins)
{
    if (watch != NULL) {
        uint_fast64_t turn = atomic_load_explicit(&watch->turn, memory_order_relaxed);
        atomic_store_explicit(&watch->turn, (turn | 1) + !begins, memory_order_relaxed);
    }
}

/* NULL is fine. */
void os_watch_stop(struct os_watch *watch);

#endif
