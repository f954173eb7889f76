/* SPDX-License-Identifier: MIT */

/* interactive_parts.h - what the files of the interactive side share. Each needs those before it: interactive_line.c
 * (reading a line), interactive_send.c (a command and its reply), interactive_verbs.c (the program's own verbs),
 * interactive.c (the loop). */
#ifndef GEOMYS_CLI_INTERACTIVE_PARTS_H
#define GEOMYS_CLI_INTERACTIVE_PARTS_H

#include "cli/edit/editor.h"
#include "cli/interactive/complete.h"
#include "cli/options/options.h"
#include "cli/talk/dialog.h"
#include "cli/terminal/terminal.h"
#include "cli/text/words.h"

struct interactive {
    const struct options *options;
    struct terminal *terminal;
    struct dialog dialog;
    struct editor editor;
    struct history history;
    bool utf8;
    bool leaving;
    bool editing;       /* the editor's rows are on the screen */
    bool connected;     /* when the prompt was last made */
    uint8_t keys[4096]; /* read and not fed yet */
    size_t keys_size;
    size_t keys_at;
};

extern const struct complete_verb interactive_verbs[]; /* up to one without a name */

/* ---- interactive_line.c */

void interactive_line_prompt(struct interactive *self, char *out, size_t size);

/* Edits a line on a fresh row until something ends it; meanwhile pushes are shown. Afterwards editor_line. */
enum editor_event interactive_line_read(struct interactive *self, const char *prompt);

/* For the dialog: shows a push above the line. */
void interactive_line_push(void *context, const struct answer *push);

/* Takes signals that want an end: all but SIGINT end the program. */
void interactive_line_take_stop(struct interactive *self);

/* ---- interactive_send.c */

/* Says why not, if it cannot. */
void interactive_send_connect(struct interactive *self);

/* Whether a command may be sent: its usage line takes it (else said why not), and a person agrees if it is dangerous.
 * `line` is the text of `words`. */
bool interactive_send_agreed(struct interactive *self, struct gm_bytes line, const struct words *words);

/* Sends a command, and shows its reply; listens on, if what the server sends does not end with it. */
void interactive_send_command(struct interactive *self, const struct words *words);

/* ---- interactive_verbs.c */

/* True if the line was one of them. */
bool interactive_verbs_run(struct interactive *self, struct gm_bytes line, const struct words *words);

/* The command that a line with the verb :watch is about; of any other line, the line. */
struct gm_bytes interactive_verbs_watched(struct gm_bytes line);

#endif
