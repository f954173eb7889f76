/* SPDX-License-Identifier: MIT */

/* frozen.h - values that cannot be applied here: kept as the records that make them.
 *
 * The entry's bytes are those records one after the other:
 *
 *     | op 2 | stamp 2 | body_size 4 | type 1 | zero 3 | body ... |
 *
 * The stamp of the first record says which code has refused the value (types.stamps), or that none is to be asked:
 * other code is, once (settle.c). A value that is not damaged has one if the code was too old for it. All other stamps
 * are zero.
 *
 * The type is the number of that which has written the record: the entry's own, or one that it may follow (the value
 * has become one of /2 by records of /2 behind those of /1, and nobody here could read either).
 *
 * Such a value is counted, expires, is deleted, renamed, copied and digested like any other; it thaws when the log is
 * read by a host that has its module, or when its module comes (types.h).
 */
#ifndef GEOMYS_SHARD_FROZEN_H
#define GEOMYS_SHARD_FROZEN_H

#include "shard/shard.h"

#define FROZEN_HEAD     12         /* bytes before each body */
#define FROZEN_UNTRIED  0          /* a stamp: it comes from a snapshot, and no code has been asked yet */
#define FROZEN_MISFIT   UINT16_MAX /* a stamp: its records do not follow from each other, so none is to be asked */
#define FROZEN_AS_IT_IS (UINT16_MAX - 1) /* no stamp: that of the value stays */

/* The stamp of a frozen value. */
uint16_t frozen_stamp(const struct entry *entry);
void frozen_set_stamp(struct entry *entry, uint16_t stamp);

struct frozen_key {
    struct keyspace *keyspace; /* where it is, or will be */
    struct gm_bytes key;
    uint64_t hash;
    uint8_t type;         /* number */
    int64_t expire_at_ms; /* that it will have */
};

/* Adds the record to the key's frozen value. A value that was alive is dumped first; an absent one begins. TOO_BIG past
 * 4 GiB. */
must_use enum status frozen_append(struct shard *shard, const struct frozen_key *key, const struct record *record,
                                   bool damaged, struct complaint *complaint);

struct frozen_record {
    struct gm_bytes body; /* borrowed */
    uint16_t op;
    uint8_t type; /* number */
};

/* Appends one record in that form; `out` is full if there was no room for all of it. */
void frozen_add(struct buf *out, const struct frozen_record *record);

/* One record of a frozen value, at `*at`, which moves on. False at the end. */
bool frozen_next(const struct entry *entry, size_t *at, struct frozen_record *record);

/* The same of such a value's bytes. */
bool frozen_step(struct gm_bytes records, size_t *at, struct frozen_record *record);

/* The records that make the value of an entry, frozen or alive, as the bytes of a frozen value. False: its type does
 * not dump it, or there is no room, as the complaint says. */
must_use bool frozen_gather(const struct shard *shard, const struct entry *entry, struct buf *out,
                            struct complaint *complaint);

/* The key, which is there, becomes a frozen value with these bytes; what its value owned is released. */
void frozen_put(struct shard *shard, const struct frozen_key *key, struct gm_bytes records, bool damaged);

#endif
