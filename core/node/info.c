/* SPDX-License-Identifier: MIT */

/* info.c - INFO: which tables of counters stand in which section, and where the node has what they count.
 *
 * A field is a row of a table (base/counters.h) beside the struct that counts it: nothing of it is written here. Here
 * is one line for each table.
 *
 * Promises
 *   I1  A number that this server does not have is left out rather than made up (counters I1).
 *   I2  What a section shows is what CONFIG RESETSTAT resets: both walk the same lines. */
#include "node/info.h"

#include <inttypes.h>
#include <stdio.h>

#include "log/log_counters.h"
#include "node/memory_report.h"
#include "node/node_counters.h"
#include "node/replicas.h"
#include "serve/serve_counters.h"
#include "shard/shard_counters.h"
#include "store/store_counters.h"

/* ---- where things are ---- */

/* Which of a table's structs is asked for. Where the node has no such struct as it stands, it is made in `made`. */
struct place {
    struct node *node;
    uint32_t index;    /* of those that a table has many of; else 0 */
    bool more;         /* set by who finds it: ask for the next index, too */
    const char *label; /* set by who finds it: behind the names; NULL: none */
    char number[16];   /* for a label that is one */
    union {
        struct wal_stats wal;
        struct saver_counts saver;
        struct snapshot_writer_stats writer;
        struct store_counts store;
        struct serve_counts serve;
        struct shard_share share;
        struct memory_report memory;
        struct node_cpu cpu;
        struct node_module module;
        struct replicas_report replicas;
        struct copies_node copy;
    } made;
};

static void *find_node(struct place *place)
{
    return place->node;
}

static void *find_config(struct place *place)
{
    return place->node->config;
}

static void *find_process(struct place *place)
{
    return place->node->env.process;
}

static void *find_serve(struct place *place)
{
    serve_counters_take(&place->node->worker, &place->made.serve);
    return &place->made.serve;
}

static void *find_traffic(struct place *place)
{
    return &place->node->traffic;
}

static void *find_memory(struct place *place)
{
    memory_report_take(place->node, &place->made.memory);
    return &place->made.memory;
}

static void *find_limit(struct place *place)
{
    return &place->node->replica.shard.evict.options;
}

static void *find_store(struct place *place)
{
    store_counters_take_all(&place->node->replica.shard.databases, &place->made.store);
    return &place->made.store;
}

static void *find_replayed(struct place *place)
{
    return &place->node->replica.loaded.log;
}

static void *find_snapshot(struct place *place)
{
    return &place->node->replica.loaded.snapshot;
}

static void *find_tail(struct place *place)
{
    return &place->node->replica.shard.tail;
}

/* While what is on the disk is read, it is of no interest where the log would go on. */
static void *find_tail_after_loading(struct place *place)
{
    return place->node->state != NODE_LOADING ? find_tail(place) : NULL;
}

static void *find_wal(struct place *place)
{
    const struct replica *replica = &place->node->replica;
    if (replica->unopened) { /* for want of space: all that there is was read, and is on the disk */
        uint64_t last = replica->shard.tail.last_sequence;
        place->made.wal = (struct wal_stats){.written = last, .synced = last, .full = true, .lack = STATUS_NO_SPACE};
        return &place->made.wal;
    }
    if (replica->wal == NULL) {
        return NULL;
    }
    wal_stats(place->node->replica.wal, &place->made.wal);
    return &place->made.wal;
}

static void *find_saver(struct place *place)
{
    if (place->node->replica.wal == NULL) {
        return NULL;
    }
    saver_count(&place->node->replica.saver, &place->made.saver);
    return &place->made.saver;
}

static void *find_sweep(struct place *place)
{
    return place->node->replica.wal != NULL ? &place->node->replica.shard.sweep : NULL;
}

static void *find_writer(struct place *place)
{
    if (place->node->replica.saver.writer == NULL) {
        return NULL;
    }
    snapshot_writer_stats(place->node->replica.saver.writer, &place->made.writer);
    return &place->made.writer;
}

static void *find_counts(struct place *place)
{
    return &place->node->worker.meters.counts;
}

static void *find_stats(struct place *place)
{
    return &place->node->replica.shard.stats;
}

static void *find_errors(struct place *place)
{
    return &place->node->worker.meters.errors;
}

