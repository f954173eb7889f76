/* SPDX-License-Identifier: MIT */

/* memory_admin.c - telling what memory is used for.
 *
 * Idea     Everything is taken from running sums (keyspace, accounts) and from what the allocator and the system say:
 *          O(types and modules). "dataset" is entries and what values own; "overhead" is the table and the heap of
 *          expiries. A number that this server does not have is left out. */
#include "node/memory_admin.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/version.h"
#include "command/commands.h"
#include "node/admin.h"
#include "node/info_parts.h"
#include "serve/call.h"

#define MIB ((uint64_t)1024 * 1024)

struct evict_options memory_options(const struct config *config)
{
    return (struct evict_options){
        .limit = (uint64_t)config->maxmemory,
        .policy = (enum evict_policy)config->maxmemory_policy,
        .samples = (uint32_t)config->maxmemory_samples,
        .log_factor = (uint32_t)config->lfu_log_factor,
        .decay_minutes = (uint32_t)config->lfu_decay_time,
    };
}

static const char *policy_name(enum evict_policy policy)
{
    static const char *const names[] = {
        [EVICT_NONE] = "noeviction",
        [EVICT_ALL_RECENCY] = "allkeys-lru",
        [EVICT_ALL_FREQUENCY] = "allkeys-lfu",
        [EVICT_ALL_RANDOM] = "allkeys-random",
        [EVICT_EXPIRING_RECENCY] = "volatile-lru",
        [EVICT_EXPIRING_FREQUENCY] = "volatile-lfu",
        [EVICT_EXPIRING_RANDOM] = "volatile-random",
        [EVICT_EXPIRING_SOONEST] = "volatile-ttl",
    };
    return names[policy];
}

/* ---- what there is to tell ---- */

struct report {
    const struct keyspace *keyspace;
    uint64_t used;
    uint64_t peak;
    uint64_t overhead;
    uint64_t dataset;
    uint64_t resident; /* of the process; 0: unknown */
    struct memory_totals totals;
    bool has_totals;
};

