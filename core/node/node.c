/* SPDX-License-Identifier: MIT */

/* node.c - composing a shard, its log and its clients; and the order of things within a turn.
 *
 * The end of a turn, in order: what has expired goes; waiting commands are served; the log takes what is new; what the
 * log has released meanwhile is sent. So the answers of a turn leave in it if the policy allows, and one system call
 * per connection suffices. */
#include "node/node.h"

#include <stdio.h>

#include "base/memory.h"
#include "command/commands.h"
#include "geomys/ext/wait.h"
#include "node/admin.h"
#include "node/client.h"
#include "node/memory_admin.h"
#include "serve/call.h"
#include "serve/notify.h"
#include "serve/waiters.h"
#include "shard/apply.h"

#define LOADING_SLICE   ((size_t)4 * 1024 * 1024) /* bytes of log per turn */
#define LOADING_TOLD_MS 2000
#define NODE_ID_ALONE   1 /* of a node without a cluster */

/* ---- what the host brings along ---- */

static const struct registry_interface interfaces[] = {{GM_WAIT_1, &host_wait_1}};

const struct registry_interface *node_interfaces(uint32_t *count)
{
    *count = sizeof interfaces / sizeof interfaces[0];
    return interfaces;
}

enum status node_register(struct registry *registry, struct complaint *complaint)
{
    const struct gm_module *const own[] = {
        commands_keys(),    commands_expire(),  commands_connection(), commands_transaction(), commands_pubsub(),
        commands_command(), commands_slowlog(), commands_latency(),    admin_commands(),       memory_commands()};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        TRY(registry_add(registry, own[i], NULL, complaint));
    }
    return STATUS_OK;
}

/* ---- from the log ---- */

/* A slow disk is an event of LATENCY. */
static void tell_sync(struct node *node)
{
    struct wal_stats stats;
    if (node->shard.options.latency_ms > 0) {
        wal_stats(node->wal, &stats);
        if (stats.syncs != node->syncs_told) {
            bool always = node->config->persistence == WAL_WRITE_THROUGH;
            latency_add(&node->shard, always ? "aof-fsync-always" : "aof-fsync", (int64_t)stats.last_sync_us / 1000);
        }
        node->syncs_told = stats.syncs;
    }
}

static void on_log_progress(void *context)
{
    struct node *node = context;
    bool full = wal_full(node->wal);
    tell_sync(node);
    if (full != node->wal_was_full) {
        node->wal_was_full = full;
        if (full) {
            trace(&node->env.trace, TRACE_ERROR,
                  "the disk is full: writes are refused until there is space again; answers to the last ones wait");
        } else {
            trace(&node->env.trace, TRACE_INFO, "there is space on the disk again: writes are taken");
        }
    }
}

static void fail(struct node *node, const struct complaint *complaint)
{
    node->state = NODE_FAILED;
    node->complaint = *complaint;
    trace(&node->env.trace, TRACE_ERROR, "%s", complaint->text);
}

static void on_log_failed(void *context, const struct complaint *complaint)
{
    fail(context, complaint);
}

static void on_damage(void *context, const char *sentence)
{
    struct node *node = context;
    trace(&node->env.trace, TRACE_ERROR, "%s", sentence);
}

/* ---- life ---- */

static struct shard_options shard_options(const struct node *node)
{
    const struct config *config = node->config;
    return (struct shard_options){
        .limits = {.args_max = 1024 * 1024,
                   .bulk_max = (size_t)config->max_bulk,
                   .query_max = (size_t)config->client_query_limit},
        .output_max = (size_t)config->client_output_limit,
        .queue_max = (size_t)config->client_query_limit,
        .default_expiry_ms = config->default_expiry_ms,
        .password = config->password,
        .memory = memory_options(config),
        .notify = notify_classes(config->notify_keyspace_events),
        .tracking_max_keys = (uint64_t)config->tracking_table_max_keys,
        .slowlog_us = config->slowlog_log_slower_than,
        .slowlog_len = (uint32_t)config->slowlog_max_len,
        .latency_ms = config->latency_monitor_threshold,
        .seed = node->env.seed,
    };
}

static void make_run_id(struct node *node)
{
    for (int i = 0; i < 5; i++) {
        (void)snprintf(node->run_id + i * 8, 9, "%08x", (unsigned)(prng_next(&node->shard.prng) >> 32));
    }
}

