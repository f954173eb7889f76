/* SPDX-License-Identifier: MIT */

/* table.h - a hash table of pointers, in cache-line buckets, that grows and shrinks one bucket at a time.
 *
 * Why      A store must not pause while its table doubles, must not pay for the half that a doubled table leaves empty,
 *          and should touch one cache line to know that a key is absent.
 *
 * Idea     Linear hashing (Litwin 1980). With `level` a power of two and `split` < level there are level + split
 *          buckets; an element with hash h lives in bucket h mod level, or, if that is below `split`, in h mod 2 level.
 *          When the table is too full, bucket `split` is divided into itself and bucket level + split, and split
 *          advances; when it is too empty, the last bucket is merged back. Every step touches two buckets.
 *
 *          bucket, 64 bytes:  | tag 0..6 | used | slot 0 | slot 1 | ... | slot 6 or next bucket |
 *
 *          A tag is 8 bits of the hash, so that nearly only wanted elements are looked at. `used` has a bit per slot,
 *          and one that says that slot 6 points to an overflow bucket.
 *
 *          slot, 64 bits:     | note, upper 16 | address, bits 4 to 47 | note, lower 4 |
 *
 *          An element is aligned to 16 bytes and below 2^48, as all that an allocator gives is, so its address leaves
 *          20 bits free: a *note*, which the table carries along and never reads. What is judged often and by sampling
 *          (how long has nobody asked for this key?) is then in the bucket, and costs neither memory nor a look at the
 *          element.
 *
 *          A scan's cursor counts with its bits reversed (Pieter Noordhuis' method, known from Redis): in that order, a
 *          bucket and the two that it divides into stand in the same place, so a scan that goes on while the table
 *          changes size still returns each element that was there from beginning to end, at least once.
 *
 * Promises
 *   I1  Each key is in at most one slot. The caller inserts only what table_find does not find.
 *   I2  After each call the load is between TABLE_LOAD_LOW and TABLE_LOAD_HIGH elements per bucket, or one step nearer
 *       to it.
 *   I3  Elements do not move; slots do, with their notes, whenever something is inserted or removed.
 *   I4  An address that does not leave the 20 bits free is our own bug: a check, at each insert and replace. (Linux
 *       gives a process addresses above 2^47 only if it asks for them.)
 */
#ifndef GEOMYS_BASE_TABLE_H
#define GEOMYS_BASE_TABLE_H

#include "base/check.h"
#include "base/prng.h"
#include "base/siphash.h"

#define TABLE_LOAD_HIGH 5 /* elements per bucket above which one is divided */
#define TABLE_LOAD_LOW  2 /* ... below which one is merged                  */

#define TABLE_SAMPLE_BUCKETS 64 /* that table_sample visits at most */

struct table_bucket;

#define TABLE_NOTE_BITS 20
#define TABLE_NOTE_MAX  ((1u << TABLE_NOTE_BITS) - 1)
#define TABLE_ADDRESS   ((uint64_t)0x0000fffffffffff0) /* bits of a slot that are the element's */

/* Where an element is kept; through the functions below only. */
struct table_slot {
    uint64_t word;
};

static inline uint64_t table_note_bits(uint32_t note)
{
    return (uint64_t)(note >> 4) << 48 | (note & 15);
}

static inline void *table_element(const struct table_slot *slot)
{
    return (void *)(uintptr_t)(slot->word & TABLE_ADDRESS);
}

static inline uint32_t table_note(const struct table_slot *slot)
{
    return (uint32_t)(slot->word >> 48) << 4 | (uint32_t)(slot->word & 15);
}

/* `note` is at most TABLE_NOTE_MAX. */
static inline void table_set_note(struct table_slot *slot, uint32_t note)
{
    slot->word = (slot->word & TABLE_ADDRESS) | table_note_bits(note);
}

/* The same with the note's bits as they stand in a slot (table_note_bits); writes only if they are others. */
static inline void table_set_note_bits(struct table_slot *slot, uint64_t bits)
{
    uint64_t word = (slot->word & TABLE_ADDRESS) | bits;
    if (word != slot->word) {
        slot->word = word;
    }
}

