/* SPDX-License-Identifier: MIT */

/* interactive.c - the loop: read a line, look at it, send it, show what comes back.
 *
 * Idea     While a line is edited, keyboard, server and signals are waited for together, so a push is shown when it
 *          comes, above the line. While a reply is awaited, keys stay unread for the next line, and Ctrl-C gives up the
 *          connection, which is the only way to take back a command that blocks.
 *
 * Promises I1  What the usage line refuses is not sent (without --no-validate), and the offending word is pointed at.
 *          I2  Passwords do not reach the history. */
#include "interactive.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "complete.h"
#include "editor.h"
#include "help.h"
#include "pager.h"
#include "peek.h"
#include "secret.h"
#include "watch.h"
#include "words.h"

#define SLOW_MS   500 /* a command that takes longer shows its time */
#define ESCAPE_MS 50  /* after which an Escape was the key */

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

static const struct complete_verb verbs[] = {
    {"HELP", "[command]", true},
    {"EXIT", "", false},
    {"QUIT", "", false},
    {"CLEAR", "", false},
    {":WATCH", "time command [argument...]", false},
    {NULL, NULL, false},
};

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
    complete_hint(&self->dialog.catalog, verbs, line, out);
}

static void on_complete(void *context, struct gm_bytes before, struct completions *out)
{
    const struct interactive *self = context;
    complete_words(&self->dialog.catalog, verbs, before, out);
}

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

static void on_push(void *context, const struct answer *push)
{
    struct interactive *self = context;
    if (self->editing) {
        erase(self);
    }
    output_answer(stdout, self->options->format, push, self->utf8);
    fflush(stdout);
}

static void make_prompt(struct interactive *self, char *out, size_t size)
{
    char name[300];
    channel_name(&self->options->wish.address, name, sizeof name);
    self->connected = channel_is_open(&self->dialog.channel);
    if (!self->connected) {
        snprintf(out, size, "not connected> ");
        return;
    }
    snprintf(out, size, "%s%s%s> ", name, self->dialog.in_multi ? "(MULTI)" : "",
             self->dialog.subscriptions > 0 ? "(subscribed)" : "");
}

