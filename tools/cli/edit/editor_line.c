/* SPDX-License-Identifier: MIT */

/* editor_line.c - the line that is edited: its bytes, the cursor in it, and what was killed.
 *
 * Promises E1  The cursor is always at the beginning of a character (of UTF-8; a broken byte is one of its own), and
 *              never between a character and the marks that combine with it.
 *          E2  Whatever the bytes, the line is at most EDITOR_LINE long.
 */
#include "cli/edit/editor_line.h"

#include "cli/edit/steps.h"

void editor_line_init(struct editor_line *line, bool utf8)
{
    *line = (struct editor_line){.utf8 = utf8};
    buf_init(&line->text, EDITOR_LINE);
    buf_init(&line->killed, EDITOR_LINE);
}

void editor_line_finish(struct editor_line *line)
{
    buf_finish(&line->text);
    buf_finish(&line->killed);
}

/* ---- moving -------------------------------------------------------------------------------------------------- */

static size_t after(const struct editor_line *line, size_t at)
{
    return steps_after(buf_bytes(&line->text), at, line->utf8);
}

static size_t before(const struct editor_line *line, size_t at)
{
    return steps_before(buf_bytes(&line->text), at, line->utf8);
}

/* ---- changing ------------------------------------------------------------------------------------------------ */

void editor_line_clear(struct editor_line *line)
{
    buf_clear(&line->text, 65536);
    line->cursor = 0;
}

bool editor_line_insert(struct editor_line *line, struct gm_bytes bytes)
{
    struct buf *text = &line->text;
    if (buf_reserve(text, bytes.size) == NULL) {
        return false; /* editor_line E2 */
    }
    memmove(text->data + line->cursor + bytes.size, text->data + line->cursor, text->size - line->cursor);
    if (bytes.size > 0) {
        memcpy(text->data + line->cursor, bytes.data, bytes.size);
    }
    text->size += bytes.size;
    line->cursor += bytes.size;
    return true;
}

void editor_line_cut(struct editor_line *line, size_t from, size_t to)
{
    struct buf *text = &line->text;
    check(from <= to && to <= text->size);
    if (from < to) {
        memmove(text->data + from, text->data + to, text->size - to);
        text->size -= to - from;
    }
    line->cursor = from;
}

/* Cuts, and keeps the bytes for Ctrl-Y; kills in a row add up. */
static void kill_range(struct editor_line *line, size_t from, size_t to, bool was_killing)
{
    struct gm_bytes range = {line->text.size > 0 ? line->text.data + from : NULL, to - from};
    bool backward = to == line->cursor && from < to;
    if (!was_killing) {
        buf_clear(&line->killed, SIZE_MAX);
    }
    if (buf_append(&line->killed, range) && backward && was_killing) {
        size_t old = line->killed.size - range.size;
        memmove(line->killed.data + range.size, line->killed.data, old);
        memcpy(line->killed.data, range.data, range.size);
    }
    editor_line_cut(line, from, to);
    line->killing = true;
}

bool editor_line_replace(struct editor_line *line, struct gm_bytes text)
{
    buf_clear(&line->text, SIZE_MAX);
    bool fits = buf_append(&line->text, text);
    line->cursor = line->text.size;
    return fits;
}

static bool swap_characters(struct editor_line *line)
{
    size_t at = line->cursor == line->text.size ? before(line, line->cursor) : line->cursor;
    size_t from = before(line, at);
    size_t to = after(line, at);
    uint8_t second[64];
    if (from == at || to - at > sizeof second) {
        return false;
    }
    memcpy(second, line->text.data + at, to - at);
    memmove(line->text.data + from + (to - at), line->text.data + from, at - from);
    memcpy(line->text.data + from, second, to - at);
    line->cursor = to;
    return true;
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

bool editor_line_key(struct editor_line *line, enum key key, bool was_killing)
{
    struct gm_bytes text = buf_bytes(&line->text);
    size_t cursor = line->cursor;
    switch (key) {
    case KEY_LEFT:
        line->cursor = before(line, cursor);
        return true;
    case KEY_RIGHT:
        line->cursor = after(line, cursor);
        return true;
    case KEY_HOME:
        line->cursor = 0;
        return true;
    case KEY_END:
        line->cursor = text.size;
        return true;
    case KEY_WORD_LEFT:
        line->cursor = steps_word_left(text, cursor);
        return true;
    case KEY_WORD_RIGHT:
        line->cursor = steps_word_right(text, cursor);
        return true;
    case KEY_ERASE:
        editor_line_cut(line, before(line, cursor), cursor);
        return true;
    case KEY_DELETE:
    case KEY_DELETE_OR_END:
        editor_line_cut(line, cursor, after(line, cursor));
        return true;
    case KEY_KILL_END:
        kill_range(line, cursor, text.size, was_killing);
        return true;
    case KEY_KILL_START:
        kill_range(line, 0, cursor, was_killing);
        return true;
    case KEY_KILL_WORD:
        kill_range(line, steps_blank_left(text, cursor), cursor, was_killing);
        return true;
    case KEY_KILL_WORD_RIGHT:
        kill_range(line, cursor, steps_word_right(text, cursor), was_killing);
        return true;
    case KEY_YANK:
        return editor_line_insert(line, buf_bytes(&line->killed));
    case KEY_SWAP:
        return swap_characters(line);
    default:
        return true;
    }
}
