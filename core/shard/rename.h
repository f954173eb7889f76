/* SPDX-License-Identifier: MIT */

/* rename.h - a value goes over to another key, for apply.c. See rename.c for the argument. */
#ifndef GEOMYS_SHARD_RENAME_H
#define GEOMYS_SHARD_RENAME_H

#include "log/record.h"
#include "store/keyspace.h"

/* The value of `key` becomes that of `target`, another key, with its expiry; what was there goes. Neither name is
 * borrowed from an entry, and no sweep is owed anything of either. False: there is no such value, and nothing has
 * changed. O(1) and what releasing the target's old value costs. */
bool rename_value(struct keyspace *keyspace, struct gm_bytes key, uint64_t hash, struct gm_bytes target);

/* CORRUPT: why a RENAME record from elsewhere could not be carried out. */
must_use enum status rename_refuse(const struct record *record, struct complaint *complaint);

#endif
