/* SPDX-License-Identifier: MIT */

/* monitor.h - MONITOR: every command that is carried out, told to those who watch, as Redis prints it.
 *
 *     +1339518083.107412 [0 127.0.0.1:60866] "GET" "x"
 *
 * Nothing secret is shown: of a command that may carry a password (CALL_SECRET) the name alone. A line has at most
 * MONITOR_LINE_MAX bytes; what is longer ends in dots. Costs one comparison per command while nobody watches. */
#ifndef GEOMYS_SERVE_MONITOR_H
#define GEOMYS_SERVE_MONITOR_H

#include "serve/call.h"

#define MONITOR_LINE_MAX ((size_t)64 * 1024) /* bytes */

void monitor_tell_slow(const struct call *call);

/* The call is well-formed and about to be carried out. */
static inline void monitor_tell(const struct call *call)
{
    if (__builtin_expect(!list_empty(&call->worker->monitors), 0)) {
        monitor_tell_slow(call);
    }
}

#endif