static struct report make_report(const struct node *node)
{
    const struct keyspace *keyspace = &node->replica.shard.keyspace;
    struct report report = {
        .keyspace = keyspace, .used = keyspace_memory(keyspace), .overhead = keyspace_overhead(keyspace)};
    report.peak = report.used > node->peak_memory ? report.used : node->peak_memory;
    report.dataset = report.used - report.overhead;
    report.has_totals = memory_totals(&report.totals);
    if (node->env.process != NULL) {
        report.resident = node->env.process->ops->resident_bytes(node->env.process);
    }
    return report;
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

struct share {
    uint64_t keys;
    uint64_t bytes;
};

static struct share share_of_module(const struct node *node, const struct module *module)
{
    struct share share = {0};
    for (uint32_t i = 0; i < module->abi->type_count; i++) {
        uint8_t number = node->replica.shard.type_numbers[module->first_type + i];
        share.keys += node->replica.shard.keyspace.keys[number];
        share.bytes += node->replica.shard.keyspace.account[number].bytes;
    }
    return share;
}

/* ---- INFO ---- */

static void amount(struct buf *out, const char *name, uint64_t bytes)
{
    char with_unit[64];
    (void)buf_format(out, "%s:%llu\r\n", name, (unsigned long long)bytes);
    (void)snprintf(with_unit, sizeof with_unit, "%s_human", name);
    info_human(out, with_unit, bytes);
}

static void info_allocator(const struct report *report, struct buf *out)
{
    if (report->has_totals) {
        const struct memory_totals *totals = &report->totals;
        (void)buf_format(out, "allocator_allocated:%llu\r\nallocator_active:%llu\r\nallocator_resident:%llu\r\n",
                         (unsigned long long)totals->allocated, (unsigned long long)totals->active,
                         (unsigned long long)totals->resident);
        (void)buf_format(out, "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%llu\r\n",
                         ratio(totals->active, totals->allocated),
                         (unsigned long long)(totals->active - totals->allocated));
        (void)buf_format(out, "allocator_rss_ratio:%.2f\r\nallocator_rss_bytes:%lld\r\n",
                         ratio(totals->resident, totals->active),
                         (long long)totals->resident - (long long)totals->active);
        if (report->resident > 0) {
            (void)buf_format(out, "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%lld\r\n",
                             ratio(report->resident, totals->resident),
                             (long long)report->resident - (long long)totals->resident);
        }
    }
    if (report->resident > 0) {
        (void)buf_format(out, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%lld\r\n",
                         ratio(report->resident, report->used), (long long)report->resident - (long long)report->used);
    }
    (void)buf_format(out, "mem_allocator:%s\r\n", memory_allocator());
}

static void info_shares(const struct node *node, struct buf *out)
{
    for (uint32_t i = 1; i < node->replica.shard.type_count; i++) {
        (void)buf_format(out, "used_memory_type_%s:%llu\r\n", node->replica.shard.types[i].name,
                         (unsigned long long)node->replica.shard.keyspace.account[i].bytes);
    }
    for (uint32_t i = 0; i < registry_module_count(node->registry); i++) {
        const struct module *module = registry_module(node->registry, i);
        if (module->abi->type_count > 0) {
            (void)buf_format(out, "used_memory_module_%s:%llu\r\n", module->abi->name,
                             (unsigned long long)share_of_module(node, module).bytes);
        }
    }
}

void memory_info(struct node *node, struct buf *out)
{
    struct report report = make_report(node);
    const struct evict_options *options = &node->replica.shard.evict.options;
    (void)buf_append(out, BYTES("# Memory\r\n"));
    amount(out, "used_memory", report.used);
    if (report.resident > 0) {
        amount(out, "used_memory_rss", report.resident);
    }
    amount(out, "used_memory_peak", report.peak);
    (void)buf_format(out, "used_memory_peak_perc:%.2f%%\r\nused_memory_overhead:%llu\r\nused_memory_dataset:%llu\r\n",
                     100 * ratio(report.used, report.peak), (unsigned long long)report.overhead,
                     (unsigned long long)report.dataset);
    (void)buf_format(out, "used_memory_dataset_perc:%.2f%%\r\n", 100 * ratio(report.dataset, report.used));
    amount(out, "maxmemory", options->limit);
    (void)buf_format(out, "maxmemory_policy:%s\r\n", policy_name(options->policy));
    info_allocator(&report, out);
    (void)buf_format(out, "lazyfree_pending_objects:%llu\r\n", (unsigned long long)report.keyspace->dead.count);
    info_memory_process(node, out);
    info_shares(node, out);
}

/* ---- MEMORY STATS ---- */

static void pair(struct reply *reply, const char *name, uint64_t number)
{
    reply_text(reply, name);
    reply_int(reply, (int64_t)number);
}

static void pair_double(struct reply *reply, const char *name, double number)
{
    reply_text(reply, name);
    reply_double(reply, number);
}

static void stats_allocator(struct reply *reply, const struct report *report)
{
    const struct memory_totals *totals = &report->totals;
    pair(reply, "allocator.allocated", totals->allocated);
    pair(reply, "allocator.active", totals->active);
    pair(reply, "allocator.resident", totals->resident);
    pair_double(reply, "allocator-fragmentation.ratio", ratio(totals->active, totals->allocated));
    pair(reply, "allocator-fragmentation.bytes", totals->active - totals->allocated);
    pair_double(reply, "allocator-rss.ratio", ratio(totals->resident, totals->active));
    pair(reply, "allocator-rss.bytes", totals->resident - totals->active);
}

static void stats_share(struct reply *reply, const char *kind, const char *of, struct share share)
{
    reply_format(reply, "%s.%s", kind, of);
    reply_map(reply, 2);
    pair(reply, "keys", share.keys);
    pair(reply, "bytes", share.bytes);
}

static void stats_shares(const struct node *node, struct reply *reply)
{
    const struct keyspace *keyspace = &node->replica.shard.keyspace;
    for (uint32_t i = 1; i < node->replica.shard.type_count; i++) {
        stats_share(reply, "type", node->replica.shard.types[i].name,
                    (struct share){keyspace->keys[i], keyspace->account[i].bytes});
    }
    for (uint32_t i = 0; i < registry_module_count(node->registry); i++) {
        const struct module *module = registry_module(node->registry, i);
        if (module->abi->type_count > 0) {
            stats_share(reply, "module", module->abi->name, share_of_module(node, module));
        }
    }
}

static size_t count_shares(const struct node *node)
{
    size_t count = node->replica.shard.type_count - 1;
    for (uint32_t i = 0; i < registry_module_count(node->registry); i++) {
        count += registry_module(node->registry, i)->abi->type_count > 0;
    }
    return count;
}

static void plan_stats(struct gm_call *call)
{
    const struct node *node = admin_node(call);
    struct reply *reply = &call_of(call)->reply;
    struct report report = make_report(node);
    const struct keyspace *keyspace = report.keyspace;
    uint64_t keys = keyspace->table.count;
    size_t optional = (report.has_totals ? 7u : 0u) + (report.resident > 0 ? 2u : 0u);
    reply_map(reply, 9 + optional + count_shares(node));
    pair(reply, "peak.allocated", report.peak);
    pair(reply, "total.allocated", report.used);
    reply_text(reply, "db.0");
    reply_map(reply, 2);
    pair(reply, "overhead.hashtable.main", keyspace->table.bytes);
    pair(reply, "overhead.hashtable.expires", expire_memory(&keyspace->expire));
    pair(reply, "overhead.total", report.overhead);
    pair(reply, "keys.count", keys);
    pair(reply, "keys.bytes-per-key", keys > 0 ? report.used / keys : 0);
    pair(reply, "dataset.bytes", report.dataset);
    pair_double(reply, "dataset.percentage", 100 * ratio(report.dataset, report.used));
    pair_double(reply, "peak.percentage", 100 * ratio(report.used, report.peak));
    if (report.has_totals) {
        stats_allocator(reply, &report);
    }
    if (report.resident > 0) {
        pair_double(reply, "fragmentation", ratio(report.resident, report.used));
        reply_text(reply, "fragmentation.bytes");
        reply_int(reply, (int64_t)report.resident - (int64_t)report.used);
    }
    stats_shares(node, reply);
}

/* ---- MEMORY DOCTOR, PURGE ---- */

static void doctor_limit(const struct node *node, const struct report *report, struct buf *out)
{
    const struct evict *evict = &node->replica.shard.evict;
    enum evict_policy policy = evict->options.policy;
    if (evict->options.limit == 0) {
        return;
    }
    if (evict->starved) {
        (void)buf_format(out,
                         "* Memory is above maxmemory and %s leaves nothing to evict: writes are refused. Raise "
                         "maxmemory, delete keys, or choose another maxmemory_policy.\n",
                         policy_name(policy));
    } else if (policy == EVICT_NONE && report->used > evict->options.limit / 10 * 9) {
        (void)buf_format(out, "* More than 90 %% of maxmemory is used, and maxmemory_policy is noeviction: writes will "
                              "be refused soon. Raise maxmemory, or choose a policy.\n");
    }
    if (policy >= EVICT_EXPIRING_RECENCY && report->keyspace->table.count > 0 && report->keyspace->expire.count == 0) {
        (void)buf_format(out, "* maxmemory_policy %s evicts only keys with an expiry, and there are none.\n",
                         policy_name(policy));
    }
}

static void doctor_allocator(const struct report *report, struct buf *out)
{
    const struct memory_totals *totals = &report->totals;
    if (report->peak > report->used / 2 * 3 && report->peak > 16 * MIB) {
        (void)buf_format(out,
                         "* At its peak the data took %.1f times what it takes now (%.1f MB): the process may still "
                         "hold memory of then. MEMORY PURGE gives back what is free.\n",
                         ratio(report->peak, report->used), (double)report->peak / 1e6);
    }
    if (report->has_totals && totals->active - totals->allocated > 16 * MIB &&
        ratio(totals->active, totals->allocated) > 1.2) {
        (void)buf_format(out,
                         "* %.1f MB are lost in pages that are only partly used (ratio %.2f), as after many keys of "
                         "one size have gone. Keys of such sizes will fill them again; a restart does at once.\n",
                         (double)(totals->active - totals->allocated) / 1e6, ratio(totals->active, totals->allocated));
    }
    if (report->has_totals && totals->resident - totals->active > 16 * MIB &&
        ratio(totals->resident, totals->active) > 1.2) {
        (void)buf_format(out,
                         "* The allocator holds %.1f MB that nobody uses. It gives them back by and by; MEMORY PURGE "
                         "makes it do so now.\n",
                         (double)(totals->resident - totals->active) / 1e6);
    }
}

static void doctor_values(const struct report *report, struct buf *out)
{
    if (report->keyspace->dead.count > 0) {
        (void)buf_format(out, "* %llu flushed keys are still being released.\n",
                         (unsigned long long)report->keyspace->dead.count);
    }
    if (report->keyspace->frozen > 0) {
        (void)buf_format(out,
                         "* %llu values are kept as the records that make them, which takes more memory: their "
                         "modules are not loaded, or they are damaged.\n",
                         (unsigned long long)report->keyspace->frozen);
    }
}

static void plan_doctor(struct gm_call *call)
{
    const struct node *node = admin_node(call);
    struct report report = make_report(node);
    struct buf out;
    buf_init(&out, 16384);
    doctor_limit(node, &report, &out);
    doctor_allocator(&report, &out);
    doctor_values(&report, &out);
    if (out.size == 0) {
        (void)buf_format(&out, "Nothing is wrong with memory: %.1f MB of data, %.1f MB at its peak.\n",
                         (double)report.used / 1e6, (double)report.peak / 1e6);
    }
    reply_verbatim(&call_of(call)->reply, buf_bytes(&out));
    buf_finish(&out);
}

static void plan_purge(struct gm_call *call)
{
    memory_purge();
    gm_reply_status(call, "OK");
}

/* ---- the table ---- */

#define LOOKS (GM_READ | GM_ACCEPT_ANY | CALL_FROZEN | CALL_NO_TOUCH)
#define COMMAND(name, text, cost, example_line, function)                                                              \
    {                                                                                                                  \
        .size = sizeof(struct gm_command), .usage = name, .flags = GM_READ | CALL_LOADING, .summary = text,            \
        .complexity = cost, .example = example_line, .plan = function                                                  \
    }

static const struct gm_command commands[] = {
    {.size = sizeof(struct gm_command),
     .usage = "MEMORY|USAGE key [SAMPLES count:count]",
     .flags = LOOKS,
     .plan = cmd_object_memory,
     .complexity = "O(1)",
     .summary = "Tells how many bytes of memory a key costs with its value.",
     .example = "MEMORY USAGE cart:17"},
    COMMAND("MEMORY|STATS", "Tells what memory is used for: in all, by type and by module.", "O(n), n the types",
            "MEMORY STATS", plan_stats),
    COMMAND("MEMORY|DOCTOR", "Says in words what is wrong with the use of memory, and what to do.", "O(1)",
            "MEMORY DOCTOR", plan_doctor),
    COMMAND("MEMORY|PURGE", "Makes the allocator give back to the system what nobody uses.", "O(n), n the free pages",
            NULL, plan_purge),
    COMMAND("MEMORY|HELP", "Lists the sub-commands of MEMORY.", "O(1)", "MEMORY HELP", cmd_help),
};

const struct gm_module *memory_commands(void)
{
    static const struct gm_module module = {
        .size = sizeof module,
        .abi_major = GM_ABI_MAJOR,
        .abi_minor = GM_ABI_MINOR,
        .name = "geomys.memory",
        .version = GEOMYS_VERSION,
        .licence = "MIT",
        .summary = "Tells what memory is used for.",
        .group = "server",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
    };
    return &module;
}
