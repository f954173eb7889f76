/* SPDX-License-Identifier: MIT */

/* coord_patch.h - a document as what differs from the one before: what an entry of the raft engine holds.
 *
 * Why      The engine keeps all entries for ever, on disk and in memory. A change of leader alters some twenty bytes of
 *          a document of some thousands, and those stand together (topology.proto), so an entry has the bytes between
 *          what both have at the beginning and what both have at the end.
 *
 *   offset size
 *      0     4   1: a patch of this kind
 *      4     4   CRC-32C of the new document
 *      8     8   version that it expects, 0: there is no document
 *     16     4   bytes that both have at the beginning
 *     20     4   bytes that both have at the end
 *     24     n   what is between them in the new document
 */
#ifndef GEOMYS_CLUSTER_COORD_PATCH_H
#define GEOMYS_CLUSTER_COORD_PATCH_H

#include "base/buf.h"
#include "base/status.h"

#define COORD_PATCH_HEADER 24

/* The patch from `base` to `next`, both at most TOPOLOGY_BYTES_MAX bytes, appended to `out`. O(n). */
void coord_patch_make(struct gm_bytes base, uint64_t version, struct gm_bytes next, struct buf *out);

/* The version that a patch expects. CORRUPT: it is none. */
must_use enum status coord_patch_version(struct gm_bytes patch, uint64_t *out);

/* The new document, in place of what `out` had. CORRUPT: it is no patch of this base. */
must_use enum status coord_patch_apply(struct gm_bytes base, struct gm_bytes patch, struct buf *out);

#endif
