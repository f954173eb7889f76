/* SPDX-License-Identifier: MIT */

/* retain.c - who is away may come back.
 *
 * Why      A node that was away for an hour is to read an hour of log, not a copy of everything. But one that never
 *          comes back must not fill the leader's disk (cluster C16).
 *
 * Idea     One hold (log/wal.h) at what that member of the set needs that has least. Where it stands is
 *          known by its acknowledgements; of one that was not heard of in this epoch nothing is, so the log stays as it
 *          was when the epoch began. When the log as a whole is larger than the limit the hold is given up, and stays
 *          so for those it was held for: what a follower in the midst of a stream or of a full sync needs is held by
 *          its feed.
 *
 * Promises
 *   P1  A member that is away finds the log from where it stood, as long as the log is not larger than the limit.
 *   P2  Above the limit nothing is kept for who is away. */
#include "replica/retain.h"

#include <inttypes.h>

#define LOOK_MS 1000

static bool is_streaming(const struct feeds *feeds, uint64_t node)
{
    bool streams = false;
    for (uint32_t i = 0; i < feeds->count; i++) {
        struct feed_view view = feeds_view(feeds, i);
        streams = streams || (view.node == node && (view.streaming || view.sending));
    }
    return streams;
}

/* The first record that any of the others needs whom the log reaches back to; UINT64_MAX: none. Those who follow now
 * count as well: when one goes, what it needs is held already. */
static uint64_t needed(struct retain *retain, const struct feeds *feeds)
{
    const struct replica *replica = feeds->config.replica;
    const struct acks *acks = &replica->acks;
    uint64_t oldest = wal_oldest(replica->wal);
    uint64_t least = UINT64_MAX;
    retain->away = 0;
    retain->lost = 0;
    for (uint32_t i = 0; i < acks->set.replica_count; i++) {
        uint64_t node = acks->set.replicas[i];
        if (node == acks->set.leader) {
            continue;
        }
        uint64_t first = acks->synced[i] != 0 ? acks->synced[i] + 1 : retain->unknown;
        bool reached = first != 0 && first >= oldest;
        bool away = !is_streaming(feeds, node);
        retain->away += away;
        retain->lost += away && !reached;
        least = reached && first < least ? first : least;
    }
    return least;
}

/* A hold moves forward alone: one further back is another one, taken before this one goes. */
static void hold(struct retain *retain, struct wal *wal, uint64_t first)
{
    struct wal_hold *now = &retain->holds[retain->now];
    if (now->wal != NULL && first >= now->sequence) {
        wal_hold_move(now, first);
        return;
    }
    struct wal_hold *next = &retain->holds[!retain->now];
    if (wal_hold(wal, next, first) == STATUS_OK) { /* else it goes at this moment */
        wal_release(now);
        retain->now = !retain->now;
    }
}

/* It is too much. */
static void let_go(struct retain *retain, const struct feeds *feeds, uint64_t bytes)
{
    if (retain->away > 0 && !retain->told) {
        retain->told = true;
        trace(feeds->config.trace, TRACE_WARNING,
              "the log has %.1f MB, more than replication_log_limit: what %" PRIu32
              " nodes lack that are away is not kept for them any more, and they take a whole copy when they are back",
              (double)bytes / 1e6, retain->away);
    }
    wal_release(&retain->holds[retain->now]);
    retain->unknown = 0;
}

void retain_turn(struct retain *retain, struct feeds *feeds, uint64_t limit)
{
    const struct replica *replica = feeds->config.replica;
    const struct shard *shard = &replica->shard;
    bool leads = shard->role == SHARD_LEADING || shard->role == SHARD_FENCED;
    if (replica->wal == NULL || !leads) {
        retain_drop(retain);
        return;
    }
    if (retain->epoch != replica->acks.first) {
        retain->epoch = replica->acks.first;
        retain->unknown = wal_oldest(replica->wal);
        retain->next_ms = 0;
    }
    if (shard->monotonic_ms < retain->next_ms && feeds->count == retain->streams) {
        return;
    }
    retain->streams = feeds->count;
    struct wal_stats stats;
    retain->next_ms = shard->monotonic_ms + LOOK_MS;
    wal_stats(replica->wal, &stats);
    uint64_t first = needed(retain, feeds);
    if (retain->away == 0) {
        retain->told = false;
    }
    if (first == UINT64_MAX) {
        wal_release(&retain->holds[retain->now]);
    } else if (stats.bytes_kept > limit) {
        let_go(retain, feeds, stats.bytes_kept); /* retain P2 */
        (void)needed(retain, feeds);
    } else {
        hold(retain, replica->wal, first); /* retain P1 */
    }
}

void retain_drop(struct retain *retain)
{
    wal_release(&retain->holds[retain->now]);
    retain->epoch = 0;
    retain->away = 0;
    retain->lost = 0;
}
