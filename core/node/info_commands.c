/* SPDX-License-Identifier: MIT */

/* info_commands.c - INFO by command: how often, how long, with which errors. */
#include "base/histogram.h"
#include "node/info_parts.h"

void info_command_stats(struct node *node, struct buf *out)
{
    (void)buf_append(out, BYTES("# Commandstats\r\n"));
    for (uint32_t i = 0; i < registry_command_count(node->registry); i++) {
        const struct command_meter *counts = &node->worker.meters.commands[i];
        if (counts->calls + counts->rejected == 0) {
            continue;
        }
        double us = (double)counts->ns / 1e3;
        (void)buf_format(out,
                         "cmdstat_%s:calls=%llu,usec=%.0f,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu\r\n",
                         registry_command(node->registry, i)->usage.name, (unsigned long long)counts->calls, us,
                         counts->calls > 0 ? us / (double)counts->calls : 0, (unsigned long long)counts->rejected,
                         (unsigned long long)counts->failed);
    }
}

void info_error_stats(struct node *node, struct buf *out)
{
    const struct errors *errors = &node->worker.meters.errors;
    (void)buf_append(out, BYTES("# Errorstats\r\n"));
    for (uint32_t i = 0; i < errors->count; i++) {
        (void)buf_format(out, "errorstat_%s:count=%llu\r\n", errors->kinds[i].word,
                         (unsigned long long)errors->kinds[i].count);
    }
}

void info_latency_stats(struct node *node, struct buf *out)
{
    (void)buf_append(out, BYTES("# Latencystats\r\n"));
    for (uint32_t i = 0; i < registry_command_count(node->registry); i++) {
        const struct histogram *times = node->worker.meters.commands[i].times;
        if (times != NULL) {
            (void)buf_format(
                out, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,p99.9=%.3f\r\n",
                registry_command(node->registry, i)->usage.name, (double)histogram_percentile(times, 50) / 1e3,
                (double)histogram_percentile(times, 99) / 1e3, (double)histogram_percentile(times, 99.9) / 1e3);
        }
    }
}
