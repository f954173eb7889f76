/* SPDX-License-Identifier: MIT */

/* upkeep.c - what the host does in a shard of its own accord, at the end of each turn.
 *
 * Limits   At most EXPIRE_SLICE keys expire, and REAP_SLICE flushed entries and PIECES_SLICE pieces of large values
 *          are released per turn: the rest comes in the next, between the clients' commands. */
#include "shard/upkeep.h"

#include "meter/meters.h"
#include "shard/apply.h"
#include "shard/settle.h"

#define EXPIRE_SLICE 200
#define REAP_SLICE   4096
#define PIECES_SLICE 4096
#define ORPHAN_US    200

/* Keys whose time has come are removed by decision, and logged, not by everybody's own clock. */
static bool expire_some(struct shard *shard)
{
    if (!shard_may_change(shard)) {
        return false;
    }
    for (int i = 0; i < EXPIRE_SLICE; i++) {
        const struct keyspace *keyspace = databases_due(&shard->databases, shard->now_ms);
        const struct entry *entry = keyspace != NULL ? expire_due(&keyspace->expire, shard->now_ms) : NULL;
        if (entry == NULL || shard_delays(shard, keyspace, entry)) {
            return false;
        }
        struct gm_bytes key = entry_key(entry);
        check(entry_expire_at(entry) <= shard->now_ms); /* expire I1 */
        apply_expiry(shard, keyspace->number, key, keyspace_hash(keyspace, key));
    }
    return databases_due(&shard->databases, shard->now_ms) != NULL;
}

/* A picture that nobody wants any more has marks that must be right before there can be another. */
static bool end_orphan(struct shard *shard)
{
    const struct sweep *sweep = &shard->sweep;
    return sweep->active && sweep->target == NULL && !list_empty(&sweep->walk) && sweep_turn(shard, ORPHAN_US);
}

bool upkeep_turn(struct shard *shard)
{
    check(!shard->tail.open && shard->crumb->kind == CRUMB_NONE);
    int64_t begun_us = shard->meters != NULL ? meters_moment_us(shard->meters) : 0;
    bool more = expire_some(shard);
    if (begun_us != 0) {
        meters_took(shard->meters, "expire-cycle", begun_us);
    }
    more = evict_turn(shard) || more;
    more = settle_turn(shard) || more;
    more = databases_reap(&shard->databases, REAP_SLICE) || more;
    more = end_orphan(shard) || more;
    return apply_release_remains(shard, PIECES_SLICE) || more;
}

int64_t upkeep_next_ms(const struct shard *shard)
{
    int64_t next = INT64_MAX;
    int64_t expires = shard->databases.ledger.expires_ms;                 /* or later: the next turn finds out */
    bool deferred = shard->sweep.half != NULL || shard->claims.count > 0; /* what is due first may have to wait */
    if (expires != INT64_MAX && shard_may_change(shard) && !deferred) {
        int64_t wait = expire_left_ms(expires, shard->now_ms);
        if (wait < next - shard->monotonic_ms) { /* next is not before now, so neither side can overflow */
            next = shard->monotonic_ms + wait;
        }
    }
    check(next >= shard->monotonic_ms);
    return next;
}
