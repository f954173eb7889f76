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
 * Promises E1  The cursor is always at the beginning of a character (of UTF-8; a broken byte is one of its own), and
 *              never between a character and the marks that combine with it.
 *          E2  Whatever the bytes, the line is at most EDITOR_LINE long.
 */
#include "editor.h"

#include "base/memory.h"
#include "steps.h"

#define BELOW_MAX 4096 /* bytes of the list of completions */

void editor_init(struct editor *editor, struct editor_hooks hooks, struct history *history, bool utf8, bool colour)
{
    *editor = (struct editor){.hooks = hooks, .history = history};
    screen_init(&editor->screen, utf8, colour);
    buf_init(&editor->prompt, 1024);
    buf_init(&editor->line, EDITOR_LINE);
    buf_init(&editor->killed, EDITOR_LINE);
    buf_init(&editor->typed, EDITOR_LINE);
    buf_init(&editor->query, 1024);
}

void editor_finish(struct editor *editor)
{
    buf_finish(&editor->prompt);
    buf_finish(&editor->line);
    buf_finish(&editor->killed);
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
    buf_clear(&editor->line, 65536);
    editor->cursor = 0;
    editor->browsing = false;
    editor->searching = false;
    drop_completions(editor);
    screen_reset(&editor->screen);
}

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

static void insert(struct editor *editor, struct gm_bytes bytes)
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

/* Removes [from, to) and puts the cursor there. */
static void cut(struct editor *editor, size_t from, size_t to)
{
    struct buf *line = &editor->line;
    check(from <= to && to <= line->size);
    if (from < to) {
        memmove(line->data + from, line->data + to, line->size - to);
        line->size -= to - from;
    }
    editor->cursor = from;
}

/* The same, and keeps the bytes for Ctrl-Y; kills in a row add up. */
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
    cut(editor, from, to);
    editor->killing = true;
}

static void replace_line(struct editor *editor, struct gm_bytes text)
{
    buf_clear(&editor->line, SIZE_MAX);
    editor->bell = !buf_append(&editor->line, text) || editor->bell;
    editor->cursor = editor->line.size;
}

static void keep_typed(struct editor *editor)
{
    buf_clear(&editor->typed, SIZE_MAX);
    buf_append(&editor->typed, buf_bytes(&editor->line));
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

/* ---- browsing ------------------------------------------------------------------------------------------------ */

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
        editor->prefix = editor->cursor;
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
    replace_line(editor, next < history->count ? history_at(history, next) : buf_bytes(&editor->typed));
}

/* ---- searching ----------------------------------------------------------------------------------------------- */

static void search_from(struct editor *editor, size_t from)
{
    size_t found = history_containing(editor->history, from, buf_bytes(&editor->query));
    editor->search_failed = found == from;
    if (!editor->search_failed) {
        editor->found = found;
        replace_line(editor, history_at(editor->history, found));
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
    replace_line(editor, buf_bytes(&editor->typed));
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
    size_t end = editor->cursor;
    editor->cursor = editor->completions->start;
    cut(editor, editor->cursor, end);
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
    editor->hooks.complete(editor->hooks.context, (struct gm_bytes){editor->line.data, editor->cursor}, found);
    editor->completions = found;
    if (found->count == 0 || found->start > editor->cursor) {
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
    if (size > editor->cursor - found->start) {
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

/* ---- keys ---------------------------------------------------------------------------------------------------- */

static void move_or_edit(struct editor *editor, enum key key, bool was_killing)
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
        cut(editor, before(editor, editor->cursor), editor->cursor);
        return;
    case KEY_DELETE:
    case KEY_DELETE_OR_END:
        cut(editor, editor->cursor, after(editor, editor->cursor));
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
        insert(editor, buf_bytes(&editor->killed));
        return;
    case KEY_SWAP:
        swap_characters(editor);
        return;
    default:
        return;
    }
}

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
        if (editor->line.size == 0) {
            return EDITOR_ENDED;
        }
        break;
    default:
        break;
    }
    move_or_edit(editor, key, was_killing);
    return EDITOR_NONE;
}

static enum editor_event press(struct editor *editor, enum key key, uint8_t text)
{
    if (key == KEY_NONE) {
        return EDITOR_NONE;
    }
    bool was_killing = editor->killing;
    editor->killing = false;
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

/* ---- drawing ------------------------------------------------------------------------------------------------- */

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
    bool at_end = editor->cursor == editor->line.size;
    if (!final && at_end && !editor->searching && editor->screen.colour && editor->hooks.hint != NULL) {
        editor->hooks.hint(editor->hooks.context, buf_bytes(&editor->line), &hint);
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
                                     .line = buf_bytes(&editor->line),
                                     .cursor = final ? editor->line.size : editor->cursor,
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
