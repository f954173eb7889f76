/* SPDX-License-Identifier: MIT */

/* interactive.c - the loop: read a line, look at it, send it, show what comes back.
 *
 * Idea     While a reply is awaited, keys stay unread for the next line, and Ctrl-C gives up the connection, which is
 *          the only way to take back a command that blocks.
 *
 * Promises I1  What the usage line refuses is not sent (without --no-validate), and the offending word is pointed at.
 *          I2  Passwords do not reach the history. */
#include "cli/interactive/interactive.h"

#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "cli/interactive/interactive_parts.h"
#include "cli/interactive/secret.h"
#include "cli/show/pager.h"
#include "cli/show/peek.h"
#include "cli/show/refusal.h"

#define SLOW_MS 500 /* a command that takes longer shows its time */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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

/* ---- looking at a line --------------------------------------------------------------------------------------- */

static bool confirm(struct interactive *self, const struct words *words)
{
    const struct catalog_command *command = catalog_find(&self->dialog.catalog, words->argv, words->count, NULL);
    if (command == NULL || !command->dangerous || !self->options->confirm) {
        return true;
    }
    char prompt[200];
    snprintf(prompt, sizeof prompt, "%s is declared dangerous. Send it? [y/N] ", command->name);
    struct editor_hooks hooks = self->editor.hooks;
    self->editor.hooks = (struct editor_hooks){0};
    bool entered = interactive_line_read(self, prompt) == EDITOR_ENTERED;
    self->editor.hooks = hooks;
    struct gm_bytes answer = editor_line(&self->editor);
    return entered && (bytes_equal_nocase(answer, "y") || bytes_equal_nocase(answer, "yes"));
}

bool interactive_agreed(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    if (self->options->validate && refusal_say(stdout, &self->dialog.catalog, line, words, self->utf8)) {
        return false;
    }
    if (!confirm(self, words)) {
        fputs("(not sent)\n", stdout);
        return false;
    }
    return true;
}

/* ---- sending it ---------------------------------------------------------------------------------------------- */

void interactive_take_stop(struct interactive *self)
{
    for (int number; (number = terminal_signal(self->terminal->stop_fd)) != 0;) {
        self->leaving = self->leaving || number != SIGINT;
    }
}

void interactive_connect(struct interactive *self)
{
    struct complaint complaint = {0};
    enum status status = dialog_connect(&self->dialog, &complaint);
    if (status == STATUS_AGAIN) {
        interactive_take_stop(self);
        fputs("(not connected)\n", stdout);
    } else if (status != STATUS_OK) {
        printf("%s\n", complaint.text);
    }
}

static void cancelled(struct interactive *self)
{
    interactive_take_stop(self);
    if (!self->leaving) {
        fputs("(cancelled: the connection was given up; a command that had begun may still have its effect)\n", stdout);
        interactive_connect(self);
    }
}

static void listen_on(struct interactive *self)
{
    fputs("(reading messages, Ctrl-C ends)\n", stdout);
    fflush(stdout);
    struct complaint complaint = {0};
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = dialog_listen(&self->dialog, -1, &complaint);
    }
    if (status != STATUS_AGAIN) {
        printf("%s\n", complaint.text);
        return;
    }
    interactive_take_stop(self);
    dialog_disconnect(&self->dialog);
    if (!self->leaving) {
        interactive_connect(self);
    }
}

static void suggest(struct interactive *self, const struct words *words, const struct answer *reply)
{
    static const char unknown[] = "ERR unknown command";
    size_t size = sizeof unknown - 1;
    if (self->options->format != OUTPUT_HUMAN || reply->type != ANSWER_ERROR || reply->text.size < size ||
        memcmp(reply->text.data, unknown, size) != 0) {
        return;
    }
    const char *nearest = catalog_nearest(&self->dialog.catalog, words->argv[0]);
    if (nearest != NULL) {
        printf("(did you mean %s?)\n", nearest);
    }
}

static void show_reply(struct interactive *self, const struct words *words, const struct answer *reply)
{
    struct reply_view view = {
        .format = self->options->format, .utf8 = self->utf8, .peek = peek_is(words->argv, words->count, reply)};
    struct pager pager = {.allowed = self->options->pager && view.format == OUTPUT_HUMAN};
    if (pager_begin(&pager, &view, reply)) {
        terminal_restore(self->terminal);
        pager_run(&pager, &view, reply);
        terminal_wait(self->terminal);
        interactive_take_stop(self);
        return;
    }
    reply_write(stdout, &view, reply);
}

static void send_command(struct interactive *self, const struct words *words)
{
    struct complaint complaint = {0};
    struct answer reply = {0};
    int64_t began_ms = now_ms();
    enum status status = dialog_command(&self->dialog, words->argv, words->count, &reply, &complaint);
    int64_t took_ms = now_ms() - began_ms;
    if (status == STATUS_AGAIN) {
        cancelled(self);
        return;
    }
    if (status != STATUS_OK) {
        printf("%s\n", complaint.text);
        return;
    }
    show_reply(self, words, &reply);
    suggest(self, words, &reply);
    if (took_ms > SLOW_MS && self->options->format == OUTPUT_HUMAN) {
        printf("(%.2fs)\n", (double)took_ms / 1000);
    }
    answer_finish(&reply);
    if (self->dialog.streaming) {
        listen_on(self);
    }
}

static void run_words(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    if (words->count > 0 && !interactive_verbs_run(self, line, words) && interactive_agreed(self, line, words)) {
        send_command(self, words);
    }
}

static void run_line(struct interactive *self, struct gm_bytes line)
{
    struct words words;
    struct words_error error;
    if (!secret_line(&self->dialog.catalog, line) &&
        !secret_line(&self->dialog.catalog, interactive_verbs_watched(line))) {
        history_add(&self->history, line);
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
        fprintf(stderr, "The history is not kept: %s can not be used.\n", path);
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
    interactive_connect(self);
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
