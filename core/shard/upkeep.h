/* SPDX-License-Identifier: MIT */

/* upkeep.h - a shard in good order: what has expired goes, what there is no memory for is evicted, values go over to
 * newer code, what was flushed or was large is released, a sweep that was abandoned comes to its end. */
#ifndef GEOMYS_SHARD_UPKEEP_H
#define GEOMYS_SHARD_UPKEEP_H

#include "shard/shard.h"

/* Does a bounded amount of each. True: there is more to do at once. Between commands. */
bool upkeep_turn(struct shard *shard);

/* When upkeep_turn wants to be called at the latest, monotonic ms: an expiry is due. INT64_MAX: no wish. O(1). */
int64_t upkeep_next_ms(const struct shard *shard);

#endif
