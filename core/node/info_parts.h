/* SPDX-License-Identifier: MIT */

/* info_parts.h - between the files of INFO: sections, and parts of sections, that stand in a file of their own. */
#ifndef GEOMYS_NODE_INFO_PARTS_H
#define GEOMYS_NODE_INFO_PARTS_H

#include "node/node.h"

/* "name:1.50M". */
void info_human(struct buf *out, const char *name, uint64_t bytes);

/* info_memory.c: what the machine has, and what takes memory beside the data. */
void info_memory_process(struct node *node, struct buf *out);

/* info_traffic.c */
void info_clients_traffic(struct node *node, struct buf *out);
void info_stats_traffic(struct node *node, struct buf *out);

/* info_commands.c: whole sections */
void info_command_stats(struct node *node, struct buf *out);
void info_error_stats(struct node *node, struct buf *out);
void info_latency_stats(struct node *node, struct buf *out);

#endif
