/* SPDX-License-Identifier: MIT */

/* digest.h - whether two shards store the same. */
#ifndef GEOMYS_SHARD_DIGEST_H
#define GEOMYS_SHARD_DIGEST_H

#include "shard/shard.h"

/* Order-independent digest of all that is stored: keys, types, expiries, values as dumped. O(data). */
uint64_t digest_shard(struct shard *shard);

#endif
