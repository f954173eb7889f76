/* SPDX-License-Identifier: MIT */

/* os_log.c - "2026-01-31T12:00:00.123Z info  text", in one write each. */
#include "os/os_log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void line(void *context, enum trace_level level, const char *text)
{
    (void)context;
    static const char *const names[] = {"debug", "info ", "warn ", "error"};
    struct timespec now;
    struct tm parts;
    char stamp[32];
    char out[1200];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &parts) == NULL || strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        (void)snprintf(stamp, sizeof stamp, "%lld", (long long)now.tv_sec); /* a year that has no name */
    }
    int size = snprintf(out, sizeof out, "%s.%03ldZ %s %s\n", stamp, now.tv_nsec / 1000000, names[level], text);
    if (size > 0) {
        size_t used = (size_t)size < sizeof out ? (size_t)size : sizeof out - 1;
        if (write(STDERR_FILENO, out, used) < 0) {
            return; /* nobody reads; there is nowhere to say so */
        }
    }
}

struct trace os_log_trace(enum trace_level least)
{
    return (struct trace){.line = line, .least = least};
}
