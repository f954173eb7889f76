/* SPDX-License-Identifier: MIT */

/* snapshot.h - the file that holds everything as it was at one moment: its names, header, blocks and footer.
 *
 * Layout   [header 64] [block] [block] ... [footer block]         (little-endian; docs/formats/snapshot.md specifies)
 *
 *          A block is a head of 32 bytes and its content: records (log/record.h), or the footer's counts; plain, or
 *          compressed as a whole. All records carry the cut's sequence and RECORD_DUMP; types are declared by TYPE
 *          records before their first use. A value is one or more records of its key in order, the first of them
 *          RECORD_FRESH; those of other keys may stand between them.
 *
 *          A file under its final name is whole: it was written under SNAPSHOT_TEMPORARY, synced, renamed, and its
 *          folder synced. So whatever is missing or wrong in it is damage, and never a crash.
 */
#ifndef GEOMYS_LOG_SNAPSHOT_H
#define GEOMYS_LOG_SNAPSHOT_H

#include "env/disk.h"
#include "log/record.h"

#define SNAPSHOT_TEMPORARY "snapshot.tmp"

/* The moment that a snapshot shows: after the record with this sequence, before the next. */
struct snapshot_cut {
    uint64_t sequence; /* 0: before all records */
    uint64_t epoch;    /* of the last record, or of the tail */
    int64_t time_ms;   /* of the last record */
};

enum snapshot_codec {
    SNAPSHOT_PLAIN,
    SNAPSHOT_LZ4,
    SNAPSHOT_ZSTD,
};

/* "snapshot-<cut sequence, 20 digits>.snap" */
void snapshot_name(uint64_t sequence, char out[static DISK_NAME_MAX]);

/* False: not the name of a snapshot. */
bool snapshot_name_parse(const char *name, uint64_t *sequence);

/* What there is of snapshots in a folder, newest first. */
struct snapshot_found {
    uint64_t sequence;
    uint64_t size; /* bytes */
};

/* Lists them by name, without looking inside. *out is released with memory_free; NULL if there are none. Blocks. */
must_use enum status snapshot_list(struct disk *disk, struct snapshot_found **out, size_t *count,
                                   struct complaint *complaint);

#endif
