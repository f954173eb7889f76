/* SPDX-License-Identifier: MIT */

/* options.c - the settings, part by part; options.h has the argument. The config knows no part and the parts know no
 * config, so what both must agree on is held together here: the order of words, and sizes. (The letters of keyspace
 * events: tests/unit/node.) */
#include "node/options.h"

#include <stdio.h>

#include "serve/notify.h"

_Static_assert((int)WAL_NONE == CONFIG_PERSISTENCE_NONE && (int)WAL_BUFFERED == CONFIG_PERSISTENCE_BUFFERED &&
                   (int)WAL_WRITE_THROUGH == CONFIG_PERSISTENCE_WRITE_THROUGH,
               "the order of persistence's words");
_Static_assert(SNAPSHOT_PLAIN == 0 && SNAPSHOT_LZ4 == 1 && SNAPSHOT_ZSTD == 2,
               "the order of snapshot_compression's words");
_Static_assert(EVICT_NONE == 0 && EVICT_ALL_RECENCY == 1 && EVICT_ALL_FREQUENCY == 2 && EVICT_ALL_RANDOM == 3 &&
                   EVICT_EXPIRING_RECENCY == 4 && EVICT_EXPIRING_FREQUENCY == 5 && EVICT_EXPIRING_RANDOM == 6 &&
                   EVICT_EXPIRING_SOONEST == 7,
               "the order of maxmemory_policy's words");
_Static_assert(GATE_LOCAL == 0 && GATE_QUORUM == 1, "the order of write_acks' words");
_Static_assert((int)TRACE_DEBUG == CONFIG_LOG_DEBUG && (int)TRACE_INFO == CONFIG_LOG_INFO &&
                   (int)TRACE_WARNING == CONFIG_LOG_WARNING && (int)TRACE_ERROR == CONFIG_LOG_ERROR,
               "the order of log_level's words");
_Static_assert(WORKER_PASSWORD_MAX >= CONFIG_PASSWORD_MAX, "a password must fit into the options");

/* What an argument takes at least: "$0", two line ends, and its slice. So all that a command may have fits into the
 * limit of its bytes and 16 / 22 of that for the slices. */
#define ARG_COST (6 + sizeof(struct gm_bytes))

static struct evict_options memory(const struct config *config)
{
    return (struct evict_options){
        .limit = (uint64_t)config->maxmemory,
        .policy = (enum evict_policy)config->maxmemory_policy,
        .samples = (uint32_t)config->maxmemory_samples,
        .log_factor = (uint32_t)config->lfu_log_factor,
        .decay_minutes = (uint32_t)config->lfu_decay_time,
    };
}

struct worker_options options_worker(const struct config *config)
{
    struct worker_options options = {
        .limits = {.args_max = (uint32_t)((size_t)config->client_query_limit / ARG_COST),
                   .bulk_max = (size_t)config->max_bulk,
                   .query_max = (size_t)config->client_query_limit},
        .output_max = (size_t)config->client_output_limit,
        .push_max = (size_t)config->client_push_limit,
        .queue_max = (size_t)config->client_query_limit,
        .notify = notify_classes(config->notify_keyspace_events),
        .tracking_max_keys = (uint64_t)config->tracking_table_max_keys,
        .meters = {.slowlog_us = config->slowlog_log_slower_than,
                   .slowlog_len = (uint32_t)config->slowlog_max_len,
                   .latency_ms = config->latency_monitor_threshold},
    };
    (void)snprintf(options.password, sizeof options.password, "%s", config->password);
    return options;
}

struct replica_options options_replica(const struct config *config, uint64_t seed)
{
    return (struct replica_options){
        .shard = {.default_expiry_ms = config->default_expiry_ms,
                  .memory = memory(config),
                  .databases = (uint32_t)config->databases,
                  .seed = seed,
                  .replicas_wanted = config->min_replicas_max_lag > 0 ? (uint32_t)config->min_replicas_to_write : 0,
                  .replicas_lag_ms = config->min_replicas_max_lag * 1000},
        .saver = {.log_size = (uint64_t)config->snapshot_log_size,
                  .interval_ms = config->snapshot_interval_s * 1000,
                  .memory_max = (size_t)config->snapshot_memory,
                  .codec = (enum snapshot_codec)config->snapshot_compression},
        .wal = {.policy = (enum wal_policy)config->persistence,
                .segment_size = (uint64_t)config->wal_segment_size,
                .sync_interval_ms = (uint32_t)config->wal_sync_interval_ms},
        .reserve_size = (uint64_t)config->disk_reserve,
    };
}

struct client_options options_clients(const struct config *config)
{
    return (struct client_options){
        .wanted = (uint64_t)config->maxclients,
        .max = (uint64_t)config->maxclients,
        .timeout_ms = config->timeout_s * 1000,
        .auth_timeout_ms = config->auth_timeout_s * 1000,
        .stall_ms = config->client_stall_s * 1000,
    };
}

#define CROWD_LEAST ((uint64_t)16 << 20) /* bytes: less is no reason to disconnect anybody, unless it is asked for */

static uint64_t crowd_limit(const struct config *config, uint64_t machine)
{
    uint64_t whole = config->maxmemory > 0 ? (uint64_t)config->maxmemory : machine;
    if (config->maxmemory_clients > 0) {
        return (uint64_t)config->maxmemory_clients;
    }
    if (config->maxmemory_clients == 0 || whole == 0) {
        return CROWD_NO_LIMIT;
    }
    uint64_t share = whole / 100 * (uint64_t)-config->maxmemory_clients;
    return share > CROWD_LEAST ? share : CROWD_LEAST;
}

struct crowd_options options_crowd(const struct config *config, uint64_t machine)
{
    int64_t stall_ms = config->client_stall_s * 1000;
    return (struct crowd_options){
        .limit = crowd_limit(config, machine),
        .patience_ms = stall_ms > 0 && stall_ms < CROWD_PATIENCE_MS ? stall_ms : CROWD_PATIENCE_MS,
    };
}

struct membership_options options_membership(const struct config *config)
{
    return (struct membership_options){.wait_ms = config->forward_wait_ms,
                                       .read_lag_ms = config->max_read_lag_ms,
                                       .log_limit = (uint64_t)config->replication_log_limit};
}

struct forward_options options_forward(const struct config *config)
{
    return (struct forward_options){.on = config->forward, .wait_ms = config->forward_wait_ms};
}

struct network_options options_network(const struct config *config)
{
    return (struct network_options){.keepalive_s = (uint32_t)config->tcp_keepalive_s};
}

enum trace_level options_trace(const struct config *config)
{
    return (enum trace_level)config->log_level;
}
