/* SPDX-License-Identifier: MIT */

/* segment.h - the files of a log: their names, and the header that each begins with.
 *
 * Layout of the header (little-endian; docs/formats/log.md is the specification)
 *
 *   offset size
 *      0     8   magic "geomyswl"
 *      8     4   CRC-32C of bytes 12..63
 *     12     2   version, major: a reader refuses one that it does not know
 *     14     2   version, minor
 *     16     4   features that a reader must know to read the file
 *     20     4   features that it must know to continue the file
 *     24     4   features that it may ignore
 *     28     4   zero
 *     32     8   sequence of the first history record: all before it is on stable storage
 *     40     8   epoch of the record before the first one, 0 if there is none
 *     48     8   time_ms of the last record before, 0 if there is none
 *     56     8   salt: makes the marks in this file unforgeable by what clients store
 *
 * Behind it comes the EPOCHS record, the data set's secret and the table of all epochs before the first record
 * (log/epochs.h), then all else.
 */
#ifndef GEOMYS_LOG_SEGMENT_H
#define GEOMYS_LOG_SEGMENT_H

#include "base/bytes.h"
#include "base/status.h"
#include "env/disk.h"
#include "log/epochs.h"

#define SEGMENT_HEADER_SIZE 64 /* bytes */
#define SEGMENT_MAGIC       "geomyswl"
#define SEGMENT_MAJOR       4
#define SEGMENT_SECTOR      512 /* bytes that a disk writes as a whole or not at all */
#define SEGMENT_HEAD_MAX    (SEGMENT_HEADER_SIZE + EPOCHS_RECORD_MAX) /* bytes: the header and the table */

struct segment_header {
    uint64_t first_sequence;
    uint64_t epoch;
    int64_t created_ms;
    uint64_t salt;
    uint32_t continue_features; /* that are needed to append; this version knows none */
};

void segment_encode(const struct segment_header *header, uint8_t out[static SEGMENT_HEADER_SIZE]);

/* CORRUPT: no such header, or a damaged one. VERSION: it needs something that this version does not know. */
must_use enum status segment_parse(struct gm_bytes bytes, struct segment_header *out, struct complaint *complaint);

/* Appends what every segment begins with: the header, and `epochs` as they were before its first record, to which
 * header->epoch is set. False past the ceiling. */
bool segment_encode_head(struct segment_header *header, const struct epochs *epochs, struct buf *out);

/* The table that the segment of this name begins with: CORRUPT or VERSION where there is none, or none that can be
 * read; what the disk says. With a sentence. `epochs` is to be finished in any case. Blocks. */
must_use enum status segment_read_head(struct disk *disk, const char *name, struct epochs *epochs,
                                       struct complaint *complaint);

/* "wal-<first sequence, 20 digits>.log" */
void segment_name(uint64_t first_sequence, char out[static DISK_NAME_MAX]);

/* False: not the name of a segment. */
bool segment_name_parse(const char *name, uint64_t *first_sequence);

#endif
