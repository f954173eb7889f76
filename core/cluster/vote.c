/* SPDX-License-Identifier: MIT */

/* vote.c - what a yes is.
 *
 * Why      The topology names a leader; that makes none. It may name two, or one that lacks what was acknowledged. What
 *          makes a leader is that a majority of those who have the data have promised to take records of no other, and
 *          that none of them has more than it.
 *
 * Idea     A yes has three steps, and only the last one is heard by anybody:
 *
 *            in memory    compared and raised in one moment, with the worker's position (replica/stand.h): from then on
 *                         nothing is granted to, taken from or acknowledged to a lower epoch
 *            on the disk  cluster.state, synced
 *            said         with the position that it was compared with
 *
 *          If the disk fails the first is taken back: nobody has heard of it. The one that was named goes through the
 *          same steps for its own yes before it asks anybody else.
 *
 * Promises
 *   P1  A yes is said after it is on the disk, and in no other case (cluster C7).
 *   P2  One epoch gets one yes of this replica: the same question again gets it again (cluster C7).
 *   P3  While its word to another leader may run, or its own lease, it is no (cluster C3, C5, C7).
 *   P4  Nobody else is asked before the candidate's own yes is on its disk (cluster C7); votes are counted by the set
 *       of the topology. */
#include "cluster/vote.h"

#include "base/check.h"

void voter_init(struct voter *voter, struct stand *stand, struct grant *grant, struct state *state)
{
    *voter = (struct voter){.stand = stand, .grant = grant, .state = state};
}

/* ---- being asked ---- */

static struct vote_waiting *find_room(struct voter *voter)
{
    for (unsigned i = 0; i < VOTE_WAITING; i++) {
        if (voter->waiting[i].voter == NULL) {
            return &voter->waiting[i];
        }
    }
    return NULL;
}

/* What stands against it, beside promise and position. */
static enum vote_answer judge(const struct voter *voter, const struct talk_vote *vote, const struct stand_promise *now,
                              int64_t lease_end_us, int64_t now_us)
{
    if (vote->topology < state_values(voter->state)->topology_version) {
        return VOTE_OLD; /* cluster C7 */
    }
    bool same = now->leader == vote->promise.leader && now->start == vote->promise.start;
    if (lease_end_us > now_us && !same) { /* vote P3: a leader that asks for a new epoch is still a leader */
        return VOTE_LEADS;
    }
    if (grant_forbids(voter->grant, vote->promise.leader, vote->promise.start, now, now_us)) {
        return VOTE_GRANTED; /* vote P3 */
    }
    return VOTE_YES;
}

static enum vote_answer answer_of(enum stand_answer answer)
{
    switch (answer) {
    case STAND_LOWER:
        return VOTE_LOWER;
    case STAND_OTHER:
        return VOTE_OTHER;
    case STAND_BEHIND:
        return VOTE_BEHIND;
    case STAND_OWES:
        return VOTE_OWES;
    case STAND_UNKNOWN:
        return VOTE_UNKNOWN;
    case STAND_YES:
        break;
    }
    return VOTE_YES;
}

static enum vote_answer raise(struct voter *voter, const struct talk_vote *vote, bool self,
                              struct stand_promise *before)
{
    struct stand_promise wanted = {vote->promise.epoch, vote->promise.leader, vote->promise.start};
    struct stand_position theirs = {vote->position.epoch, vote->position.sequence};
    return answer_of(stand_raise(voter->stand, &wanted, theirs, self, before)); /* vote P2 */
}

/* It could not be stored: as if nobody had asked. */
static void take_back(struct voter *voter, const struct vote_waiting *waiting)
{
    struct stand_promise promise;
    struct stand_position position, owes;
    stand_read(voter->stand, &promise, &position, &owes);
    if (promise.epoch == waiting->vote.promise.epoch) { /* nothing higher was promised meanwhile */
        stand_put_back(voter->stand, &waiting->before);
    }
}

/* What is on the disk may have been taken back in memory, since another try of the same failed; or something higher is
 * promised: so it is compared once more, and only what stands in both is a yes. */
static void on_saved(void *context, bool saved, const struct complaint *complaint)
{
    struct vote_waiting *waiting = context;
    struct voter *voter = waiting->voter;
    struct vote_waiting answer = *waiting;
    struct stand_promise before;
    enum vote_answer outcome = VOTE_UNSTORED;
    (void)complaint;
    waiting->voter = NULL;
    if (saved) {
        outcome = raise(voter, &answer.vote, answer.self, &before); /* vote P1 */
    } else {
        take_back(voter, &answer);
    }
    if (answer.on_answer != NULL) {
        answer.on_answer(answer.context, &answer.vote, outcome);
    }
}

