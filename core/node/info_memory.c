/* SPDX-License-Identifier: MIT */

/* info_memory.c - INFO about memory beside the data: the machine's, the clients', the log's. */
#include "node/info_parts.h"
#include "serve/session.h"

static void clients(struct node *node, struct buf *out)
{
    uint64_t bytes = 0;
    const struct list *sessions = &node->worker.sessions.all;
    for (const struct list *at = sessions->next; at != sessions; at = at->next) {
        const struct session *session = container_of(at, struct session, all);
        bytes += sizeof *session + session->out.capacity + session->transaction.size;
    }
    (void)buf_format(out, "mem_clients_normal:%llu\r\n", (unsigned long long)bytes);
}

void info_memory_process(struct node *node, struct buf *out)
{
    const struct process *process = node->env.process;
    if (process != NULL) {
        (void)buf_format(out, "total_system_memory:%llu\r\n", (unsigned long long)process->total_memory);
        info_human(out, "total_system_memory_human", process->total_memory);
    }
    clients(node, out);
    (void)buf_format(out, "mem_aof_buffer:%zu\r\nactive_defrag_running:0\r\n",
                     node->replica.wal != NULL ? wal_backlog(node->replica.wal) : (size_t)0);
}
