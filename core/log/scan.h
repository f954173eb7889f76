/* SPDX-License-Identifier: MIT */

/* scan.h - where records may stand in a segment: the rules that replay and the reader share.
 *
 * Promises
 *   I1  History records have consecutive sequences; what is about the file stands between batches, and has the sequence
 *       before it.
 *   I2  A type is declared in the segment before a record has it.
 *   I3  A batch is at most TAIL_BATCH_MAX bytes.
 */
#ifndef GEOMYS_LOG_SCAN_H
#define GEOMYS_LOG_SCAN_H

#include "log/tail.h"

/* What is wrong with the place of a record of the history, behind record `last`; NULL: nothing. */
static inline const char *scan_misplaced(const struct record *record, uint64_t last, bool declared)
{
    if (record->sequence != last + 1) {
        return "a record has the wrong sequence";
    }
    if ((record->flags & (RECORD_DUMP | RECORD_DAMAGED)) != 0) {
        return "a record of a snapshot stands in the log";
    }
    return record->type == 0 || declared ? NULL : "a record has a type that was not declared";
}

/* The same for a record about the file. */
static inline const char *scan_local_misplaced(const struct record *record, uint64_t last, bool batch_open)
{
    return record->sequence != last || batch_open ? "a record about the file has the wrong place" : NULL;
}

/* The same for a batch that takes so many bytes so far. */
static inline const char *scan_too_large(size_t bytes)
{
    return bytes > TAIL_BATCH_MAX ? "a batch is larger than the limit" : NULL;
}

#endif
