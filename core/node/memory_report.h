/* SPDX-License-Identifier: MIT */

/* memory_report.h - what memory is used for, at one moment: the numbers behind INFO memory, MEMORY STATS and DOCTOR.
 *
 * Idea     Everything is taken from running sums (keyspace, accounts, the crowd of clients) and from what the allocator
 *          and the system say. What is used is the data and what the clients hold; maxmemory is about the data alone.
 *          "dataset" is entries and what values own; "overhead" is the rest: the table, the heap of expiries, and the
 *          clients. */
#ifndef GEOMYS_NODE_MEMORY_REPORT_H
#define GEOMYS_NODE_MEMORY_REPORT_H

#include "base/counters.h"
#include "base/memory.h"
#include "node/node.h"

/* Bytes. Of several shards `peak` is the sum of their peaks: they need not have been at the same time. */
struct memory_report {
    uint64_t used;
    uint64_t peak;
    uint64_t overhead;
    uint64_t resident;           /* of the process; 0: unknown */
    struct memory_totals totals; /* of the process */
    bool has_totals;
    uint64_t clients;       /* of `used`, what connections and their sessions hold */
    uint64_t clients_limit; /* ... may hold, without their records; 0: no limit */
};

/* Bytes that the data and the clients take now. O(1). */
uint64_t memory_report_used(const struct node *node);

/* Takes some microseconds. */
void memory_report_take(const struct node *node, struct memory_report *out);

/* Without the clients: what maxmemory is about. */
static inline uint64_t memory_report_data(const struct memory_report *report)
{
    return report->used - report->clients;
}

static inline uint64_t memory_report_dataset(const struct memory_report *report)
{
    return report->used - report->overhead;
}

extern const struct counter_table memory_report_counters;

#endif
