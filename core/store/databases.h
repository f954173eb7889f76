/* SPDX-License-Identifier: MIT */

/* databases.h - the numbered keyspaces of one shard. See databases.c for the argument. */
#ifndef GEOMYS_STORE_DATABASES_H
#define GEOMYS_STORE_DATABASES_H

#include "store/keyspace.h"

#define DATABASES_MAX     65536u
#define DATABASES_DEFAULT 16u

struct databases {
    struct ledger ledger;       /* of all keyspaces */
    struct keyspace_ops ops;    /* of each */
    struct keyspace **numbered; /* owned; by number, NULL: was never used, or has been flushed */
    uint32_t count;             /* of numbers */
    struct keyspace none;       /* what such a database looks like */
    struct list used;           /* keyspace.link: those that are there, in no order */
    struct list flushed;        /* keyspace.link: those that wait to be released, the oldest first */
};

/* `count` is 1 to DATABASES_MAX. */
void databases_init(struct databases *databases, uint32_t count, const struct keyspace_ops *ops,
                    const struct siphash_key *hash_key);

/* Another hash key, while there is no key at all. O(databases). */
void databases_rekey(struct databases *databases, const struct siphash_key *hash_key);

/* Releases all. O(keys). */
void databases_finish(struct databases *databases);

/* The hash of a key, which is the same in all databases. */
static inline uint64_t databases_hash(const struct databases *databases, struct gm_bytes key)
{
    return keyspace_hash(&databases->none, key);
}

/* The database, to look at: an empty one if it was never used. Valid until it is flushed or swapped. `number` is below
 * `count`. O(1). */
static inline const struct keyspace *databases_see(const struct databases *databases, uint32_t number)
{
    check_slow(number < databases->count);
    const struct keyspace *keyspace = databases->numbered[number];
    return __builtin_expect(keyspace != NULL, 1) ? keyspace : &databases->none;
}

/* The database, to be changed: made if it was never used. O(1). */
struct keyspace *databases_make(struct databases *databases, uint32_t number);
static inline struct keyspace *databases_open(struct databases *databases, uint32_t number)
{
    check_slow(number < databases->count);
    struct keyspace *keyspace = databases->numbered[number];
    return __builtin_expect(keyspace != NULL, 1) ? keyspace : databases_make(databases, number);
}

/* All keys of the database go; they are released by databases_reap. O(1). */
void databases_flush(struct databases *databases, uint32_t number);

/* All keys go. O(databases that were used). */
void databases_flush_all(struct databases *databases);

/* Each of the two gets the other's keys. O(1). */
void databases_swap(struct databases *databases, uint32_t a, uint32_t b);

/* Releases up to about `budget` flushed entries that no sweep has to see any more. True: there are more of them. */
seldom bool databases_reap_slow(struct databases *databases, size_t budget);
static inline bool databases_reap(struct databases *databases, size_t budget)
{
    return __builtin_expect(!list_empty(&databases->flushed), 0) && databases_reap_slow(databases, budget);
}

/* A keyspace with a key whose time has come by `now_ms`: that of its expire_due; NULL: there is none. O(1) until the
 * ledger's expires_ms has come, then O(databases that were used). */
struct keyspace *databases_due(struct databases *databases, int64_t now_ms);

/* The keyspace in one of whose values something is due first, that of wake_first, if that time has come by `now_ms`;
 * else NULL. O(1) until the ledger's wakes_ms has come, then O(databases that were used). */
const struct keyspace *databases_wake(struct databases *databases, int64_t now_ms);

/* One with keys (with keys that expire, if `expiring`), another one with each call as far as there are others; NULL:
 * there is none. O(1), or O(databases that were used) where most of them are empty. */
struct keyspace *databases_turn(struct databases *databases, bool expiring);

/* The next database that is there, from `*number` on, which moves behind it; NULL: there is none. For walks through
 * all: O(databases) together. */
struct keyspace *databases_next(const struct databases *databases, uint32_t *number);

/* Keys of the type in all databases. O(databases that were used). */
uint64_t databases_keys(const struct databases *databases, uint8_t type);

/* Frozen values in all databases, and how many of them are damaged. O(databases that were used). */
struct databases_frozen {
    uint64_t frozen;
    uint64_t damaged;
};
struct databases_frozen databases_frozen(const struct databases *databases);

/* Gives all keys the same note. O(buckets). */
void databases_note_all(struct databases *databases, uint32_t note);

#endif
