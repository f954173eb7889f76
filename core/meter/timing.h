/* SPDX-License-Identifier: MIT */

/* timing.h - how long commands take: the time of each.
 *
 * Idea     The counter is read once where the commands of a connection begin and once at the end of each: the end of
 *          one is the beginning of the next. A command that runs others (EXEC) keeps the moment at which it began, so
 *          it is counted as a whole and each of the others by itself. One that waits is counted once it is answered,
 *          with the time for which it was carried out, not that for which it waited.
 *
 * Limits   Of a command, not of its answer: what the network and the disk take is not in it. Nothing is measured
 *          without a clock, or with one that has no ticks, and nothing that must repeat rests on what was measured.
 */
#ifndef GEOMYS_METER_TIMING_H
#define GEOMYS_METER_TIMING_H

#include "base/check.h"
#include "env/clock.h"

struct timing {
    struct clock *clock;               /* borrowed; NULL: nothing is measured */
    uint64_t (*ticks)(struct clock *); /* of the clock; NULL: commands are not measured */
    uint64_t now;                      /* ticks: when what is under way began */
    uint64_t scale;                    /* nanoseconds per tick, times 2^32 */
    uint64_t slow_ns;                  /* from here on somebody wants to hear of a command: SLOWLOG or LATENCY */
};

/* From now on with this clock, which outlives the timing; NULL: nothing is measured. */
void timing_watch(struct timing *timing, struct clock *clock);

/* Once a second: the length of a tick becomes more exact. */
void timing_adjust(struct timing *timing);

/* What follows is not the time of what was before. */
static inline void timing_begin(struct timing *timing)
{
    if (__builtin_expect(timing->ticks != NULL, 1)) {
        timing->now = timing->ticks(timing->clock);
    }
}

/* The nanoseconds since `began` (ticks: a timing->now of before); what follows begins now. Only with ticks. */
static inline uint64_t timing_end(struct timing *timing, uint64_t began)
{
    check_slow(timing->ticks != NULL);
    uint64_t now = timing->ticks(timing->clock);
    uint64_t ticks = now > began ? now - began : 0; /* counters of two processors may differ by a little */
    timing->now = now;
    return (uint64_t)(((unsigned __int128)ticks * timing->scale) >> 32);
}

#endif
