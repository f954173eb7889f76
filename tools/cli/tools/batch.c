/* SPDX-License-Identifier: MIT */

/* batch.c - for scripts.
 *
 * Promises B1  What is not the answer is on standard error: a script that reads standard output reads answers only. An
 *              error reply is an answer where the format can say so (json, csv); in raw and human output it goes to
 *              standard error.
 *          B2  The exit code tells the worst that happened: no connection, then an error reply, then a line that is no
 *              command.
 *          B3  A complaint about a line names it. */
#include "cli/tools/batch.h"

#include <errno.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/show/help.h"
#include "cli/show/output_formats.h"
#include "cli/show/pager.h"
#include "cli/show/peek.h"
#include "cli/terminal/terminal.h"
#include "cli/text/words.h"

#define CHUNK 65536 /* bytes read at once */

struct batch {
    const struct options *options;
    struct dialog dialog;
    bool utf8;
    size_t line; /* of the input, from 1; 0: the command line */
    enum batch_exit exit;
};

enum batch_exit batch_worse(enum batch_exit one, enum batch_exit other)
{
    static const int severity[] = {[EXIT_FINE] = 0, [EXIT_USAGE] = 1, [EXIT_REPLY] = 2, [EXIT_CONNECTION] = 3};
    return severity[other] > severity[one] ? other : one;
}

static void worsen(struct batch *batch, enum batch_exit exit)
{
    batch->exit = batch_worse(batch->exit, exit);
}

static void name_line(const struct batch *batch)
{
    if (batch->line > 0) {
        fprintf(stderr, "line %zu: ", batch->line);
    }
}

static void complain(struct batch *batch, const struct complaint *complaint)
{
    name_line(batch);
    fprintf(stderr, "%s\n", complaint->text);
}

static void show(void *context, const struct answer *reply)
{
    struct batch *batch = context;
    output_answer(stdout, batch->options->format, reply, batch->utf8);
    fflush(stdout);
}

static void write_reply(struct batch *batch, const struct gm_bytes *argv, size_t argc, const struct answer *reply)
{
    struct reply_view view = {
        .format = batch->options->format, .utf8 = batch->utf8, .peek = peek_is(argv, argc, reply)};
    bool once = batch->line == 0 && batch->options->repeat == 1;
    struct pager pager = {.allowed = batch->options->pager && view.format == OUTPUT_HUMAN && once};
    if (pager_begin(&pager, &view, reply)) {
        pager_run(&pager, &view, reply);
    } else {
        reply_write(stdout, &view, reply);
    }
}

static void show_reply(struct batch *batch, const struct gm_bytes *argv, size_t argc, const struct answer *reply)
{
    bool error = reply->type == ANSWER_ERROR;
    enum output_format format = batch->options->format;
    bool carries = format == OUTPUT_JSON || format == OUTPUT_JSONL || format == OUTPUT_CSV;
    if (!error || carries) {
        write_reply(batch, argv, argc, reply);
    }
    if (error && (!carries || batch->line > 0)) {
        fflush(stdout);
        name_line(batch);
        output_safe(stderr, reply->text, batch->utf8);
        fputc('\n', stderr);
    }
    if (error) {
        worsen(batch, EXIT_REPLY);
    }
}

/* What follows a subscription or a monitor: for ever. */
static bool stream(struct batch *batch)
{
    struct complaint complaint;
    fflush(stdout);
    for (;;) {
        if (dialog_listen(&batch->dialog, -1, &complaint) != STATUS_OK) {
            complain(batch, &complaint);
            worsen(batch, EXIT_CONNECTION);
            return false;
        }
    }
}

/* False: there is no going on. */
static bool run_once(struct batch *batch, const struct gm_bytes *argv, size_t argc)
{
    struct complaint complaint;
    struct answer reply = {0};
    if (dialog_command(&batch->dialog, argv, argc, &reply, &complaint) != STATUS_OK) {
        complain(batch, &complaint);
        worsen(batch, EXIT_CONNECTION);
        return false;
    }
    show_reply(batch, argv, argc, &reply);
    answer_finish(&reply);
    if (batch->dialog.streaming || batch->dialog.subscriptions > 0) {
        return stream(batch);
    }
    return ferror(stdout) == 0;
}

