/* SPDX-License-Identifier: MIT */

/* snapshot.h - the file that holds everything as it was at one moment: its names, header, blocks and footer.
 *
 * Layout   [header 64] [block] [block] ... [footer block 80]      (little-endian; docs/formats/snapshot.md specifies)
 *
 *   header   offset size
 *               0     8   magic "geomyssn"
 *               8     4   CRC-32C of bytes 12..63
 *              12     2   version, major: a reader refuses one that it does not know
 *              14     2   version, minor
 *              16     4   features that a reader must know: bit 0 blocks in LZ4, bit 1 blocks in zstd
 *              20     4   features that one who changes the file must know
 *              24     4   features that may be ignored
 *              28     4   zero
 *              32     8   the cut: sequence
 *              40     8            epoch
 *              48     8            time_ms
 *              56     8   zero
 *
 *   block    offset size
 *               0     4   CRC-32C of bytes 4..31
 *               4     4   CRC-32C of the content as stored
 *               8     4   the number at 0 of the block before (the first block: that at 8 of the header)
 *              12     2   kind: enum snapshot_kind
 *              14     2   codec: enum snapshot_codec
 *              16     4   stored size of the content, bytes
 *              20     4   plain size of the content, bytes
 *              24     4   records that begin in it
 *              28     4   zero
 *              32         content: records (log/record.h), a part of one that is larger than a block, or the footer
 *
 *          The first record is the EPOCHS record, the table of all epochs up to the cut (log/epochs.h). All records of
 *          values carry the cut's sequence and RECORD_DUMP; types are declared by TYPE records before their first use.
 *          A value is one or more records of its key in order, the first of them RECORD_FRESH; those of other keys may
 *          stand between them.
 *
 *          A file under its final name is whole: it was written under SNAPSHOT_TEMPORARY, synced, renamed, and its
 *          folder synced. So whatever is missing or wrong in it is damage, and never a crash.
 */
#ifndef GEOMYS_LOG_SNAPSHOT_H
#define GEOMYS_LOG_SNAPSHOT_H

#include "env/disk.h"
#include "log/record.h"

#define SNAPSHOT_TEMPORARY   "snapshot.tmp"
#define SNAPSHOT_MAGIC       "geomyssn"
#define SNAPSHOT_MAJOR       4
#define SNAPSHOT_HEADER_SIZE 64
#define SNAPSHOT_HEAD_SIZE   32 /* bytes of a block before its content */
#define SNAPSHOT_COUNTS_SIZE 48 /* bytes of the footer's content */
#define SNAPSHOT_FOOTER_SIZE (SNAPSHOT_HEAD_SIZE + SNAPSHOT_COUNTS_SIZE)
#define SNAPSHOT_BLOCK_MAX   ((size_t)1024 * 1024) /* bytes of content, plain; a reader takes no larger one */

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

enum snapshot_kind {
    SNAPSHOT_RECORDS = 1, /* whole records */
    SNAPSHOT_PART = 2,    /* a piece of one record that takes several blocks, which follow each other */
    SNAPSHOT_FOOTER = 3,  /* the last block, plain: struct snapshot_counts */
};

struct snapshot_head {
    uint32_t content_crc;
    uint32_t chain;
    uint16_t kind;
    uint16_t codec;
    uint32_t stored_size;
    uint32_t plain_size;
    uint32_t records;
};

struct snapshot_counts {
    uint64_t sequence; /* of the cut */
    uint64_t records;  /* without the declarations of types */
    uint64_t keys;     /* records that are RECORD_FRESH */
    uint64_t plain;    /* bytes of all blocks before the footer, plain: records, encoded */
    uint64_t blocks;   /* before the footer */
    uint32_t types;    /* declarations */
};

void snapshot_encode_header(const struct snapshot_cut *cut, enum snapshot_codec codec,
                            uint8_t out[static SNAPSHOT_HEADER_SIZE]);

/* CORRUPT: no such header, or a damaged one. VERSION: it needs something that this version does not know. *codecs is a
 * bit set of enum snapshot_codec: how blocks may be stored. */
must_use enum status snapshot_parse_header(struct gm_bytes bytes, struct snapshot_cut *cut, unsigned *codecs,
                                           struct complaint *complaint);

void snapshot_encode_head(const struct snapshot_head *head, uint8_t out[static SNAPSHOT_HEAD_SIZE]);

/* Checks all that can be seen in the head alone; whether the chain fits and the sizes are within the file is the
 * caller's to check. NULL, or what is wrong with it. */
const char *snapshot_parse_head(const uint8_t bytes[static SNAPSHOT_HEAD_SIZE], unsigned codecs,
                                struct snapshot_head *out);

/* What the next block's `chain` must be, after this header or head. */
uint32_t snapshot_chain_of_header(const uint8_t header[static SNAPSHOT_HEADER_SIZE]);
uint32_t snapshot_chain_of_head(const uint8_t head[static SNAPSHOT_HEAD_SIZE]);

/* The footer: a block's head and its content. `chain` as above. */
void snapshot_encode_footer(const struct snapshot_counts *counts, uint32_t chain,
                            uint8_t out[static SNAPSHOT_FOOTER_SIZE]);
const char *snapshot_parse_footer(const uint8_t bytes[static SNAPSHOT_FOOTER_SIZE], struct snapshot_counts *counts,
                                  uint32_t *chain);

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
