/* SPDX-License-Identifier: MIT */

/* lease.c - two clocks, and one word between them.
 *
 * Why      A leader that was deposed does not know it at once. Until it does it must not answer: what it says may be
 *          old. It cannot ask before each answer; so the replicas give their word for a while.
 *
 * Idea     A beat says when it was sent, by the leader's clock; the grant hands that back. The leader counts from the
 *          sending, a replica from a reading of its own clock behind the receiving, which is later: whatever the
 *          network did, the replica's word lasts longer than the leader believes.
 *
 *            leader     sent ────────────── lease, less a tenth ──────┤ answers no more
 *                         └─► beat ─┐
 *            replica            received ─────────── lease ───────────────┤ may say yes to another
 *
 *          A tenth is what two clocks may differ by in their speed.
 *
 * Promises
 *   P1  A leader's lease ends before the grants of a majority do, if no clock runs more than a tenth faster than
 *       another (cluster C3).
 *   P2  A grant is given to the (leader, start) alone that was promised, in whichever of its epochs, and never
 *       shortened but by its leader's own word (cluster C3, section 7).
 *   P3  A replica that was started says yes to nobody but whom it had promised before the longest lease that it may
 *       have granted has run out (cluster C5). */
#include "cluster/lease.h"

#include "base/check.h"

#define DRIFT_SHARE 10 /* a tenth of the lease is given up for clocks that drift */

/* ---- the leader's side ---- */

void lease_begin(struct lease *lease, const struct record_epoch *set)
{
    check(set->leader > 0 && set->replica_count <= RECORD_REPLICAS_MAX);
    *lease = (struct lease){.set = *set};
    for (uint32_t i = 0; i < RECORD_REPLICAS_MAX; i++) {
        lease->ends_us[i] = LEASE_NEVER;
    }
}

/* RECORD_REPLICAS_MAX: it is not of the set. */
static uint32_t place_of(const struct lease *lease, uint64_t node)
{
    for (uint32_t i = 0; i < lease->set.replica_count; i++) {
        if (lease->set.replicas[i] == node) {
            return i;
        }
    }
    return RECORD_REPLICAS_MAX;
}

void lease_change(struct lease *lease, const struct record_epoch *set)
{
    struct lease before = *lease;
    lease_begin(lease, set);
    for (uint32_t i = 0; i < set->replica_count; i++) {
        uint32_t place = place_of(&before, set->replicas[i]);
        lease->ends_us[i] = place < RECORD_REPLICAS_MAX ? before.ends_us[place] : LEASE_NEVER;
    }
}

void lease_granted(struct lease *lease, uint64_t node, int64_t sent_us, uint32_t lease_ms)
{
    uint32_t place = place_of(lease, node);
    int64_t length_us = (int64_t)lease_ms * 1000;
    int64_t end_us = sent_us + length_us - length_us / DRIFT_SHARE; /* lease P1 */
    if (place < RECORD_REPLICAS_MAX && end_us > lease->ends_us[place]) {
        lease->ends_us[place] = end_us;
    }
}

void lease_forget(struct lease *lease, uint64_t node)
{
    uint32_t place = place_of(lease, node);
    if (place < RECORD_REPLICAS_MAX) {
        lease->ends_us[place] = LEASE_NEVER;
    }
}

/* How many of the set let nobody else lead up to this moment, the leader too. */
static uint32_t count_until(const struct lease *lease, int64_t moment_us)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lease->set.replica_count; i++) {
        count += lease->set.replicas[i] == lease->set.leader || lease->ends_us[i] >= moment_us;
    }
    return count;
}

int64_t lease_end_us(const struct lease *lease)
{
    int64_t best = LEASE_NEVER;
    uint32_t count = lease->set.replica_count;
    if (count <= 1) {
        return INT64_MAX; /* cluster C6 */
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t end_us = lease->ends_us[i];
        if (lease->set.replicas[i] != lease->set.leader && end_us > best && count_until(lease, end_us) > count / 2) {
            best = end_us;
        }
    }
    return best;
}

/* ---- a replica's side ---- */

void grant_init(struct grant *grant, uint32_t ceiling_ms, int64_t now_us)
{
    *grant = (struct grant){.until_us = LEASE_NEVER,
                            .sent_us = LEASE_NEVER,
                            .quiet_us = now_us + (int64_t)ceiling_ms * 1000, /* lease P3 */
                            .ceiling_ms = ceiling_ms};
}

static bool is_promised(uint64_t leader, uint64_t start, const struct stand_promise *promise)
{
    return promise->leader == leader && promise->start == start;
}

enum grant_answer grant_take(struct grant *grant, const struct grant_beat *beat, const struct stand_promise *promise,
                             int64_t now_us)
{
    bool same = grant->leader == beat->leader && grant->start == beat->start;
    if (!is_promised(beat->leader, beat->start, promise) || beat->epoch > promise->epoch) { /* lease P2 */
        return GRANT_NO;
    }
    if (same && beat->sent_us < grant->sent_us) {
        return GRANT_NO; /* it says nothing that is not known */
    }
    if (beat->lease_ms > grant->ceiling_ms) {
        return GRANT_STORE; /* lease P3 */
    }
    int64_t until_us = now_us + (int64_t)beat->lease_ms * 1000;
    grant->until_us = same && grant->until_us > until_us ? grant->until_us : until_us; /* lease P2 */
    grant->leader = beat->leader;
    grant->start = beat->start;
    grant->sent_us = beat->sent_us;
    return GRANT_YES;
}

void grant_ceiling(struct grant *grant, uint32_t ceiling_ms)
{
    grant->ceiling_ms = ceiling_ms;
}

void grant_resigned(struct grant *grant, uint64_t leader, uint64_t start, int64_t sent_us)
{
    if (grant->leader == leader && grant->start == start && sent_us >= grant->sent_us) {
        grant->until_us = LEASE_NEVER;
        grant->sent_us = sent_us;
    }
}

/* Until when this replica is bound, whoever asks. */
static int64_t bound_us(const struct grant *grant)
{
    return grant->until_us > grant->quiet_us ? grant->until_us : grant->quiet_us;
}

bool grant_forbids(const struct grant *grant, uint64_t candidate, uint64_t start, const struct stand_promise *promise,
                   int64_t now_us)
{
    bool other = grant->leader != candidate || grant->start != start;
    bool runs = other && grant->leader != 0 && now_us < grant->until_us;
    bool quiet = !is_promised(candidate, start, promise) && now_us < grant->quiet_us; /* lease P3 */
    return runs || quiet;
}

uint32_t grant_wait_ms(const struct grant *grant, int64_t now_us)
{
    int64_t rest_us = bound_us(grant) > now_us ? bound_us(grant) - now_us : 0;
    return (uint32_t)((rest_us + 999) / 1000);
}
