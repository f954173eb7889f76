/* SPDX-License-Identifier: MIT */

/* clock.h - what time it is. Asked once per turn by whoever drives the turns; everything below is given the answer. */
#ifndef GEOMYS_ENV_CLOCK_H
#define GEOMYS_ENV_CLOCK_H

#include <stdint.h>

struct clock;

struct clock_ops {
    int64_t (*wall_ms)(struct clock *);      /* unix time; may jump */
    int64_t (*monotonic_us)(struct clock *); /* since some moment; never goes back */
};

struct clock {
    const struct clock_ops *ops;
};

#endif
