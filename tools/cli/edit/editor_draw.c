/* SPDX-License-Identifier: MIT */

/* editor_draw.c - what the screen shows of an editor: prompt, line, hint, and completions in columns below.
 *
 * Idea     Each mood shows in one place: a search in the prompt, completions below the line. screen.c puts the parts on
 *          rows. Nothing of the editor changes but its screen, and its bell, which rings once.
 *
 * Limits   BELOW_MAX bytes of completions, in at most half of the screen's rows, or two if it is low.
 */
#include "cli/edit/editor.h"

#define BELOW_MAX 4096 /* bytes of the list of completions */

/* The candidates in columns, as rows. */
static void list_completions(const struct editor *editor, struct buf *out)
{
    const struct completions *found = editor->completions;
    size_t width = 0;
    for (size_t i = 0; i < found->count; i++) {
        size_t size = strlen(found->texts[i]);
        width = size > width ? size : width;
    }
    width += 2;
    size_t columns = (editor->screen.columns - 1) / width;
    columns = columns == 0 ? 1 : columns;
    size_t room = editor->screen.rows > 8 ? editor->screen.rows / 2 : 2;
    size_t shown = found->count;
    bool cut_off = (shown + columns - 1) / columns > room;
    if (cut_off) {
        shown = columns * (room - 1);
    }
    for (size_t i = 0; i < shown; i++) {
        bool ends = (i + 1) % columns == 0 || i + 1 == shown;
        size_t pad = ends ? 0 : width - strlen(found->texts[i]);
        if (!buf_format(out, "%s%*s%s", found->texts[i], (int)pad, "", ends && i + 1 < shown ? "\n" : "")) {
            return;
        }
    }
    if (cut_off) {
        buf_format(out, "\n... and %zu more", found->count - shown);
    }
}

static void search_prompt(const struct editor *editor, struct buf *out)
{
    buf_append(out, gm_bytes_of(editor->search_failed ? "(no such line) '" : "(search) '"));
    buf_append(out, buf_bytes(&editor->query));
    buf_append(out, BYTES("': "));
}

void editor_draw(struct editor *editor, bool final, struct buf *out)
{
    struct buf hint;
    struct buf below;
    struct buf prompt;
    buf_init(&hint, 4096);
    buf_init(&below, BELOW_MAX);
    buf_init(&prompt, 2048);
    bool at_end = editor->line.cursor == editor->line.text.size;
    if (!final && at_end && !editor->searching && editor->screen.colour && editor->hooks.hint != NULL) {
        editor->hooks.hint(editor->hooks.context, editor_line(editor), &hint);
    }
    if (!final && editor->completions != NULL) {
        list_completions(editor, &below);
    }
    if (!final && editor->searching) {
        search_prompt(editor, &prompt);
    } else {
        buf_append(&prompt, buf_bytes(&editor->prompt));
    }
    struct screen_content content = {.prompt = buf_bytes(&prompt),
                                     .line = editor_line(editor),
                                     .cursor = final ? editor->line.text.size : editor->line.cursor,
                                     .hint = buf_bytes(&hint),
                                     .below = buf_bytes(&below)};
    if (editor->screen.cursor_row == SIZE_MAX) {
        buf_append(out, BYTES("\x1b[H\x1b[2J"));
        screen_reset(&editor->screen);
    }
    screen_draw(&editor->screen, &content, out);
    if (final) {
        buf_append(out, BYTES("\r\n"));
        screen_reset(&editor->screen);
    }
    if (editor->bell) {
        buf_append(out, BYTES("\a"));
        editor->bell = false;
    }
    buf_finish(&hint);
    buf_finish(&below);
    buf_finish(&prompt);
}
