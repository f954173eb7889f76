/* SPDX-License-Identifier: MIT */

/* content.h - whether a data folder holds anything that a client has written. */
#ifndef GEOMYS_LOG_CONTENT_H
#define GEOMYS_LOG_CONTENT_H

#include "base/status.h"
#include "env/disk.h"

/* True too where a key was written and is gone: the history is there. What cannot be read counts as something. OK, or
 * what the disk says of its list of files, with a sentence. Reads the beginning of one file at most; blocks. */
must_use enum status content_look(struct disk *disk, bool *any, struct complaint *complaint);

#endif
