/* SPDX-License-Identifier: MIT */

/* adopt.c - a shard goes over to a newer registry.
 *
 * Idea     Between two commands nothing of a registry is in use but what is kept: the shard's own reference, numbers,
 *          and what sessions remember. Numbers stay (registry P3), so counts stay under theirs and only become more;
 *          types are types.c's business, sessions session_adopt's. The older registry goes with the last reference to
 *          it, which may be that of values made by its code.
 *
 * Promises
 *   P1  Before the first thing changes, all that can be refused has been looked at.
 */
#include "base/memory.h"
#include "shard/shard.h"

/* Numbers stay, so counts stay under theirs. */
static void grow_stats(struct shard *shard, const struct registry *newer)
{
    uint32_t before = shard->registry != NULL ? registry_command_numbers(shard->registry) : 0;
    uint32_t after = registry_command_numbers(newer);
    check(after >= before); /* registry P3 */
    shard->command_stats = memory_realloc(shard->command_stats, (after + (size_t)1) * sizeof *shard->command_stats);
    memset(shard->command_stats + before, 0, (after - before) * sizeof *shard->command_stats);
}

enum status shard_adopt(struct shard *shard, const struct registry *newer, struct complaint *complaint)
{
    check(shard->depth == 0 && !shard->tail.open && !shard->loading);
    check(shard->registry == NULL || registry_follows(newer, shard->registry));
    TRY(types_adopt(shard, newer, complaint)); /* adopt P1: nothing after it is refused */
    grow_stats(shard, newer);
    const struct registry *older = shard->registry;
    shard->registry = registry_keep(newer);
    registry_release(older);
    return STATUS_OK;
}
