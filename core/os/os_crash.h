/* SPDX-License-Identifier: MIT */

/* os_crash.h - the last words of a process that a fault ends. */
#ifndef GEOMYS_OS_OS_CRASH_H
#define GEOMYS_OS_OS_CRASH_H

#include <stdbool.h>
#include <stddef.h>

/* Who knows what was under way: writes at most `room` bytes of a sentence, `deed` ("crashed") being what was done,
 * returns how many; 0: nothing was. Called in
 * a signal handler on the thread that crashed: it may read memory and nothing else. */
struct os_crash_witness {
    size_t (*describe)(const void *context, const char *deed, char *text, size_t room);
    const void *context; /* borrowed, until os_crash_unwatch */
};

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT are answered by one line on standard error, and then take
 * their course: the process ends by the same signal, with a core if the system is told to keep cores. The witness is
 * heard if it was the calling thread that crashed; a stack overflow on it is told, too. So is exit(), by whoever calls
 * it, as long as it is watched for. One per process. */
void os_crash_watch(const struct os_crash_witness *witness);

/* A line about what is under way, and what to do about it; false: nothing is. On the thread that watches. [signal
 * handler] */
bool os_crash_say(const char *deed, const char *remedy);

/* Back to how it was. Nothing happens if nobody watches. */
void os_crash_unwatch(void);

#endif
