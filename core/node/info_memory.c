/* SPDX-License-Identifier: MIT */

/* info_memory.c - INFO about the memory of the process. used_memory is what the data takes; the allocator's figures are
 * of everything. */
#include "base/memory.h"
#include "node/info_parts.h"

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void allocator(struct buf *out, uint64_t resident)
{
    struct memory_stats stats;
    if (!memory_stats(&stats)) {
        return;
    }
    (void)buf_format(out, "allocator_allocated:%llu\r\nallocator_active:%llu\r\nallocator_resident:%llu\r\n",
                     (unsigned long long)stats.allocated, (unsigned long long)stats.active,
                     (unsigned long long)stats.resident);
    (void)buf_format(out,
                     "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%lld\r\nallocator_rss_ratio:%.2f\r\n"
                     "allocator_rss_bytes:%lld\r\n",
                     share(stats.active, stats.allocated), (long long)(stats.active - stats.allocated),
                     share(stats.resident, stats.active), (long long)(stats.resident - stats.active));
    if (resident > 0) {
        (void)buf_format(out, "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%lld\r\n", share(resident, stats.resident),
                         (long long)resident - (long long)stats.resident);
    }
}

static void clients(struct node *node, struct buf *out)
{
    uint64_t bytes = 0;
    const struct list *sessions = &node->shard.sessions;
    for (const struct list *at = sessions->next; at != sessions; at = at->next) {
        const struct session *session = container_of(at, struct session, all);
        bytes += sizeof *session + session->out.capacity + session->queue_size;
    }
    (void)buf_format(out, "mem_clients_normal:%llu\r\n", (unsigned long long)bytes);
}

void info_memory_process(struct node *node, uint64_t used, uint64_t peak, uint64_t overhead, struct buf *out)
{
    uint64_t data = used > overhead ? used - overhead : 0;
    (void)buf_format(out,
                     "used_memory_peak_perc:%.2f%%\r\nused_memory_dataset:%llu\r\nused_memory_dataset_perc:%.2f%%\r\n",
                     100 * share(used, peak), (unsigned long long)data, 100 * share(data, used));
    uint64_t resident = 0;
    const struct process *process = node->env.process;
    if (process != NULL) {
        resident = process->ops->resident_bytes(node->env.process);
        (void)buf_format(out, "total_system_memory:%llu\r\n", (unsigned long long)process->total_memory);
        info_human(out, "total_system_memory_human", process->total_memory);
        (void)buf_format(out, "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%lld\r\n", share(resident, used),
                         (long long)resident - (long long)used);
    }
    allocator(out, resident);
    (void)buf_format(out, "mem_allocator:%s\r\n", memory_allocator());
    clients(node, out);
    (void)buf_format(out, "mem_aof_buffer:%zu\r\nactive_defrag_running:0\r\n",
                     node->wal != NULL ? wal_backlog(node->wal) : (size_t)0);
}
