/* SPDX-License-Identifier: MIT */

/* os_signal.c - signals as events of the loop.
 *
 * Why      A handler may interrupt anything and may do nothing; a descriptor that becomes readable is an event as any
 *          other.
 */
#include "os/os_signal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/loop.h"

/* All whose default is to end the process though nothing is wrong with it. Not among them: what a crash raises, and
 * SIGXCPU, which is the system's own limit. */
static const int harmless[] = {SIGHUP,    SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGPOLL, SIGPROF, SIGVTALRM,
#if defined SIGSTKFLT
                               SIGSTKFLT,
#endif
                               SIGPWR};

static void add_harmless(sigset_t *set)
{
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
        (void)sigaddset(set, harmless[i]);
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++) {
        (void)sigaddset(set, number);
    }
}

static void block(const sigset_t *set)
{
    int outcome = sigprocmask(SIG_BLOCK, set, NULL);
    check(outcome == 0);
}

void os_signal_hold(void)
{
    sigset_t set;
    sigemptyset(&set);
    add_harmless(&set);
    block(&set);
}

struct os_signal {
    struct os_loop *loop; /* borrowed */
    int descriptor;
    void (*on_signal)(void *context, int number);
    void *context;
};

static void on_ready(void *context)
{
    struct os_signal *self = context;
    struct signalfd_siginfo info;
    if (read(self->descriptor, &info, sizeof info) == (ssize_t)sizeof info) {
        self->on_signal(self->context, (int)info.ssi_signo);
    }
}

enum status os_signal_create(struct os_signal **out, struct os_loop *loop, void (*on_signal)(void *context, int number),
                             void *context, struct complaint *complaint)
{
    sigset_t set;
    sigemptyset(&set);
    add_harmless(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    block(&set);
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    check(before != SIG_ERR);
    before = signal(SIGXFSZ, SIG_IGN); /* the write says it too: EFBIG */
    check(before != SIG_ERR);
    int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor < 0) {
        complaint_set(complaint, "cannot listen for signals: %s", strerrordesc_np(errno));
        return STATUS_REFUSED;
    }
    struct os_signal *self = memory_zeroed(sizeof *self);
    *self = (struct os_signal){loop, descriptor, on_signal, context};
    enum status status = os_loop_watch(loop, descriptor, on_ready, self, complaint);
    if (status != STATUS_OK) {
        close(descriptor);
        memory_free(self);
        return status;
    }
    *out = self;
    return STATUS_OK;
}

void os_signal_destroy(struct os_signal *self)
{
    if (self == NULL) {
        return;
    }
    os_loop_unwatch(self->loop, self->descriptor);
    close(self->descriptor);
    memory_free(self);
}
