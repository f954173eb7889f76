/* SPDX-License-Identifier: MIT */

/* latency.h - LATENCY: which parts of the server took long, and when.
 *
 * Idea     Whoever does something that may take long says how long it took, under a name; what reached the threshold
 *          (`threshold_ms`) is kept, the worst of each second, LATENCY_SAMPLES seconds per name.
 *
 * Promises
 *   I1  The worst is at least as long as each sample; each sample is at least as long as the threshold was then.
 *   I2  No two events have one name, and no event is without a sample.
 *
 * Limits   LATENCY_EVENTS names, of which only those that occurred take memory: 1.3 KB each.
 */
#ifndef GEOMYS_METER_LATENCY_H
#define GEOMYS_METER_LATENCY_H

#include "base/counters.h"

#define LATENCY_EVENTS  16
#define LATENCY_SAMPLES 160

struct latency_sample {
    uint32_t time_s; /* wall clock */
    uint32_t ms;
};

struct latency_event {
    const char *name; /* borrowed */
    uint32_t worst_ms;
    uint32_t count; /* samples, up to LATENCY_SAMPLES */
    uint32_t next;  /* where the next one goes */
    struct latency_sample samples[LATENCY_SAMPLES];
};

extern const struct counter_table latency_event_counters; /* of struct latency_event: LATENCY LATEST */

struct latency {
    struct latency_event *events[LATENCY_EVENTS]; /* owned; the first `count` */
    uint32_t count;
    int64_t threshold_ms; /* latency_monitor_threshold; 0: nothing is kept */
    int64_t now_ms;       /* wall clock of this turn: when what is added now was */
};

void latency_finish(struct latency *latency);

/* A turn begins, at that time (wall clock). */
static inline void latency_turn(struct latency *latency, int64_t now_ms)
{
    latency->now_ms = now_ms;
}

/* Something took that long. `name` is a static text. Nothing happens below the threshold, and while it is 0. O(names)
 */
void latency_add(struct latency *latency, const char *name, int64_t ms);

/* Forgets the event, one of latency->events; nothing happens with NULL. Returns how many: 0 or 1. */
uint32_t latency_forget(struct latency *latency, struct latency_event *event);

/* The sample `age` back from the newest, which is 0; below event->count. */
struct latency_sample latency_sample(const struct latency_event *event, uint32_t age);

#endif
