/* SPDX-License-Identifier: MIT */

/* choose.c - naming a leader that can win.
 *
 * Why      The topology may name anybody: a vote decides (vote.c). But whoever is named and cannot get the votes costs
 *          an epoch and some seconds in which nobody answers. And an operator wants to know which of several equal
 *          nodes it will be.
 *
 * Idea     The question has no effect, so it may be asked at any time. Of those who answered
 *
 *            free       would say yes: nobody has their word
 *            able       owe nothing
 *            willing    for one of the able: free, and neither their position nor what they owe is above its own
 *
 *          named is the able one with the greatest position; among exactly equal ones those that are fit come first,
 *          and then the highest node ID. It is named if a majority is willing to follow it.
 *
 * Promises
 *   P1  Whom it names has the votes of a majority, if nothing changes until they are asked.
 *   P2  The same answers give the same choice, whoever the controller is; so two controllers do no harm.
 *   P3  A greater position comes before a higher number: nothing is lost for the sake of an order. */
#include "cluster/choose.h"

static int compare(struct talk_place one, struct talk_place other)
{
    if (one.epoch != other.epoch) {
        return one.epoch < other.epoch ? -1 : 1;
    }
    return one.sequence < other.sequence ? -1 : one.sequence > other.sequence;
}

static bool owes(const struct choose_view *view)
{
    return view->stands.owes.epoch != 0;
}

/* Whether `view` would be followed before `best`, which has the lower node ID. */
static bool is_better(const struct choose_view *view, const struct choose_view *best)
{
    int order = compare(view->stands.position, best->stands.position);
    if (order != 0) {
        return order > 0; /* choose P3 */
    }
    return view->stands.fit || !best->stands.fit;
}

static bool is_willing(const struct choose_view *view, const struct choose_view *named)
{
    return view->heard && view->stands.free && compare(view->stands.position, named->stands.position) <= 0 &&
           compare(view->stands.owes, named->stands.position) <= 0;
}

static uint32_t count_willing(const struct topology_shard *shard, const struct choose_view *views,
                              const struct choose_view *named)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        count += is_willing(&views[i], named);
    }
    return count;
}

/* The place of the one to be named; replica_count: there is none. */
static uint32_t best_of(const struct topology_shard *shard, const struct choose_view *views)
{
    uint32_t best = shard->replica_count;
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        bool able = views[i].heard && views[i].stands.free && !owes(&views[i]);
        if (able && (best == shard->replica_count || is_better(&views[i], &views[best]))) {
            best = i; /* node IDs ascend: among equal ones the last, choose P2 */
        }
    }
    return best;
}

/* What was heard all in all. */
struct tally {
    uint32_t heard, free;
    uint64_t epoch;   /* the highest that was named or promised */
    uint32_t wait_ms; /* the longest of those that are not free */
};

static struct tally count_all(const struct topology_shard *shard, const struct choose_view *views)
{
    struct tally tally = {.epoch = shard->epoch};
    for (uint32_t i = 0; i < shard->replica_count; i++) {
        const struct talk_stands *stands = &views[i].stands;
        if (!views[i].heard) {
            continue;
        }
        tally.heard++;
        tally.free += stands->free;
        tally.epoch = stands->promise.epoch > tally.epoch ? stands->promise.epoch : tally.epoch;
        if (!stands->free && stands->wait_ms > tally.wait_ms) {
            tally.wait_ms = stands->wait_ms;
        }
    }
    return tally;
}

struct choice choose(const struct topology_shard *shard, const struct choose_view *views)
{
    struct tally tally = count_all(shard, views);
    struct choice choice = {.wait_ms = tally.wait_ms};
    uint32_t majority = shard->replica_count / 2 + 1;
    if (tally.heard < majority) {
        choice.outcome = CHOOSE_TOO_FEW_HEARD;
        return choice;
    }
    if (tally.free < majority) {
        choice.outcome = CHOOSE_NOT_FREE;
        return choice;
    }
    uint32_t best = best_of(shard, views);
    if (best == shard->replica_count || count_willing(shard, views, &views[best]) < majority) { /* choose P1 */
        choice.outcome = CHOOSE_NOBODY_CAN;
        return choice;
    }
    choice.outcome = CHOOSE_NAMED;
    choice.leader = shard->replicas[best];
    choice.epoch = tally.epoch + 1;
    return choice;
}
