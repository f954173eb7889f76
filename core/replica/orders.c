/* SPDX-License-Identifier: MIT */

/* orders.c - two threads that never wait for each other, and one place where each leaves what the other is to know.
 *
 * Why      A worker may be in a command of seconds, and the cluster loop must beat and vote meanwhile. So neither calls
 *          the other.
 *
 * Idea     The cluster loop writes down what it wants, with a number; the worker looks once per turn whether the number
 *          is another, and does what is there then: the newest, not each in turn. Whether it may still do it the stand
 *          says (stand.h), not these: orders that come late are refused by it. In the other direction the worker leaves
 *          a report per turn.
 *
 *          The lease's end stands here, too, and is compared with a clock behind whatever was computed.
 *
 * Promises
 *   P1  The lock is held while some hundred bytes are copied, and no call is made meanwhile. */
#include "replica/orders.h"

void orders_init(struct orders *orders, struct lock *lock, struct clock *clock)
{
    *orders = (struct orders){.lock = lock, .clock = clock, .lease_end_us = INT64_MIN};
}

static int64_t clock_now(const struct orders *orders)
{
    return orders->clock->ops->monotonic_us(orders->clock);
}

void orders_give(struct orders *orders, const struct orders_now *now)
{
    lock_take(orders->lock);
    uint64_t number = orders->now.number + 1;
    orders->now = *now;
    orders->now.number = number;
    lock_give(orders->lock); /* orders P1: before anybody is called */
    if (orders->wake != NULL) {
        orders->wake(orders->context);
    }
}

void orders_lease(struct orders *orders, int64_t end_us)
{
    int64_t now_us = orders->clock != NULL ? clock_now(orders) : 0;
    lock_take(orders->lock);
    int64_t before = orders->lease_end_us;
    if (now_us < end_us) {
        orders->lost_us = end_us;
    } else if (before > now_us) {
        orders->lost_us = now_us; /* it was taken away */
    }
    orders->lease_end_us = end_us;
    lock_give(orders->lock);
    if (orders->wake != NULL && (before > now_us) != (end_us > now_us)) {
        orders->wake(orders->context);
    }
}

void orders_heard(struct orders *orders, struct orders_report *out)
{
    lock_take(orders->lock);
    *out = orders->report;
    lock_give(orders->lock);
}

bool orders_take(struct orders *orders, uint64_t known, struct orders_now *out)
{
    lock_take(orders->lock);
    bool other = orders->now.number != known;
    if (other) {
        *out = orders->now;
    }
    lock_give(orders->lock);
    return other;
}

bool orders_may_answer(struct orders *orders)
{
    if (orders->clock == NULL) {
        return true;
    }
    /* The end first, then the clock: an end that is moved on meanwhile only makes the answer no. */
    lock_take(orders->lock);
    int64_t end_us = orders->lease_end_us;
    lock_give(orders->lock);
    return end_us == INT64_MAX || (end_us != INT64_MIN && clock_now(orders) < end_us); /* cluster C4 */
}

uint64_t orders_without_lease_ms(struct orders *orders)
{
    if (orders_may_answer(orders)) {
        return 0;
    }
    lock_take(orders->lock);
    int64_t lost_us = orders->lost_us;
    lock_give(orders->lock);
    int64_t passed_us = clock_now(orders) - lost_us;
    return passed_us > 0 ? (uint64_t)passed_us / 1000 : 0;
}

void orders_tell(struct orders *orders, const struct orders_report *report)
{
    lock_take(orders->lock);
    orders->report = *report;
    lock_give(orders->lock);
}
