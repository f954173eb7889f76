/* SPDX-License-Identifier: MIT */

/* interactive_verbs.c - what the program does itself: HELP, EXIT, QUIT, CLEAR, :WATCH.
 *
 * Idea     A command of that name that the server declares goes before, but for QUIT, which means the same there, and
 *          for what begins with a colon. */
#include "cli/interactive/interactive_parts.h"
#include "cli/show/help.h"
#include "cli/tools/watch.h"

const struct complete_verb interactive_verbs[] = {
    {"HELP", "[command]", true},
    {"EXIT", "", false},
    {"QUIT", "", false},
    {"CLEAR", "", false},
    {":WATCH", "time command [argument...]", false},
    {NULL, NULL, false},
};

static void help(struct interactive *self, const struct words *words)
{
    size_t columns;
    size_t rows;
    terminal_size(&columns, &rows);
    if (words->count == 1) {
        help_all(stdout, &self->dialog.catalog, columns);
        return;
    }
    const struct gm_bytes *argv = words->argv + 1;
    bool known = help_command(stdout, &self->dialog.catalog, argv, words->count - 1);
    if (!known) {
        dialog_refresh(&self->dialog); /* a module may have been loaded since */
        known = help_command(stdout, &self->dialog.catalog, argv, words->count - 1);
    }
    if (!known) {
        const char *nearest = catalog_nearest(&self->dialog.catalog, argv[0]);
        printf("The server declares no such command.%s%s%s\n", nearest != NULL ? " Did you mean " : "",
               nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
    }
}

/* The rest of the line, from the third word on, as words and as text. */
static void watch(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    struct watch watch = {.options = self->options,
                          .dialog = &self->dialog,
                          .stop_fd = self->terminal->stop_fd,
                          .live = true,
                          .utf8 = self->utf8};
    if (words->count < 3 || !options_period(words->argv[1], &watch.interval_s)) {
        fputs("(not sent) usage: :watch 500ms|1s|2m command [argument...]\n", stdout);
        return;
    }
    size_t start = words->starts[2];
    struct words called;
    struct words_error error;
    if (words_split(&called, (struct gm_bytes){line.data + start, line.size - start}, &error) != STATUS_OK) {
        return; /* the whole line was split before: this cannot be */
    }
    if (!interactive_send_agreed(self, (struct gm_bytes){line.data + start, line.size - start}, &called)) {
        words_finish(&called);
        return;
    }
    watch.argv = called.argv;
    watch.argc = called.count;
    struct complaint complaint = {""};
    enum status status = watch_loop(&watch, &complaint);
    interactive_line_take_stop(self);
    if (status != STATUS_AGAIN) {
        printf("%s\n", complaint.text);
    }
    if (!self->leaving && !channel_is_open(&self->dialog.channel)) {
        interactive_send_connect(self);
    }
    words_finish(&called);
}

bool interactive_verbs_run(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    struct gm_bytes name = words->argv[0];
    if (bytes_equal_nocase(name, ":watch")) {
        watch(self, line, words);
        return true;
    }
    if (words->count == 1 && bytes_equal_nocase(name, "quit")) {
        self->leaving = true; /* whatever the server thinks: it means the same there */
        return true;
    }
    if (catalog_named(&self->dialog.catalog, name) != NULL) {
        return false;
    }
    if (bytes_equal_nocase(name, "help") || gm_bytes_equal(name, BYTES("?"))) {
        help(self, words);
        return true;
    }
    if (words->count == 1 && bytes_equal_nocase(name, "exit")) {
        self->leaving = true;
        return true;
    }
    if (words->count == 1 && bytes_equal_nocase(name, "clear")) {
        terminal_write(BYTES("\x1b[H\x1b[2J"));
        return true;
    }
    if (name.size > 0 && *name.data == ':') {
        fputs("(not sent) of the program's own verbs only :watch begins with a colon\n", stdout);
        return true;
    }
    return false;
}

struct gm_bytes interactive_verbs_watched(struct gm_bytes line)
{
    struct words words;
    words_split_open(&words, line);
    bool watch = words.count > 2 && bytes_equal_nocase(words.argv[0], ":watch");
    size_t start = watch ? words.starts[2] : 0;
    words_finish(&words);
    return (struct gm_bytes){line.data + start, line.size - start};
}
