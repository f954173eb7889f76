/* SPDX-License-Identifier: MIT */

/* frame.h - text that fills a terminal and is drawn over what it was before. [any thread] */
#ifndef GEOMYS_CLI_FRAME_H
#define GEOMYS_CLI_FRAME_H

#include "base/buf.h"

/* Appends what shows `title` and under it `text`, from the terminal's first row on, cut to its size; the cursor ends at
 * the beginning of the last row, so that nothing scrolls. The text must be safe for a terminal but for line breaks and
 * tabs. With `first` the screen is cleared before. What does not fit `out` is left out. O(size). */
void frame_draw(struct buf *out, struct gm_bytes title, struct gm_bytes text, size_t columns, size_t rows, bool first);

#endif
