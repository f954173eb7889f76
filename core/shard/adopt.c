/* SPDX-License-Identifier: MIT */

/* adopt.c - a shard goes over to a newer registry.
 *
 * Idea     Between two commands nothing of a registry is in use in a shard but its own reference, and the code of
 *          types: that is types.c's business. The older registry goes with the last reference to it, which may be that
 *          of values made by its code.
 *
 * Promises
 *   P1  Before the first thing changes, all that can be refused has been looked at.
 */
#include "shard/shard.h"

enum status shard_adopt(struct shard *shard, const struct registry *newer, struct complaint *complaint)
{
    const struct registry *older = shard->registry;
    check(!shard->tail.open);
    check(older == NULL || (!shard_is_loading(shard) && registry_follows(newer, older)));
    TRY(types_adopt(shard, newer, complaint)); /* adopt P1: nothing after it is refused */
    shard->registry = registry_keep(newer);
    registry_release(older);
    return STATUS_OK;
}
