/* SPDX-License-Identifier: MIT */

/* editor_line.c - the line that is edited: its bytes, the cursor in it, and what was killed.
 *
 * Promises E1  The cursor is always at the beginning of a character (of UTF-8; a broken byte is one of its own), and
 *              never between a character and the marks that combine with it.
 *          E2  Whatever the bytes, the line is at most EDITOR_LINE long.
 */
#include "cli/edit/editor_line.h"

#include "cli/edit/steps.h"

/* ---- moving -------------------------------------------------------------------------------------------------- */

static size_t after(const struct editor *editor, size_t at)
{
    return steps_after(editor_line(editor), at, editor->screen.utf8);
}

static size_t before(const struct editor *editor, size_t at)
{
    return steps_before(editor_line(editor), at, editor->screen.utf8);
}

/* ---- changing ------------------------------------------------------------------------------------------------ */

void editor_line_insert(struct editor *editor, struct gm_bytes bytes)
{
    struct buf *line = &editor->line;
    if (buf_reserve(line, bytes.size) == NULL) {
        editor->bell = true;
        return;
    }
    memmove(line->data + editor->cursor + bytes.size, line->data + editor->cursor, line->size - editor->cursor);
    if (bytes.size > 0) {
        memcpy(line->data + editor->cursor, bytes.data, bytes.size);
    }
    line->size += bytes.size;
    editor->cursor += bytes.size;
}

void editor_line_cut(struct editor *editor, size_t from, size_t to)
{
    struct buf *line = &editor->line;
    check(from <= to && to <= line->size);
    if (from < to) {
        memmove(line->data + from, line->data + to, line->size - to);
        line->size -= to - from;
    }
    editor->cursor = from;
}

/* Cuts, and keeps the bytes for Ctrl-Y; kills in a row add up. */
static void kill_range(struct editor *editor, size_t from, size_t to, bool was_killing)
{
    struct gm_bytes range = {editor->line.size > 0 ? editor->line.data + from : NULL, to - from};
    bool backward = to == editor->cursor && from < to;
    if (!was_killing) {
        buf_clear(&editor->killed, SIZE_MAX);
    }
    if (buf_append(&editor->killed, range) && backward && was_killing) {
        size_t old = editor->killed.size - range.size;
        memmove(editor->killed.data + range.size, editor->killed.data, old);
        memcpy(editor->killed.data, range.data, range.size);
    }
    editor_line_cut(editor, from, to);
    editor->killing = true;
}

void editor_line_replace(struct editor *editor, struct gm_bytes text)
{
    buf_clear(&editor->line, SIZE_MAX);
    editor->bell = !buf_append(&editor->line, text) || editor->bell;
    editor->cursor = editor->line.size;
}

static void swap_characters(struct editor *editor)
{
    size_t at = editor->cursor == editor->line.size ? before(editor, editor->cursor) : editor->cursor;
    size_t from = before(editor, at);
    size_t to = after(editor, at);
    uint8_t second[64];
    if (from == at || to - at > sizeof second) {
        editor->bell = true;
        return;
    }
    memcpy(second, editor->line.data + at, to - at);
    memmove(editor->line.data + from + (to - at), editor->line.data + from, at - from);
    memcpy(editor->line.data + from, second, to - at);
    editor->cursor = to;
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

void editor_line_key(struct editor *editor, enum key key, bool was_killing)
{
    size_t size = editor->line.size;
    switch (key) {
    case KEY_LEFT:
        editor->cursor = before(editor, editor->cursor);
        return;
    case KEY_RIGHT:
        editor->cursor = after(editor, editor->cursor);
        return;
    case KEY_HOME:
        editor->cursor = 0;
        return;
    case KEY_END:
        editor->cursor = size;
        return;
    case KEY_WORD_LEFT:
        editor->cursor = steps_word_left(editor_line(editor), editor->cursor);
        return;
    case KEY_WORD_RIGHT:
        editor->cursor = steps_word_right(editor_line(editor), editor->cursor);
        return;
    case KEY_ERASE:
        editor_line_cut(editor, before(editor, editor->cursor), editor->cursor);
        return;
    case KEY_DELETE:
    case KEY_DELETE_OR_END:
        editor_line_cut(editor, editor->cursor, after(editor, editor->cursor));
        return;
    case KEY_KILL_END:
        kill_range(editor, editor->cursor, size, was_killing);
        return;
    case KEY_KILL_START:
        kill_range(editor, 0, editor->cursor, was_killing);
        return;
    case KEY_KILL_WORD:
        kill_range(editor, steps_blank_left(editor_line(editor), editor->cursor), editor->cursor, was_killing);
        return;
    case KEY_KILL_WORD_RIGHT:
        kill_range(editor, editor->cursor, steps_word_right(editor_line(editor), editor->cursor), was_killing);
        return;
    case KEY_YANK:
        editor_line_insert(editor, buf_bytes(&editor->killed));
        return;
    case KEY_SWAP:
        swap_characters(editor);
        return;
    default:
        return;
    }
}
