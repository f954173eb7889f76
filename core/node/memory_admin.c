/* SPDX-License-Identifier: MIT */

/* memory_admin.c - MEMORY: what memory is used for (memory_report.h), in numbers and in words. A number that this
 * server does not have is left out. */
#include "command/cmd.h"
#include "command/cmd_entry.h"
#include "node/admin.h"
#include "node/memory_report.h"
#include "shard/shard_counters.h"

#define MIB ((uint64_t)1024 * 1024)

static double ratio(uint64_t part, uint64_t whole)
{
    return counter_ratio(part, whole).real;
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

static void stats_allocator(struct reply *reply, const struct memory_report *report)
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

static void stats_share(struct reply *reply, const char *kind, const char *of, struct shard_share share)
{
    reply_format(reply, "%s.%s", kind, of);
    reply_map(reply, 2);
    pair(reply, "keys", share.keys);
    pair(reply, "bytes", share.bytes);
}

static void stats_shares(const struct node *node, struct reply *reply)
{
    const struct types *types = &node->replica.shard.types;
    for (uint32_t i = 1; i < types->count; i++) {
        if (types_newest(types, i)) {
            stats_share(reply, "type", types->by_number[i].name, shard_counters_type(&node->replica.shard, i));
        }
    }
    for (uint32_t i = 0; i < registry_module_count(node->registry); i++) {
        const struct module *module = registry_module(node->registry, i);
        if (module->abi->type_count > 0) {
            stats_share(reply, "module", module->abi->name, shard_counters_module(&node->replica.shard, module));
        }
    }
}

static size_t count_shares(const struct node *node)
{
    const struct types *types = &node->replica.shard.types;
    size_t count = 0;
    for (uint32_t i = 1; i < types->count; i++) {
        count += types_newest(types, i);
    }
    for (uint32_t i = 0; i < registry_module_count(node->registry); i++) {
        count += registry_module(node->registry, i)->abi->type_count > 0;
    }
    return count;
}

/* Of each database that has keys. */
static void stats_databases(const struct databases *databases, struct reply *reply)
{
    const struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(databases, &number)) != NULL;) {
        if (keyspace->table.count > 0) {
            reply_format(reply, "db.%u", keyspace->number);
            reply_map(reply, 2);
            pair(reply, "overhead.hashtable.main", keyspace->table.bytes);
            pair(reply, "overhead.hashtable.expires", expire_memory(&keyspace->expire));
        }
    }
}

static size_t count_databases(const struct databases *databases)
{
    const struct keyspace *keyspace;
    size_t count = 0;
    for (uint32_t number = 0; (keyspace = databases_next(databases, &number)) != NULL;) {
        count += keyspace->table.count > 0;
    }
    return count;
}

