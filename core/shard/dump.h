/* SPDX-License-Identifier: MIT */

/* dump.h - a value as the records that make it, frozen or alive: what a snapshot, a copy and a digest are made of. */
#ifndef GEOMYS_SHARD_DUMP_H
#define GEOMYS_SHARD_DUMP_H

#include "shard/shard.h"

/* Calls the sink for some of the records that make the value of an entry, frozen or alive: a bounded amount, as
 * gm_type.dump does. `*cursor` is 0 at first, and again when it is done. False: the type does not dump this value. */
must_use bool dump_step(const struct shard *shard, const struct entry *entry, uint64_t *cursor, struct gm_sink *sink);

/* The same for all of them. */
must_use bool dump_value(const struct shard *shard, const struct entry *entry, struct gm_sink *sink);

#endif
