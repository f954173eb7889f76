/* SPDX-License-Identifier: MIT */

/* os_thread.c - the thread of a second loop. */
#include "os/os_thread.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/memory.h"
#include "os/os_wake.h"

struct os_thread {
    struct os_loop *loop; /* borrowed */
    struct os_wake *end;
    pthread_t thread;
};

static void on_end(void *context)
{
    os_loop_stop(context);
}

static void *run(void *context)
{
    os_loop_run(context);
    return NULL;
}

/* All but what a fault raises. */
static void block_signals(sigset_t *before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t set;
    (void)sigfillset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        (void)sigdelset(&set, faults[i]);
    }
    int outcome = pthread_sigmask(SIG_SETMASK, &set, before);
    check(outcome == 0);
}

enum status os_thread_start(struct os_thread **out, struct os_loop *loop, const char *name, struct complaint *complaint)
{
    struct os_thread *thread = memory_zeroed(sizeof *thread);
    thread->loop = loop;
    enum status status = os_wake_create(&thread->end, loop, on_end, loop, complaint);
    if (status != STATUS_OK) {
        memory_free(thread);
        return status;
    }
    sigset_t before;
    block_signals(&before);
    int error = pthread_create(&thread->thread, NULL, run, loop);
    int outcome = pthread_sigmask(SIG_SETMASK, &before, NULL);
    check(outcome == 0);
    if (error != 0) {
        complaint_set(complaint, "cannot start a thread: %s", strerrordesc_np(error));
        os_wake_destroy(thread->end);
        memory_free(thread);
        return STATUS_REFUSED;
    }
    (void)pthread_setname_np(thread->thread, name);
    *out = thread;
    return STATUS_OK;
}

void os_thread_end(struct os_thread *thread)
{
    if (thread == NULL) {
        return;
    }
    os_wake_call(thread->end);
    int error = pthread_join(thread->thread, NULL);
    check(error == 0);
    os_wake_destroy(thread->end);
    memory_free(thread);
}
