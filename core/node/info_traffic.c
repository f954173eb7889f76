/* SPDX-License-Identifier: MIT */

/* info_traffic.c - INFO about what goes in and out. */
#include "node/info_parts.h"

static size_t larger(const size_t of[2])
{
    return of[0] > of[1] ? of[0] : of[1];
}

void info_clients_traffic(struct node *node, struct buf *out)
{
    (void)buf_format(out,
                     "client_recent_max_input_buffer:%zu\r\nclient_recent_max_output_buffer:%zu\r\n"
                     "clients_in_timeout_table:%zu\r\ncluster_connections:0\r\n",
                     larger(node->traffic.input_max), larger(node->traffic.output_max), node->worker.timeouts.count);
}

void info_stats_traffic(struct node *node, struct buf *out)
{
    const struct traffic *traffic = &node->traffic;
    (void)buf_format(out,
                     "instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n"
                     "total_reads_processed:%llu\r\ntotal_writes_processed:%llu\r\n"
                     "io_threaded_reads_processed:0\r\nio_threaded_writes_processed:0\r\n",
                     (double)traffic->input.per_second / 1024, (double)traffic->output.per_second / 1024,
                     (unsigned long long)traffic->reads, (unsigned long long)traffic->writes);
}
