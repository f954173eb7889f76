/* SPDX-License-Identifier: MIT */

/* remains.h - what large values have left behind, released step by step.
 *
 * Why      A value of a million pieces takes tens of milliseconds to release, and everybody would wait: for DEL, an
 *          expiry, an eviction, a SET over it.
 *
 * Idea     A type that has `free_some` releases some pieces at once, when the value goes; what is left waits here, by
 *          the word that its cell had, and goes a slice per turn. The key is gone from the beginning.
 *
 * Promises
 *   I1  What waits is charged to its type until it is released. It is released before anything is evicted, and does not
 *       count against what a command needs (evict.c).
 *   I2  A type's code stays as long as a value of it waits: only values of the newest code do, and before that changes
 *       all of them go.
 *
 * Limits   While data are loaded, and of older code, values go in one piece: nothing is served, or few are there. */
#ifndef GEOMYS_SHARD_REMAINS_H
#define GEOMYS_SHARD_REMAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

/* One value that goes; how it does is its owner's business. */
struct remain {
    struct list link; /* in remains.waiting */
    uint64_t word;    /* of what is left of it */
    uint64_t bytes;   /* the same, about */
    uint8_t type;     /* number */
};

/* Releases about `budget` pieces of what remain->word stands for; *released: bytes. True: there is more. */
typedef bool (*remains_part)(void *context, struct remain *remain, uint64_t budget, uint64_t *released);

struct remains {
    struct list waiting; /* of the oldest first */
    uint64_t count;
    uint64_t bytes; /* of all that wait, about */
};

void remains_init(struct remains *remains);

/* The word of a value whose release has begun: `bytes` are left. */
void remains_add(struct remains *remains, uint8_t type, uint64_t word, uint64_t bytes);

/* Has about `budget` pieces released by `part`. True: there are more. */
bool remains_release(struct remains *remains, uint64_t budget, remains_part part, void *context);

#endif
