/* SPDX-License-Identifier: MIT */

/* memory_admin.h - memory as the operator sees it: MEMORY STATS, DOCTOR and PURGE. What
 * counts is said in docs/operations.md. */
#ifndef GEOMYS_NODE_MEMORY_ADMIN_H
#define GEOMYS_NODE_MEMORY_ADMIN_H

#include "node/node.h"

const struct gm_module *memory_commands(void);

#endif
