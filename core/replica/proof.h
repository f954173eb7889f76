/* SPDX-License-Identifier: MIT */

/* proof.h - a snapshot is read back whole, beside the running server, before an older one may go. See proof.c. */
#ifndef GEOMYS_REPLICA_PROOF_H
#define GEOMYS_REPLICA_PROOF_H

#include "env/disk.h"

struct proof {
    struct disk *disk; /* borrowed */
    struct disk_request request;
    uint64_t sequence;          /* of the snapshot that is read, or was */
    bool busy;                  /* it is being read */
    enum status status;         /* the outcome: OK, or why it is no good */
    struct complaint complaint; /* with any other than OK */
};

/* `disk` outlives it. */
void proof_init(struct proof *proof, struct disk *disk);

/* Reads the snapshot of this record; whoever asks looks at `busy` in later turns. Not while busy. O(its size) on the
 * thread of the disk's lane for reading, none of the loop's. */
void proof_begin(struct proof *proof, uint64_t sequence);

/* Whether this snapshot has been read, and was good. */
static inline bool proof_holds(const struct proof *proof, uint64_t sequence)
{
    return !proof->busy && sequence != 0 && proof->sequence == sequence && proof->status == STATUS_OK;
}

#endif
