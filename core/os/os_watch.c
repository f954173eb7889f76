/* SPDX-License-Identifier: MIT */

/* os_watch.c - a thread that looks at the clock for the one that has none.
 *
 * Why      A plan that loops for ever stops everything: no client is answered, no signal is read. The operator sees a
 *          server that hangs, and has nobody to ask.
 *
 * Idea     A thread wakes four times a second. If the turn is still the one of the last look, it interrupts the thread
 *          that is in it; there, in a signal handler, it is safe to look at what is under way. Nothing but the turn's
 *          number is shared.
 *
 *              loop    |turn 7|  |turn 9 ...........................   4 looks without progress: the line
 *              watch   ^    ^    ^    ^    ^    ^    ^    ^             SIGTERM waits, 4 more:   the end
 *
 * Promises
 *   P1  It is told once for each command that hangs, not for each look.
 *   P2  As long as commands come forward nothing is told, however long a turn takes. */
#include "os/os_watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "os/os_crash.h"

#define LOOK_MS  250
#define PATIENCE 4 /* looks */

#define SIGNAL SIGURG /* nobody else sends it, and by default it does nothing */

static struct {
    struct os_watch watch;
    struct os_watch_witness witness;
    pthread_t watched;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop; /* under the mutex */
    atomic_bool asked;
    atomic_bool wanted; /* the end: a signal waits */
    /* The watched thread's alone: */
    uint64_t progress;
    uint64_t turn;
    unsigned looks;
    unsigned waited; /* looks since the end is wanted */
    bool told;
} self = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* On the watched thread. */
static void on_look(int number)
{
    (void)number;
    int before = errno;
    if (atomic_exchange(&self.asked, false)) {
        uint64_t progress = self.witness.progress(self.witness.context);
        uint64_t turn = atomic_load_explicit(&self.watch.turn, memory_order_relaxed);
        if (progress != self.progress || turn != self.turn) { /* os_watch P2 */
            self.progress = progress;
            self.turn = turn;
            self.looks = self.waited = 0;
            self.told = false;
        }
        self.looks++;
        self.waited += atomic_load(&self.wanted);
        if (self.looks > PATIENCE && !self.told) { /* os_watch P1 */
            self.told = os_crash_say("has not returned for a second", ": nobody is served meanwhile");
        }
        if (self.looks > PATIENCE && self.waited > PATIENCE &&
            os_crash_say("does not return", "; a signal asked for the end, so the process ends without it: what was "
                                            "acknowledged is in the log")) {
            _exit(1);
        }
    }
    errno = before;
}

static bool end_is_wanted(void)
{
    sigset_t set;
    return sigpending(&set) == 0 && (sigismember(&set, SIGTERM) == 1 || sigismember(&set, SIGINT) == 1);
}

/* False: it is time to stop. */
static bool wait_for_look(void)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&self.mutex);
    int outcome = 0;
    while (!self.stop && outcome == 0) {
        outcome = pthread_cond_timedwait(&self.changed, &self.mutex, &until);
    }
    bool goes_on = !self.stop;
    pthread_mutex_unlock(&self.mutex);
    return goes_on;
}

static void *look(void *none)
{
    uint64_t last = 0;
    while (wait_for_look()) {
        uint64_t turn = atomic_load_explicit(&self.watch.turn, memory_order_relaxed);
        if (turn % 2 == 1 && turn == last) {
            atomic_store(&self.wanted, end_is_wanted());
            atomic_store(&self.asked, true);
            (void)pthread_kill(self.watched, SIGNAL);
        }
        last = turn;
    }
    return none;
}

struct os_watch *os_watch_start(const struct os_watch_witness *witness)
{
    struct sigaction action = {.sa_handler = on_look, .sa_flags = SA_RESTART | SA_ONSTACK};
    pthread_condattr_t attributes;
    self.witness = *witness;
    self.watched = pthread_self();
    self.stop = false;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGNAL, &action, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self.changed, &attributes);
    pthread_condattr_destroy(&attributes);
    /* What the process is sent goes to the loop, or to nobody: never to this thread. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int outcome = pthread_create(&self.thread, NULL, look, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return outcome == 0 ? &self.watch : NULL;
}

void os_watch_stop(struct os_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    pthread_mutex_lock(&self.mutex);
    self.stop = true;
    pthread_cond_signal(&self.changed);
    pthread_mutex_unlock(&self.mutex);
    int outcome = pthread_join(self.thread, NULL);
    check(outcome == 0);
    (void)signal(SIGNAL, SIG_IGN);
    pthread_cond_destroy(&self.changed);
}
