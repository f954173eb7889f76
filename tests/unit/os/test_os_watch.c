/* SPDX-License-Identifier: MIT */

/* test_os_watch.c - a turn that does not end, in a child: what is said, and that a signal which nobody reads ends it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os_crash.h"
#include "os/os_watch.h"

static uint64_t commands; /* of the child */

static size_t name_it(const void *context, const char *deed, char *text, size_t room)
{
    (void)context;
    size_t size = strlen(deed);
    cr_assert_leq(size, room);
    memcpy(text, deed, size);
    return size;
}

static uint64_t progress(const void *context)
{
    (void)context;
    return ++commands / 3; /* three looks find it at the same place, then it has come forward */
}

static uint64_t no_progress(const void *context)
{
    (void)context;
    return 7;
}

enum child { HANGS, HANGS_BLOCKED, GOES_ON, EXITS };

static void be(enum child what, int out)
{
    (void)alarm(60);
    (void)dup2(out, STDERR_FILENO);
    os_crash_watch(&(struct os_crash_witness){.describe = name_it});
    if (what == EXITS) {
        exit(0);
    }
    if (what == HANGS_BLOCKED) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)kill(getpid(), SIGTERM);
    }
    struct os_watch *watch =
        os_watch_start(&(struct os_watch_witness){.progress = what == GOES_ON ? progress : no_progress});
    os_watch_turn(watch, true);
    uint64_t looks = 10; /* two seconds and a half */
    for (volatile bool hangs = true; hangs && (what != GOES_ON || commands < looks);) {
        (void)usleep(1000);
    }
    os_watch_turn(watch, false);
    os_watch_stop(watch);
    os_crash_unwatch();
    _exit(0);
}

/* Reads what a child says until `enough` is in it or it has ended; then it is killed. */
static int heard(enum child what, const char *enough, char said[static 1024])
{
    int pipes[2];
    int state = 0;
    cr_assert_eq(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        be(what, pipes[1]);
    }
    (void)close(pipes[1]);
    size_t got = 0;
    said[0] = '\0';
    for (ssize_t piece = 1; piece > 0 && (enough == NULL || strstr(said, enough) == NULL);) {
        piece = read(pipes[0], said + got, 1023 - got);
        got += piece > 0 ? (size_t)piece : 0;
        said[got] = '\0';
    }
    if (enough != NULL) {
        (void)kill(child, SIGKILL);
    }
    cr_assert_eq(waitpid(child, &state, 0), child);
    (void)close(pipes[0]);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state);
}

Test(os_watch, tells_of_a_turn_that_does_not_come_forward)
{
    char said[1024];
    cr_expect_eq(heard(HANGS, "\n", said), -SIGKILL, "it goes on");
    cr_expect_str_eq(said, "geomys-server: has not returned for a second: nobody is served meanwhile\n");
}

Test(os_watch, ends_it_once_if_a_signal_waits)
{
    char said[1024];
    cr_expect_eq(heard(HANGS_BLOCKED, NULL, said), 1);
    cr_expect_str_eq(said,
                     "geomys-server: has not returned for a second: nobody is served meanwhile\n" /* os_watch P1 */
                     "geomys-server: does not return; a signal asked for the end, so the process ends without it: "
                     "what was acknowledged is in the log\n");
}

Test(os_watch, says_nothing_of_a_long_turn_that_comes_forward)
{
    char said[1024];
    cr_expect_eq(heard(GOES_ON, NULL, said), 0);
    cr_expect_str_eq(said, ""); /* os_watch P2 */
}

Test(os_watch, an_exit_is_told_and_is_no_good_end)
{
    char said[1024];
    cr_expect_eq(heard(EXITS, NULL, said), 1); /* os_crash P3 */
    cr_expect_str_eq(said, "geomys-server: called exit(); what was acknowledged is in the log\n");
}
