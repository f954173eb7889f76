/* SPDX-License-Identifier: MIT */

/* frame.c - rows, each written over the old one and then erased to its end: nothing flickers. */
#include "cli/terminal/frame.h"

#include "base/utf8.h"
#include "cli/text/cells.h"

/* Appends at most `columns` cells of a line without its end. */
static void put_line(struct buf *out, struct gm_bytes line, size_t columns)
{
    size_t cells = 0;
    while (line.size > 0) {
        uint32_t character = 0;
        size_t size = utf8_decode(line, &character);
        bool tab = *line.data == '\t';
        int width = tab ? 1 : size > 0 ? cells_of(character) : 1;
        size = size > 0 ? size : 1;
        cells += width > 0 ? (size_t)width : 0;
        if (cells > columns) {
            break;
        }
        buf_append(out, tab ? BYTES(" ") : (struct gm_bytes){line.data, size});
        line = (struct gm_bytes){line.data + size, line.size - size};
    }
    buf_append(out, BYTES("\x1b[K\r\n"));
}

void frame_draw(struct buf *out, struct gm_bytes title, struct gm_bytes text, size_t columns, size_t rows, bool first)
{
    buf_append(out, first ? BYTES("\x1b[H\x1b[2J") : BYTES("\x1b[H"));
    put_line(out, title, columns);
    for (size_t row = 1; row + 1 < rows && text.size > 0; row++) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) : text.size;
        put_line(out, (struct gm_bytes){text.data, size}, columns);
        size += end != NULL ? 1 : 0;
        text = (struct gm_bytes){text.data + size, text.size - size};
    }
    buf_append(out, BYTES("\x1b[J"));
}
