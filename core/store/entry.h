/* SPDX-License-Identifier: MIT */

/* entry.h - one key with its value, in one allocation.
 *
 *   | value_size 4 | key_size 2 | type 1 | flags 1 | expiry 12, only with ENTRY_EXPIRES | key | value |
 *
 * The value is a word (8 bytes, unaligned) or a run of bytes. `type` is the shard's number for the type. What lies
 * behind the value in the allocation is room to grow. The expiry block is the time and the entry's place in the expiry
 * heap.
 *
 * A run of more than ENTRY_INLINE_MAX bytes lies *apart*, in an allocation of its own, and the entry has its address
 * (8 bytes, unaligned) where the value would be: so such a value goes from key to key, and gets or loses an expiry,
 * without a copy. It is the size alone that says so, which costs a small entry nothing.
 *
 * What the allocator reserved for an entry follows from its size (memory_held), unless it has ENTRY_SPARE: then the
 * allocator knows. With a run apart the same is true of the run, and the entry itself is never larger than it needs.
 *
 * A *frozen* value is one whose type cannot be applied here (its module is absent, or the value is damaged): its bytes
 * are the records that make it, kept as they came (shard/frozen.h).
 */
#ifndef GEOMYS_STORE_ENTRY_H
#define GEOMYS_STORE_ENTRY_H

#include "base/bytes.h"
#include "base/check.h"

#define ENTRY_KEY_MAX    65535u
#define ENTRY_HEADER     8
#define ENTRY_EXPIRY     12
#define ENTRY_SIZE_MIN   ((size_t)16) /* bytes asked for: less may not be aligned as a slot wants it */
#define ENTRY_VALUE_MAX  ((size_t)UINT32_MAX)
#define ENTRY_INLINE_MAX ((size_t)64 * 1024) /* bytes of a value that lies in the entry */
#define ENTRY_TYPE_COUNT 256

enum entry_flag {
    ENTRY_WORD = 1, /* the value is a word; else bytes */
    ENTRY_EXPIRES = 2,
    ENTRY_FROZEN = 4,
    ENTRY_DAMAGED = 8, /* frozen because a record did not fit: commands refuse it */
    ENTRY_SWEPT = 16,  /* equal to keyspace.swept: nothing of the entry is to be kept for a snapshot (shard/sweep.h) */
    ENTRY_WAKES = 32,  /* something is due in the value at some time: it is among the keyspace's wakes (wake.h) */
    /* The keyspace's own, see entry_size: */
    ENTRY_VACANT = 64, /* there is no value; value_size is that of the one that was there last */
    ENTRY_SPARE = 128, /* the allocation (of a run apart: the run's) is of a larger class than is needed */
};

struct entry {
    uint32_t value_size; /* bytes; 8 for a word */
    uint16_t key_size;
    uint8_t type;
    uint8_t flags;
    uint8_t rest[];
};

_Static_assert(sizeof(struct entry) == ENTRY_HEADER, "the header has no padding");

static inline size_t entry_key_offset(uint8_t flags)
{
    return ENTRY_HEADER + ((flags & ENTRY_EXPIRES) != 0 ? ENTRY_EXPIRY : 0);
}

static inline struct gm_bytes entry_key(const struct entry *entry)
{
    return (struct gm_bytes){(const uint8_t *)entry + entry_key_offset(entry->flags), entry->key_size};
}

/* Whether a value of that size lies in an allocation of its own. */
static inline bool entry_lies_apart(size_t value_size)
{
    return __builtin_expect(value_size > ENTRY_INLINE_MAX, 0);
}

/* Where the value is, or the address of one that lies apart. */
static inline uint8_t *entry_place(const struct entry *entry)
{
    return (uint8_t *)(uintptr_t)entry + entry_key_offset(entry->flags) + entry->key_size;
}

static inline uint8_t *entry_value(const struct entry *entry)
{
    uint8_t *value = entry_place(entry);
    if (entry_lies_apart(entry->value_size)) {
        uint8_t *run;
        memcpy(&run, value, sizeof run);
        return run;
    }
    return value;
}

static inline uint64_t entry_word(const struct entry *entry)
{
    check_slow((entry->flags & ENTRY_WORD) != 0);
    uint64_t word;
    memcpy(&word, entry_value(entry), sizeof word);
    return word;
}

static inline void entry_set_word(struct entry *entry, uint64_t word)
{
    check_slow((entry->flags & ENTRY_WORD) != 0 && entry->value_size == sizeof word);
    memcpy(entry_value(entry), &word, sizeof word);
}

/* Unix milliseconds, 0 = never. */
static inline int64_t entry_expire_at(const struct entry *entry)
{
    int64_t at = 0;
    if ((entry->flags & ENTRY_EXPIRES) != 0) {
        memcpy(&at, entry->rest, sizeof at);
    }
    return at;
}

/* What is asked of the allocator for an entry, a run that lies apart not counted. */
static inline size_t entry_size_of(uint8_t flags, size_t key_size, size_t value_size)
{
    size_t size = entry_key_offset(flags) + key_size + (entry_lies_apart(value_size) ? sizeof(uint8_t *) : value_size);
    return size < ENTRY_SIZE_MIN ? ENTRY_SIZE_MIN : size;
}

static inline size_t entry_size(const struct entry *entry)
{
    return entry_size_of(entry->flags, entry->key_size, entry->value_size);
}

#endif
