/* SPDX-License-Identifier: MIT */

/* editor.c - what each key does.
 *
 * Idea     Three moods, each with its own meaning of keys; a key that a mood does not know ends the mood and is then an
 *          ordinary key.
 *
 *              typing ---- Ctrl-R ----> searching    letters go to the query
 *                 |  ----- TAB -------> completing   TAB and Shift-TAB go round
 *                 |  ----- Up --------> browsing     Up and Down go through the history
 *
 *          What a key does to the line itself is in editor_line.c, what is seen of it all in editor_draw.c.
 *
 * Promises E1 and E2 of editor_line.c: the moods change the line through it alone.
 */
#include "cli/edit/editor.h"

#include "base/memory.h"

void editor_init(struct editor *editor, struct editor_hooks hooks, struct history *history, bool utf8, bool colour)
{
    *editor = (struct editor){.hooks = hooks, .history = history};
    screen_init(&editor->screen, utf8, colour);
    buf_init(&editor->prompt, 1024);
    editor_line_init(&editor->line, utf8);
    buf_init(&editor->typed, EDITOR_LINE);
    buf_init(&editor->query, 1024);
}

void editor_finish(struct editor *editor)
{
    buf_finish(&editor->prompt);
    editor_line_finish(&editor->line);
    buf_finish(&editor->typed);
    buf_finish(&editor->query);
    memory_free(editor->completions);
    editor->completions = NULL;
}

static void drop_completions(struct editor *editor)
{
    memory_free(editor->completions);
    editor->completions = NULL;
}

void editor_begin(struct editor *editor, const char *prompt)
{
    buf_clear(&editor->prompt, SIZE_MAX);
    buf_append(&editor->prompt, gm_bytes_of(prompt));
    editor_line_clear(&editor->line);
    editor->browsing = false;
    editor->searching = false;
    drop_completions(editor);
    screen_reset(&editor->screen);
}

/* What does not fit rings the bell. */
static void insert(struct editor *editor, struct gm_bytes text)
{
    editor->bell = !editor_line_insert(&editor->line, text) || editor->bell;
}

static void replace(struct editor *editor, struct gm_bytes text)
{
    editor->bell = !editor_line_replace(&editor->line, text) || editor->bell;
}

/* ---- browsing ------------------------------------------------------------------------------------------------ */

static void keep_typed(struct editor *editor)
{
    buf_clear(&editor->typed, SIZE_MAX);
    buf_append(&editor->typed, editor_line(editor));
}

static void browse(struct editor *editor, bool up)
{
    struct history *history = editor->history;
    if (history == NULL) {
        return;
    }
    if (!editor->browsing) {
        keep_typed(editor);
        editor->browsing = true;
        editor->browsed = history->count;
        editor->prefix = editor->line.cursor;
    }
    struct gm_bytes prefix = {editor->typed.data, editor->prefix};
    size_t next = up                                 ? history_before(history, editor->browsed, prefix)
                  : editor->browsed < history->count ? history_after(history, editor->browsed, prefix)
                                                     : editor->browsed;
    if (next == editor->browsed) {
        editor->bell = true;
        return;
    }
    editor->browsed = next;
    replace(editor, next < history->count ? history_at(history, next) : buf_bytes(&editor->typed));
}

/* ---- searching ----------------------------------------------------------------------------------------------- */

static void search_from(struct editor *editor, size_t from)
{
    size_t found = history_containing(editor->history, from, buf_bytes(&editor->query));
    editor->search_failed = found == from;
    if (!editor->search_failed) {
        editor->found = found;
        replace(editor, history_at(editor->history, found));
    }
}

static void search_begin(struct editor *editor)
{
    if (editor->history == NULL) {
        return;
    }
    keep_typed(editor);
    editor->searching = true;
    editor->search_failed = false;
    editor->found = editor->history->count;
    buf_clear(&editor->query, SIZE_MAX);
}

static void search_cancel(struct editor *editor)
{
    editor->searching = false;
    replace(editor, buf_bytes(&editor->typed));
}

/* True if the key meant something to the search. */
static bool search_key(struct editor *editor, enum key key, uint8_t text)
{
    switch (key) {
    case KEY_NONE:
        return true;
    case KEY_TEXT:
        if (!buf_append(&editor->query, (struct gm_bytes){&text, 1})) {
            editor->bell = true;
        }
        search_from(editor, editor->found < editor->history->count ? editor->found + 1 : editor->found);
        return true;
    case KEY_ERASE:
        while (editor->query.size > 0 && (editor->query.data[editor->query.size - 1] & 0xc0) == 0x80) {
            editor->query.size--;
        }
        editor->query.size -= editor->query.size > 0 ? 1 : 0;
        search_from(editor, editor->history->count);
        return true;
    case KEY_SEARCH:
        search_from(editor, editor->found);
        editor->bell = editor->search_failed;
        return true;
    case KEY_CANCEL:
    case KEY_INTERRUPT:
        search_cancel(editor);
        return true;
    default:
        editor->searching = false;
        return key == KEY_ESCAPE;
    }
}