static void store(struct voter *voter, struct vote_waiting *waiting, const struct talk_vote *vote)
{
    struct state_values values = *state_values(voter->state);
    values.promise = (struct stand_promise){vote->promise.epoch, vote->promise.leader, vote->promise.start};
    values.topology_version = vote->topology > values.topology_version ? vote->topology : values.topology_version;
    waiting->voter = voter;
    waiting->vote = *vote;
    state_save(voter->state, &values, on_saved, waiting);
}

void voter_take(struct voter *voter, const struct talk_vote *vote, bool self, int64_t lease_end_us, int64_t now_us,
                vote_answered *on_answer, void *context)
{
    struct stand_promise now;
    struct stand_position position, owes;
    struct vote_waiting *waiting = find_room(voter);
    stand_read(voter->stand, &now, &position, &owes);
    enum vote_answer answer = waiting != NULL ? judge(voter, vote, &now, lease_end_us, now_us) : VOTE_BUSY;
    if (answer == VOTE_YES) {
        answer = raise(voter, vote, self, &waiting->before);
    }
    if (answer != VOTE_YES) {
        on_answer(context, vote, answer);
        return;
    }
    waiting->on_answer = on_answer;
    waiting->context = context;
    waiting->self = self;
    store(voter, waiting, vote);
}

bool voter_is_free(const struct voter *voter, uint64_t candidate, uint64_t start, int64_t lease_end_us, int64_t now_us)
{
    struct stand_promise now;
    struct stand_position position, owes;
    stand_read(voter->stand, &now, &position, &owes);
    bool leads = lease_end_us > now_us && (now.leader != candidate || now.start != start);
    return !leads && !grant_forbids(voter->grant, candidate, start, &now, now_us);
}

void voter_forget(struct voter *voter, const void *context)
{
    for (unsigned i = 0; i < VOTE_WAITING; i++) {
        if (voter->waiting[i].context == context) {
            voter->waiting[i].on_answer = NULL;
        }
    }
}

/* ---- asking ---- */

void candidacy_begin(struct candidacy *candidacy, const struct talk_promise *promise, const struct record_epoch *set,
                     uint64_t topology, int64_t now_us)
{
    check(promise->epoch > 0 && promise->leader > 0 && promise->start > 0);
    check(set->replica_count <= RECORD_REPLICAS_MAX);
    *candidacy = (struct candidacy){.promise = *promise,
                                    .set = *set,
                                    .topology = topology,
                                    .until_us = now_us + (int64_t)CANDIDACY_MS * 1000,
                                    .highest = promise->epoch};
}

void candidacy_end(struct candidacy *candidacy)
{
    candidacy->promise = (struct talk_promise){0, 0, 0};
}

/* RECORD_REPLICAS_MAX: it is not of the set. */
static uint32_t place_of(const struct candidacy *candidacy, uint64_t node)
{
    for (uint32_t i = 0; i < candidacy->set.replica_count; i++) {
        if (candidacy->set.replicas[i] == node) {
            return i;
        }
    }
    return RECORD_REPLICAS_MAX;
}

static bool same(const struct talk_promise *one, const struct talk_promise *other)
{
    return one->epoch == other->epoch && one->leader == other->leader && one->start == other->start;
}

void candidacy_answer(struct candidacy *candidacy, uint64_t node, bool yes, const struct talk_promise *promised)
{
    uint32_t place = place_of(candidacy, node);
    if (!candidacy_runs(candidacy) || place == RECORD_REPLICAS_MAX) {
        return;
    }
    if (yes && same(promised, &candidacy->promise)) {
        candidacy->yes[place] = true;
        candidacy->own = candidacy->own || node == candidacy->promise.leader;
    }
    candidacy->highest = promised->epoch > candidacy->highest ? promised->epoch : candidacy->highest;
}

bool candidacy_asks(const struct candidacy *candidacy, uint64_t node)
{
    uint32_t place = place_of(candidacy, node);
    bool first = node == candidacy->promise.leader || candidacy->own; /* vote P4 */
    return candidacy_runs(candidacy) && place < RECORD_REPLICAS_MAX && !candidacy->yes[place] && first;
}

bool candidacy_is_won(const struct candidacy *candidacy)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < candidacy->set.replica_count; i++) {
        count += candidacy->yes[i];
    }
    return candidacy_runs(candidacy) && candidacy->own && count > candidacy->set.replica_count / 2;
}
