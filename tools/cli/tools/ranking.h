/* SPDX-License-Identifier: MIT */

/* ranking.h - the keys with the highest scores out of any number, in bounded memory. [any thread] */
#ifndef GEOMYS_CLI_RANKING_H
#define GEOMYS_CLI_RANKING_H

#include <stdbool.h>

#include "base/bytes.h"

#define RANKING_KEY 4096 /* bytes of a key that are kept */

struct ranking_entry {
    int64_t score;
    struct gm_bytes key; /* owned */
    int database;        /* where it is */
    bool cut;            /* the key is longer */
};

struct ranking {
    struct ranking_entry *entries; /* owned; a heap, the least first */
    size_t count;
    size_t limit;
};

void ranking_init(struct ranking *ranking, size_t limit);
void ranking_finish(struct ranking *ranking);

/* Takes a key (copied) of a database if it is among the highest so far. A key that is there already gets the new score:
 * a scan may bring it twice. Of equal scores the key that sorts first is higher. O(1) for a low score, else
 * O(limit). */
void ranking_add(struct ranking *ranking, int database, struct gm_bytes key, int64_t score);

/* Highest first; nothing may be added afterwards. O(limit log limit). */
void ranking_sort(struct ranking *ranking);

#endif