/* ---- completing ---------------------------------------------------------------------------------------------- */

static void put_candidate(struct editor *editor, const char *text)
{
    editor_line_cut(&editor->line, editor->completions->start, editor->line.cursor);
    insert(editor, gm_bytes_of(text));
}

static size_t common_size(const struct completions *completions)
{
    size_t size = strlen(completions->texts[0]);
    for (size_t i = 1; i < completions->count; i++) {
        size_t same = 0;
        while (same < size && completions->texts[i][same] == completions->texts[0][same]) {
            same++;
        }
        size = same;
    }
    return size;
}

static void complete_begin(struct editor *editor)
{
    if (editor->hooks.complete == NULL) {
        return;
    }
    struct completions *found = memory_zeroed(sizeof *found);
    editor->hooks.complete(editor->hooks.context, (struct gm_bytes){editor->line.text.data, editor->line.cursor},
                           found);
    editor->completions = found;
    if (found->count == 0 || found->start > editor->line.cursor) {
        editor->bell = true;
        drop_completions(editor);
        return;
    }
    if (found->count == 1) {
        put_candidate(editor, found->texts[0]);
        insert(editor, BYTES(" "));
        drop_completions(editor);
        return;
    }
    char common[COMPLETIONS_TEXT];
    size_t size = common_size(found);
    memcpy(common, found->texts[0], size);
    common[size] = '\0';
    if (size > editor->line.cursor - found->start) {
        put_candidate(editor, common);
    }
    editor->chosen = found->count;
}

static void complete_next(struct editor *editor, bool back)
{
    size_t count = editor->completions->count;
    bool none = editor->chosen == count;
    editor->chosen = back ? (none || editor->chosen == 0 ? count - 1 : editor->chosen - 1)
                          : (none || editor->chosen + 1 == count ? 0 : editor->chosen + 1);
    put_candidate(editor, editor->completions->texts[editor->chosen]);
}

/* ---- keys ---------------------------------------------------------------------------------------------------- */

static enum editor_event typing_key(struct editor *editor, enum key key, uint8_t text, bool was_killing)
{
    switch (key) {
    case KEY_TEXT:
        insert(editor, (struct gm_bytes){&text, 1});
        return EDITOR_NONE;
    case KEY_ENTER:
        return EDITOR_ENTERED;
    case KEY_INTERRUPT:
        return EDITOR_ABANDONED;
    case KEY_SUSPEND:
        return EDITOR_SUSPEND;
    case KEY_UP:
    case KEY_DOWN:
        browse(editor, key == KEY_UP);
        return EDITOR_NONE;
    case KEY_TAB:
    case KEY_BACK_TAB:
        complete_begin(editor);
        return EDITOR_NONE;
    case KEY_SEARCH:
        search_begin(editor);
        return EDITOR_NONE;
    case KEY_DELETE_OR_END:
        if (editor->line.text.size == 0) {
            return EDITOR_ENDED;
        }
        break;
    default:
        break;
    }
    editor->bell = !editor_line_key(&editor->line, key, was_killing) || editor->bell;
    return EDITOR_NONE;
}

static enum editor_event press(struct editor *editor, enum key key, uint8_t text)
{
    if (key == KEY_NONE) {
        return EDITOR_NONE;
    }
    bool was_killing = editor->line.killing;
    editor->line.killing = false;
    if (editor->searching && search_key(editor, key, text)) {
        return EDITOR_NONE;
    }
    if (editor->completions != NULL && (key == KEY_TAB || key == KEY_BACK_TAB)) {
        complete_next(editor, key == KEY_BACK_TAB);
        return EDITOR_NONE;
    }
    drop_completions(editor);
    if (key != KEY_UP && key != KEY_DOWN) {
        editor->browsing = false;
    }
    if (key == KEY_CLEAR) {
        editor->screen.cursor_row = SIZE_MAX; /* drawn as a clear screen */
    }
    return typing_key(editor, key, text, was_killing);
}

enum editor_event editor_feed(struct editor *editor, struct gm_bytes bytes, size_t *used)
{
    for (*used = 0; *used < bytes.size;) {
        uint8_t text = 0;
        enum key key = keys_feed(&editor->keys, bytes.data[(*used)++], &text);
        enum editor_event event = press(editor, key, text);
        if (event != EDITOR_NONE) {
            return event;
        }
    }
    return EDITOR_NONE;
}

void editor_idle(struct editor *editor)
{
    if (keys_waiting(&editor->keys)) {
        press(editor, keys_flush(&editor->keys), 0);
    }
}