/* Puts another element with the same key in its place; the note stays. */
static inline void table_replace(struct table_slot *slot, const void *element)
{
    uint64_t address = (uint64_t)(uintptr_t)element;
    check((address & ~TABLE_ADDRESS) == 0);
    slot->word = (slot->word & ~TABLE_ADDRESS) | address;
}

struct table_ops {
    /* The key of an element: what it is hashed and compared by. */
    struct gm_bytes (*key)(const void *element);
};

struct table {
    const struct table_ops *ops;
    struct siphash_key hash_key;
    struct table_bucket **segments; /* owned; each of TABLE_SEGMENT buckets, the first one possibly smaller */
    size_t segment_room;            /* pointers allocated in `segments` */
    size_t first_room;              /* buckets allocated in segment 0 */
    uint64_t level;
    uint64_t split;
    uint64_t count; /* elements */
    uint64_t bytes; /* memory of the table itself */
};

void table_init(struct table *table, const struct table_ops *ops, const struct siphash_key *hash_key);

/* Makes room for so many elements at once, in an empty table: they then come in without a bucket being divided. Until
 * they do, or table_fit is called, I2 does not hold. O(count). */
void table_reserve(struct table *table, uint64_t count);

/* Gives room back that no element has come for. O(buckets). */
void table_fit(struct table *table);

/* Releases the table; the elements are the caller's. */
void table_finish(struct table *table);

static inline uint64_t table_hash(const struct table *table, struct gm_bytes key)
{
    return siphash(&table->hash_key, key);
}

/* The slot that holds the element with this key, or NULL. Valid until the next insert or remove. Expected O(1). */
struct table_slot *table_find(const struct table *table, struct gm_bytes key, uint64_t hash);

/* The slot that holds the element at this address, or NULL: the address is compared and never followed, so that it may
 * be of an element that has gone. Expected O(1). */
struct table_slot *table_find_element(const struct table *table, const void *element, uint64_t hash);

/* Asks the processor to fetch the bucket of `hash`; and, some time later, the element that is probably the wanted
 * one. */
void table_prefetch(const struct table *table, uint64_t hash);
void table_prefetch_element(const struct table *table, uint64_t hash);

/* The key must not be there. Amortised O(1), worst case one bucket divided. */
void table_insert(struct table *table, void *element, uint64_t hash, uint32_t note);

/* Takes out and returns the element with this key, NULL if there is none. O(1). */
void *table_remove(struct table *table, struct gm_bytes key, uint64_t hash);

/* Visits the elements of one bucket and returns the next cursor; begin with 0, the scan is over when 0 comes back.
 * on_element may not change the table. */
uint64_t table_scan(const struct table *table, uint64_t cursor, void (*on_element)(void *context, void *element),
                    void *context);

/* Takes out elements, from the last bucket on, until `budget` of them or all are gone; calls on_element for each. False
 * when the table is empty. For emptying a large table in small steps. */
bool table_drain(struct table *table, size_t budget, void (*on_element)(void *context, void *element), void *context);

/* An element at random, NULL if there is none. Not exactly uniform: by bucket first. Expected O(1). */
void *table_random(const struct table *table, struct prng *prng);

/* Up to `wanted` slots of different elements: those of buckets that stand side by side, from one at random on. Which
 * elements share a bucket is the hash's choice, so nothing that they have in common; an element of a full bucket comes
 * up somewhat less often than one of an empty one. Fewer if the table is nearly empty. Returns how many. One line of
 * memory has about five of them. */
size_t table_sample(const struct table *table, struct prng *prng, struct table_slot **slots, size_t wanted);

/* Gives all elements the same note. O(buckets), some 40 ns each. */
void table_note_all(struct table *table, uint32_t note);

static inline uint64_t table_buckets(const struct table *table)
{
    return table->level + table->split;
}

#endif
