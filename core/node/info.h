/* SPDX-License-Identifier: MIT */

/* info.h - what INFO tells: one function per section, the names those that dashboards know. */
#ifndef GEOMYS_NODE_INFO_H
#define GEOMYS_NODE_INFO_H

#include "base/buf.h"
#include "node/node.h"

#define INFO_SIZE_MAX ((size_t)1024 * 1024) /* bytes */

/* Appends the sections that `wanted` names: none = those of every day, "all", "everything", "default", or section
 * names. */
void info_write(struct node *node, const struct gm_bytes *wanted, uint32_t count, struct buf *out);

#endif
