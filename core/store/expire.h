/* SPDX-License-Identifier: MIT */

/* expire.h - which key is due next: a heap of the entries that have an expiry.
 *
 * Idea     A 4-ary min-heap by time. An entry knows its place, so that a changed or removed expiry is O(log n) without
 *          a search, and an entry that moved in memory is one store. It only knows what is due; removing is somebody
 *          else's decision, taken once and logged.
 *          The heap doubles and halves: it is a quarter full at least.
 * Costs    16 bytes here and 12 in the entry, for keys that expire. 2^32 - 1 of them at most.
 */
#ifndef GEOMYS_STORE_EXPIRE_H
#define GEOMYS_STORE_EXPIRE_H

#include "store/entry.h"

struct expire_item {
    int64_t at_ms;
    struct entry *entry;
};

struct expire {
    struct expire_item *items; /* owned */
    uint32_t count;
    uint32_t room;
    unsigned __int128 sum_ms; /* of all at_ms */
};

void expire_finish(struct expire *expire);

/* The entry has ENTRY_EXPIRES and its time has been written (expire_write). O(log n). */
void expire_add(struct expire *expire, struct entry *entry);
void expire_remove(struct expire *expire, struct entry *entry);
void expire_change(struct expire *expire, struct entry *entry, int64_t at_ms);

/* The entry now lives at another address (its expiry block was copied). O(1). */
void expire_moved(struct expire *expire, struct entry *entry);

/* How long from `now_ms` until `at_ms`: 0 when that has come; INT64_MAX when it is more than that, as a clock before
 * 1970 can have it. */
static inline int64_t expire_left_ms(int64_t at_ms, int64_t now_ms)
{
    int64_t left_ms;
    if (at_ms <= now_ms) {
        return 0;
    }
    return __builtin_sub_overflow(at_ms, now_ms, &left_ms) ? INT64_MAX : left_ms;
}

/* The entry that is due first, if its time has come by `now_ms`; else NULL. O(1). */
struct entry *expire_due(const struct expire *expire, int64_t now_ms);

/* How long the keys have to live on average, ms; 0 if that is over, or there is none. O(1). */
int64_t expire_mean_ms(const struct expire *expire, int64_t now_ms);

/* Bytes of the heap. */
static inline uint64_t expire_memory(const struct expire *expire)
{
    return (uint64_t)expire->room * sizeof(struct expire_item);
}

/* When the next one is due; INT64_MAX if there is none. */
int64_t expire_next(const struct expire *expire);

/* Stores the time in the entry, without looking at the heap. */
static inline void expire_write(struct entry *entry, int64_t at_ms)
{
    check((entry->flags & ENTRY_EXPIRES) != 0);
    memcpy(entry->rest, &at_ms, sizeof at_ms);
}

#endif
