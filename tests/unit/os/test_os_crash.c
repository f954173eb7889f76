/* SPDX-License-Identifier: MIT */

/* test_os_crash.c - the last words of a process, said by a child; tests/integration/crash_test.py has those of a whole
 * server. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/os_crash.h"

static size_t name_it(const void *context, const char *deed, char *text, size_t room)
{
    (void)deed;
    const char *words = context;
    size_t size = strlen(words);
    cr_assert_leq(size, room);
    memcpy(text, words, size);
    return size;
}

static size_t crash_too(const void *context, const char *deed, char *text, size_t room)
{
    (void)deed;
    (void)text;
    (void)room;
    return *(const volatile size_t *)context;
}

/* A child that crashes. What it said, and the signal that it died of. */
static int crash(const struct os_crash_witness *witness, char *said, size_t size)
{
    int pipes[2];
    int state = 0;
    cr_assert_eq(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)alarm(20);
        (void)dup2(pipes[1], STDERR_FILENO);
        (void)signal(SIGFPE, SIG_DFL);
        (void)signal(SIGSEGV, SIG_DFL);
        os_crash_watch(witness);
        (void)raise(SIGFPE);
        _exit(0);
    }
    (void)close(pipes[1]);
    size_t got = 0;
    for (ssize_t piece = 1; piece > 0; got += piece > 0 ? (size_t)piece : 0) {
        piece = read(pipes[0], said + got, size - 1 - got);
    }
    said[got] = '\0';
    (void)close(pipes[0]);
    cr_assert_eq(waitpid(child, &state, 0), child);
    return WIFSIGNALED(state) ? WTERMSIG(state) : 0;
}

Test(os_crash, is_told_in_a_line_and_ends_the_process_as_it_would_have)
{
    char said[256];
    struct os_crash_witness witness = {.describe = name_it, .context = "it was me"};
    cr_assert_eq(crash(&witness, said, sizeof said), SIGFPE);
    cr_assert_str_eq(said, "geomys-server: SIGFPE: it was me\n");
}

Test(os_crash, that_crashes_again_has_said_what_was_known_and_ends_at_once)
{
    char said[4096];
    /* Nothing is mapped there; not NULL, for which sanitizers have an answer of their own. */
    struct os_crash_witness witness = {.describe = crash_too, .context = (const void *)(uintptr_t)16};
    int number = crash(&witness, said, sizeof said);
    cr_assert(number == SIGSEGV, "signal %d", number); /* os_crash P1 */
    cr_assert_str_eq(said, "geomys-server: SIGFPE: "); /* os_crash P2 */
}
