/* SPDX-License-Identifier: MIT */

/* serve_counters.h - what is told of those who ask: how many there are, and what they wait for, listen to and keep. */
#ifndef GEOMYS_SERVE_SERVE_COUNTERS_H
#define GEOMYS_SERVE_SERVE_COUNTERS_H

#include "base/counters.h"

struct worker;

struct serve_counts {
    uint64_t sessions;
    uint64_t blocked;
    uint64_t timeouts; /* sessions that wait until a certain time */
    uint64_t trackers;
    uint64_t watching; /* sessions' watches of keys */
    uint64_t awaited;  /* keys */
    uint64_t channels;
    uint64_t patterns;
    uint64_t shard_channels;
    uint64_t cut_events;
    uint64_t tracked_keys;
    uint64_t tracked_items;
    uint64_t tracked_prefixes;
};

/* O(1). */
void serve_counters_take(const struct worker *worker, struct serve_counts *out);

extern const struct counter_table serve_counters_clients; /* INFO clients */
extern const struct counter_table serve_counters_stats;   /* INFO stats */

#endif
