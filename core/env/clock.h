/* SPDX-License-Identifier: MIT */

/* clock.h - what time it is. Asked once per turn by whoever drives the turns; everything below is given the answer.
 *
 * How long something took is another question, asked once per command: for that there are ticks, of the cheapest
 * counter that the machine has. Their length is not known beforehand, only measured, so nothing that must repeat rests
 * on them.
 */
#ifndef GEOMYS_ENV_CLOCK_H
#define GEOMYS_ENV_CLOCK_H

#include <stdint.h>

struct clock;

struct clock_ops {
    /* Unix time; may jump, also between two answers of a turn, and be before 1970. May be NULL: the turn's time is all
     * that is known. */
    int64_t (*wall_us)(struct clock *);
    /* Since some moment; never goes back, and counts the time in which the machine sleeps. */
    int64_t (*monotonic_us)(struct clock *);
    /* Ticks since some moment. Both may be NULL: commands are not timed then. */
    uint64_t (*ticks)(struct clock *);
    /* Nanoseconds per tick, times 2^32. The answer becomes more exact in the first second. */
    uint64_t (*tick_scale)(struct clock *);
};

struct clock {
    const struct clock_ops *ops;
};

#endif
