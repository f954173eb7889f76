/* SPDX-License-Identifier: MIT */

/* settle.h - values that are older than the code of their type, or frozen for lack of one that is there now, are made
 * anew. See settle.c. */
#ifndef GEOMYS_SHARD_SETTLE_H
#define GEOMYS_SHARD_SETTLE_H

#include "shard/shard.h"

/* If the value of the key is one of those, makes it anew. True: it did, and the entry has moved, or has gone. Nobody
 * hears of it: what is stored is the same. O(value). */
bool settle_key(struct shard *shard, uint32_t database, struct gm_bytes key, uint64_t hash);

/* Settles a few values. True: there is more to do at once. Nothing to do: O(1). */
bool settle_turn(struct shard *shard);

#endif
