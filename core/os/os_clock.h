/* SPDX-License-Identifier: MIT */

/* os_clock.h - the system's clocks. [any thread] */
#ifndef GEOMYS_OS_OS_CLOCK_H
#define GEOMYS_OS_OS_CLOCK_H

#include <stdbool.h>

#include "env/clock.h"

struct os_clock {
    struct clock base;
    uint64_t ticks;   /* at the beginning */
    int64_t begun_ns; /* the same moment */
    uint64_t scale;   /* nanoseconds per tick, times 2^32 */
    bool settled;     /* it will not change any more */
    bool has_counter; /* ticks are the processor's; else nanoseconds of the system's clock */
};

/* Takes 50 us, to measure how long a tick is. */
void os_clock_init(struct os_clock *clock);

/* Milliseconds since 1970, UTC. Jumps when somebody sets the clock. No system call where the vDSO has it. */
int64_t os_clock_wall_ms(void);

/* Microseconds since the machine started, the time it was suspended included: a lease does not outlive its owner's
 * sleep. */
int64_t os_clock_monotonic_us(void);

#endif
