/* SPDX-License-Identifier: MIT */

/* store_counters.c - what is told of the keys. */
#include "store/store_counters.h"

static struct counter_value mean_ttl_ms(const void *of)
{
    const struct store_counts *counts = of;
    return counter_count(counts->expires > 0 ? counts->ttl_ms / counts->expires : 0);
}

static const struct counter_row database[] = {
    {"keys", "Keys.", COUNTER_OF(struct store_counts, keys), .kind = COUNTER_GAUGE},
    {"expires", "Keys with an expiry.", COUNTER_OF(struct store_counts, expires), .kind = COUNTER_GAUGE},
    {"avg_ttl", "How long these have to live, on average.", COUNTER_BY(mean_ttl_ms), .kind = COUNTER_GAUGE,
     .unit = COUNTER_MS},
    {NULL, "How long they have to live, all together.", COUNTER_OF(struct store_counts, ttl_ms), .kind = COUNTER_GAUGE,
     .unit = COUNTER_MS},
};

const struct counter_table store_counters_database = COUNTER_FAMILY(struct store_counts, database, "db");

static const struct counter_row frozen[] = {
    {"frozen_keys", "Values that are kept as records: their module is not loaded, or they are damaged.",
     COUNTER_OF(struct store_counts, frozen), .kind = COUNTER_GAUGE},
    {"damaged_keys", "... of which a record did not fit the value.", COUNTER_OF(struct store_counts, damaged),
     .kind = COUNTER_GAUGE},
};

const struct counter_table store_counters_frozen = COUNTER_TABLE(struct store_counts, frozen);

static const struct counter_row due[] = {
    {"due_keys", "Values in which something is due at some time, such as fields that expire.",
     COUNTER_OF(struct store_counts, wakes), .kind = COUNTER_GAUGE},
};

const struct counter_table store_counters_due = COUNTER_TABLE(struct store_counts, due);

static const struct counter_row memory[] = {
    {"lazyfree_pending_objects", "Flushed keys that are still being released.", COUNTER_OF(struct store_counts, dead),
     .kind = COUNTER_GAUGE},
};

const struct counter_table store_counters_memory = COUNTER_TABLE(struct store_counts, memory);

void store_counters_take(const struct keyspace *keyspace, int64_t now_ms, struct store_counts *out)
{
    check(keyspace->expire.count <= keyspace->table.count); /* keyspace I1 */
    check(keyspace->damaged <= keyspace->frozen && keyspace->frozen <= keyspace->table.count);
    uint64_t expires = keyspace->expire.count;
    uint64_t ttl_ms;
    bool huge = __builtin_mul_overflow((uint64_t)expire_mean_ms(&keyspace->expire, now_ms), expires, &ttl_ms);
    *out = (struct store_counts){.keys = keyspace->table.count,
                                 .expires = expires,
                                 .ttl_ms = huge ? UINT64_MAX : ttl_ms,
                                 .frozen = keyspace->frozen,
                                 .damaged = keyspace->damaged};
}

void store_counters_take_all(const struct databases *databases, struct store_counts *out)
{
    struct databases_frozen frozen = databases_frozen(databases);
    const struct ledger *ledger = &databases->ledger;
    check(frozen.damaged <= frozen.frozen && frozen.frozen <= ledger->keys);
    *out = (struct store_counts){.keys = ledger->keys,
                                 .expires = ledger->expires,
                                 .frozen = frozen.frozen,
                                 .damaged = frozen.damaged,
                                 .dead = ledger->flushed,
                                 .wakes = ledger->wakes};
}
