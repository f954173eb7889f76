/* SPDX-License-Identifier: MIT */

/* host_folder.h - which folder a node's data are in, and what that says about its cluster. Nothing here is opened for
 * more than a look, and nothing is made but the folder above a usual one. Blocks. */
#ifndef GEOMYS_HOST_HOST_FOLDER_H
#define GEOMYS_HOST_HOST_FOLDER_H

#include "config/config.h"
#include "env/disk.h"

#define HOST_FOLDER_CLUSTER "cluster" /* what is the cluster's, in the data folder */

/* "folder/name", the caller's to memory_free. */
char *host_folder_path(const char *folder, const char *name);

/* Before the data folder is opened: the usual one of a cluster's node lies in the person's usual one, which is made if
 * it is missing. REFUSED: a cluster would begin in a usual folder that is empty, though a single node's data lie in
 * theirs; or what the disk says. With a sentence. */
must_use enum status host_folder_prepare(const struct config *config, struct complaint *complaint);

/* Whether the folder was a node's of a cluster before. */
bool host_folder_is_member(const char *folder);

/* Whether a node may come into a cluster with this folder, whose disk is `data`; `any` says whether it has records that
 * a client wrote. `member`: as above. REFUSED, or what the disk says, with a sentence. */
must_use enum status host_folder_admit(const struct config *config, struct disk *data, bool member, bool *any,
                                       struct complaint *complaint);

#endif
