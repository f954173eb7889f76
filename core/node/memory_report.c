/* SPDX-License-Identifier: MIT */

/* memory_report.c - taking the numbers, and their rows. */
#include "node/memory_report.h"

/* What has been tracked for those who are gone counts until it has been given back. */
static uint64_t clients(const struct worker *worker)
{
    return crowd_total(&worker->sessions.crowd) + worker->tracking.leaving_bytes;
}

uint64_t memory_report_used(const struct node *node)
{
    return ledger_memory(&node->replica.shard.databases.ledger) + clients(&node->worker);
}

void memory_report_take(const struct node *node, struct memory_report *out)
{
    uint64_t limit = node->worker.sessions.crowd.options.limit;
    *out = (struct memory_report){.used = memory_report_used(node),
                                  .clients = clients(&node->worker),
                                  .clients_limit = limit != CROWD_NO_LIMIT ? limit : 0};
    out->overhead = node->replica.shard.databases.ledger.overhead + out->clients;
    out->peak = out->used > node->peak_memory ? out->used : node->peak_memory;
    out->has_totals = memory_totals(&out->totals);
    if (node->env.process != NULL) {
        out->resident = node->env.process->ops->resident_bytes(node->env.process);
    }
    check(out->overhead <= out->used && out->used <= out->peak);
}

/* ---- rows ---- */

#define GAUGE(member)      COUNTER_OF(struct memory_report, member), .kind = COUNTER_GAUGE
#define GAUGE_BY(function) COUNTER_BY(function), .kind = COUNTER_GAUGE
#define BYTES_BY(function) GAUGE_BY(function), .unit = COUNTER_BYTES
#define RATIO_BY(function) GAUGE_BY(function), .unit = COUNTER_RATIO

static struct counter_value percent(uint64_t part, uint64_t whole)
{
    return counter_real(100 * counter_ratio(part, whole).real);
}

/* May be below 0. */
static struct counter_value difference(uint64_t larger, uint64_t smaller)
{
    return counter_number((int64_t)larger - (int64_t)smaller);
}

static struct counter_value resident(const void *of)
{
    const struct memory_report *report = of;
    return report->resident > 0 ? counter_count(report->resident) : COUNTER_NONE;
}

static struct counter_value peak_percent(const void *of)
{
    const struct memory_report *report = of;
    return percent(report->used, report->peak);
}

static struct counter_value dataset(const void *of)
{
    return counter_count(memory_report_dataset(of));
}

static struct counter_value dataset_percent(const void *of)
{
    return percent(memory_report_dataset(of), ((const struct memory_report *)of)->used);
}

static struct counter_value allocated(const void *of)
{
    const struct memory_report *report = of;
    return report->has_totals ? counter_count(report->totals.allocated) : COUNTER_NONE;
}

static struct counter_value active(const void *of)
{
    const struct memory_report *report = of;
    return report->has_totals ? counter_count(report->totals.active) : COUNTER_NONE;
}

static struct counter_value mapped(const void *of)
{
    const struct memory_report *report = of;
    return report->has_totals ? counter_count(report->totals.resident) : COUNTER_NONE;
}

static struct counter_value partly_used_ratio(const void *of)
{
    const struct memory_report *report = of;
    return report->has_totals ? counter_ratio(report->totals.active, report->totals.allocated) : COUNTER_NONE;
}

static struct counter_value partly_used(const void *of)
{
    const struct memory_report *report = of;
    return report->has_totals ? difference(report->totals.active, report->totals.allocated) : COUNTER_NONE;
}

static struct counter_value kept_ratio(const void *of)
{
    const struct memory_report *report = of;
    return report->has_totals ? counter_ratio(report->totals.resident, report->totals.active) : COUNTER_NONE;
}

static struct counter_value kept(const void *of)
{
    const struct memory_report *report = of;
    return report->has_totals ? difference(report->totals.resident, report->totals.active) : COUNTER_NONE;
}

static struct counter_value process_ratio(const void *of)
{
    const struct memory_report *report = of;
    bool known = report->has_totals && report->resident > 0;
    return known ? counter_ratio(report->resident, report->totals.resident) : COUNTER_NONE;
}

static struct counter_value process_more(const void *of)
{
    const struct memory_report *report = of;
    bool known = report->has_totals && report->resident > 0;
    return known ? difference(report->resident, report->totals.resident) : COUNTER_NONE;
}

static struct counter_value all_ratio(const void *of)
{
    const struct memory_report *report = of;
    return report->resident > 0 ? counter_ratio(report->resident, report->used) : COUNTER_NONE;
}

static struct counter_value all_more(const void *of)
{
    const struct memory_report *report = of;
    return report->resident > 0 ? difference(report->resident, report->used) : COUNTER_NONE;
}

static struct counter_value allocator(const void *of)
{
    (void)of;
    return counter_text(memory_allocator());
}

static const struct counter_row rows[] = {
    {"used_memory", "Memory of the data, and of what the clients hold.", GAUGE(used), .unit = COUNTER_SIZE},
    {"used_memory_rss", "Memory of the process.", GAUGE_BY(resident), .unit = COUNTER_SIZE},
    {"used_memory_peak", "The most memory that was used.", GAUGE(peak), .unit = COUNTER_SIZE},
    {"used_memory_peak_perc", "Used memory, of the most.", GAUGE_BY(peak_percent), .unit = COUNTER_PERCENT},
    {"used_memory_overhead", "Memory of what is no key's own: table, heap of expiries, clients.", GAUGE(overhead),
     .unit = COUNTER_BYTES},
    {"used_memory_dataset", "Memory of keys and values.", BYTES_BY(dataset)},
    {"used_memory_dataset_perc", "... of the data's memory.", GAUGE_BY(dataset_percent), .unit = COUNTER_PERCENT},
    {"allocator_allocated", "Memory that the allocator has handed out.", BYTES_BY(allocated)},
    {"allocator_active", "Memory in pages that hold any of it.", BYTES_BY(active)},
    {"allocator_resident", "Memory that the allocator holds.", BYTES_BY(mapped)},
    {"allocator_frag_ratio", "Active by allocated.", RATIO_BY(partly_used_ratio)},
    {"allocator_frag_bytes", "Active without allocated.", BYTES_BY(partly_used)},
    {"allocator_rss_ratio", "What the allocator holds by active.", RATIO_BY(kept_ratio)},
    {"allocator_rss_bytes", "What the allocator holds without active.", BYTES_BY(kept)},
    {"rss_overhead_ratio", "The process by what the allocator holds.", RATIO_BY(process_ratio)},
    {"rss_overhead_bytes", "The process without what the allocator holds.", BYTES_BY(process_more)},
    {"mem_fragmentation_ratio", "The process by the data.", RATIO_BY(all_ratio)},
    {"mem_fragmentation_bytes", "The process without the data.", BYTES_BY(all_more)},
    {"mem_allocator", "The allocator.", COUNTER_BY(allocator), .kind = COUNTER_LABEL},
    {"mem_not_counted_for_evict", "Of used memory, what maxmemory is not about: what the clients hold.", GAUGE(clients),
     .unit = COUNTER_BYTES, .merge = COUNTER_AGAIN},
    {"mem_clients_normal", "Memory that the clients hold: records, input, queued commands, output, names.",
     GAUGE(clients), .unit = COUNTER_BYTES},
    {"maxmemory_clients", "What they may hold beyond their records; 0: no limit.", GAUGE(clients_limit),
     .unit = COUNTER_BYTES},
};

const struct counter_table memory_report_counters = COUNTER_TABLE(struct memory_report, rows);
