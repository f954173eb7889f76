/* SPDX-License-Identifier: MIT */

/* replace.h - a snapshot from elsewhere takes the place of all that a folder has. See replace.c for the argument. */
#ifndef GEOMYS_LOG_REPLACE_H
#define GEOMYS_LOG_REPLACE_H

#include "log/aside.h"

#define REPLACE_NAME "sync.part" /* of the snapshot's file, until it has its own name */

struct replace_report {
    bool done;
    uint64_t cut; /* the record of the snapshot that is there now */
    struct aside_report aside;
};

/* The file REPLACE_NAME, which is whole and synced, is to take the place of everything: from now on, whatever happens.
 * What the node has acknowledged up to (zeros: nothing) is owed from now on. The log is closed, or there is none.
 * Blocks. */
must_use enum status replace_ask(struct disk *disk, uint64_t cut, uint64_t owes_epoch, uint64_t owes_sequence,
                                 struct complaint *complaint);

/* Does what was asked for, if anything was: before snapshots or segments are read. `disk` may be NULL. CORRUPT, with a
 * sentence: the file is gone. NO_SPACE and others that pass: it can be called again. Blocks. O(files). */
must_use enum status replace_do(struct disk *disk, struct replace_report *out, struct complaint *complaint);

#endif
