/* SPDX-License-Identifier: MIT */

/* threads.c - two loops on two threads that wake each other (os/os_thread.h, os/os_wake.h), for ThreadSanitizer.
 *
 * Idea     Each counts a plain number and wakes the other, in turns: that each wake is seen, and that what was written
 *          before it is seen with it, is what the test is about. Then loops that end by themselves, loops that are
 *          ended while they wait, and one that is woken more often than it turns.
 *
 * Exit code 0 if so. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "os/loop.h"
#include "os/os_clock.h"
#include "os/os_thread.h"
#include "os/os_wake.h"

#define ROUNDS     2000
#define PATIENCE_S 60

struct side {
    struct os_loop *loop;
    struct os_wake *wake;
    struct side *other;
    uint64_t *number; /* both sides', in turns */
    uint64_t woken;
    bool passive;     /* it does not answer */
    bool masked;      /* signals of the process do not come to its thread */
    int64_t until_ms; /* monotonic; 0: for ever */
};

static void on_turn(void *context, int64_t wall_ms, int64_t monotonic_ms)
{
    (void)wall_ms;
    struct side *side = context;
    check(side->until_ms == 0 || monotonic_ms < side->until_ms);
}

static int64_t on_turn_end(void *context)
{
    struct side *side = context;
    return side->until_ms != 0 ? side->until_ms : OS_LOOP_NEVER;
}

static void on_wake(void *context)
{
    struct side *side = context;
    sigset_t mask;
    check(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    side->masked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGSEGV) == 0;
    side->woken++;
    if (side->passive) {
        return;
    }
    uint64_t number = ++*side->number;
    os_wake_call(side->other->wake); /* it is the other's turn to touch it */
    if (number >= 2 * ROUNDS) {
        os_loop_stop(side->loop);
    }
}

static void make(struct side *side, struct side *other, uint64_t *number)
{
    struct complaint complaint;
    struct os_loop_driver driver = {.turn = on_turn, .turn_end = on_turn_end, .context = side};
    *side = (struct side){.other = other, .number = number};
    check(os_loop_create(&side->loop, &driver, &complaint) == STATUS_OK);
    check(os_wake_create(&side->wake, side->loop, on_wake, side, &complaint) == STATUS_OK);
}

static void unmake(struct side *side)
{
    os_wake_destroy(side->wake);
    os_loop_destroy(side->loop);
}

static void in_turns(void)
{
    struct complaint complaint;
    struct side here;
    struct side there;
    uint64_t number = 0;
    make(&here, &there, &number);
    make(&there, &here, &number);
    struct os_thread *thread = NULL;
    here.until_ms = os_clock_monotonic_us() / 1000 + PATIENCE_S * (int64_t)1000;
    check(os_thread_start(&thread, there.loop, "other", &complaint) == STATUS_OK);
    os_wake_call(there.wake);
    os_loop_run(here.loop);
    os_thread_end(thread);
    check(number >= 2 * ROUNDS && there.masked && !here.masked);
    unmake(&there);
    unmake(&here);
}

/* Calls that come together are one turn, and none is lost. */
static void often(void)
{
    struct complaint complaint;
    struct side there;
    make(&there, NULL, NULL);
    there.passive = true;
    struct os_thread *thread = NULL;
    check(os_thread_start(&thread, there.loop, "other", &complaint) == STATUS_OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        os_wake_call(there.wake);
    }
    os_thread_end(thread);
    check(there.woken <= ROUNDS);
    if (there.woken == 0) { /* the end came in its first turn, perhaps: the call is still there */
        check(os_thread_start(&thread, there.loop, "other", &complaint) == STATUS_OK);
        os_thread_end(thread);
    }
    check(there.woken > 0);
    unmake(&there);
}

int main(void)
{
    in_turns();
    often();
    (void)printf("%d rounds\n", ROUNDS);
    return 0;
}
