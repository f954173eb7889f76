/* SPDX-License-Identifier: MIT */

/* pager.c - counting lines, and a child process.
 *
 * Idea     The reply is written twice, first into a counter: so nothing of it is kept in memory a second time. The
 *          pager has the terminal's signals to itself; a pager that is left early is no error. */
#include "cli/show/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/show/peek.h"
#include "cli/terminal/terminal.h"

struct counter {
    size_t lines;
    size_t limit;
};

void reply_write(FILE *file, const struct reply_view *view, const struct answer *reply)
{
    if (view->peek && view->format == OUTPUT_HUMAN) {
        peek_write(file, reply, view->utf8);
    } else {
        output_answer(file, view->format, reply, view->utf8);
    }
}

static ssize_t count(void *context, const char *bytes, size_t size)
{
    struct counter *counter = context;
    for (size_t i = 0; i < size && counter->lines <= counter->limit; i++) {
        counter->lines += bytes[i] == '\n' ? 1 : 0;
    }
    return (ssize_t)size;
}

static bool is_long(const struct reply_view *view, const struct answer *reply)
{
    size_t columns;
    struct counter counter = {0};
    terminal_size(&columns, &counter.limit);
    FILE *file = fopencookie(&counter, "w", (cookie_io_functions_t){.write = count});
    if (file == NULL) {
        return false;
    }
    reply_write(file, view, reply);
    fclose(file);
    return counter.lines > counter.limit;
}

bool pager_command(const char *chosen, const char *path, char *out, size_t size)
{
    if (chosen != NULL && *chosen != '\0') {
        return (size_t)snprintf(out, size, "%s", chosen) < size;
    }
    for (const char *at = path; at != NULL && *at != '\0'; at += *at == ':' ? 1 : 0) {
        char file[1024];
        size_t folder = strcspn(at, ":");
        bool fits = (size_t)snprintf(file, sizeof file, "%.*s/less", (int)folder, at) < sizeof file;
        if (folder > 0 && fits && access(file, X_OK) == 0) {
            return (size_t)snprintf(out, size, "less -R") < size;
        }
        at += folder;
    }
    return false;
}

bool pager_begin(struct pager *pager, const struct reply_view *view, const struct answer *reply)
{
    return pager->allowed && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 &&
           pager_command(getenv("PAGER"), getenv("PATH"), pager->command, sizeof pager->command) &&
           is_long(view, reply);
}

/* Starts the shell with `in` as its standard input, and no signal blocked. */
static bool start(const char *command, int in, pid_t *child)
{
    char *argv[] = {"sh", "-c", (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGINT);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    bool started = posix_spawn(child, "/bin/sh", &actions, &attributes, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return started;
}

void pager_run(struct pager *pager, const struct reply_view *view, const struct answer *reply)
{
    int ends[2];
    pid_t child;
    fflush(stdout);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        reply_write(stdout, view, reply);
        return;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction old_pipe;
    struct sigaction old_interrupt;
    sigaction(SIGPIPE, &ignore, &old_pipe);
    sigaction(SIGINT, &ignore, &old_interrupt);
    bool started = start(pager->command, ends[0], &child);
    close(ends[0]);
    FILE *file = fdopen(ends[1], "w");
    if (started && file != NULL) {
        reply_write(file, view, reply);
    }
    if (file != NULL) {
        fclose(file);
    } else {
        close(ends[1]);
    }
    while (started && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    sigaction(SIGPIPE, &old_pipe, NULL);
    sigaction(SIGINT, &old_interrupt, NULL);
    if (!started) {
        reply_write(stdout, view, reply);
    }
}
