/* SPDX-License-Identifier: MIT */

/* status.c - the sentences of the status table, and complaints. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

const char *status_text(enum status status)
{
    switch (status) {
#define X(name, text)                                                                                                  \
    case name:                                                                                                         \
        return text;
        STATUS_TABLE(X)
#undef X
    }
    return "unknown status";
}

void complaint_set(struct complaint *complaint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(complaint->text, sizeof complaint->text, format, args);
    va_end(args);
    printable_clean(complaint->text, sizeof complaint->text);
}

void complaint_prefix(struct complaint *complaint, const char *format, ...)
{
    char inner[sizeof complaint->text];
    memcpy(inner, complaint->text, sizeof inner);
    va_list args;
    va_start(args, format);
    int size = vsnprintf(complaint->text, sizeof complaint->text, format, args);
    va_end(args);
    if (size >= 0 && (size_t)size < sizeof complaint->text) {
        (void)snprintf(complaint->text + size, sizeof complaint->text - (size_t)size, ": %.*s",
                       (int)(sizeof complaint->text - (size_t)size), inner);
    }
    printable_clean(complaint->text, sizeof complaint->text);
}
