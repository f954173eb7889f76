/* SPDX-License-Identifier: MIT */

/* watch.c - the loop. */
#include "cli/tools/watch.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/show/output_formats.h"
#include "cli/terminal/frame.h"
#include "cli/terminal/terminal.h"
#include "cli/tools/tool.h"

#define SHOWN ((size_t)256 * 1024) /* bytes of a reply that a frame is cut out of */

static void put_title(const struct watch *watch, struct buf *out)
{
    char place[300];
    char clock[16] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (localtime_r(&now, &parts) != NULL) {
        strftime(clock, sizeof clock, "%H:%M:%S", &parts);
    }
    channel_name(&watch->options->wish.address, place, sizeof place);
    buf_format(out, "%s  %s  every %gs:", clock, place, watch->interval_s);
    for (size_t i = 0; i < watch->argc && out->size < 1000; i++) {
        char word[256] = "";
        FILE *file = fmemopen(word, sizeof word - 1, "w");
        if (file != NULL) {
            struct gm_bytes seen = watch->argv[i];
            seen.size = seen.size < 60 ? seen.size : 60;
            output_safe(file, seen, watch->utf8);
            fclose(file);
        }
        buf_format(out, " %s", word);
    }
}

static void draw(const struct watch *watch, const struct answer *reply, bool first)
{
    char *text = memory_zeroed(SHOWN + 1);
    struct buf title;
    struct buf out;
    buf_init(&title, 2048);
    buf_init(&out, 2 * SHOWN);
    put_title(watch, &title);
    FILE *file = fmemopen(text, SHOWN, "w"); /* what does not fit would not be seen either */
    if (file != NULL) {
        enum output_format format = watch->options->format == OUTPUT_RAW ? OUTPUT_HUMAN : watch->options->format;
        output_answer(file, format, reply, watch->utf8);
        fclose(file);
    }
    size_t columns;
    size_t rows;
    terminal_size(&columns, &rows);
    frame_draw(&out, buf_bytes(&title), gm_bytes_of(text), columns, rows, first);
    terminal_write(buf_bytes(&out));
    buf_finish(&out);
    buf_finish(&title);
    memory_free(text);
}

/* False: stopped. */
static bool wait_until(const struct watch *watch, int64_t until_ns)
{
    for (;;) {
        int64_t left_ns = until_ns - tool_now_ns();
        left_ns = left_ns > 0 ? left_ns : 0;
        struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        struct pollfd stop = {.fd = watch->stop_fd, .events = POLLIN};
        if (ppoll(&stop, 1, &left, NULL) > 0) {
            return false;
        }
        if (left_ns == 0) {
            return true;
        }
    }
}

enum status watch_loop(struct watch *watch, struct complaint *complaint)
{
    int64_t next_ns = tool_now_ns();
    for (bool first = true;; first = false) {
        struct answer reply = {0};
        TRY(dialog_command(watch->dialog, watch->argv, watch->argc, &reply, complaint));
        watch->failed = watch->failed || reply.type == ANSWER_ERROR;
        if (watch->live) {
            draw(watch, &reply, first);
        } else {
            output_answer(stdout, watch->options->format, &reply, watch->utf8);
            fflush(stdout);
        }
        answer_finish(&reply);
        if (watch->dialog->streaming || watch->dialog->subscriptions > 0) {
            complaint_set(complaint, "What sends messages on and on cannot be watched");
            dialog_disconnect(watch->dialog);
            return STATUS_REFUSED;
        }
        if (ferror(stdout) != 0) {
            return STATUS_AGAIN;
        }
        int64_t now_ns = tool_now_ns();
        next_ns += (int64_t)(watch->interval_s * 1e9);
        next_ns = next_ns > now_ns ? next_ns : now_ns;
        if (!wait_until(watch, next_ns)) {
            return STATUS_AGAIN;
        }
    }
}

int watch_run(const struct options *options, char **argv, int argc, bool utf8)
{
    struct tool tool;
    struct gm_bytes *words = memory_alloc((size_t)argc * sizeof *words);
    for (int i = 0; i < argc; i++) {
        words[i] = gm_bytes_of(argv[i]);
    }
    if (tool_begin(&tool, options, utf8)) {
        struct watch watch = {.options = options,
                              .dialog = &tool.dialog,
                              .argv = words,
                              .argc = (size_t)argc,
                              .interval_s = options->watch_s,
                              .stop_fd = tool.stop_fd,
                              .live = tool.live,
                              .utf8 = utf8};
        struct complaint complaint = {""};
        if (watch_loop(&watch, &complaint) != STATUS_AGAIN) {
            tool_complain(&tool, EXIT_CONNECTION, &complaint);
        }
        tool.exit = batch_worse(tool.exit, watch.failed ? EXIT_REPLY : EXIT_FINE);
    }
    memory_free(words);
    return (int)tool_end(&tool);
}
