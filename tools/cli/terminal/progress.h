/* SPDX-License-Identifier: MIT */

/* progress.h - one line on standard error that tells how far something is, at a terminal only. */
#ifndef GEOMYS_CLI_PROGRESS_H
#define GEOMYS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool on;
    bool drawn;
    int64_t drawn_ns;
};

/* Writes "[#####.....] 50%"; nothing for an unknown total (0). A part above the total is all of it. */
void progress_bar(char *out, size_t size, uint64_t part, uint64_t total);

/* True if it is time to draw again. */
bool progress_due(struct progress *progress, int64_t now_ns);

/* Draws `text` over what was drawn last; it is cut at the terminal's last column. */
void progress_draw(struct progress *progress, const char *text);

/* Removes the line. */
void progress_clear(struct progress *progress);

#endif
