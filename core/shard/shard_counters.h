/* SPDX-License-Identifier: MIT */

/* shard_counters.h - what is told of a shard's data. */
#ifndef GEOMYS_SHARD_SHARD_COUNTERS_H
#define GEOMYS_SHARD_SHARD_COUNTERS_H

#include "base/counters.h"
#include "shard/shard.h"

extern const struct counter_table shard_counters;       /* of struct shard_stats: INFO stats */
extern const struct counter_table shard_counters_limit; /* of struct evict_options: INFO memory */
extern const struct counter_table shard_counters_sweep; /* of struct sweep: INFO persistence */

/* A type, or all types of a module. */
struct shard_share {
    uint64_t keys;
    uint64_t bytes;
    bool loaded; /* its module is */
};

/* `type` is the newest number of a name (types_newest), from 1 up. O(types). */
struct shard_share shard_counters_type(const struct shard *shard, uint32_t type);

/* O(types of the module). */
struct shard_share shard_counters_module(const struct shard *shard, const struct module *module);

extern const struct counter_table shard_counters_of_type;       /* of struct shard_share: INFO keyspace */
extern const struct counter_table shard_counters_type_memory;   /* INFO memory: of a type */
extern const struct counter_table shard_counters_module_memory; /* ... and of a module */

#endif
