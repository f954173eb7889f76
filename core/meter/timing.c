/* SPDX-License-Identifier: MIT */

/* timing.c - whose ticks are counted, and how long one is; timing.h has the argument. */
#include "meter/timing.h"

void timing_watch(struct timing *timing, struct clock *clock)
{
    timing->clock = clock;
    timing->ticks = clock != NULL ? clock->ops->ticks : NULL;
    check(timing->ticks == NULL || clock->ops->tick_scale != NULL);
    timing_adjust(timing);
}

void timing_adjust(struct timing *timing)
{
    timing->scale = timing->ticks != NULL ? timing->clock->ops->tick_scale(timing->clock) : 0;
    check(timing->ticks == NULL || timing->scale > 0);
}
