/* SPDX-License-Identifier: MIT */

/* apply.h - the one place where values change: a record meets the keyspace. */
#ifndef GEOMYS_SHARD_APPLY_H
#define GEOMYS_SHARD_APPLY_H

#include "shard/shard.h"

/* Where the record's key is, if the caller has looked it up and nothing has changed since. */
struct apply_place {
    struct table_slot *slot; /* as keyspace_slot returns it */
    bool known;
};

/* Carries out a record on the node that planned it, and completes its flags with the outcome (RECORD_FRESH for a key
 * that was absent, RECORD_REMOVES for one that is gone now): only then is it logged. `record->type` is the shard's
 * number, `author` the caller's whose doing it is (change.h). False: there was nothing to do (a deletion of what is not
 * there), and nothing is to be logged. The listeners have heard of it. */
bool apply_first(struct shard *shard, struct record *record, uint64_t hash, struct apply_place place, uint64_t author);

/* Carries out a record, of any but COPY (copy.h), that somebody else has planned, or this node before; its sequence
 * stands. A record that does not fit its value makes the key damaged: it is kept, refused to clients, and reported. The
 * listeners hear of it as of a first execution. TOO_BIG: a frozen value has outgrown its limit. */
must_use enum status apply_again(struct shard *shard, const struct record *record, uint64_t hash,
                                 struct complaint *complaint);

/* The record of a type is about to be logged, or has been taken over (`kept`): the tail hears of it if its operation
 * came later than the type. */
seldom void apply_revise(struct shard *shard, const struct record *record, bool kept);

/* A value that was built aside (build.h). */
struct apply_aside {
    struct keyspace_place place; /* in a keyspace of its own, where it counts as no key; no sweep is owed it */
    int64_t expire_at_ms;        /* that it will have; 0: none */
};

/* Applies records in a frozen value's form to the value at the place, which is aside, or to none. False: one of them is
 * not accepted. */
bool apply_aside(struct shard *shard, struct keyspace_place place, uint8_t type, struct gm_bytes records);

/* A COPY record as a first execution, and as one whose sequence stands: what was built aside goes over to the record's
 * key, and what was there goes. The listeners have heard of it. */
void apply_first_copied(struct shard *shard, struct record *record, uint64_t hash, const struct apply_aside *aside,
                        uint64_t author);
void apply_copied(struct shard *shard, const struct record *record, uint64_t hash, const struct apply_aside *aside);

/* A record from elsewhere has left its key damaged, for a reason: counted, and told. */
void apply_tell_damage(struct shard *shard, const struct record *record, const char *reason);

/* Releases what an entry's value owns, or begins to (remains.h); for keyspace_ops. */
void apply_release(void *shard, struct entry *entry);

/* Releases about `budget` pieces of large values that are gone. True: there are more. */
seldom bool apply_release_remains_slow(struct shard *shard, uint64_t budget);
static inline bool apply_release_remains(struct shard *shard, uint64_t budget)
{
    return __builtin_expect(shard->remains.count > 0, 0) && apply_release_remains_slow(shard, budget);
}

/* Removes a key whose time has come, and logs that. */
void apply_expiry(struct shard *shard, uint32_t database, struct gm_bytes key, uint64_t hash);

/* Removes a key because memory is short, logs that, and counts it. */
void apply_eviction(struct shard *shard, uint32_t database, struct gm_bytes key, uint64_t hash);

/* Makes the value of the key at `place`, which is in `slot`, anew as type `number`, from the bytes of a frozen value
 * that say the same. Without code for the number the value is frozen; one that the code does not accept is damaged, and
 * one that was damaged stays so unless the code accepts all of it. What is stored is the same, so nobody hears of it,
 * and nothing is written. The key's bytes are not the entry's own. The entry moves, or goes if the code finds it
 * empty. */
void apply_thaw(struct shard *shard, struct keyspace_place place, struct table_slot *slot, uint8_t number,
                struct gm_bytes records);

#endif
