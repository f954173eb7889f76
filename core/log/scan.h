/* SPDX-License-Identifier: MIT */

/* scan.h - where records may stand in a segment: the rules that replay and the reader share.
 *
 * Promises
 *   I1  History records have consecutive sequences; what is about the file stands between batches, and has the sequence
 *       before it.
 *   I2  A type is declared in the segment before a record has it.
 *   I3  A batch is at most TAIL_BATCH_MAX bytes.
 *   I4  What is said of a type's revision is more than what was said since the type was declared, in the same file.
 */
#ifndef GEOMYS_LOG_SCAN_H
#define GEOMYS_LOG_SCAN_H

#include "log/tail.h"

/* What is wrong with the place of a record of the history, behind record `last`; NULL: nothing. */
static inline const char *scan_misplaced(const struct record *record, uint64_t last, bool declared)
{
    if (record->sequence != last + 1) { /* scan I1 */
        return "a record has the wrong sequence";
    }
    if ((record->flags & (RECORD_DUMP | RECORD_DAMAGED)) != 0) {
        return "a record of a snapshot stands in the log";
    }
    return record->type == 0 || declared ? NULL : "a record has a type that was not declared"; /* scan I2 */
}

/* The same for a record about the file. */
static inline const char *scan_local_misplaced(const struct record *record, uint64_t last, bool batch_open)
{
    return record->sequence != last || batch_open ? "a record about the file has the wrong place" : NULL;
}

/* The same for one about a type's revision, behind what was declared (a bit set) and said (by type) in the file. */
static inline const char *scan_revision_misplaced(const struct record_revision *revision, const uint64_t *declared,
                                                  const uint8_t *said)
{
    if ((declared[revision->type / 64] >> revision->type % 64 & 1) == 0) {
        return "a record about a type's revision is of one that was not declared";
    }
    return revision->revision <= said[revision->type] ? "a type's revision goes back" : NULL; /* scan I4 */
}

/* The same for a batch that takes so many bytes so far. */
static inline const char *scan_too_large(size_t bytes)
{
    return bytes > TAIL_BATCH_MAX ? "a batch is larger than the limit" : NULL; /* scan I3 */
}

#endif
