/* SPDX-License-Identifier: MIT */

/* pace.h - what may happen a million times a second is told now and then, with how often it happened since: a crowd of
 * bad clients must not fill a disk with lines about them. */
#ifndef GEOMYS_BASE_PACE_H
#define GEOMYS_BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    int64_t next_ms; /* when it is worth a line again; 0: at once */
    uint64_t untold; /* since the last line */
};

/* It has happened once more. Whether to tell of it: then *more is how often it has happened since it was told last,
 * this time aside. `now_ms` never goes back. */
static inline bool pace_tells(struct pace *pace, int64_t now_ms, int64_t every_ms, uint64_t *more)
{
    if (now_ms < pace->next_ms) {
        pace->untold++;
        return false;
    }
    *more = pace->untold;
    pace->untold = 0;
    pace->next_ms = now_ms + every_ms;
    return true;
}

#endif
