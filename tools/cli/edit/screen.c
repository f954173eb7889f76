/* SPDX-License-Identifier: MIT */

/* screen.c - drawing.
 *
 * Idea     The text is laid out here, cell by cell, and rows are ended here, so nothing depends on how a terminal
 *          wraps. Layout runs twice: once to find the row of the cursor, once to write the rows that fit on the
 *          terminal, which are those around the cursor.
 *
 *              prompt> set k "a long val     row 0
 *              ue" [NX|XX] [GET]             row 1, the hint dim
 *                  ^ the cursor
 *
 * Promises D1  No byte of the line reaches the terminal as a control: controls are shown as ^X, broken UTF-8 as \xHH.
 *          D2  Never more rows than the terminal has; the cursor is always among them.
 */
#include "cli/edit/screen.h"

#include "base/utf8.h"
#include "cli/text/cells.h"

#define COLUMNS_MIN 8

struct layout {
    const struct screen *screen;
    struct buf *out; /* NULL: only measuring */
    size_t top;      /* first row to write */
    size_t bottom;   /* first row not to write any more */
    size_t row;
    size_t column;
    size_t last_row; /* past it nothing is laid out: the text is cut */
    bool cut;
    bool dim;
};

void screen_init(struct screen *screen, bool utf8, bool colour)
{
    *screen = (struct screen){.columns = 80, .rows = 24, .utf8 = utf8, .colour = colour};
}

void screen_resize(struct screen *screen, size_t columns, size_t rows)
{
    columns = columns < COLUMNS_MIN ? COLUMNS_MIN : columns;
    if (columns < screen->columns) {
        screen->cursor_row *= (screen->columns + columns - 1) / columns;
    }
    screen->columns = columns;
    screen->rows = rows < 2 ? 2 : rows;
}

void screen_reset(struct screen *screen)
{
    screen->cursor_row = 0;
}

void screen_erase(struct screen *screen, struct buf *out)
{
    buf_append(out, BYTES("\r"));
    if (screen->cursor_row > 0) {
        buf_format(out, "\x1b[%zuA", screen->cursor_row);
    }
    buf_append(out, BYTES("\x1b[J"));
    screen->cursor_row = 0;
}

/* ---- layout -------------------------------------------------------------------------------------------------- */

static bool writes(const struct layout *layout)
{
    return layout->out != NULL && layout->row >= layout->top && layout->row < layout->bottom;
}

static void next_row(struct layout *layout)
{
    layout->row++;
    layout->column = 0;
    if (writes(layout) && layout->row > layout->top) {
        buf_append(layout->out, BYTES("\r\n"));
    }
    if (writes(layout) && layout->dim && layout->screen->colour) {
        buf_append(layout->out, BYTES("\x1b[2m")); /* the row may be the first that is written */
    }
}

static void put_cells(struct layout *layout, struct gm_bytes text, size_t width)
{
    bool last = layout->row == layout->last_row;
    size_t room = layout->screen->columns - (last ? 1 : 0);
    if (layout->cut || (last && layout->column + width > room)) {
        if (!layout->cut && writes(layout)) {
            buf_append(layout->out, BYTES(">"));
        }
        layout->cut = true;
        return;
    }
    if (layout->column + width > room) {
        next_row(layout);
    }
    if (writes(layout)) {
        buf_append(layout->out, text);
    }
    layout->column += width;
}

/* Puts the character at the beginning of `text`; returns its size in bytes. */
static size_t put_character(struct layout *layout, struct gm_bytes text)
{
    char shown[8];
    uint32_t character;
    uint8_t first = text.data[0];
    size_t size = layout->screen->utf8 || first < 0x80 ? utf8_decode(text, &character) : 0;
    int width = size > 0 ? cells_of(character) : -1;
    if (width >= 0) {
        put_cells(layout, (struct gm_bytes){text.data, size}, (size_t)width);
        return size;
    }
    if (size == 1) {
        shown[0] = '^';
        shown[1] = (char)(first ^ 0x40);
        put_cells(layout, (struct gm_bytes){(const uint8_t *)shown, 2}, 2);
        return 1;
    }
    static const char digits[] = "0123456789abcdef";
    memcpy(shown, "\\x", 2);
    shown[2] = digits[first >> 4];
    shown[3] = digits[first & 15];
    put_cells(layout, (struct gm_bytes){(const uint8_t *)shown, 4}, 4);
    return 1;
}

static void put_text(struct layout *layout, struct gm_bytes text)
{
    for (size_t at = 0; at < text.size && !layout->cut;) {
        at += put_character(layout, (struct gm_bytes){text.data + at, text.size - at});
    }
}

static void set_dim(struct layout *layout, bool dim)
{
    layout->dim = dim;
    if (layout->screen->colour && writes(layout)) {
        buf_append(layout->out, gm_bytes_of(dim ? "\x1b[2m" : "\x1b[0m"));
    }
}

static void put_below(struct layout *layout, struct gm_bytes below)
{
    for (size_t at = 0; at < below.size;) {
        const uint8_t *end = memchr(below.data + at, '\n', below.size - at);
        size_t size = end != NULL ? (size_t)(end - below.data) - at : below.size - at;
        layout->cut = false;
        layout->last_row = SIZE_MAX;
        next_row(layout);
        layout->last_row = layout->row;
        put_text(layout, (struct gm_bytes){below.data + at, size});
        at += size + 1;
    }
}

/* Lays out everything; the position of the cursor comes back in `row` and `column`. */
static void lay_out(struct layout *layout, const struct screen_content *content, size_t *row, size_t *column)
{
    size_t columns = layout->screen->columns;
    layout->last_row = SIZE_MAX;
    put_text(layout, content->prompt);
    if (layout->column == columns) {
        next_row(layout);
    }
    *row = layout->row;
    *column = layout->column;
    for (size_t at = 0; at < content->line.size;) {
        size_t size = put_character(layout, (struct gm_bytes){content->line.data + at, content->line.size - at});
        if (at < content->cursor) {
            *row = layout->row;
            *column = layout->column;
        }
        at += size;
    }
    if (layout->column == columns) {
        next_row(layout);
    }
    if (*column == columns) {
        *column = 0;
        (*row)++;
    }
    layout->last_row = layout->row + SCREEN_HINT_ROWS;
    set_dim(layout, true);
    put_text(layout, content->hint);
    put_below(layout, content->below);
    layout->dim = false;
}

void screen_draw(struct screen *screen, const struct screen_content *content, struct buf *out)
{
    size_t row;
    size_t column;
    struct layout measured = {.screen = screen};
    lay_out(&measured, content, &row, &column);
    size_t top = row >= screen->rows ? row - screen->rows + 1 : 0;
    screen_erase(screen, out);
    struct layout written = {.screen = screen, .out = out, .top = top, .bottom = top + screen->rows};
    lay_out(&written, content, &row, &column);
    if (screen->colour) {
        buf_append(out, BYTES("\x1b[0m"));
    }
    size_t end = written.row < written.bottom ? written.row : written.bottom - 1;
    if (end > row) {
        buf_format(out, "\x1b[%zuA", end - row);
    }
    buf_append(out, BYTES("\r"));
    if (column > 0) {
        buf_format(out, "\x1b[%zuC", column);
    }
    screen->cursor_row = row - top;
}
