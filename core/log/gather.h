/* SPDX-License-Identifier: MIT */

/* gather.h - whether a group that could go waits a moment for company.
 *
 * Why      Who waits for the answer to a write sends the next one right after it. When a sync is done, those are
 *          answered that it carried, and those that came meanwhile are ready to go. If these go at once, however few
 *          they are, there are more syncs than it takes; and a sync costs the disk a fraction of a millisecond, and the
 *          processor a tenth of one.
 *
 * Idea     All that was under way when a sync ended is expected to be under way again soon. The next group waits for a
 *          share of it, but not for long:
 *
 *              few      nearly all. They are back long before a sync would be over, so that two syncs for two halves
 *                       take longer than a moment and one sync.
 *              more     half. To answer them and to hear from them takes as long as a sync does: one half is carried
 *                       out while the disk works for the other.
 *
 *          Measured, one pipeline of 1 and 0.4 ms per sync, halves against nearly all: 12 clients 0.85 of the
 *          throughput, 24 and 32 1.02 to 1.05, 50 and 100 1.1.
 *
 *          If they do not come, it was a wrong guess about the clients: the next groups, first 2, then 4, at most
 *          GATHER_REST, go at once.
 *
 * Promises
 *   I1  A group waits at most GATHER_MS, and the millisecond that is under way.
 *   I2  Nothing waits when less than GATHER_MIN records were under way: one client, or a few, never. Nor when there
 *       were GATHER_MAX: so many share a sync well enough, and are better carried out while the disk works.
 */
#ifndef GEOMYS_LOG_GATHER_H
#define GEOMYS_LOG_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GATHER_MS   1
#define GATHER_MIN  8   /* records */
#define GATHER_MORE 32  /* records: as many, or more, are shared by two groups that take turns */
#define GATHER_MAX  256 /* records */
#define GATHER_REST 64  /* groups */

struct gather {
    uint64_t wanted;  /* records; 0: no waiting */
    int64_t until_ms; /* monotonic; 0: not known yet */
    uint32_t failures;
    uint32_t rest; /* groups to come that do not wait */
};

/* A sync is done: so many records have been under way, written by it or waiting for the next. */
void gather_expect(struct gather *gather, uint64_t under_way);

/* At the beginning of a turn. */
static inline void gather_turn(struct gather *gather, int64_t now_ms)
{
    if (gather->wanted > 0 && gather->until_ms == 0) {
        gather->until_ms = now_ms + GATHER_MS;
    }
}

/* Whether the group waits on, if it has so many records now. */
static inline bool gather_waits(const struct gather *gather, int64_t now_ms, uint64_t records)
{
    return records < gather->wanted && (gather->until_ms == 0 || now_ms <= gather->until_ms);
}

/* When it goes at the latest, monotonic ms, while it waits. */
static inline int64_t gather_next_ms(const struct gather *gather, int64_t now_ms)
{
    return gather->until_ms == 0 ? now_ms : gather->until_ms + 1;
}

/* The group goes, with so many records: learns from it. */
void gather_end(struct gather *gather, uint64_t records);

#endif
