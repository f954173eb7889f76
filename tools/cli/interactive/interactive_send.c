/* SPDX-License-Identifier: MIT */

/* interactive_send.c - look at a command, send it, show what comes back.
 *
 * Idea     While a reply is awaited, keys stay unread for the next line, and Ctrl-C gives up the connection, which is
 *          the only way to take back a command that blocks.
 *
 * Promises I1  What the usage line refuses is not sent (without --no-validate), and the offending word is pointed at.
 */
#include <time.h>

#include "cli/interactive/interactive_parts.h"
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

bool interactive_send_agreed(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    if (self->options->validate && refusal_say(stdout, &self->dialog.catalog, line, words, self->utf8)) {
        return false; /* interactive_send I1 */
    }
    if (!confirm(self, words)) {
        fputs("(not sent)\n", stdout);
        return false;
    }
    return true;
}

/* ---- sending it ---------------------------------------------------------------------------------------------- */

void interactive_send_connect(struct interactive *self)
{
    struct complaint complaint = {0};
    enum status status = dialog_connect(&self->dialog, &complaint);
    if (status == STATUS_AGAIN) {
        interactive_line_take_stop(self);
        fputs("(not connected)\n", stdout);
    } else if (status != STATUS_OK) {
        printf("%s\n", complaint.text);
    }
}

static void cancelled(struct interactive *self)
{
    interactive_line_take_stop(self);
    if (!self->leaving) {
        fputs("(cancelled: the connection was given up; a command that had begun may still have its effect)\n", stdout);
        interactive_send_connect(self);
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
    interactive_line_take_stop(self);
    dialog_disconnect(&self->dialog);
    if (!self->leaving) {
        interactive_send_connect(self);
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
        interactive_line_take_stop(self);
        return;
    }
    reply_write(stdout, &view, reply);
}

void interactive_send_command(struct interactive *self, const struct words *words)
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