static void *find_cpu(struct place *place)
{
    struct process *process = place->node->env.process;
    struct node_cpu *cpu = &place->made.cpu;
    if (process == NULL) {
        return NULL;
    }
    process->ops->cpu_us(process, &cpu->user_us, &cpu->system_us);
    process->ops->thread_cpu_us(process, &cpu->thread_user_us, &cpu->thread_system_us);
    return cpu;
}

/* ---- of which there are many ---- */

static const struct module *next_module(struct place *place)
{
    uint32_t count = registry_module_count(place->node->registry);
    place->more = place->index + 1 < count;
    const struct module *module = place->index < count ? registry_module(place->node->registry, place->index) : NULL;
    place->label = module != NULL ? module->abi->name : NULL;
    return module;
}

static void *find_module(struct place *place)
{
    const struct module *module = next_module(place);
    if (module == NULL || module->path == NULL) {
        return NULL; /* the host's own */
    }
    place->label = NULL; /* its name is one of the rows */
    place->made.module = (struct node_module){.name = module->abi->name,
                                              .version = module->abi->version,
                                              .path = module->path,
                                              .types = module->abi->type_count,
                                              .commands = module->abi->command_count};
    return &place->made.module;
}

static void *find_module_share(struct place *place)
{
    const struct module *module = next_module(place);
    if (module == NULL || module->abi->type_count == 0) {
        return NULL;
    }
    place->made.share = shard_counters_module(&place->node->replica.shard, module);
    return &place->made.share;
}

/* Type 0 is the host. */
static void *find_type(struct place *place)
{
    const struct shard *shard = &place->node->replica.shard;
    place->more = place->index + 1 < shard->types.count;
    if (place->index == 0 || !types_newest(&shard->types, place->index)) {
        return NULL;
    }
    place->label = shard->types.by_number[place->index].name;
    place->made.share = shard_counters_type(shard, place->index);
    return &place->made.share;
}

static void *find_type_with_keys(struct place *place)
{
    return find_type(place) != NULL && place->made.share.keys > 0 ? &place->made.share : NULL;
}

static struct command_meter *next_command(struct place *place)
{
    const struct meters *meters = &place->node->worker.meters;
    place->more = place->index + 1 < meters->command_count;
    if (place->index >= meters->command_count) {
        return NULL;
    }
    place->label = registry_command_name(place->node->registry, place->index);
    return &meters->commands[place->index];
}

static void *find_command(struct place *place)
{
    struct command_meter *meter = next_command(place);
    return meter != NULL && command_meter_used(meter) ? meter : NULL;
}

static void *find_timed_command(struct place *place)
{
    struct command_meter *meter = next_command(place);
    bool shown = place->node->config->latency_tracking;
    return meter != NULL && shown && meter->times != NULL ? meter : NULL;
}

static void *find_error_kind(struct place *place)
{
    struct errors *errors = &place->node->worker.meters.errors;
    place->more = place->index + 1 < errors->count;
    if (place->index >= errors->count) {
        return NULL;
    }
    place->label = errors->kinds[place->index].word;
    return &errors->kinds[place->index];
}

static void *find_replicas(struct place *place)
{
    const struct node *node = place->node;
    replicas_report(&node->membership, node->run_id, node->now_ms, &place->made.replicas);
    return &place->made.replicas;
}

static void *find_follower(struct place *place)
{
    struct copies copies = replicas_copies(&place->node->membership);
    place->more = copies_follower(&copies, place->index, &place->made.copy);
    (void)snprintf(place->number, sizeof place->number, "%" PRIu32, place->index);
    place->label = place->number;
    return place->more ? &place->made.copy : NULL;
}

/* By number; an empty one is not shown. */
static void *find_database(struct place *place)
{
    const struct databases *databases = &place->node->replica.shard.databases;
    struct store_counts *counts = &place->made.store;
    place->more = place->index + 1 < databases->count;
    store_counters_take(databases_see(databases, place->index), place->node->replica.shard.now_ms, counts);
    (void)snprintf(place->number, sizeof place->number, "%" PRIu32, place->index);
    place->label = place->number;
    return counts->keys > 0 ? counts : NULL;
}

static void *find_frozen(struct place *place)
{
    struct store_counts *counts = find_store(place);
    return counts->frozen > 0 ? counts : NULL;
}

static void *find_due(struct place *place)
{
    struct store_counts *counts = find_store(place);
    return counts->wakes > 0 ? counts : NULL;
}

/* ---- the sections ---- */

struct part {
    const struct counter_table *table;
    void *(*find)(struct place *); /* NULL: there is none now, or none of this index */
};

