/* SPDX-License-Identifier: MIT */

/* interactive_line.c - reading a line.
 *
 * Idea     While a line is edited, keyboard, server and signals are waited for together, so a push is shown when it
 *          comes, above the line. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cli/interactive/interactive_parts.h"
#include "cli/show/output.h"

#define ESCAPE_MS 50 /* after which an Escape was the key */

/* ---- drawing ------------------------------------------------------------------------------------------------- */

static void draw(struct interactive *self, bool final)
{
    struct buf out;
    buf_init(&out, 16 * EDITOR_LINE);
    editor_draw(&self->editor, final, &out);
    terminal_write(buf_bytes(&out));
    buf_finish(&out);
    self->editing = !final;
}

static void erase(struct interactive *self)
{
    struct buf out;
    buf_init(&out, 256);
    screen_erase(&self->editor.screen, &out);
    terminal_write(buf_bytes(&out));
    buf_finish(&out);
}

void interactive_line_push(void *context, const struct answer *push)
{
    struct interactive *self = context;
    if (self->editing) {
        erase(self);
    }
    output_answer(stdout, self->options->format, push, self->utf8);
    fflush(stdout);
}

void interactive_line_prompt(struct interactive *self, char *out, size_t size)
{
    char name[300];
    channel_name(&self->options->wish.address, name, sizeof name);
    self->connected = channel_is_open(&self->dialog.channel);
    if (!self->connected) {
        snprintf(out, size, "not connected> ");
        return;
    }
    char database[16] = "";
    if (self->dialog.selection.database != 0) {
        snprintf(database, sizeof database, "[%d]", self->dialog.selection.database);
    }
    snprintf(out, size, "%s%s%s%s> ", name, database, self->dialog.in_multi ? "(MULTI)" : "",
             self->dialog.subscriptions > 0 ? "(subscribed)" : "");
}

static void refresh_prompt(struct interactive *self)
{
    char prompt[400];
    interactive_line_prompt(self, prompt, sizeof prompt);
    buf_clear(&self->editor.prompt, SIZE_MAX);
    buf_append(&self->editor.prompt, gm_bytes_of(prompt));
}

static void resize(struct interactive *self)
{
    size_t columns;
    size_t rows;
    terminal_size(&columns, &rows);
    screen_resize(&self->editor.screen, columns, rows);
}

void interactive_line_take_stop(struct interactive *self)
{
    for (int number; (number = terminal_signal(self->terminal->stop_fd)) != 0;) {
        self->leaving = self->leaving || number != SIGINT;
    }
}

/* ---- reading a line ------------------------------------------------------------------------------------------ */

/* True if there are keys, or will never be again. */
static bool read_keys(struct interactive *self)
{
    ssize_t size = read(STDIN_FILENO, self->keys, sizeof self->keys);
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) {
        self->leaving = true;
    }
    self->keys_at = 0;
    self->keys_size = size > 0 ? (size_t)size : 0;
    return self->leaving || self->keys_size > 0;
}

static enum editor_event feed_keys(struct interactive *self)
{
    struct gm_bytes keys = {self->keys + self->keys_at, self->keys_size - self->keys_at};
    size_t used;
    enum editor_event event = editor_feed(&self->editor, keys, &used);
    self->keys_at += used;
    return event;
}

static void take_pushes(struct interactive *self)
{
    struct complaint complaint = {0};
    enum status status = dialog_listen(&self->dialog, 0, &complaint);
    if (status != STATUS_OK && status != STATUS_AGAIN) {
        erase(self);
        printf("%s\n", complaint.text);
        fflush(stdout);
        refresh_prompt(self);
    }
}

/* Waits until something happened to the line or around it. */
static void wait_for_keys(struct interactive *self)
{
    struct pollfd fds[4] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.fd = self->terminal->stop_fd, .events = POLLIN},
        {.fd = self->terminal->size_fd, .events = POLLIN},
        {.fd = self->dialog.channel.fd, .events = POLLIN}, /* -1 is left out */
    };
    bool buffered = self->dialog.channel.in_at < self->dialog.channel.in.size;
    int timeout_ms = buffered ? 0 : keys_waiting(&self->editor.keys) ? ESCAPE_MS : -1;
    int ready = poll(fds, 4, timeout_ms);
    if (ready == 0 && !buffered) {
        editor_idle(&self->editor);
    }
    if (fds[1].revents != 0) {
        interactive_line_take_stop(self);
    }
    if (fds[2].revents != 0) {
        while (terminal_signal(self->terminal->size_fd) != 0) {
        }
        resize(self);
    }
    if (fds[3].revents != 0 || buffered) {
        take_pushes(self);
    }
    if (ready > 0 && fds[0].revents != 0) {
        (void)read_keys(self);
    }
}

enum editor_event interactive_line_read(struct interactive *self, const char *prompt)
{
    resize(self);
    editor_begin(&self->editor, prompt);
    terminal_edit(self->terminal);
    enum editor_event event = EDITOR_NONE;
    while (event == EDITOR_NONE && !self->leaving) {
        event = feed_keys(self);
        if (event == EDITOR_SUSPEND) {
            draw(self, true);
            terminal_suspend(self->terminal);
            terminal_edit(self->terminal);
            resize(self);
            event = EDITOR_NONE;
        }
        if (event == EDITOR_NONE) {
            draw(self, false);
            wait_for_keys(self);
        }
    }
    draw(self, true);
    terminal_wait(self->terminal);
    return event;
}
