/* SPDX-License-Identifier: MIT */

/* tool.c - the common part of the tools. */
#include "cli/tools/tool.h"
#include "cli/show/output_formats.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

static void ignore_push(void *context, const struct answer *push)
{
    (void)context;
    (void)push;
}

static void catch_signals(struct tool *tool)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGHUP);
    sigprocmask(SIG_BLOCK, &stop, &tool->old_mask);
    tool->stop_fd = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
}

void tool_complain(struct tool *tool, enum batch_exit exit, const struct complaint *complaint)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", complaint->text);
    tool->exit = batch_worse(tool->exit, exit);
}

bool tool_begin(struct tool *tool, const struct options *options, bool utf8)
{
    *tool = (struct tool){
        .options = options, .utf8 = utf8, .live = isatty(STDOUT_FILENO) == 1, .progress = isatty(STDERR_FILENO) == 1};
    catch_signals(tool);
    struct dialog_listener listener = {.context = tool, .on_push = ignore_push};
    dialog_init(&tool->dialog, &options->wish, listener, tool->stop_fd, false);
    struct complaint complaint = {""};
    enum status status = dialog_connect(&tool->dialog, &complaint);
    if (status == STATUS_AGAIN) {
        complaint_set(&complaint, "stopped before there was a connection");
    }
    if (status != STATUS_OK) {
        tool_complain(tool, status == STATUS_INVALID ? EXIT_REPLY : EXIT_CONNECTION, &complaint);
    }
    return status == STATUS_OK;
}

enum batch_exit tool_end(struct tool *tool)
{
    dialog_finish(&tool->dialog);
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        perror("geomys-cli: standard output");
        tool->exit = EXIT_CONNECTION;
    }
    if (tool->stop_fd >= 0) {
        (void)tool_stopped(tool); /* or it would end the program now */
        close(tool->stop_fd);
    }
    sigprocmask(SIG_SETMASK, &tool->old_mask, NULL);
    return tool->exit;
}

bool tool_ask(struct tool *tool, const struct gm_bytes *argv, size_t argc, struct answer *out)
{
    struct complaint complaint;
    enum status status = dialog_command(&tool->dialog, argv, argc, out, &complaint);
    if (status == STATUS_AGAIN) {
        tool->stopped = true;
        return false;
    }
    if (status != STATUS_OK) {
        tool_complain(tool, EXIT_CONNECTION, &complaint);
        return false;
    }
    if (out->type == ANSWER_ERROR) {
        fflush(stdout);
        output_safe(stderr, out->text, tool->utf8);
        fputc('\n', stderr);
        tool->exit = batch_worse(tool->exit, EXIT_REPLY);
        answer_finish(out);
        return false;
    }
    return true;
}

bool tool_stopped(struct tool *tool)
{
    struct signalfd_siginfo info;
    while (tool->stop_fd >= 0 && read(tool->stop_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        tool->stopped = true;
    }
    return tool->stopped;
}

bool tool_wait(struct tool *tool, int64_t duration_ns)
{
    int64_t until_ns = tool_now_ns() + duration_ns;
    for (int64_t left_ns = duration_ns; !tool_stopped(tool); left_ns = until_ns - tool_now_ns()) {
        if (left_ns <= 0) {
            return true;
        }
        struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        struct pollfd stop = {.fd = tool->stop_fd, .events = POLLIN};
        (void)ppoll(&stop, 1, &left, NULL);
    }
    return false;
}

int64_t tool_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void tool_size(char out[static 16], uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    double shown = (double)bytes;
    size_t unit = 0;
    for (; shown >= 1024; shown /= 1024) {
        unit++;
    }
    if (unit == 0) {
        snprintf(out, 16, "%" PRIu64 "B", bytes);
    } else {
        snprintf(out, 16, "%.2f%c", shown, units[unit]);
    }
}
