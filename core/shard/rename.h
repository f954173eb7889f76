/* SPDX-License-Identifier: MIT */

/* rename.h - a value goes over to another key or database, for apply.c. See rename.c for the argument. */
#ifndef GEOMYS_SHARD_RENAME_H
#define GEOMYS_SHARD_RENAME_H

#include "log/record.h"
#include "store/keyspace.h"

/* The value at `from`, which is there, becomes that at `to`, another key or the same in another database, with its
 * expiry; what was there goes. Neither name is borrowed from an entry, and no sweep is owed anything of either. O(1)
 * and what releasing the target's old value costs. */
void rename_value(const struct keyspace_place *from, const struct keyspace_place *to);

/* CORRUPT: why a RENAME record from elsewhere could not be carried out. */
must_use enum status rename_refuse(const struct record *record, struct complaint *complaint);

#endif
