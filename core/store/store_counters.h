/* SPDX-License-Identifier: MIT */

/* store_counters.h - what is told of the keys. */
#ifndef GEOMYS_STORE_STORE_COUNTERS_H
#define GEOMYS_STORE_STORE_COUNTERS_H

#include "base/counters.h"
#include "store/databases.h"

struct store_counts {
    uint64_t keys;
    uint64_t expires; /* of them, with an expiry */
    uint64_t ttl_ms;  /* what these have to live, all together */
    uint64_t frozen;
    uint64_t damaged;
    uint64_t dead; /* flushed, not released yet */
    uint64_t wakes;
};

/* Of one database. O(1). */
void store_counters_take(const struct keyspace *keyspace, int64_t now_ms, struct store_counts *out);

/* Of all of them, but for what they have to live. O(databases that were used). */
void store_counters_take_all(const struct databases *databases, struct store_counts *out);

extern const struct counter_table store_counters_database; /* INFO keyspace: "db0:keys=..." */
extern const struct counter_table store_counters_frozen;   /* INFO keyspace */
extern const struct counter_table store_counters_due;      /* INFO keyspace */
extern const struct counter_table store_counters_memory;   /* INFO memory */

#endif
