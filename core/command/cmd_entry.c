/* SPDX-License-Identifier: MIT */

/* cmd_entry.c - what one key costs, for PEEK and MEMORY USAGE. */
#include "command/cmd_entry.h"

uint64_t cmd_entry_memory(const struct shard *shard, const struct keyspace *keyspace, const struct entry *entry)
{
    const struct table *table = &keyspace->table;
    uint64_t bytes = keyspace_held(entry) + table->bytes / table->count;
    if ((entry->flags & ENTRY_EXPIRES) != 0) {
        bytes += sizeof(struct expire_item);
    }
    return bytes + shard_owned_memory(shard, entry);
}
