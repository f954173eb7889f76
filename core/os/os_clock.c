/* SPDX-License-Identifier: MIT */

/* os_clock.c - the system's clocks. */
#include "os/os_clock.h"

#include <time.h>

#include "base/check.h"

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

static int64_t wall_ms(struct clock *clock)
{
    (void)clock;
    return os_clock_wall_ms();
}

static int64_t monotonic_us(struct clock *clock)
{
    (void)clock;
    return os_clock_monotonic_us();
}

void os_clock_init(struct os_clock *clock)
{
    static const struct clock_ops ops = {.wall_ms = wall_ms, .monotonic_us = monotonic_us};
    clock->base.ops = &ops;
}