static void refresh_prompt(struct interactive *self)
{
    char prompt[400];
    make_prompt(self, prompt, sizeof prompt);
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

static void take_stop(struct interactive *self)
{
    for (int number; (number = terminal_signal(self->terminal->stop_fd)) != 0;) {
        self->leaving = self->leaving || number != SIGINT;
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
        take_stop(self);
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

static enum editor_event read_line(struct interactive *self, const char *prompt)
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

/* ---- looking at a line --------------------------------------------------------------------------------------- */

static void point_at(const struct interactive *self, struct gm_bytes line, size_t from, size_t to)
{
    fputs("  ", stdout);
    output_safe(stdout, line, self->utf8);
    fputs("\n  ", stdout);
    for (size_t i = 0; i < from; i++) { /* one past the line where a word is missing */
        bool continued = self->utf8 && i < line.size && (line.data[i] & 0xc0) == 0x80;
        fputs(continued ? "" : " ", stdout);
    }
    size_t marks = to > from ? to - from : 1;
    for (size_t i = 0; i < marks && i < 200; i++) {
        bool continued = self->utf8 && from + i < line.size && (line.data[from + i] & 0xc0) == 0x80;
        fputs(continued ? "" : "^", stdout);
    }
    fputc('\n', stdout);
}

/* True if the line may be sent, as far as its usage line tells. */
static bool validate(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    const struct catalog *catalog = &self->dialog.catalog;
    const struct catalog_command *command = catalog_find(catalog, words->argv, words->count, NULL);
    if (!self->options->validate || !catalog->exact || command == NULL || !command->parsed) {
        return true;
    }
    struct gm_arg args[USAGE_LEAF_MAX];
    struct usage_bound bound = {0};
    enum usage_outcome outcome = usage_bind(&command->grammar, words->argv, (uint32_t)words->count, args, &bound);
    if (outcome == USAGE_OK) {
        return true;
    }
    char arity[sizeof USAGE_ARITY_TEXT + USAGE_NAME_MAX];
    snprintf(arity, sizeof arity, USAGE_ARITY_TEXT, command->grammar.name);
    const char *error = outcome == USAGE_ARITY ? arity : bound.error;
    fputs("(not sent) ", stdout);
    output_safe(stdout, gm_bytes_of(strncmp(error, "ERR ", 4) == 0 ? error + 4 : error), self->utf8);
    fputc('\n', stdout);
    bool missing = bound.at >= words->count;
    point_at(self, line, missing ? words->ends[words->count - 1] + 1 : words->starts[bound.at],
             missing ? 0 : words->ends[bound.at]);
    fputs("  usage: ", stdout);
    help_usage(stdout, command);
    fputc('\n', stdout);
    return false;
}

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
    bool entered = read_line(self, prompt) == EDITOR_ENTERED;
    self->editor.hooks = hooks;
    struct gm_bytes answer = editor_line(&self->editor);
    return entered && (bytes_equal_nocase(answer, "y") || bytes_equal_nocase(answer, "yes"));
}

/* ---- sending it ---------------------------------------------------------------------------------------------- */

static void connect_again(struct interactive *self)
{
    struct complaint complaint = {0};
    enum status status = dialog_connect(&self->dialog, &complaint);
    if (status == STATUS_AGAIN) {
        take_stop(self);
        fputs("(not connected)\n", stdout);
    } else if (status != STATUS_OK) {
        printf("%s\n", complaint.text);
    }
}

static void cancelled(struct interactive *self)
{
    take_stop(self);
    if (!self->leaving) {
        fputs("(cancelled: the connection was given up; a command that had begun may still have its effect)\n", stdout);
        connect_again(self);
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
    take_stop(self);
    dialog_disconnect(&self->dialog);
    if (!self->leaving) {
        connect_again(self);
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
        take_stop(self);
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

/* ---- the program's own verbs --------------------------------------------------------------------------------- */

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
        return; /* the whole line was split before: this can not be */
    }
    if (!validate(self, (struct gm_bytes){line.data + start, line.size - start}, &called)) {
        words_finish(&called);
        return;
    }
    if (!confirm(self, &called)) {
        fputs("(not sent)\n", stdout);
        words_finish(&called);
        return;
    }
    watch.argv = called.argv;
    watch.argc = called.count;
    struct complaint complaint = {""};
    enum status status = watch_loop(&watch, &complaint);
    take_stop(self);
    if (status != STATUS_AGAIN) {
        printf("%s\n", complaint.text);
    }
    if (!self->leaving && !channel_is_open(&self->dialog.channel)) {
        connect_again(self);
    }
    words_finish(&called);
}

/* True if the line was one of them. */
static bool run_verb(struct interactive *self, struct gm_bytes line, const struct words *words)
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
    return false;
}

static void run_words(struct interactive *self, struct gm_bytes line, const struct words *words)
{
    if (words->count == 0 || run_verb(self, line, words)) {
        return;
    }
    if (!validate(self, line, words)) {
        return;
    }
    if (!confirm(self, words)) {
        fputs("(not sent)\n", stdout);
        return;
    }
    send_command(self, words);
}

/* The command that a line with the verb :watch is about; of any other line, the line. */
static struct gm_bytes watched(struct gm_bytes line)
{
    struct words words;
    words_split_open(&words, line);
    bool watch = words.count > 2 && bytes_equal_nocase(words.argv[0], ":watch");
    size_t start = watch ? words.starts[2] : 0;
    words_finish(&words);
    return (struct gm_bytes){line.data + start, line.size - start};
}

static void run_line(struct interactive *self, struct gm_bytes line)
{
    struct words words;
    struct words_error error;
    if (!secret_line(&self->dialog.catalog, line) && !secret_line(&self->dialog.catalog, watched(line))) {
        history_add(&self->history, line);
    }
    if (words_split(&words, line, &error) != STATUS_OK) {
        printf("(not sent) %s\n", error.reason);
        point_at(self, line, error.at, error.at + 1);
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
    make_prompt(self, prompt, sizeof prompt);
    switch (read_line(self, prompt)) {
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
    struct dialog_listener listener = {.context = self, .on_push = on_push};
    dialog_init(&self->dialog, &options->wish, listener, terminal->stop_fd, true);
    terminal_wait(terminal);
    connect_again(self);
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
