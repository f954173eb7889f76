/* SPDX-License-Identifier: MIT */

/* trace.c - formatting one line. */
#include "base/trace.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/printable.h"

void trace(const struct trace *trace, enum trace_level level, const char *format, ...)
{
    if (level < trace->least || trace->line == NULL) {
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printable_clean(text, sizeof text);
    trace->line(trace->context, level, text);
}
