/* SPDX-License-Identifier: MIT */

/* wake.h - which value wants to be woken next: a heap of the entries in which something is due at a time that their
 * type has named (gm_type.due).
 *
 * Why      Few values have such a time, and those are large: so it costs nothing in an entry that has none, and the
 *          entry of one that has is as it was, but for a flag. What an entry's place in the heap is, is found by its
 *          address.
 *
 * Idea     Three arrays of one length, in pieces of WAKE_PIECE each, so that nothing is ever copied as a whole:
 *
 *              nodes  0 .. count-1   entry, its place in the heap, the next of its chain     in no order, no gaps
 *              heads  0 .. count-1   the first node of each chain, by the entry's address    one more with each entry
 *              heap   0 .. count-1   time and node, the parent of i is (i - 1) / 4           the earliest is 0
 *
 *          There are as many chains as entries: each new entry splits one, each that goes puts two together.
 *
 * Costs    44 bytes for each, and 8 for each WAKE_PIECE of them. 2^32 - 2 at most. Nothing takes longer than O(log n).
 */
#ifndef GEOMYS_STORE_WAKE_H
#define GEOMYS_STORE_WAKE_H

#include "store/entry.h"

#define WAKE_PIECE 128u

struct wake_piece;

struct wakes {
    struct wake_piece **pieces; /* owned */
    uint32_t piece_count;
    uint32_t count; /* entries */
};

/* Zeroed memory is none, and may be finished. */
void wake_finish(struct wakes *wakes);

/* The entry, which is not there yet, is to be woken at that time, unix ms. O(log n). */
void wake_add(struct wakes *wakes, struct entry *entry, int64_t at_ms);

/* These are for an entry that is there. */
void wake_remove(struct wakes *wakes, const struct entry *entry);
void wake_change(struct wakes *wakes, const struct entry *entry, int64_t at_ms);
int64_t wake_at(const struct wakes *wakes, const struct entry *entry);

/* How often in a row it was woken in vain: what somebody keeps here, 0 at first. */
uint32_t *wake_vain(struct wakes *wakes, const struct entry *entry);

/* The entry now lives at another address; what was at the old one is not looked at. O(1). */
void wake_moved(struct wakes *wakes, const struct entry *old, struct entry *entry);

/* The entry whose time comes first; NULL: there is none. O(1). */
struct entry *wake_first(const struct wakes *wakes);

/* When that is; INT64_MAX if there is none. O(1). */
int64_t wake_next(const struct wakes *wakes);

/* Bytes of the three arrays. O(1). */
uint64_t wake_memory(const struct wakes *wakes);

#endif
