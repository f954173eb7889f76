/* SPDX-License-Identifier: MIT */

/* info.h - INFO by sections, under the names that dashboards know, and CONFIG RESETSTAT. */
#ifndef GEOMYS_NODE_INFO_H
#define GEOMYS_NODE_INFO_H

#include "base/buf.h"
#include "node/node.h"

#define INFO_SIZE_MAX ((size_t)16 * 1024 * 1024) /* bytes: 65536 databases take a quarter of it */

/* Appends the sections that `wanted` names: none = those of every day, "all", "everything", "default", or section
 * names. */
void info_write(struct node *node, const struct gm_bytes *wanted, uint32_t count, struct buf *out);

/* CONFIG RESETSTAT: begins anew what has a row that says so. O(commands + clients). */
void info_reset(struct node *node);

#endif
