/* SPDX-License-Identifier: MIT */

/* progress.c - the line. */
#include "cli/terminal/progress.h"

#include <stdio.h>
#include <string.h>

#include "cli/terminal/terminal.h"

#define EVERY_NS 100000000
#define CELLS    30

void progress_bar(char *out, size_t size, uint64_t part, uint64_t total)
{
    *out = '\0';
    if (total == 0) {
        return;
    }
    double share = part < total ? (double)part / (double)total : 1;
    char bar[CELLS + 1];
    for (int i = 0; i < CELLS; i++) {
        bar[i] = i < (int)(share * CELLS) ? '#' : '.';
    }
    bar[CELLS] = '\0';
    snprintf(out, size, "[%s] %3d%%", bar, (int)(share * 100));
}

bool progress_due(struct progress *progress, int64_t now_ns)
{
    if (!progress->on || now_ns - progress->drawn_ns < EVERY_NS) {
        return false;
    }
    progress->drawn_ns = now_ns;
    return true;
}

void progress_draw(struct progress *progress, const char *text)
{
    size_t columns;
    size_t rows;
    terminal_size(&columns, &rows);
    fprintf(stderr, "\r%.*s\x1b[K", (int)columns - 1, text);
    fflush(stderr);
    progress->drawn = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn) {
        fputs("\r\x1b[K", stderr);
        fflush(stderr);
    }
    progress->drawn = false;
}
