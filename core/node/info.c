/* SPDX-License-Identifier: MIT */

/* info.c - the sections of INFO. A number that this server does not have is left out rather than made up. */
#include "node/info.h"

#include <stdio.h>

#include "base/version.h"
#include "node/info_parts.h"
#include "node/memory_admin.h"

static const char *policy_name(int64_t policy)
{
    switch (policy) {
    case WAL_NONE:
        return "none";
    case WAL_BUFFERED:
        return "bufferedwrite";
    default:
        return "writethroughdisk";
    }
}

void info_human(struct buf *out, const char *name, uint64_t bytes)
{
    static const char units[] = "BKMGT";
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    (void)buf_format(out, unit == 0 ? "%s:%.0f%c\r\n" : "%s:%.2f%c\r\n", name, value, units[unit]);
}

static void server(struct node *node, struct buf *out)
{
    int64_t uptime_s = (node->monotonic_ms - node->started_ms) / 1000;
    (void)buf_format(out, "# Server\r\ngeomys_version:%s\r\nredis_version:%s\r\nredis_mode:standalone\r\n",
                     GEOMYS_VERSION, GEOMYS_REDIS_VERSION);
    if (node->env.process != NULL) {
        (void)buf_format(out, "os:%s\r\nprocess_id:%lld\r\nexecutable:%s\r\n", node->env.process->system,
                         (long long)node->env.process->id, node->env.process->program);
    }
    (void)buf_format(out, "arch_bits:64\r\nmultiplexing_api:epoll\r\nrun_id:%s\r\nnode_id:%lld\r\ntcp_port:%lld\r\n",
                     node->run_id, (long long)node->config->node_id, (long long)node->config->external_port);
    (void)buf_format(out, "gcc_version:%s\r\nlru_clock:%lld\r\nio_threads_active:0\r\n", __VERSION__,
                     (long long)(node->now_ms / 1000) & 0xffffff);
    (void)buf_format(
        out, "server_time_usec:%lld\r\nuptime_in_seconds:%lld\r\nuptime_in_days:%lld\r\nconfig_file:%s\r\n",
        (long long)node->now_ms * 1000, (long long)uptime_s, (long long)uptime_s / 86400, node->config->file);
}

static void clients(struct node *node, struct buf *out)
{
    (void)buf_format(out, "# Clients\r\nconnected_clients:%llu\r\nmaxclients:%lld\r\nblocked_clients:%llu\r\n",
                     (unsigned long long)node->worker.sessions.count, (long long)node->config->maxclients,
                     (unsigned long long)node->worker.sessions.blocked);
    (void)buf_format(out, "tracking_clients:%llu\r\nwatching_keys:%llu\r\n",
                     (unsigned long long)node->worker.tracking.tracker_count,
                     (unsigned long long)node->worker.interest.watchers);
    info_clients_traffic(node, out);
}

