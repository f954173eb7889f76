/* SPDX-License-Identifier: MIT */

/* editor.h - a line editor without a terminal: bytes from the keyboard in, bytes for the screen out.
 *
 * Idea    A state machine. It reads nothing, writes nothing and asks no clock, so a test can press its keys. The caller
 *         feeds it bytes, draws when it likes, and acts on the event that a byte caused. */
#ifndef GEOMYS_CLI_EDITOR_H
#define GEOMYS_CLI_EDITOR_H

#include "cli/edit/completions.h"
#include "cli/edit/editor_line.h"
#include "cli/edit/history.h"
#include "cli/edit/keys.h"
#include "cli/edit/screen.h"

enum editor_event {
    EDITOR_NONE,
    EDITOR_ENTERED,   /* editor_line is what was entered; it may hold '\n' if it was pasted */
    EDITOR_ABANDONED, /* Ctrl-C */
    EDITOR_ENDED,     /* Ctrl-D on an empty line */
    EDITOR_SUSPEND,   /* Ctrl-Z */
};

/* What the editor asks about the line. Either may be NULL. */
struct editor_hooks {
    void *context;
    /* Appends what may follow `line`, the cursor being at its end. */
    void (*hint)(void *context, struct gm_bytes line, struct buf *out);
    /* Finds what the last word of `before`, the text before the cursor, may become. `out` is empty. */
    void (*complete)(void *context, struct gm_bytes before, struct completions *out);
};

struct editor {
    struct editor_hooks hooks;
    struct history *history; /* borrowed; the caller adds to it */
    struct screen screen;
    struct keys keys;
    struct buf prompt;
    struct editor_line line;
    bool bell; /* to be rung: what a key meant was not possible */

    size_t browsed;   /* history line shown; history->count: the line that was being typed */
    size_t prefix;    /* bytes of the line that browsing keeps to */
    struct buf typed; /* what was typed before browsing, or searching, began */
    bool browsing;

    bool searching;
    bool search_failed;
    struct buf query;
    size_t found; /* history line */

    struct completions *completions; /* owned; NULL: none shown */
    size_t chosen;                   /* completions->count: none yet */
};

/* `history` may be NULL. */
void editor_init(struct editor *editor, struct editor_hooks hooks, struct history *history, bool utf8, bool colour);
void editor_finish(struct editor *editor);

/* Begins an empty line on a fresh row of the terminal. What was killed stays. */
void editor_begin(struct editor *editor, const char *prompt);

/* Takes bytes up to the first event; `used` tells how many. O(size), each byte O(line) at most. */
enum editor_event editor_feed(struct editor *editor, struct gm_bytes bytes, size_t *used);

/* Nothing came for a while: a lone Escape is one. */
void editor_idle(struct editor *editor);

/* Appends what shows the line as it is now. With `final`, without hints and with the cursor on a fresh row after it. */
void editor_draw(struct editor *editor, bool final, struct buf *out);

static inline struct gm_bytes editor_line(const struct editor *editor)
{
    return buf_bytes(&editor->line.text);
}

#endif
