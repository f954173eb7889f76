/* SPDX-License-Identifier: MIT */

/* reserve.h - space on the disk that is held for the rescue of the log: a file that is given up when space is short.
 * See reserve.c for the argument. */
#ifndef GEOMYS_REPLICA_RESERVE_H
#define GEOMYS_REPLICA_RESERVE_H

#include "env/disk.h"

#define RESERVE_NAME "reserve.fill"

struct reserve {
    struct disk *disk; /* borrowed; NULL: there is none, as with size 0 */
    uint64_t size;     /* bytes; 0: nothing is held */
    bool there;        /* the file is, whole */
    bool busy;         /* it is being made, or given up */
    struct disk_request request;
    uint8_t *noise;           /* owned, while it is made */
    struct gm_bytes *sources; /* owned, while it is made: the noise again and again */
    void (*on_done)(void *context);
    void *context;
};

/* `disk` outlives the reserve. on_done: it has been made, or given up, or that failed: called from completions. */
void reserve_init(struct reserve *reserve, struct disk *disk, uint64_t size, void (*on_done)(void *context),
                  void *context);

/* Whether the file is there, of the right size; one that is not goes. Blocks. */
void reserve_find(struct reserve *reserve);

/* Gives the space back, blocking: before the server serves. False: there was none. */
bool reserve_give_now(struct reserve *reserve);

/* The same while the server runs, and making it again. Not while busy. O(size / 64 KiB). */
void reserve_give(struct reserve *reserve);
void reserve_make(struct reserve *reserve);

void reserve_finish(struct reserve *reserve); /* not while busy: drain the disk first. Removes no file */

#endif