static void persistence(struct node *node, struct buf *out)
{
    const struct replay_progress *loaded = &node->replica.loaded.log;
    uint64_t done = recovery_bytes_done(&node->replica.loaded);
    uint64_t total = recovery_bytes_total(&node->replica.loaded);
    bool loading = node->state == NODE_LOADING;
    (void)buf_format(out, "# Persistence\r\nloading:%d\r\npersistence:%s\r\naof_enabled:%d\r\n", loading ? 1 : 0,
                     policy_name(node->config->persistence), node->config->persistence != WAL_NONE ? 1 : 0);
    (void)buf_format(out, "log_loaded_bytes:%llu\r\nlog_loaded_records:%llu\r\nlog_loaded_torn_bytes:%llu\r\n",
                     (unsigned long long)loaded->bytes_done, (unsigned long long)loaded->records,
                     (unsigned long long)loaded->torn_bytes);
    (void)buf_format(out, "snapshot_loaded_bytes:%llu\r\nsnapshot_loaded_records:%llu\r\n",
                     (unsigned long long)node->replica.loaded.snapshot.bytes_done,
                     (unsigned long long)node->replica.loaded.snapshot.records);
    if (loading) {
        double share = total == 0 ? 0 : 100.0 * (double)done / (double)total;
        double seconds = (double)(node->monotonic_ms - node->started_ms) / 1e3;
        double eta = share > 0 ? seconds * (100.0 - share) / share : 0;
        eta = eta < 1 ? 1 : eta; /* 0 makes some clients ask again without a pause */
        (void)buf_format(out,
                         "loading_total_bytes:%llu\r\nloading_loaded_bytes:%llu\r\nloading_loaded_perc:%.2f\r\n"
                         "loading_eta_seconds:%.0f\r\n",
                         (unsigned long long)total, (unsigned long long)done, share, eta);
        return;
    }
    (void)buf_format(out, "log_loading_ms:%lld\r\nlog_last_sequence:%llu\r\n",
                     (long long)(node->replica.load_ended_ms - node->started_ms),
                     (unsigned long long)node->replica.shard.tail.last_sequence);
    if (node->replica.wal != NULL) {
        struct wal_stats stats;
        wal_stats(node->replica.wal, &stats);
        (void)buf_format(out,
                         "log_written_sequence:%llu\r\nlog_synced_sequence:%llu\r\nlog_backlog_bytes:%zu\r\n"
                         "log_disk_full:%d\r\n",
                         (unsigned long long)wal_written(node->replica.wal),
                         (unsigned long long)wal_synced(node->replica.wal), wal_backlog(node->replica.wal),
                         wal_full(node->replica.wal) ? 1 : 0);
        (void)buf_format(out, "log_segments:%llu\r\nlog_bytes_written:%llu\r\nlog_groups:%llu\r\nlog_syncs:%llu\r\n",
                         (unsigned long long)stats.segments, (unsigned long long)stats.bytes_written,
                         (unsigned long long)stats.groups, (unsigned long long)stats.syncs);
        (void)buf_format(out, "aof_last_write_status:%s\r\naof_buffer_length:%zu\r\naof_pending_bio_fsync:%d\r\n",
                         wal_full(node->replica.wal) ? "err" : "ok", wal_backlog(node->replica.wal),
                         wal_synced(node->replica.wal) < wal_written(node->replica.wal) ? 1 : 0);
        saver_info(&node->replica.saver, out);
    }
}

static void stats(struct node *node, struct buf *out)
{
    const struct shard_stats *counts = &node->replica.shard.stats;
    const struct meters_counts *calls = &node->worker.meters.counts;
    (void)buf_format(out,
                     "# Stats\r\ntotal_connections_received:%llu\r\ntotal_commands_processed:%llu\r\n"
                     "instantaneous_ops_per_sec:%llu\r\ntotal_net_input_bytes:%llu\r\ntotal_net_output_bytes:%llu\r\n",
                     (unsigned long long)node->connections, (unsigned long long)calls->commands,
                     (unsigned long long)node->commands_second, (unsigned long long)node->net_input,
                     (unsigned long long)node->net_output);
    (void)buf_format(out,
                     "rejected_connections:%llu\r\nexpired_keys:%llu\r\nevicted_keys:%llu\r\nkeyspace_hits:%llu\r\n"
                     "keyspace_misses:%llu\r\n",
                     (unsigned long long)node->connections_rejected, (unsigned long long)counts->expired,
                     (unsigned long long)counts->evicted, (unsigned long long)calls->hits,
                     (unsigned long long)calls->misses);
    info_stats_traffic(node, out);
    (void)buf_format(out, "pubsub_channels:%llu\r\npubsub_patterns:%llu\r\n",
                     (unsigned long long)node->worker.pubsub.topics[PUBSUB_CHANNEL].count,
                     (unsigned long long)node->worker.pubsub.topics[PUBSUB_PATTERN].count);
    (void)buf_format(out, "tracking_total_keys:%llu\r\ntracking_total_items:%llu\r\ntracking_total_prefixes:%llu\r\n",
                     (unsigned long long)node->worker.tracking.keys.count,
                     (unsigned long long)node->worker.tracking.items,
                     (unsigned long long)node->worker.tracking.prefixes.count);
    (void)buf_format(out,
                     "total_error_replies:%llu\r\nclient_output_limit_disconnections:%llu\r\ndamaged_records:%llu\r\n",
                     (unsigned long long)node->worker.meters.errors.sum, (unsigned long long)calls->dropped,
                     (unsigned long long)counts->damaged);
}

