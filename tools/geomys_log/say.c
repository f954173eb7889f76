/* SPDX-License-Identifier: MIT */

/* say.c - say.h has the argument. */
#include "geomys_log/say.h"

#include <stdarg.h>

#include "base/check.h"
#include "base/printable.h"

#define LINE_ROOM 16384 /* two paths and a sentence */

void say(FILE *file, const char *format, ...)
{
    char line[LINE_ROOM];
    char clean[4 * LINE_ROOM];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    check(size > 0 && format[strlen(format) - 1] == '\n');
    size_t used = (size_t)size < sizeof line ? (size_t)size - 1 : sizeof line - 1;
    size_t shown = printable_write(clean, sizeof clean, (struct gm_bytes){(const uint8_t *)line, used});
    (void)fwrite(clean, 1, shown, file);
    (void)fputc('\n', file);
}
