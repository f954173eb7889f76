/* SPDX-License-Identifier: MIT */

/* coord_local.h - the coordinator of a node that is alone: a file. */
#ifndef GEOMYS_CLUSTER_COORD_LOCAL_H
#define GEOMYS_CLUSTER_COORD_LOCAL_H

#include "cluster/coord.h"
#include "env/disk.h"

#define COORD_LOCAL_NAME  "topology"
#define COORD_LOCAL_ASIDE "topology.new"

/* Reads the file of `disk`, the cluster's own folder, which is borrowed until destroy; there may be none yet. CORRUPT,
 * VERSION, or what the disk says, with a sentence; nothing is changed then. Blocks. */
must_use enum status coord_local_create(struct coord **out, struct disk *disk, struct complaint *complaint);

#endif
