/* SPDX-License-Identifier: MIT */

/* acks.c - counting. */
#include "replica/acks.h"

#include "base/check.h"

void acks_begin(struct acks *acks, const struct record_epoch *set, uint64_t first)
{
    check(set->replica_count <= RECORD_REPLICAS_MAX && first > 0);
    *acks = (struct acks){.set = *set, .first = first};
}

uint32_t acks_count(const struct acks *acks, uint64_t sequence)
{
    uint32_t count = 0;
    if (acks->set.replica_count == 0) {
        return acks->own >= sequence;
    }
    for (uint32_t i = 0; i < acks->set.replica_count; i++) {
        count += acks->synced[i] >= sequence;
    }
    return count;
}

/* The highest that a majority has. */
static uint64_t majority(const struct acks *acks)
{
    if (acks->set.replica_count == 0) {
        return acks->own;
    }
    uint64_t best = 0;
    for (uint32_t i = 0; i < acks->set.replica_count; i++) {
        if (acks->synced[i] > best && acks_count(acks, acks->synced[i]) > acks->set.replica_count / 2) {
            best = acks->synced[i];
        }
    }
    return best;
}

bool acks_add(struct acks *acks, uint64_t node, uint64_t sequence)
{
    if (acks->set.replica_count == 0) {
        acks->own = node == acks->set.leader && sequence > acks->own ? sequence : acks->own;
    }
    for (uint32_t i = 0; i < acks->set.replica_count; i++) {
        if (acks->set.replicas[i] == node && sequence > acks->synced[i]) {
            acks->synced[i] = sequence; /* acks P2 */
        }
    }
    uint64_t reached = majority(acks);
    if (reached < acks->first || reached <= acks->committed) { /* acks P1 */
        return false;
    }
    acks->committed = reached;
    return true;
}
