/* SPDX-License-Identifier: MIT */

/* os_crash.c - a line of text from within a signal handler.
 *
 * Why      A module is somebody's C code in our process. When it crashes, "segmentation fault" leaves the operator with
 *          a server that is gone and no idea whom to ask.
 *
 * Idea     The handler says the line and puts back what the signal did before; then it returns, so that the fault
 *          happens again where it happened, and ends the process with the state that a debugger wants to see. What was
 *          sent rather than caused (kill, abort) is raised again.
 *
 *              fault ──► handler: line, old action ──► the same instruction ──► fault ──► core, or a sanitizer's report
 *
 * Promises
 *   P1  Only write(2) is called, and reads of memory that are expected to be good. Should they not be, the second fault
 *       ends the process at once, whatever its signal: all of them are blocked meanwhile.
 *   P2  What is known without the witness is written before it is asked.
 *   P3  A process that a module ends by exit() has not ended well: the line, and an exit code that is not 0.
 *
 * Limits   The handler has a stack of its own for the thread that called os_crash_watch. An overflow on another thread
 *          ends the process without a word. */
#include "os/os_crash.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_SIZE 65536
#define LINE_MAX   1024

static const struct {
    int number;
    const char *name;
} faults[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"},
};

#define FAULTS (sizeof faults / sizeof faults[0])

static struct {
    bool watching;
    bool registered; /* with atexit, which cannot be taken back */
    pid_t thread;
    struct os_crash_witness witness;
    struct sigaction before[FAULTS];
    stack_t stack_before;
    char stack[STACK_SIZE];
} self;

static void say(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(STDERR_FILENO, text, size);
        if (wrote <= 0) {
            return; /* nobody reads */
        }
        text += wrote;
        size -= (size_t)wrote;
    }
}

static void say_words(const char *words)
{
    say(words, strlen(words));
}

static void say_address(const void *address)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 + 2 * sizeof address] = "0x";
    uintptr_t rest = (uintptr_t)address;
    for (size_t i = sizeof text; i-- > 2; rest >>= 4) {
        text[i] = digits[rest & 15];
    }
    say(text, sizeof text);
}

static void say_witness(const char *deed)
{
    char text[LINE_MAX];
    if (gettid() != self.thread) {
        say_words("a thread of the server itself ");
        say_words(deed);
        say_words(", none that runs modules");
        return;
    }
    size_t size = self.witness.describe(self.witness.context, deed, text, sizeof text);
    if (size > 0) {
        say(text, size);
    } else {
        say_words("the server itself ");
        say_words(deed);
        say_words(", no command was under way");
    }
}

static void on_fault(int number, siginfo_t *info, void *machine)
{
    (void)machine;
    bool caused = info->si_code > 0;
    say_words("geomys-server: ");
    for (size_t i = 0; i < FAULTS; i++) {
        if (faults[i].number == number) {
            say_words(faults[i].name);
            (void)sigaction(number, &self.before[i], NULL);
        }
    }
    if (caused) {
        say_words(" at address ");
        say_address(info->si_addr);
    }
    say_words(": ");
    say_witness("crashed");
    say_words("\n");
    if (!caused) {
        (void)raise(number);
    }
}

/* exit() within a command: what runs behind it (destructors, other modules' too) has run by now. */
static void on_exit_called(void)
{
    if (self.watching) {
        say_words("geomys-server: ");
        say_witness("called exit()");
        say_words("; what was acknowledged is in the log\n");
        _exit(EXIT_FAILURE); /* os_crash P3 */
    }
}

bool os_crash_say(const char *deed, const char *remedy)
{
    char text[LINE_MAX];
    size_t size = self.watching ? self.witness.describe(self.witness.context, deed, text, sizeof text) : 0;
    if (size == 0) {
        return false;
    }
    say_words("geomys-server: ");
    say(text, size);
    say_words(remedy);
    say_words("\n");
    return true;
}

void os_crash_watch(const struct os_crash_witness *witness)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_sp = self.stack, .ss_size = sizeof self.stack};
    self.witness = *witness;
    self.thread = gettid();
    if (!self.registered) {
        self.registered = atexit(on_exit_called) == 0;
    }
    self.watching = true;
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FAULTS; i++) {
        (void)sigaddset(&action.sa_mask, faults[i].number); /* os_crash P1 */
    }
    (void)sigaltstack(&stack, &self.stack_before);
    for (size_t i = 0; i < FAULTS; i++) {
        (void)sigaction(faults[i].number, &action, &self.before[i]);
    }
}

void os_crash_unwatch(void)
{
    if (!self.watching) {
        return;
    }
    for (size_t i = 0; i < FAULTS; i++) {
        (void)sigaction(faults[i].number, &self.before[i], NULL);
    }
    (void)sigaltstack(&self.stack_before, NULL);
    self.watching = false;
}
