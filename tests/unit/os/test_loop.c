/* SPDX-License-Identifier: MIT */

/* Turns, watches and signals; the clock and the random bytes. */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub.h"
#include "os/os_clock.h"
#include "os/os_entropy.h"
#include "os/os_signal.h"

static struct hub hub;
static int caller;

static void start(void)
{
    hub_start(&hub);
}

static void finish(void)
{
    hub_finish(&hub);
}

TestSuite(loop, .init = start, .fini = finish, .timeout = 60);

Test(loop, waits_until_the_moment_that_the_turn_named)
{
    hub_turns(&hub, 1);
    int64_t before_ms = hub.now_ms, wall_before_ms = hub.wall_ms;
    hub.wait_ms = 40;
    hub_turns(&hub, 4);
    cr_assert_gt(hub.wall_ms, wall_before_ms, "each turn has its own time");
    cr_assert_geq(hub.now_ms - before_ms, 3 * 40);
    cr_assert_lt(hub.now_ms - before_ms, 5000);
}

/* The first turn asks for a late moment, and then a client comes; the next ones ask for a near moment. */
static void come_sooner(struct hub *turned)
{
    if (turned->wait_ms == 0) {
        turned->wait_ms = 20000;
        caller = hub_connect_only(turned);
    } else {
        turned->wait_ms = 20;
    }
}

Test(loop, is_not_late_when_a_later_turn_names_an_earlier_moment)
{
    hub_turns(&hub, 1);
    int64_t before_ms = hub.now_ms;
    hub.on_turn_end = come_sooner;
    hub_turns(&hub, 4);
    cr_assert_eq(hub.count, 1);
    cr_assert_lt(hub.now_ms - before_ms, 5000);
    hub.on_turn_end = NULL;
    hub.wait_ms = 300; /* and one that is later again is waited for, although the timer was set to less */
    before_ms = hub.now_ms;
    hub_turns(&hub, 3);
    cr_assert_geq(hub.now_ms - before_ms, 300);
    close(caller);
}

struct watched {
    int descriptor;
    struct watched *other;
    int calls;
};

static void on_ready(void *context)
{
    struct watched *self = context;
    uint64_t value;
    cr_assert_eq(read(self->descriptor, &value, sizeof value), (ssize_t)sizeof value);
    self->calls++;
    if (self->other != NULL) {
        os_loop_unwatch(hub.loop, self->other->descriptor);
        os_loop_unwatch(hub.loop, self->descriptor);
        os_loop_unwatch(hub.loop, self->descriptor);
    }
}

static void ring(struct watched *watched)
{
    uint64_t one = 1;
    cr_assert_eq(write(watched->descriptor, &one, sizeof one), (ssize_t)sizeof one);
}

Test(loop, watches_descriptors_until_told_not_to_even_within_the_turn)
{
    struct complaint complaint;
    struct watched two[2] = {0};
    for (int i = 0; i < 2; i++) {
        two[i].descriptor = eventfd(0, EFD_NONBLOCK);
        cr_assert_eq(os_loop_watch(hub.loop, two[i].descriptor, on_ready, &two[i], &complaint), STATUS_OK);
        ring(&two[i]);
    }
    hub_turns(&hub, 1);
    cr_assert_eq(two[0].calls + two[1].calls, 2);
    hub_turns(&hub, 2);
    cr_assert_eq(two[0].calls + two[1].calls, 2);
    for (int i = 0; i < 2; i++) {
        two[i].other = &two[1 - i];
        ring(&two[i]);
    }
    hub_turns(&hub, 3);
    cr_assert_eq(two[0].calls + two[1].calls, 3, "the other one was ready too, and is not told"); /* loop I1 */
    cr_assert_eq(os_loop_watch(hub.loop, -1, on_ready, NULL, &complaint), STATUS_REFUSED);
    cr_assert_str_eq(complaint.text, "cannot watch a descriptor: Bad file descriptor");
    close(two[0].descriptor);
    close(two[1].descriptor);
}

static void on_signal(void *context, int number)
{
    *(int *)context = number;
}

Test(loop, tells_signals_as_events)
{
    struct os_signal *signals;
    struct complaint complaint;
    int last = 0;
    cr_assert_eq(os_signal_create(&signals, hub.loop, on_signal, &last, &complaint), STATUS_OK);
    raise(SIGTERM);
    raise(SIGPIPE);
    raise(SIGXFSZ); /* a write past `ulimit -f` */
    hub_turns(&hub, 2);
    cr_assert_eq(last, SIGTERM);
    raise(SIGINT);
    hub_turns(&hub, 2);
    cr_assert_eq(last, SIGINT);
    os_signal_destroy(signals);
    os_signal_destroy(NULL);
}

Test(os, has_a_clock_and_random_bytes)
{
    struct os_clock clock;
    os_clock_init(&clock);
    int64_t us = clock.base.ops->monotonic_us(&clock.base);
    int64_t wall_us = clock.base.ops->wall_us(&clock.base);
    usleep(20000);
    int64_t later_us = clock.base.ops->monotonic_us(&clock.base);
    int64_t later_wall_us = clock.base.ops->wall_us(&clock.base);
    cr_assert(later_us - us >= 20000 && later_us - us < 10000000);
    cr_assert(later_wall_us - wall_us >= 19000 && later_wall_us - wall_us < 10000000);
    bool fine = false; /* whole milliseconds would be no answer in microseconds */
    for (int i = 0; i < 1000 && !fine; i++) {
        fine = clock.base.ops->wall_us(&clock.base) % 1000 != 0;
    }
    cr_assert(fine);

    struct os_entropy entropy;
    os_entropy_init(&entropy);
    uint8_t bytes[2][5000] = {0};
    entropy.base.ops->fill(&entropy.base, bytes[0], sizeof bytes[0]);
    entropy.base.ops->fill(&entropy.base, bytes[1], sizeof bytes[1]);
    cr_assert_arr_neq(bytes[0], bytes[1], sizeof bytes[0]);
    static const uint8_t nothing[16];
    cr_assert_neq(memcmp(bytes[0] + sizeof bytes[0] - 16, nothing, 16), 0);
    entropy.base.ops->fill(&entropy.base, NULL, 0);
}
