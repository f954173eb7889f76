/* SPDX-License-Identifier: MIT */

/* memory_admin.h - memory as the operator sees it: the limits in the settings, the section of INFO; and MEMORY. What
 * counts is said in docs/operations.md. */
#ifndef GEOMYS_NODE_MEMORY_ADMIN_H
#define GEOMYS_NODE_MEMORY_ADMIN_H

#include "node/node.h"

/* The limits that the settings say. */
struct evict_options memory_options(const struct config *config);

/* Appends the section "memory" of INFO. */
void memory_info(struct node *node, struct buf *out);

#endif
