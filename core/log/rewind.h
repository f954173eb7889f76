/* SPDX-License-Identifier: MIT */

/* rewind.h - the log goes back to a record: what it has behind it is in no history. See rewind.c for the argument. */
#ifndef GEOMYS_LOG_REWIND_H
#define GEOMYS_LOG_REWIND_H

#include "log/aside.h"

struct rewind_report {
    bool done;                 /* something was to be done */
    uint64_t to;               /* the log ends with this record now */
    struct aside_report aside; /* what it had behind it */
};

/* The log, which is closed and ends behind `sequence`, is to end with it: from now on, whatever happens. Blocks. */
must_use enum status rewind_ask(struct disk *disk, uint64_t sequence, struct complaint *complaint);

/* Does what was asked for, if anything was: before snapshots or segments are read. `disk` may be NULL. CORRUPT, with a
 * sentence: the record does not end a batch in this log. NO_SPACE and others that pass: it can be called again. Blocks;
 * O(one segment). */
must_use enum status rewind_do(struct disk *disk, struct rewind_report *out, struct complaint *complaint);

#endif
