/* SPDX-License-Identifier: MIT */

/* os_clock.c - the system's clocks, and the processor's counter.
 *
 * Why      A command takes a third of a microsecond, and each is timed. The system's clock costs three times what the
 *          counter does that it is made from.
 *
 * Idea     Where the processor says that its counter runs at one speed whatever happens (invariant TSC), ticks are its
 *          steps. How long a step is shows by comparing it with the system's clock: roughly within the first 50 us,
 *          then over one second, and that stands. Elsewhere a tick is a nanosecond of the system's clock.
 *
 * Limits   After the machine was suspended the counter may have begun anew: the one command under way at that moment is
 *          timed wrong. */
#include "os/os_clock.h"

#include <time.h>
#if defined __x86_64__
#include <cpuid.h>
#include <x86intrin.h>
#endif

#include "base/check.h"

#define FIRST_LOOK_NS ((int64_t)50 * 1000)
#define SETTLED_NS    ((int64_t)1000 * 1000 * 1000)
#define SECOND_NS     ((int64_t)1000 * 1000 * 1000)

static struct timespec moment(clockid_t which)
{
    struct timespec now;
    int outcome = clock_gettime(which, &now);
    check(outcome == 0);
    return now;
}

int64_t os_clock_wall_ms(void)
{
    struct timespec now = moment(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t os_clock_monotonic_us(void)
{
    struct timespec now = moment(CLOCK_BOOTTIME);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t wall_us(struct clock *clock)
{
    (void)clock;
    struct timespec now = moment(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t monotonic_us(struct clock *clock)
{
    (void)clock;
    return os_clock_monotonic_us();
}

/* ---- ticks ---- */

static int64_t system_ns(void)
{
    struct timespec now = moment(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

#if defined __x86_64__
static bool has_counter(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & (1u << 8)) != 0;
}

static uint64_t counter(struct clock *clock)
{
    (void)clock;
    return __rdtsc();
}
#else
static bool has_counter(void)
{
    return false;
}

static uint64_t counter(struct clock *clock)
{
    (void)clock;
    return 0;
}
#endif

static uint64_t nanoseconds(struct clock *clock)
{
    (void)clock;
    return (uint64_t)system_ns();
}

static void measure(struct os_clock *clock)
{
    int64_t passed_ns = system_ns() - clock->begun_ns;
    uint64_t ticks = counter(&clock->base) - clock->ticks;
    if (passed_ns > 0 && passed_ns < SECOND_NS * 3600 && ticks > 0) {
        clock->scale = (uint64_t)((double)passed_ns / (double)ticks * 4294967296.0);
    }
    clock->settled = passed_ns >= SETTLED_NS;
}

static uint64_t tick_scale(struct clock *base)
{
    struct os_clock *clock = (struct os_clock *)base; /* its first member */
    if (!clock->settled) {
        measure(clock);
    }
    return clock->scale;
}

void os_clock_init(struct os_clock *clock)
{
    static const struct clock_ops by_counter = {
        .wall_us = wall_us, .monotonic_us = monotonic_us, .ticks = counter, .tick_scale = tick_scale};
    static const struct clock_ops by_system = {
        .wall_us = wall_us, .monotonic_us = monotonic_us, .ticks = nanoseconds, .tick_scale = tick_scale};
    *clock = (struct os_clock){.scale = (uint64_t)1 << 32, .settled = true, .has_counter = has_counter()};
    clock->base.ops = clock->has_counter ? &by_counter : &by_system;
    if (clock->has_counter) {
        clock->ticks = counter(&clock->base);
        clock->begun_ns = system_ns();
        while (system_ns() - clock->begun_ns < FIRST_LOOK_NS) {
        }
        measure(clock);
    }
}
