/* SPDX-License-Identifier: MIT */

/* parting.c - waiting for those who follow. */
#include "node/parting.h"

#include "serve/pause.h"
#include "serve/worker.h"

static bool leads(const struct membership *membership)
{
    return membership->config.peer != NULL && membership->config.replica->shard.role == SHARD_LEADING;
}

/* Of those that stream; 0: nobody does. */
static uint32_t count_behind(const struct membership *membership, uint32_t *streaming)
{
    uint64_t last = membership->config.replica->shard.tail.last_sequence;
    uint32_t behind = 0;
    *streaming = 0;
    for (uint32_t i = 0; i < membership->feeds.count; i++) {
        struct feed_view view = feeds_view(&membership->feeds, i);
        *streaming += view.streaming;
        behind += view.streaming && view.synced < last;
    }
    return behind;
}

bool parting_begin(struct parting *parting, const struct membership *membership)
{
    uint32_t streaming = 0;
    if (!leads(membership) || (count_behind(membership, &streaming) == 0 && streaming == 0)) {
        return false;
    }
    parting->until_ms = membership->config.replica->shard.monotonic_ms + PARTING_MS;
    pause_begin(membership->config.worker, parting->until_ms + PARTING_MS, false);
    return true;
}

bool parting_is_over(const struct parting *parting, const struct membership *membership)
{
    uint32_t streaming = 0;
    bool late = membership->config.replica->shard.monotonic_ms >= parting->until_ms;
    return late || !leads(membership) || count_behind(membership, &streaming) == 0;
}