static void replication(struct node *node, struct buf *out)
{
    (void)buf_format(out, "# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_repl_offset:%llu\r\n",
                     (unsigned long long)node->replica.shard.tail.last_sequence);
}

static void cpu(struct node *node, struct buf *out)
{
    uint64_t user = 0;
    uint64_t system = 0;
    if (node->env.process != NULL) {
        node->env.process->ops->cpu_us(node->env.process, &user, &system);
        (void)buf_format(out,
                         "# CPU\r\nused_cpu_sys:%.6f\r\nused_cpu_user:%.6f\r\nused_cpu_sys_children:0.000000\r\n"
                         "used_cpu_user_children:0.000000\r\n",
                         (double)system / 1e6, (double)user / 1e6);
        node->env.process->ops->thread_cpu_us(node->env.process, &user, &system);
        (void)buf_format(out, "used_cpu_sys_main_thread:%.6f\r\nused_cpu_user_main_thread:%.6f\r\n",
                         (double)system / 1e6, (double)user / 1e6);
    }
}

static void modules(struct node *node, struct buf *out)
{
    (void)buf_append(out, BYTES("# Modules\r\n"));
    for (uint32_t i = 0; i < registry_module_count(node->registry); i++) {
        const struct module *module = registry_module(node->registry, i);
        if (module->path != NULL) {
            (void)buf_format(out, "module:name=%s,ver=%s,path=%s,types=%u,commands=%u\r\n", module->abi->name,
                             module->abi->version, module->path, module->abi->type_count, module->abi->command_count);
        }
    }
}

static void cluster(struct node *node, struct buf *out)
{
    (void)node;
    (void)buf_append(out, BYTES("# Cluster\r\ncluster_enabled:0\r\n"));
}

static void keyspace(struct node *node, struct buf *out)
{
    const struct keyspace *keys = &node->replica.shard.keyspace;
    (void)buf_append(out, BYTES("# Keyspace\r\n"));
    if (keys->table.count > 0) {
        (void)buf_format(out, "db0:keys=%llu,expires=%u,avg_ttl=%lld\r\n", (unsigned long long)keys->table.count,
                         keys->expire.count, (long long)expire_mean_ms(&keys->expire, node->now_ms));
    }
    for (uint32_t i = 1; i < node->replica.shard.type_count; i++) {
        if (keys->keys[i] > 0) {
            (void)buf_format(out, "type_%s:keys=%llu,loaded=%d\r\n", node->replica.shard.types[i].name,
                             (unsigned long long)keys->keys[i], node->replica.shard.types[i].abi != NULL ? 1 : 0);
        }
    }
    if (keys->frozen > 0) {
        (void)buf_format(out, "frozen_keys:%llu\r\ndamaged_keys:%llu\r\n", (unsigned long long)keys->frozen,
                         (unsigned long long)keys->damaged);
    }
}

struct section {
    const char *name;
    void (*write)(struct node *, struct buf *);
    bool daily; /* part of INFO without an argument */
};

static const struct section sections[] = {
    {"server", server, true},
    {"clients", clients, true},
    {"memory", memory_info, true},
    {"persistence", persistence, true},
    {"stats", stats, true},
    {"replication", replication, true},
    {"cpu", cpu, true},
    {"modules", modules, true},
    {"commandstats", info_command_stats, false},
    {"errorstats", info_error_stats, true},
    {"latencystats", info_latency_stats, false},
    {"cluster", cluster, true},
    {"keyspace", keyspace, true},
};

static bool is_wanted(const struct section *section, const struct gm_bytes *wanted, uint32_t count)
{
    if (count == 0) {
        return section->daily;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (bytes_equal_nocase(wanted[i], section->name) || bytes_equal_nocase(wanted[i], "all") ||
            bytes_equal_nocase(wanted[i], "everything") ||
            (section->daily && bytes_equal_nocase(wanted[i], "default"))) {
            return true;
        }
    }
    return false;
}

void info_write(struct node *node, const struct gm_bytes *wanted, uint32_t count, struct buf *out)
{
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (is_wanted(&sections[i], wanted, count)) {
            if (out->size > 0) {
                (void)buf_append(out, BYTES("\r\n"));
            }
            sections[i].write(node, out);
        }
    }
}
