/* SPDX-License-Identifier: MIT */

/* shard_counters.c - what is told of a shard's data. */
#include "shard/shard_counters.h"

static const struct counter_row counts[] = {
    {"expired_keys", "Keys that went because their time had come.", COUNTER_OF(struct shard_stats, expired),
     .resets = true},
    {"evicted_keys", "Keys that went because memory was short.", COUNTER_OF(struct shard_stats, evicted),
     .resets = true},
    {"due_planned", "Plans of what was due in a value, such as fields that expire.",
     COUNTER_OF(struct shard_stats, due), .resets = true},
    /* What is wrong with the data stays to be seen: CONFIG RESETSTAT leaves it. */
    {"damaged_records", "Records that did not fit their value.", COUNTER_OF(struct shard_stats, damaged)},
};

const struct counter_table shard_counters = COUNTER_TABLE(struct shard_stats, counts);

static struct counter_value policy(const void *of)
{
    return counter_text(evict_policy_name(((const struct evict_options *)of)->policy));
}

static const struct counter_row limit[] = {
    {"maxmemory", "The ceiling of used_memory; 0: none.", COUNTER_OF(struct evict_options, limit),
     .kind = COUNTER_GAUGE, .unit = COUNTER_SIZE, .merge = COUNTER_FIRST},
    {"maxmemory_policy", "Which keys go when memory is short.", COUNTER_BY(policy), .kind = COUNTER_LABEL},
};

const struct counter_table shard_counters_limit = COUNTER_TABLE(struct evict_options, limit);

static const struct counter_row sweep[] = {
    {"snapshot_longest_slice_us", "The longest that a slice of a snapshot has held up the clients.",
     COUNTER_OF(struct sweep, longest_us), .kind = COUNTER_GAUGE, .unit = COUNTER_US, .merge = COUNTER_MAX},
    {"snapshot_values_before_change", "Values that were written to a snapshot because they were about to change.",
     COUNTER_OF(struct sweep, before)},
};

const struct counter_table shard_counters_sweep = COUNTER_TABLE(struct sweep, sweep);

/* ---- types and modules ---- */

#define SHARE(member) COUNTER_OF(struct shard_share, member), .kind = COUNTER_GAUGE

static const struct counter_row of_type[] = {
    {"keys", "Keys of the type.", SHARE(keys)},
    {"loaded", "Whether its module is loaded.", SHARE(loaded), .unit = COUNTER_FLAG},
};

static const struct counter_row type_memory[] = {
    {"used_memory_type_", "Memory of the type's values and their keys.", SHARE(bytes), .unit = COUNTER_BYTES},
};

static const struct counter_row module_memory[] = {
    {"used_memory_module_", "Memory of the values of the module's types, and their keys.", SHARE(bytes),
     .unit = COUNTER_BYTES},
};

const struct counter_table shard_counters_of_type = COUNTER_FAMILY(struct shard_share, of_type, "type_");
const struct counter_table shard_counters_type_memory = COUNTER_TABLE(struct shard_share, type_memory);
const struct counter_table shard_counters_module_memory = COUNTER_TABLE(struct shard_share, module_memory);

struct shard_share shard_counters_type(const struct shard *shard, uint32_t type)
{
    check(type > 0 && type < shard->types.count);
    struct types_share share = types_share(&shard->types, type);
    return (struct shard_share){
        .keys = share.keys, .bytes = share.bytes, .loaded = shard->types.by_number[type].abi != NULL};
}

struct shard_share shard_counters_module(const struct shard *shard, const struct module *module)
{
    struct shard_share sum = {.loaded = true};
    for (uint32_t i = 0; i < module->abi->type_count; i++) {
        struct shard_share of = shard_counters_type(shard, shard->types.numbers[module->types[i].index]);
        sum.keys += of.keys;
        sum.bytes += of.bytes;
    }
    return sum;
}