enum status node_create(struct node **out, struct config *config, const struct registry *registry,
                        const struct node_env *env, struct complaint *complaint)
{
    struct node *node = memory_zeroed(sizeof *node);
    node->config = config;
    node->registry = registry;
    node->env = *env;
    if (node->env.seed == 0) {
        env->entropy->ops->fill(env->entropy, &node->env.seed, sizeof node->env.seed);
    }
    list_init(&node->gated);
    list_init(&node->stuffed);
    struct shard_options options = shard_options(node);
    shard_init(&node->shard, registry, &options);
    node->shard.clock = env->clock;
    timing_configure(&node->shard);
    node->shard.owner = node;
    node->shard.on_damage = on_damage;
    node->shard.context = node;
    node->shard.loading = true;
    make_run_id(node);
    saver_init(&node->saver, &node->shard, env->disk, config, &node->env.trace);
    if (env->disk != NULL) {
        enum status status = recovery_create(&node->recovery, env->disk, &node->shard, &node->env.trace, complaint);
        if (status != STATUS_OK) {
            node_destroy(node);
            return status;
        }
    }
    *out = node;
    return STATUS_OK;
}

void node_destroy(struct node *node)
{
    if (node == NULL) {
        return;
    }
    recovery_destroy(node->recovery);
    saver_finish(&node->saver);
    wal_destroy(node->wal);
    shard_finish(&node->shard);
    memory_free(node);
}

struct net_acceptor node_acceptor(struct node *node)
{
    return (struct net_acceptor){
        .on_accept = client_accept,
        .exhausted = BYTES("-ERR max number of clients reached\r\n"),
        .context = node,
    };
}

/* ---- loading ---- */

static void tell_progress(struct node *node)
{
    uint64_t done = recovery_bytes_done(&node->loaded);
    uint64_t total = recovery_bytes_total(&node->loaded);
    uint64_t records = node->loaded.snapshot.records + node->loaded.log.records;
    if (node->monotonic_ms - node->loading_told_ms >= LOADING_TOLD_MS) {
        node->loading_told_ms = node->monotonic_ms;
        double share = total == 0 ? 100.0 : 100.0 * (double)done / (double)total;
        trace(&node->env.trace, TRACE_INFO, "loading: %.0f %% of %.1f MB, %llu records", share, (double)total / 1e6,
              (unsigned long long)records);
    }
}

static void tell_loaded(struct node *node)
{
    const struct replay_progress *done = &node->loaded.log;
    const struct keyspace *keyspace = &node->shard.keyspace;
    if (done->torn_bytes > 0) {
        trace(&node->env.trace, TRACE_WARNING,
              "the end of the log was torn by a crash: %llu bytes that nobody was promised were cut; a copy is in %s",
              (unsigned long long)done->torn_bytes, done->torn_copy);
    }
    const struct snapshot_progress *snapshot = &node->loaded.snapshot;
    trace(&node->env.trace, TRACE_INFO,
          "loaded %llu keys from %llu records (%.1f MB) in %.3f s, %llu of them (%.1f MB) of a snapshot",
          (unsigned long long)keyspace->table.count, (unsigned long long)(snapshot->records + done->records),
          (double)recovery_bytes_done(&node->loaded) / 1e6, (double)(node->monotonic_ms - node->started_ms) / 1e3,
          (unsigned long long)snapshot->records, (double)snapshot->bytes_done / 1e6);
    for (uint32_t i = 1; i < node->shard.type_count; i++) {
        if (node->shard.types[i].abi == NULL && keyspace->keys[i] > 0) {
            trace(&node->env.trace, TRACE_WARNING,
                  "%llu keys of type %s are frozen: no loaded module has this type; they are kept until one does",
                  (unsigned long long)keyspace->keys[i], node->shard.types[i].name);
        }
    }
}

static enum status open_log(struct node *node, const struct replay_end *end, struct complaint *complaint)
{
    struct wal_config config = {
        .policy = (enum wal_policy)node->config->persistence,
        .segment_size = (uint64_t)node->config->wal_segment_size,
        .sync_interval_ms = (uint32_t)node->config->wal_sync_interval_ms,
    };
    node->env.entropy->ops->fill(node->env.entropy, &config.salt_seed, sizeof config.salt_seed);
    struct wal_events events = {.on_progress = on_log_progress, .on_failed = on_log_failed, .context = node};
    TRY(wal_create(&node->wal, &config, node->env.disk, &node->shard.tail, end, &events, complaint));
    node->shard.wal = node->wal;
    return STATUS_OK;
}

/* The history goes on behind what was found, in an epoch of this process's own: it begins with its first write. */
static void lead_alone(struct tail *tail, const struct replay_end *end)
{
    const struct record_epoch alone = {.leader = NODE_ID_ALONE};
    tail_continue(tail, end->last_sequence, end->last_epoch);
    tail_lead(tail, end->last_epoch + 1, &alone);
}

static void start_serving(struct node *node, const struct recovery_end *found)
{
    const struct replay_end *end = &found->log;
    bool logged = node->env.disk != NULL && node->config->persistence != WAL_NONE;
    lead_alone(&node->shard.tail, end);
    struct complaint complaint;
    if (logged && open_log(node, end, &complaint) != STATUS_OK) {
        fail(node, &complaint);
        return;
    }
    node->state = NODE_SERVING;
    node->shard.loading = false;
    node->loading_ended_ms = node->monotonic_ms;
    if (logged) {
        saver_begin(&node->saver, node->wal, found);
    }
    tell_loaded(node);
    trace(&node->env.trace, TRACE_INFO, "ready");
}

