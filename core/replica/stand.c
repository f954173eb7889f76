/* SPDX-License-Identifier: MIT */

/* stand.c - the one place where a vote and an acknowledgement meet.
 *
 * Why      A replica that says yes to a new leader at position 100 must not acknowledge 101 to the old one afterwards:
 *          the old one would call it committed, and the new one would not have it. Votes are cast on one thread, and
 *          syncs end on another.
 *
 * Idea     Whoever acts says so here first, and is told whether the other was quicker. The worker publishes its
 *          position, and only then acknowledges; the cluster loop raises the promise and reads the position in the same
 *          moment. So one of the two comes first, and the other knows.
 *
 *            worker        sync ends ── publish 101 ─┬─ no higher promise: acknowledge 101
 *                                                    └─ a higher one: say nothing
 *            cluster loop  a vote ───── raise ───────── 101 is what it compares with
 *
 * Promises
 *   P1  A position that was acknowledged or counted in an epoch was published before a higher one was promised.
 *   P2  What is promised never falls, but by stand_put_back, for which nothing was answered.
 *   P4  Before the first position is published it is no: the log that is being read may have what the candidate lacks.
 *   P3  The lock is held for a few comparisons: nobody waits for a turn, a disk or a module. */
#include "replica/stand.h"

void stand_init(struct stand *stand, struct lock *lock)
{
    *stand = (struct stand){.lock = lock};
}

bool stand_publish(struct stand *stand, struct stand_position position, uint64_t epoch)
{
    lock_take(stand->lock);
    check(stand_compare(position, stand->position) >= 0); /* it falls by stand_fall alone */
    stand->position = position;
    stand->known = true;
    bool may = stand->promise.epoch <= epoch; /* stand P1 */
    lock_give(stand->lock);
    return may;
}

bool stand_allows(struct stand *stand, uint64_t epoch, uint64_t leader)
{
    lock_take(stand->lock);
    bool allows = stand->promise.epoch == epoch && stand->promise.leader == leader;
    lock_give(stand->lock);
    return allows;
}

void stand_fall(struct stand *stand, struct stand_position position, struct stand_position owes)
{
    lock_take(stand->lock);
    stand->position = position;
    if (stand_compare(owes, stand->owes) > 0) {
        stand->owes = owes;
    }
    lock_give(stand->lock);
}

void stand_recall(struct stand *stand, struct stand_position owes)
{
    lock_take(stand->lock);
    check(!stand->known);
    stand->owes = owes;
    lock_give(stand->lock);
}

void stand_settle(struct stand *stand)
{
    lock_take(stand->lock);
    check(stand_compare(stand->position, stand->owes) >= 0);
    stand->owes = (struct stand_position){0, 0};
    lock_give(stand->lock);
}

static bool same(const struct stand_promise *one, const struct stand_promise *other)
{
    return one->epoch == other->epoch && one->leader == other->leader && one->start == other->start;
}

static enum stand_answer judge(const struct stand *stand, const struct stand_promise *promise,
                               struct stand_position position, bool self)
{
    if (promise->epoch < stand->promise.epoch) {
        return STAND_LOWER; /* cluster C7 */
    }
    if (promise->epoch == stand->promise.epoch && !same(promise, &stand->promise)) {
        return STAND_OTHER; /* cluster C7 */
    }
    if (!stand->known) {
        return STAND_UNKNOWN; /* stand P4 */
    }
    if (self && stand->owes.epoch != 0) {
        return STAND_OWES; /* cluster C7 */
    }
    bool behind = stand_compare(position, stand->position) < 0 || stand_compare(position, stand->owes) < 0;
    return behind ? STAND_BEHIND : STAND_YES; /* cluster C7 */
}

enum stand_answer stand_raise(struct stand *stand, const struct stand_promise *promise, struct stand_position position,
                              bool self, struct stand_promise *before)
{
    check(promise->epoch > 0 && promise->leader > 0);
    lock_take(stand->lock);
    *before = stand->promise;
    enum stand_answer answer = judge(stand, promise, position, self);
    if (answer == STAND_YES) {
        check(promise->epoch >= stand->promise.epoch); /* stand P2 */
        stand->promise = *promise;
    }
    lock_give(stand->lock);
    return answer;
}

void stand_put_back(struct stand *stand, const struct stand_promise *before)
{
    lock_take(stand->lock);
    check(before->epoch <= stand->promise.epoch); /* stand P2 */
    stand->promise = *before;
    lock_give(stand->lock);
}

void stand_read(struct stand *stand, struct stand_promise *promise, struct stand_position *position,
                struct stand_position *owes)
{
    lock_take(stand->lock); /* stand P3 */
    *promise = stand->promise;
    *position = stand->position;
    *owes = stand->owes;
    lock_give(stand->lock);
}

bool stand_is_known(struct stand *stand)
{
    lock_take(stand->lock);
    bool known = stand->known;
    lock_give(stand->lock);
    return known;
}

void stand_remember(struct stand *stand, const struct stand_promise *promise)
{
    lock_take(stand->lock);
    check(stand->promise.epoch == 0);
    stand->promise = *promise;
    lock_give(stand->lock);
}
