/* SPDX-License-Identifier: MIT */

/* memory_admin.h - memory as the operator sees it: the section of INFO, MEMORY STATS,
 * DOCTOR and PURGE. What counts is said in docs/operations.md. */
#ifndef GEOMYS_NODE_MEMORY_ADMIN_H
#define GEOMYS_NODE_MEMORY_ADMIN_H

#include "node/node.h"

/* Appends the section "memory" of INFO. */
void memory_info(struct node *node, struct buf *out);

const struct gm_module *memory_commands(void);

#endif
