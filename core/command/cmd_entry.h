/* SPDX-License-Identifier: MIT */

/* cmd_entry.h - one entry of the keyspace as commands show it. Nothing here changes it or counts as using it. */
#ifndef GEOMYS_COMMAND_CMD_ENTRY_H
#define GEOMYS_COMMAND_CMD_ENTRY_H

#include "shard/shard.h"

#define CMD_ENTRY_SAME "ERR source and destination objects are the same"
#define CMD_ENTRY_DAMAGED                                                                                              \
    "DAMAGED the value of this key is damaged and kept aside; see the server's log, DEL removes it"

/* Whether the entry's time has come: no listing shows it, whether it has been removed yet or not. */
static inline bool cmd_entry_has_expired(const struct shard *shard, const struct entry *entry)
{
    int64_t at_ms = entry_expire_at(entry);
    return at_ms != 0 && at_ms <= shard->now_ms;
}

/* What TYPE answers for the entry: the type's name, or its id (which has a slash, as no name can) while its module is
 * absent. */
static inline const char *cmd_entry_type_name(const struct shard *shard, const struct entry *entry)
{
    const struct shard_type *type = shard_type_of(shard, entry);
    return type->abi != NULL ? type->abi->name : type->name;
}

/* Bytes: the entry, what its value owns, its place among the expiries, and its share of the table. Costs what the
 * type's `memory` costs. */
uint64_t cmd_entry_memory(const struct shard *shard, const struct keyspace *keyspace, const struct entry *entry);

#endif
