/* SPDX-License-Identifier: MIT */

/* mark.h - the mark file: a second opinion, outside the segments, about how far the log reaches. With it a lost newest
 * segment and a cut file are noticed.
 *
 * Layout   Two slots of 512 bytes, written in turns, so that one of them is always whole (little-endian):
 *
 *   offset size
 *      0     8   magic "geomysmk"
 *      8     4   CRC-32C of bytes 12..511
 *     12     2   version, major
 *     14     2   version, minor
 *     16     8   counter: the slot with the higher one counts
 *     24     8   durable: all records up to this sequence were on stable storage
 *     32     8   oldest: the log must reach back to this sequence (older segments may be gone)
 *     40     8   segment: first sequence of the newest segment, 0 before there is one
 *     48     8   rewind: 0, or one more than the record that the log is to end with: what is behind it is in no
 *                  history, and is put aside before anything is read (log/rewind.h)
 *     56     8   replace: 0, or one more than the record of the snapshot that takes the place of everything here; its
 *                  file has another name until that is done (log/replace.h)
 *     64     8   owes: the epoch, and
 *     72     8   the sequence that this node has acknowledged up to, though it does not have it now; 0: it has
 *     80   432   zero
 */
#ifndef GEOMYS_LOG_MARK_H
#define GEOMYS_LOG_MARK_H

#include "env/disk.h"

#define MARK_NAME      "wal.mark"
#define MARK_SLOT_SIZE 512 /* bytes */

struct mark {
    uint64_t counter;
    uint64_t durable;
    uint64_t oldest;
    uint64_t segment;
    uint64_t rewind;
    uint64_t replace;
    uint64_t owes_epoch, owes_sequence;
};

void mark_encode(const struct mark *mark, uint8_t out[static MARK_SLOT_SIZE]);

/* Where in the file the slot of `counter` is. */
uint64_t mark_offset(uint64_t counter);

/* The slot that counts, from the bytes of the file. CORRUPT: no slot is whole. VERSION. */
must_use enum status mark_parse(struct gm_bytes bytes, struct mark *out, struct complaint *complaint);

/* Reads the slot that counts. NOT_FOUND: there is no such file. CORRUPT: no slot is whole. VERSION, IO. Blocks. */
must_use enum status mark_read(struct disk *disk, struct mark *out, struct complaint *complaint);

/* Writes the next slot behind the one that counts, durably, and raises the counter. Blocks. */
must_use enum status mark_write(struct disk *disk, struct mark *mark, struct complaint *complaint);

/* Makes the file (or replaces one that never held a whole slot) with both slots: `first`, then its successor with the
 * counter one higher. Durable, name included, when it returns. Blocks. */
must_use enum status mark_create(struct disk *disk, const struct mark *first, struct complaint *complaint);

#endif