static void plan_stats(struct gm_call *call)
{
    const struct node *node = admin_node(call);
    struct reply *reply = &call_of(call)->reply;
    struct memory_report report;
    memory_report_take(node, &report);
    const struct databases *databases = &node->replica.shard.databases;
    uint64_t keys = databases->ledger.keys;
    size_t optional = (report.has_totals ? 7u : 0u) + (report.resident > 0 ? 2u : 0u);
    reply_map(reply, 9 + count_databases(databases) + optional + count_shares(node));
    pair(reply, "peak.allocated", report.peak);
    pair(reply, "total.allocated", report.used);
    pair(reply, "clients.normal", report.clients);
    stats_databases(databases, reply);
    pair(reply, "overhead.total", report.overhead);
    pair(reply, "keys.count", keys);
    pair(reply, "keys.bytes-per-key", keys > 0 ? memory_report_data(&report) / keys : 0);
    pair(reply, "dataset.bytes", memory_report_dataset(&report));
    pair_double(reply, "dataset.percentage", 100 * ratio(memory_report_dataset(&report), report.used));
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

static void doctor_limit(const struct node *node, const struct memory_report *report, struct buf *out)
{
    const struct evict *evict = &node->replica.shard.evict;
    const struct ledger *ledger = &node->replica.shard.databases.ledger;
    enum evict_policy policy = evict->options.policy;
    if (evict->options.limit == 0) {
        return;
    }
    if (evict->starved) {
        (void)buf_format(out,
                         "* Memory is above maxmemory and %s leaves nothing to evict: writes are refused. Raise "
                         "maxmemory, delete keys, or choose another maxmemory_policy.\n",
                         evict_policy_name(policy));
    } else if (policy == EVICT_NONE && memory_report_data(report) > evict->options.limit / 10 * 9) {
        (void)buf_format(out, "* More than 90 %% of maxmemory is used, and maxmemory_policy is noeviction: writes will "
                              "be refused soon. Raise maxmemory, or choose a policy.\n");
    }
    if (policy >= EVICT_EXPIRING_RECENCY && ledger->keys > 0 && ledger->expires == 0) {
        (void)buf_format(out, "* maxmemory_policy %s evicts only keys with an expiry, and there are none.\n",
                         evict_policy_name(policy));
    }
}

static void doctor_clients(const struct node *node, const struct memory_report *report, struct buf *out)
{
    uint64_t evicted = node->worker.meters.counts.evicted;
    if (node->worker.sessions.crowd.tight) {
        (void)buf_format(out,
                         "* The clients hold %.1f MB, near maxmemory_clients: what is large waits until there is room. "
                         "CLIENT LIST shows who holds what (tot-mem).\n",
                         (double)report->clients / 1e6);
    }
    if (evicted > 0) {
        (void)buf_format(out, "* %llu clients were disconnected because all held more than maxmemory_clients.\n",
                         (unsigned long long)evicted);
    }
}

static void doctor_allocator(const struct memory_report *report, struct buf *out)
{
    const struct memory_totals *totals = &report->totals;
    if (report->peak > report->used / 2 * 3 && report->peak > 16 * MIB) {
        (void)buf_format(
            out,
            "* At its peak %.1f times as much was used as now (%.1f MB): the process may still hold memory "
            "of then. MEMORY PURGE gives back what is free.\n",
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

static void doctor_values(const struct shard *shard, struct buf *out)
{
    const struct databases *databases = &shard->databases;
    struct databases_frozen frozen = databases_frozen(databases);
    if (databases->ledger.flushed > 0) {
        (void)buf_format(out, "* %llu flushed keys are still being released.\n",
                         (unsigned long long)databases->ledger.flushed);
    }
    if (shard->remains.count > 0) {
        (void)buf_format(out, "* %llu large values that are gone are still being released, %.1f MB.\n",
                         (unsigned long long)shard->remains.count, (double)shard->remains.bytes / 1e6);
    }
    if (frozen.frozen > 0) {
        (void)buf_format(out,
                         "* %llu values are kept as the records that make them, which takes more memory: their "
                         "modules are not loaded, or they are damaged.\n",
                         (unsigned long long)frozen.frozen);
    }
}

static void plan_doctor(struct gm_call *call)
{
    const struct node *node = admin_node(call);
    struct memory_report report;
    memory_report_take(node, &report);
    struct buf out;
    buf_init(&out, 16384);
    doctor_limit(node, &report, &out);
    doctor_clients(node, &report, &out);
    doctor_allocator(&report, &out);
    doctor_values(&node->replica.shard, &out);
    if (out.size == 0) {
        (void)buf_format(&out,
                         "Nothing is wrong with memory: %.1f MB of data, %.1f MB of clients, %.1f MB at the peak of "
                         "both.\n",
                         (double)memory_report_data(&report) / 1e6, (double)report.clients / 1e6,
                         (double)report.peak / 1e6);
    }
    reply_verbatim(&call_of(call)->reply, buf_bytes(&out));
    buf_finish(&out);
}

static void plan_purge(struct gm_call *call)
{
    memory_purge();
    gm_reply_status(call, "OK");
}

/* ---- MEMORY USAGE ---- */

static void plan_usage(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct entry *entry = call_entry(call, 0);
    enum { KEY, SAMPLES, COUNT };
    if (gm_arg(abi, COUNT)->integer < 0) {
        gm_reply_error(abi, "ERR syntax error");
    } else if (entry == NULL) {
        reply_null(&call->reply);
    } else {
        reply_int(&call->reply, (int64_t)cmd_entry_memory(call->shard, call_keyspace(call), entry));
    }
}

/* ---- the table ---- */

#define ASKS CMD_COMMAND, .flags = GM_READ | CALL_LOADING

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "MEMORY|USAGE key [SAMPLES count:int]",
     .flags = GM_READ | GM_ACCEPT_ANY | CALL_FROZEN | CALL_NO_TOUCH, .plan = plan_usage, .complexity = "O(1)",
     .summary = "Tells how many bytes of memory a key costs with its value.", .example = "MEMORY USAGE cart:17"},
    {ASKS, .usage = "MEMORY|STATS", .plan = plan_stats, .complexity = "O(n), n the types",
     .summary = "Tells what memory is used for: in all, by type and by module.", .example = "MEMORY STATS"},
    {ASKS, .usage = "MEMORY|DOCTOR", .plan = plan_doctor, .complexity = "O(1)",
     .summary = "Says in words what is wrong with the use of memory, and what to do.", .example = "MEMORY DOCTOR"},
    {ASKS, .usage = "MEMORY|PURGE", .plan = plan_purge, .complexity = "O(n), n the free pages",
     .summary = "Makes the allocator give back to the system what nobody uses."},
    CMD_HELP("MEMORY", GM_READ | CALL_LOADING),
};

CMD_MODULE(memory_admin, .name = "geomys.memory", .group = "server", .summary = "Tells what memory is used for.");