static void load_slice(struct node *node)
{
    struct recovery_end found = {.newest = 0};
    if (node->recovery == NULL) {
        start_serving(node, &found);
        return;
    }
    struct complaint complaint;
    enum status status = recovery_step(node->recovery, LOADING_SLICE, &complaint);
    recovery_progress(node->recovery, &node->loaded);
    if (status == STATUS_AGAIN) {
        tell_progress(node);
        return;
    }
    if (status != STATUS_OK) {
        fail(node, &complaint);
        return;
    }
    recovery_end(node->recovery, &found);
    recovery_destroy(node->recovery);
    node->recovery = NULL;
    start_serving(node, &found);
}

/* ---- turns ---- */

void node_turn(struct node *node, int64_t wall_ms, int64_t monotonic_ms)
{
    if (node->started_wall_ms == 0) {
        node->started_wall_ms = wall_ms;
        node->started_ms = monotonic_ms;
        node->loading_told_ms = monotonic_ms;
        node->next_second_ms = monotonic_ms;
    }
    node->now_ms = wall_ms;
    node->monotonic_ms = monotonic_ms;
    shard_turn(&node->shard, wall_ms, monotonic_ms);
}

static void once_per_second(struct node *node)
{
    if (node->monotonic_ms < node->next_second_ms) {
        return;
    }
    node->next_second_ms = node->monotonic_ms + 1000;
    timing_configure(&node->shard);
    traffic_second(&node->traffic, node->net_input, node->net_output);
    node->commands_second = node->shard.stats.commands - node->commands_before;
    node->commands_before = node->shard.stats.commands;
    uint64_t memory = keyspace_memory(&node->shard.keyspace);
    node->peak_memory = memory > node->peak_memory ? memory : node->peak_memory;
    int64_t timeout_ms = node->config->timeout_s * 1000;
    if (timeout_ms > 0) {
        for (struct list *at = node->shard.sessions.next; at != &node->shard.sessions;) {
            struct session *session = container_of(at, struct session, all);
            at = at->next;
            client_check_idle(client_of(session), timeout_ms);
        }
    }
}

static void release_answers(struct node *node)
{
    uint64_t released = node->wal != NULL ? wal_released(node->wal) : node->shard.tail.last_sequence;
    node->shard.gate.released = released;
    if (released != node->released) {
        node->released = released;
        list_move_all(&node->shard.dirty, &node->gated);
    }
    struct list now;
    list_init(&now);
    list_move_all(&now, &node->shard.dirty);
    while (!list_empty(&now)) {
        struct session *session = container_of(now.next, struct session, dirty);
        list_remove(&session->dirty);
        client_flush(client_of(session));
    }
}

static void take_input_again(struct node *node)
{
    if (node->wal == NULL || wal_backlog(node->wal) > NODE_BACKLOG_MAX / 2) {
        return;
    }
    struct list now;
    list_init(&now);
    list_move_all(&now, &node->stuffed);
    while (!list_empty(&now)) {
        struct client *client = container_of(now.next, struct client, stuffed);
        list_remove(&client->stuffed);
        net_resume(client->conn);
    }
}

int64_t node_turn_end(struct node *node)
{
    if (node->state == NODE_FAILED || node->state == NODE_STOPPING) {
        return node->monotonic_ms;
    }
    bool more = false;
    if (node->state == NODE_LOADING) {
        load_slice(node);
        more = true;
    } else {
        more = shard_turn_end(&node->shard);
        if (node->wal != NULL) {
            wal_turn(node->wal, node->monotonic_ms);
        }
        more = saver_turn(&node->saver) || more;
        take_input_again(node);
    }
    if (node->state == NODE_FAILED) {
        return node->monotonic_ms;
    }
    once_per_second(node);
    release_answers(node);
    if (more || !list_empty(&node->shard.dirty) || waiters_ready(&node->shard)) { /* the saver lets go of values */
        return node->monotonic_ms;
    }
    int64_t next = shard_next_ms(&node->shard);
    int64_t wal_next = node->wal != NULL ? wal_next_ms(node->wal) : INT64_MAX;
    next = wal_next < next ? wal_next : next;
    int64_t saver_next = saver_next_ms(&node->saver);
    next = saver_next < next ? saver_next : next;
    return node->next_second_ms < next ? node->next_second_ms : next;
}

void node_stop(struct node *node)
{
    if (node->state != NODE_FAILED) {
        node->state = NODE_STOPPING;
    }
}

enum status node_close(struct node *node, struct complaint *complaint)
{
    if (node->state == NODE_FAILED || node->wal == NULL) {
        return STATUS_OK;
    }
    saver_finish(&node->saver);
    TRY(wal_close(node->wal, complaint));
    release_answers(node);
    return STATUS_OK;
}
