/* SPDX-License-Identifier: MIT */

/* digest.h - whether two shards store the same. See digest.c. */
#ifndef GEOMYS_SHARD_DIGEST_H
#define GEOMYS_SHARD_DIGEST_H

#include "shard/shard.h"

/* One value under way: what has been told of it so far. */
struct digest_value {
    struct siphash_key chain;
    bool ordered; /* whether the order counts of what is told (dump_digest_ordered) */
};

/* What a record that begins a value says of it besides its body. */
struct digest_head {
    uint32_t database;
    struct gm_bytes key;
    const char *type; /* its name */
    int64_t expire_at_ms;
};

/* Each of them returns what is to be added to the digest of all. */
uint64_t digest_begin(struct digest_value *value, const struct digest_head *head, bool ordered);
uint64_t digest_add(struct digest_value *value, uint16_t op, struct gm_bytes body);

/* Order-independent digest of all that is stored: keys, types, expiries, and of each value what makes it equal to
 * another. O(data), at once. False: a type does not tell a value, as the complaint says. */
must_use bool digest_try(struct shard *shard, uint64_t *digest, struct complaint *complaint);

/* The same, where a value that its type does not tell counts as such. */
uint64_t digest_shard(struct shard *shard);

#endif
