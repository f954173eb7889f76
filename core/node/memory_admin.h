/* SPDX-License-Identifier: MIT */

/* memory_admin.h - memory as the operator sees it: the limits in the settings, MEMORY STATS, DOCTOR and PURGE. What
 * counts is said in docs/operations.md. */
#ifndef GEOMYS_NODE_MEMORY_ADMIN_H
#define GEOMYS_NODE_MEMORY_ADMIN_H

#include "node/node.h"

/* The limits that the settings say. */
struct evict_options memory_options(const struct config *config);

const struct gm_module *memory_commands(void);

#endif
