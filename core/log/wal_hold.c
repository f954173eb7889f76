/* SPDX-License-Identifier: MIT */

/* wal_hold.c - who needs which records, and what may go.
 *
 * Why      Snapshots need the log behind the older of them, a follower that is away needs it from where it stopped, a
 *          full sync from the snapshot's cut on, and whoever reads a segment needs it while it is read. A record goes
 *          when none of them needs it, and nobody has to know of the others.
 *
 * Idea     A list of *holds*, each a sequence; the snapshots' is one of them. The least of all is what the mark file
 *          may say, and then segments go (chain.c).
 *
 *            segments   [1..99] [100..199] [200..299] [300..
 *            holds                  ^150 a follower   ^snapshots
 *            may go     `-----´
 *
 *          Each mark costs a sync, so a hold that moves is heeded only when that lets a segment go; the snapshots' move
 *          is always told to the mark file, as it is rare.
 *
 * Promises
 *   I1  keep_from never goes back, and is at most the least of all holds when it moves.
 *   I2  A hold is given only on records whose segment stays: none before the segment that has keep_from.
 *   P6 and P7 of wal.c.
 */
#include "log/wal_state.h"

static uint64_t least(const struct wal *wal)
{
    uint64_t sequence = UINT64_MAX;
    for (struct list *at = wal->holds.next; at != &wal->holds; at = at->next) {
        const struct wal_hold *hold = container_of(at, struct wal_hold, link);
        sequence = hold->sequence < sequence ? hold->sequence : sequence;
    }
    return sequence;
}

/* The place in the chain of the segment that has this record; of the first, if all begin behind it. */
static size_t segment_of(const struct wal *wal, uint64_t sequence)
{
    const struct chain *chain = &wal->chain;
    check(chain->count > 0);
    size_t i = chain->count - 1;
    while (i > 0 && chain->segments[i].first > sequence) {
        i--;
    }
    return i;
}

bool wal_hold_is_kept(const struct wal *wal, uint64_t oldest)
{
    return wal->chain.segments[segment_of(wal, oldest)].first <= least(wal);
}

static bool is_over(const struct wal *wal)
{
    return wal->failed || wal->closing;
}

/* After the least has, perhaps, changed. */
static void heed(struct wal *wal, bool always)
{
    uint64_t sequence = least(wal);
    if (is_over(wal) || sequence <= wal->keep_from) {
        return;
    }
    if (always || segment_of(wal, sequence) > 0) {
        check(sequence <= wal->synced + 1); /* wal P6: the snapshots' hold is */
        wal->keep_from = sequence;          /* wal_hold I1 */
    }
}

void wal_hold_begin(struct wal *wal)
{
    wal->keep_from = wal->mark.oldest;
    wal->snapshots = (struct wal_hold){.wal = wal, .sequence = wal->mark.oldest};
    list_push_back(&wal->holds, &wal->snapshots.link);
}

void wal_keep_from(struct wal *wal, uint64_t sequence)
{
    if (wal->config.policy == WAL_NONE || is_over(wal)) {
        return;
    }
    check(sequence <= wal->synced + 1);
    if (sequence > wal->snapshots.sequence) {
        wal->snapshots.sequence = sequence;
        heed(wal, true);
    }
    chain_trim(&wal->chain, wal->mark.oldest);
}

uint64_t wal_oldest(const struct wal *wal)
{
    if (wal->config.policy == WAL_NONE) {
        return 0;
    }
    /* If all of the segment being written may go, it does when the next one begins: right behind it. */
    bool spent = wal->keep_from > wal->written;
    return spent ? wal->keep_from : wal->chain.segments[segment_of(wal, wal->keep_from)].first;
}

enum status wal_hold(struct wal *wal, struct wal_hold *hold, uint64_t sequence)
{
    *hold = (struct wal_hold){.sequence = sequence};
    list_init(&hold->link);
    if (wal->config.policy == WAL_NONE || sequence < wal_oldest(wal)) { /* wal_hold I2 */
        return STATUS_NOT_FOUND;
    }
    hold->wal = wal;
    list_push_back(&wal->holds, &hold->link);
    return STATUS_OK;
}

void wal_hold_move(struct wal_hold *hold, uint64_t sequence)
{
    check(hold->wal != NULL && sequence >= hold->sequence);
    struct wal *wal = hold->wal;
    /* Only a hold on the oldest segment keeps anything from going. */
    bool oldest = wal->chain.count > 1 && hold->sequence < wal->chain.segments[1].first;
    hold->sequence = sequence;
    if (oldest) {
        heed(wal, false);
    }
}

void wal_release(struct wal_hold *hold)
{
    struct wal *wal = hold->wal;
    if (wal == NULL) {
        return;
    }
    hold->wal = NULL;
    list_remove(&hold->link);
    if (!list_empty(&wal->holds)) {
        heed(wal, false);
    }
}

void wal_find(const struct wal *wal, uint64_t sequence, bool synced, struct wal_place *out)
{
    const struct chain *chain = &wal->chain;
    check(sequence >= wal_oldest(wal)); /* wal P7 */
    size_t i = segment_of(wal, sequence);
    *out = (struct wal_place){.first = chain->segments[i].first};
    if (i + 1 < chain->count) {
        out->ended = true;
        out->last = chain->segments[i + 1].first - 1;
        out->end = chain->segments[i].size;
    } else {
        out->last = synced ? wal->synced : wal->written;
        out->end = synced ? wal->synced_offset : wal->offset;
    }
    check(out->last + 1 >= out->first);
}
