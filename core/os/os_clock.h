/* SPDX-License-Identifier: MIT */

/* os_clock.h - the system's clocks. [any thread] */
#ifndef GEOMYS_OS_CLOCK_H
#define GEOMYS_OS_CLOCK_H

#include "env/clock.h"

struct os_clock {
    struct clock base;
};

void os_clock_init(struct os_clock *clock);

/* Milliseconds since 1970, UTC. Jumps when somebody sets the clock. No system call where the vDSO has it. */
int64_t os_clock_wall_ms(void);

/* Microseconds since the machine started, the time it was suspended included: a lease does not outlive its owner's
 * sleep. */
int64_t os_clock_monotonic_us(void);

#endif
