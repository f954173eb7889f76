/* SPDX-License-Identifier: MIT */

/* interactive.c - the loop: read a line, remember it, do what it says.
 *
 * Promises I1  Passwords do not reach the history. */
#include "cli/interactive/interactive.h"

#include <stdlib.h>

#include "base/memory.h"
#include "cli/interactive/interactive_parts.h"
#include "cli/interactive/secret.h"
#include "cli/show/refusal.h"

/* ---- what the editor asks ------------------------------------------------------------------------------------ */

static void on_hint(void *context, struct gm_bytes line, struct buf *out)
{
    const struct interactive *self = context;
    complete_hint(&self->dialog.catalog, interactive_verbs, line, out);
}

static void on_complete(void *context, struct gm_bytes before, struct completions *out)
{
    const struct interactive *self = context;
    complete_words(&self->dialog.catalog, interactive_verbs, before, out);
}

/* ---- doing what a line says ---------------------------------------------------------------------------------- */

static void run_words(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    if (words->count > 0 && !interactive_verbs_run(self, line, words) && interactive_send_agreed(self, line, words)) {
        interactive_send_command(self, words);
    }
}

static void run_line(struct interactive *self, struct gm_bytes line)
{
    struct words words;
    struct words_error error;
    if (!secret_line(&self->dialog.catalog, line) &&
        !secret_line(&self->dialog.catalog, interactive_verbs_watched(line))) {
        history_add(&self->history, line); /* interactive I1 */
    }
    if (words_split(&words, line, &error) != STATUS_OK) {
        printf("(not sent) %s\n", error.reason);
        refusal_point(stdout, line, error.at, error.at + 1, self->utf8);
        return;
    }
    run_words(self, line, &words);
    words_finish(&words);
    fflush(stdout);
}

/* A paste may bring several lines. */
static void run_lines(struct interactive *self, struct gm_bytes lines)
{
    for (size_t at = 0; at < lines.size && !self->leaving;) {
        const uint8_t *end = memchr(lines.data + at, '\n', lines.size - at);
        size_t size = end != NULL ? (size_t)(end - lines.data) - at : lines.size - at;
        if (size > 0) {
            run_line(self, (struct gm_bytes){lines.data + at, size});
        }
        at += size + 1;
    }
}

/* ---- from start to end --------------------------------------------------------------------------------------- */

static void open_history(struct interactive *self)
{
    const char *named = getenv("GEOMYS_HISTORY");
    const char *home = getenv("HOME");
    char path[4096];
    if (named != NULL) {
        snprintf(path, sizeof path, "%s", named);
    } else if (home != NULL && *home != '\0') {
        snprintf(path, sizeof path, "%s/.geomys/cli_history", home);
    } else {
        return;
    }
    if (*path != '\0' && history_open(&self->history, path) != STATUS_OK) {
        fprintf(stderr, "The history is not kept: %s cannot be used.\n", path);
    }
}

static void take_line(struct interactive *self)
{
    char prompt[400];
    interactive_line_prompt(self, prompt, sizeof prompt);
    switch (interactive_line_read(self, prompt)) {
    case EDITOR_ENTERED: {
        struct gm_bytes line = editor_line(&self->editor);
        uint8_t *copy = memory_alloc(line.size + 1);
        memcpy(copy, line.size > 0 ? line.data : (const uint8_t *)"", line.size);
        run_lines(self, (struct gm_bytes){copy, line.size});
        memory_free(copy);
        break;
    }
    case EDITOR_ENDED:
        self->leaving = true;
        break;
    default:
        break;
    }
    fflush(stdout);
}

int interactive_run(const struct options *options, struct terminal *terminal, bool utf8)
{
    struct interactive *self = memory_zeroed(sizeof *self);
    self->options = options;
    self->terminal = terminal;
    self->utf8 = utf8;
    open_history(self);
    struct editor_hooks hooks = {.context = self, .hint = on_hint, .complete = on_complete};
    editor_init(&self->editor, hooks, &self->history, utf8, getenv("NO_COLOR") == NULL);
    struct dialog_listener listener = {.context = self, .on_push = interactive_line_push};
    dialog_init(&self->dialog, &options->wish, listener, terminal->stop_fd, true);
    terminal_wait(terminal);
    interactive_send_connect(self);
    fflush(stdout);
    while (!self->leaving) {
        take_line(self);
    }
    dialog_finish(&self->dialog);
    editor_finish(&self->editor);
    history_finish(&self->history);
    memory_free(self);
    return 0;
}
