/* SPDX-License-Identifier: MIT */

/* command_meter.h - what is counted of one command: how often it came, how it ended, how long it took. */
#ifndef GEOMYS_METER_COMMAND_METER_H
#define GEOMYS_METER_COMMAND_METER_H

#include "base/counters.h"
#include "base/histogram.h"

struct command_meter {
    uint64_t calls;
    uint64_t failed;         /* ran and replied with an error */
    uint64_t rejected;       /* refused before it ran */
    uint64_t ns;             /* of all calls */
    bool blamed;             /* the log says that its module breaks its contract */
    struct histogram *times; /* owned; ns of each; NULL: none yet */
};

extern const struct counter_table command_meter_counters; /* INFO commandstats */
extern const struct counter_table command_meter_times;    /* INFO latencystats: the steps of its histogram */
extern const struct counter_table command_meter_timed;    /* LATENCY HISTOGRAM, before the histogram itself */

/* Whether there is anything to tell: INFO leaves out what was never called. */
static inline bool command_meter_used(const struct command_meter *meter)
{
    return meter->calls + meter->rejected > 0;
}

/* So long it took, once more. The first time allocates the histogram. O(1). */
void command_meter_time(struct command_meter *meter, uint64_t ns);

/* Everything begins anew; the histogram is released. */
void command_meter_reset(struct command_meter *meter);

/* Adds what another thread has counted of the same command. O(steps). */
void command_meter_merge(struct command_meter *into, const struct command_meter *part);

#endif
