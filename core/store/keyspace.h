/* SPDX-License-Identifier: MIT */

/* keyspace.h - the keys of one database in memory: the table of entries, their expiries and when something is due in
 * their values. What they cost stands in
 * the ledger that all keyspaces of a shard share; which of them has which number, databases.h knows.
 *
 * Idea     It knows keys, cells and types by number, and nothing of what a value means: how a word's memory is released
 *          is a function that the owner passes in.
 *
 * Promises
 *   I1  An entry is in the table exactly once, in the expiry heap exactly if it has ENTRY_EXPIRES, and among the wakes
 *       exactly if it has ENTRY_WAKES.
 *   I2  What is in the ledger of this keyspace (ledger I1, I2) is true after each call.
 *   I3  A new key's note is that of the ledger's heat; it stays with the key through all its shapes, and goes
 *       along to another key.
 *   I4  Whatever is added or changes has ENTRY_SWEPT as the ledger's `swept` says; an entry that differs must not be
 *       changed or removed: it is owed to a snapshot. What was flushed stays as it is until it is released.
 *   I5  A slot is valid until the next call that inserts or removes any entry; an entry's
 *       address until it is reshaped or removed.
 */
#ifndef GEOMYS_STORE_KEYSPACE_H
#define GEOMYS_STORE_KEYSPACE_H

#include "base/list.h"
#include "base/table.h"
#include "store/expire.h"
#include "store/ledger.h"
#include "store/wake.h"

struct keyspace_ops {
    /* Releases what the entry's value owns beyond the entry. Called before an entry goes. */
    void (*release)(void *context, struct entry *entry);
    void *context;
};

struct keyspace {
    struct table table;
    struct expire expire;
    struct ledger *ledger; /* borrowed */
    struct keyspace_ops ops;
    uint64_t weighed;                /* bytes of it in the ledger's overhead */
    uint64_t keys[ENTRY_TYPE_COUNT]; /* by type */
    uint64_t frozen;                 /* entries with ENTRY_FROZEN */
    uint64_t damaged;                /* ... with ENTRY_DAMAGED */
    uint64_t expected;               /* bytes that a value which grows here is going to have; 0: nobody knows */
    uint32_t number;                 /* of the database; of one that was flushed, what it was */
    uint32_t cut;                    /* ... what it was when the sweep began that it is in */
    bool flushed;                    /* it only waits to be released */
    struct list link;                /* its owner's */
    struct list walk;                /* of a sweep that has not been through it yet, or alone (shard/sweep.h) */
    struct wakes wakes;
};

/* The ledger outlives it. */
void keyspace_init(struct keyspace *keyspace, struct ledger *ledger, const struct keyspace_ops *ops,
                   const struct siphash_key *hash_key);

/* Releases all of it at once. O(keys). */
void keyspace_finish(struct keyspace *keyspace);

/* Makes room in the table for so many keys, while there are none. O(keys). */
void keyspace_reserve(struct keyspace *keyspace, uint64_t keys);

/* Gives back what no key has come for. O(room). */
void keyspace_fit(struct keyspace *keyspace);

static inline uint64_t keyspace_hash(const struct keyspace *keyspace, struct gm_bytes key)
{
    return table_hash(&keyspace->table, key);
}

/* Where the key's entry is kept (I4), NULL if the key is not there. Does not look at its expiry. O(1). */
static inline struct table_slot *keyspace_slot(const struct keyspace *keyspace, struct gm_bytes key, uint64_t hash)
{
    return table_find(&keyspace->table, key, hash);
}

/* The entry of the key, NULL if it is not there. Does not look at its expiry. O(1). */
static inline struct entry *keyspace_find(const struct keyspace *keyspace, struct gm_bytes key, uint64_t hash)
{
    const struct table_slot *slot = keyspace_slot(keyspace, key, hash);
    return slot != NULL ? table_element(slot) : NULL;
}

/* The shape of an entry's value. */
struct keyspace_shape {
    uint8_t type;
    uint8_t flags;       /* only ENTRY_WORD, ENTRY_EXPIRES, ENTRY_FROZEN, ENTRY_DAMAGED */
    uint32_t value_size; /* bytes; 8 with ENTRY_WORD */
};

/* Adds an entry with the given shape; its value is not initialised, and with ENTRY_EXPIRES its time is `expire_at_ms`.
 * The key must not be there. O(1). */
struct entry *keyspace_add(struct keyspace *keyspace, struct gm_bytes key, uint64_t hash, struct keyspace_shape shape,
                           int64_t expire_at_ms);

/* Gives the entry in `slot` another shape, and returns it at its new address, which `slot` then has too. The common
 * beginning of the value stays as it is; what is new is not initialised. `roomy`: it is likely to grow again. With
 * ENTRY_EXPIRES its time becomes `expire_at_ms`. When something is due in it stays as it is, but nothing is in a frozen
 * value. What the old value owned is the caller's business. */
struct entry *keyspace_reshape(struct keyspace *keyspace, struct table_slot *slot, struct keyspace_shape shape,
                               int64_t expire_at_ms, bool roomy);

/* Something is due in the entry's value at that time, unix ms; 0: nothing is. O(log n) of those. */
void keyspace_wake(struct keyspace *keyspace, struct entry *entry, int64_t at_ms);

/* When; 0: nothing is. O(1). */
static inline int64_t keyspace_wake_at(const struct keyspace *keyspace, const struct entry *entry)
{
    return (entry->flags & ENTRY_WAKES) != 0 ? wake_at(&keyspace->wakes, entry) : 0;
}

/* Empties the value, what it owned having been released or forgotten by the caller: no bytes, no frozen flag; type,
 * expiry and memory stay, so that a new value of the same size costs no allocation. O(1). */
void keyspace_vacate(struct keyspace *keyspace, struct entry *entry);

/* A key in a keyspace. */
struct keyspace_place {
    struct keyspace *keyspace;
    struct gm_bytes key;
    uint64_t hash;
};

/* The value of key `from`, which is there, becomes that of key `to`, which is not, with its times and its note, and
 * `from` is gone. Both keyspaces have the same ledger, or are one. Neither name is borrowed from the entry. O(log n) of
 * those that expire, whatever the value's size. */
void keyspace_move(struct keyspace_place from, struct keyspace_place to);

/* Removes the entry and releases what its value owns. O(1) and what release costs. */
void keyspace_remove(struct keyspace *keyspace, struct gm_bytes key, uint64_t hash);

/* All its keys count as gone; their memory is released by keyspace_reap. Nothing else is done with it from then on.
 * O(1). */
void keyspace_flush(struct keyspace *keyspace);

/* Releases up to about `budget` entries of a flushed keyspace. True: there are more. */
bool keyspace_reap(struct keyspace *keyspace, size_t budget);

/* Bytes that the allocator reserved for the entry, with a run that lies apart; not what its word points to. O(1). */
size_t keyspace_held(const struct entry *entry);

/* Bytes of itself, the table, the heap and the wakes: what is not any key's own. O(1). */
static inline uint64_t keyspace_overhead(const struct keyspace *keyspace)
{
    return sizeof *keyspace + keyspace->table.bytes + expire_memory(&keyspace->expire) + wake_memory(&keyspace->wakes);
}

#endif