#define PARTS_MAX 9

struct section {
    const char *name;
    const char *title;
    bool daily;                      /* part of INFO without an argument */
    bool (*is_there)(struct node *); /* NULL: always */
    struct part parts[PARTS_MAX];    /* up to the first without a table */
};

static bool has_process(struct node *node)
{
    return node->env.process != NULL;
}

static const struct section sections[] = {
    {"server",
     "Server",
     true,
     NULL,
     {{&node_counters_server, find_node}, {&node_counters_process, find_process}, {&node_counters_names, find_config}}},
    {"clients",
     "Clients",
     true,
     NULL,
     {{&serve_counters_clients, find_serve},
      {&node_counters_maximum, find_config},
      {&traffic_client_counters, find_traffic}}},
    {"memory",
     "Memory",
     true,
     NULL,
     {{&memory_report_counters, find_memory},
      {&shard_counters_limit, find_limit},
      {&store_counters_memory, find_store},
      {&node_counters_machine, find_process},
      {&log_counters_memory, find_wal},
      {&shard_counters_type_memory, find_type},
      {&shard_counters_module_memory, find_module_share}}},
    {"persistence",
     "Persistence",
     true,
     NULL,
     {{&node_counters_loading, find_node},
      {&node_counters_persistence, find_config},
      {&log_counters_replay, find_replayed},
      {&log_counters_snapshot, find_snapshot},
      {&log_counters_tail, find_tail_after_loading},
      {&log_counters_wal, find_wal},
      {&saver_counters, find_saver},
      {&shard_counters_sweep, find_sweep},
      {&log_counters_writer, find_writer}}},
    {"stats",
     "Stats",
     true,
     NULL,
     {{&traffic_counters, find_traffic},
      {&meters_counters, find_counts},
      {&shard_counters, find_stats},
      {&serve_counters_stats, find_serve},
      {&errors_counters, find_errors}}},
    {"replication",
     "Replication",
     true,
     NULL,
     {{&replicas_counters_role, find_replicas},
      {&replicas_counters_follower, find_follower},
      {&replicas_counters, find_replicas}}},
    {"cpu", "CPU", true, has_process, {{&node_counters_cpu, find_cpu}}},
    {"modules", "Modules", true, NULL, {{&node_counters_module, find_module}}},
    {"commandstats", "Commandstats", false, NULL, {{&command_meter_counters, find_command}}},
    {"errorstats", "Errorstats", true, NULL, {{&errors_kind_counters, find_error_kind}}},
    {"latencystats", "Latencystats", false, NULL, {{&command_meter_times, find_timed_command}}},
    {"cluster", "Cluster", true, NULL, {{&node_counters_cluster, find_node}}},
    {"keyspace",
     "Keyspace",
     true,
     NULL,
     {{&store_counters_database, find_database},
      {&shard_counters_of_type, find_type_with_keys},
      {&store_counters_frozen, find_frozen},
      {&store_counters_due, find_due}}},
};

#define SECTION_COUNT (sizeof sections / sizeof sections[0])

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

/* Prints all structs of a part, or resets them: `out` NULL. */
static void walk(struct node *node, const struct part *part, struct buf *out)
{
    struct place place = {.node = node, .more = true};
    for (; place.more; place.index++) {
        place.more = false;
        void *of = part->find(&place); /* info I1: what is not there is not printed */
        if (of != NULL && out != NULL) {
            counters_print(part->table, of, place.label, out);
        } else if (of != NULL) {
            counters_reset(part->table, of);
        }
    }
}

static void walk_section(struct node *node, const struct section *section, struct buf *out)
{
    for (size_t i = 0; i < PARTS_MAX && section->parts[i].table != NULL; i++) {
        const struct part *part = &section->parts[i];
        if (out != NULL || counters_resets(part->table)) { /* info I2 */
            walk(node, part, out);
        }
    }
}

void info_write(struct node *node, const struct gm_bytes *wanted, uint32_t count, struct buf *out)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *section = &sections[i];
        if (is_wanted(section, wanted, count)) {
            (void)buf_format(out, "%s", out->size > 0 ? "\r\n" : "");
            if (section->is_there == NULL || section->is_there(node)) {
                (void)buf_format(out, "# %s\r\n", section->title);
            }
            walk_section(node, section, out);
        }
    }
}

void info_reset(struct node *node)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        walk_section(node, &sections[i], NULL);
    }
    meters_reset(&node->worker.meters); /* the histograms, which no row shows */
}
