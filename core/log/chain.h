/* SPDX-License-Identifier: MIT */

/* chain.h - the segments of a log that is being written: which there are, how large, and the removal of those that
 * nobody needs any more. See chain.c for the argument. */
#ifndef GEOMYS_LOG_CHAIN_H
#define GEOMYS_LOG_CHAIN_H

#include "env/disk.h"

struct chain_segment {
    uint64_t first; /* sequence */
    uint64_t size;  /* bytes, 0 for the one being written */
};

struct chain {
    struct disk *disk;
    struct chain_segment *segments; /* ascending; the last is the one being written */
    size_t count;
    uint64_t sealed_bytes; /* the sum of the sizes */
    uint64_t oldest;       /* no record before it is needed: so says the mark file, on stable storage */
    bool under_way;
    bool stopped;
    uint64_t removed;
    uint64_t failed;
    struct disk_request request;
};

void chain_init(struct chain *chain, struct disk *disk);

/* No removal may be under way. */
void chain_finish(struct chain *chain);

/* The segments in the folder, up to the one that begins with `current`. Blocks. */
must_use enum status chain_load(struct chain *chain, uint64_t current, struct complaint *complaint);

/* The segment that begins with `first` is written from now on; the one before has `size` bytes. */
void chain_add(struct chain *chain, uint64_t first, uint64_t size);

/* The mark file says, on stable storage, that no record before `oldest` is needed: what holds only such is removed, one
 * after the other. What failed before is tried again. */
void chain_trim(struct chain *chain, uint64_t oldest);

/* Begins no further removal. */
void chain_stop(struct chain *chain);

#endif
