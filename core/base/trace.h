/* SPDX-License-Identifier: MIT */

/* trace.h - one line per event that an operator wants to know, through a sink that somebody passes in. [any thread, as
 * the sink] */
#ifndef GEOMYS_BASE_TRACE_H
#define GEOMYS_BASE_TRACE_H

enum trace_level {
    TRACE_DEBUG,
    TRACE_INFO,
    TRACE_WARNING,
    TRACE_ERROR,
};

struct trace {
    /* One line, without a line break. */
    void (*line)(void *context, enum trace_level level, const char *text);
    void *context;
    enum trace_level least; /* what is below is not told */
};

/* 1024 bytes at most; what is longer is cut. What is not to be shown as it is, line breaks too, is escaped as
 * printable.h has it: the line holds names that are not ours. */
__attribute__((format(printf, 3, 4))) void trace(const struct trace *trace, enum trace_level level, const char *format,
                                                 ...);

#endif
