/* SPDX-License-Identifier: MIT */

/* config_names.c - what settings are called where tools of Redis ask for them: CONFIG GET and CONFIG SET. Only those
 * that mean the same here, in the same unit. */
#include "config/config_keys.h"

static const struct {
    const char *own;
    const char *redis;
} names[] = {
    {"external_port", "port"},
    {"password", "requirepass"},
    {"unix_socket", "unixsocket"},
    {"data_folder", "dir"},
    {"timeout_s", "timeout"},
    {"tcp_keepalive_s", "tcp-keepalive"},
    {"client_query_limit", "client-query-buffer-limit"},
    {"max_bulk", "proto-max-bulk-len"},
    {"maxmemory_policy", "maxmemory-policy"},
    {"maxmemory_samples", "maxmemory-samples"},
    {"lfu_log_factor", "lfu-log-factor"},
    {"lfu_decay_time", "lfu-decay-time"},
    {"slowlog_log_slower_than", "slowlog-log-slower-than"},
    {"slowlog_max_len", "slowlog-max-len"},
    {"latency_monitor_threshold", "latency-monitor-threshold"},
    {"tracking_table_max_keys", "tracking-table-max-keys"},
    {"notify_keyspace_events", "notify-keyspace-events"},
};

const char *config_redis_name(size_t key)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].own, config_key_name(key)) == 0) {
            return names[i].redis;
        }
    }
    return NULL;
}

const struct config_key *config_key_named(struct gm_bytes name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal_nocase(name, names[i].redis)) {
            return config_key_find(gm_bytes_of(names[i].own), false);
        }
    }
    return config_key_find(name, true);
}
