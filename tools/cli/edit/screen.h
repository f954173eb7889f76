/* SPDX-License-Identifier: MIT */

/* screen.h - the rows of a terminal that the editor owns: drawn anew for each change, as bytes for the terminal. */
#ifndef GEOMYS_CLI_SCREEN_H
#define GEOMYS_CLI_SCREEN_H

#include "base/buf.h"

/* What is to be seen. Borrowed. */
struct screen_content {
    struct gm_bytes prompt;
    struct gm_bytes line;
    size_t cursor;         /* byte offset into the line */
    struct gm_bytes hint;  /* dim, after the line */
    struct gm_bytes below; /* rows under it, separated by '\n', dim */
};

struct screen {
    size_t columns;
    size_t rows;       /* of the terminal */
    size_t cursor_row; /* where the terminal's cursor is, from our first row */
    bool utf8;
    bool colour; /* dim text may be used */
};

#define SCREEN_HINT_ROWS 2 /* rows that a hint may take beyond the line's last */

void screen_init(struct screen *screen, bool utf8, bool colour);

/* The terminal has another size now. What it shows has been wrapped anew by then; the next drawing starts where the
 * cursor is likely to be. */
void screen_resize(struct screen *screen, size_t columns, size_t rows);

/* Appends what draws `content` over what was drawn last. O(size of the content). */
void screen_draw(struct screen *screen, const struct screen_content *content, struct buf *out);

/* Appends what removes everything that was drawn; the cursor is then at the beginning of an empty row. */
void screen_erase(struct screen *screen, struct buf *out);

/* Forgets what was drawn: the cursor is at the beginning of a fresh row. */
void screen_reset(struct screen *screen);

#endif