static void pause_for(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    fflush(stdout);
    while (seconds > 0 && nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static bool run(struct batch *batch, const struct gm_bytes *argv, size_t argc)
{
    int64_t repeat = batch->options->repeat;
    for (int64_t i = 0; repeat < 0 || i < repeat; i++) {
        if (i > 0) {
            pause_for(batch->options->interval_s);
        }
        if (!run_once(batch, argv, argc)) {
            return false;
        }
    }
    return true;
}

static bool begin(struct batch *batch, const struct options *options, bool utf8, bool catalog)
{
    *batch = (struct batch){.options = options, .utf8 = utf8};
    struct dialog_listener listener = {.context = batch, .on_push = show};
    dialog_init(&batch->dialog, &options->wish, listener, -1, catalog);
    struct complaint complaint;
    enum status status = dialog_connect(&batch->dialog, &complaint);
    if (status == STATUS_OK) {
        return true;
    }
    complain(batch, &complaint);
    worsen(batch, status == STATUS_INVALID ? EXIT_REPLY : EXIT_CONNECTION);
    return false;
}

static enum batch_exit end(struct batch *batch)
{
    dialog_finish(&batch->dialog);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        perror("geomys-cli: standard output");
        worsen(batch, EXIT_CONNECTION);
    }
    return batch->exit;
}

/* ---- one command --------------------------------------------------------------------------------------------- */

/* False if it is larger than BATCH_ARGUMENT, or cannot be read. */
static bool read_all(int in, struct buf *out)
{
    for (;;) {
        size_t room = out->limit - out->size < CHUNK ? out->limit - out->size : CHUNK;
        uint8_t probe;
        uint8_t *to = room > 0 ? buf_reserve(out, room) : &probe;
        ssize_t size = read(in, to, room > 0 ? room : 1);
        if (size == 0) {
            return true;
        }
        if (size > 0 && room == 0) {
            return false;
        }
        if (size < 0 && errno != EINTR) {
            return false;
        }
        out->size += size > 0 ? (size_t)size : 0;
    }
}

/* At a terminal, before a command that is declared dangerous. */
static bool confirm(struct batch *batch, const struct gm_bytes *argv, size_t argc)
{
    const struct catalog_command *command = catalog_find(&batch->dialog.catalog, argv, argc, NULL);
    if (command == NULL || !command->dangerous || !batch->options->confirm) {
        return true;
    }
    char answer[16] = "";
    fprintf(stderr, "%s is declared dangerous. Send it? [y/N] ", command->name);
    fflush(stderr);
    bool got = fgets(answer, sizeof answer, stdin) != NULL;
    answer[strcspn(answer, "\r\n")] = '\0';
    if (got && (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)) {
        return true;
    }
    fputs("(not sent)\n", stderr);
    worsen(batch, EXIT_USAGE);
    return false;
}

/* The verb help, as at a terminal. False: the server has a command of that name. */
static bool run_help(struct batch *batch, const struct gm_bytes *argv, size_t argc)
{
    const struct catalog *catalog = &batch->dialog.catalog;
    if (catalog_named(catalog, argv[0]) != NULL) {
        return false;
    }
    size_t columns;
    size_t rows;
    terminal_size(&columns, &rows);
    if (argc == 1) {
        help_all(stdout, catalog, columns);
    } else if (!help_command(stdout, catalog, argv + 1, argc - 1)) {
        const char *nearest = catalog_nearest(catalog, argv[1]);
        fprintf(stderr, "The server declares no such command.%s%s%s\n", nearest != NULL ? " Did you mean " : "",
                nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
        worsen(batch, EXIT_REPLY);
    }
    return true;
}

enum batch_exit batch_command(const struct options *options, char **argv, int argc, bool utf8)
{
    struct buf input;
    buf_init(&input, BATCH_ARGUMENT);
    size_t count = (size_t)argc;
    struct gm_bytes *words = memory_alloc((count + 1) * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        words[i] = gm_bytes_of(argv[i]);
    }
    enum batch_exit exit = EXIT_USAGE;
    if (options->stdin_argument && !read_all(STDIN_FILENO, &input)) {
        fprintf(stderr, "-x: standard input cannot be read, or has more than %zu bytes\n", BATCH_ARGUMENT);
    } else {
        if (options->stdin_argument) {
            words[count++] = input.size > 0 ? buf_bytes(&input) : BYTES("");
        }
        struct batch batch;
        bool help = count > 0 && bytes_equal_nocase(words[0], "help");
        bool ask = options->confirm && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
        if (begin(&batch, options, utf8, ask || help)) {
            if (!(help && run_help(&batch, words, count)) && confirm(&batch, words, count)) {
                (void)run(&batch, words, count);
            }
        }
        exit = end(&batch);
    }
    memory_free(words);
    buf_finish(&input);
    return exit;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static bool run_line(struct batch *batch, struct gm_bytes line)
{
    struct words words;
    struct words_error error;
    bool going_on = true;
    if (words_split(&words, line, &error) != STATUS_OK) {
        name_line(batch);
        fprintf(stderr, "column %zu: %s\n", error.at + 1, error.reason);
        worsen(batch, EXIT_USAGE);
        return true;
    }
    if (words.count > 0) {
        going_on = run(batch, words.argv, words.count);
    }
    words_finish(&words);
    return going_on;
}

struct lines {
    int in;
    uint8_t chunk[CHUNK];
    size_t size;
    size_t at;
    bool ended;
};

/* The next line, without its end; false: there are none. `whole` is false if it was longer than the limit. */
static bool next_line(struct lines *lines, struct buf *line, bool *whole)
{
    buf_clear(line, CHUNK);
    *whole = true;
    bool any = false;
    for (;;) {
        const uint8_t *from = lines->chunk + lines->at;
        const uint8_t *end = memchr(from, '\n', lines->size - lines->at);
        size_t size = end != NULL ? (size_t)(end - from) : lines->size - lines->at;
        any = any || size > 0 || end != NULL;
        *whole = *whole && buf_append(line, (struct gm_bytes){from, size});
        lines->at += size + (end != NULL ? 1 : 0);
        if (end != NULL || lines->ended) {
            return any;
        }
        ssize_t got = read(lines->in, lines->chunk, CHUNK);
        lines->at = 0;
        lines->size = got > 0 ? (size_t)got : 0;
        lines->ended = got == 0 || (got < 0 && errno != EINTR);
    }
}

enum batch_exit batch_lines(const struct options *options, int in, bool utf8)
{
    struct batch batch;
    if (begin(&batch, options, utf8, false)) {
        struct lines *lines = memory_zeroed(sizeof *lines);
        struct buf line;
        buf_init(&line, BATCH_ARGUMENT);
        lines->in = in;
        bool whole;
        bool going_on = true;
        while (going_on && next_line(lines, &line, &whole)) {
            batch.line++;
            if (whole) {
                going_on = run_line(&batch, line.size > 0 ? buf_bytes(&line) : BYTES(""));
            } else {
                name_line(&batch);
                fprintf(stderr, "longer than %zu bytes\n", BATCH_ARGUMENT);
                worsen(&batch, EXIT_USAGE);
            }
        }
        buf_finish(&line);
        memory_free(lines);
    }
    return end(&batch);
}
