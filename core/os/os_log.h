/* SPDX-License-Identifier: MIT */

/* os_log.h - the server's log for people: one line per event on standard error, with time and level. */
#ifndef GEOMYS_OS_OS_LOG_H
#define GEOMYS_OS_OS_LOG_H

#include "base/trace.h"

struct trace os_log_trace(enum trace_level least);

#endif
