/* SPDX-License-Identifier: MIT */

/* datatime.c - what time it is in the data.
 *
 * Why      Keys expire by a clock. If each node judged them by its own, a change of leader would bring back what was
 *          gone, or end a lock that somebody holds: clocks of machines are seconds apart, and some are wrong by hours.
 *
 * Idea     There is one time, and it only goes forward. The leader says it: the later of its wall clock and of what the
 *          data have already, running on by a clock that never jumps. Each record carries it, and each progress; who
 *          follows takes it from there, and lets it run on between them. So a new leader begins where the old one was.
 *
 *          A time that was once too late cannot go back, but it can go slowly: ahead of the wall clock by more than
 *          AHEAD_MS it runs at half the pace, until that has come. So a jump of an hour is gone after two. A follower
 *          that is ahead of its leader at all does the same.
 *
 * Promises
 *   P1  It never goes back, and never stands still for two milliseconds, but where the data begin anew.
 *   P2  A leader's is not before the newest record's. */
#include "replica/datatime.h"

#include "base/check.h"

#define AHEAD_MS 1000

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A sum that cannot be is no reason to jump: whoever said the time may be wrong. */
static int64_t plus(int64_t moment_ms, int64_t span_ms)
{
    int64_t sum;
    return __builtin_add_overflow(moment_ms, span_ms, &sum) ? moment_ms : sum;
}

static bool is_ahead(int64_t now_ms, int64_t of_ms, int64_t most_ms)
{
    int64_t by_ms;
    return __builtin_sub_overflow(now_ms, of_ms, &by_ms) ? now_ms > of_ms : by_ms > most_ms;
}

/* Half of it, without losing the odd one. */
static int64_t halve(struct datatime *time, int64_t span_ms)
{
    int64_t both = span_ms + time->half;
    time->half = both % 2;
    return both / 2;
}

int64_t datatime_turn(struct datatime *time, bool leads, int64_t newest_ms, int64_t wall_ms, int64_t monotonic_ms)
{
    if (!time->known) {
        time->known = true;
        time->now_ms = newest_ms != 0 ? newest_ms : wall_ms;
        time->at_ms = monotonic_ms;
    }
    int64_t before_ms = time->now_ms;
    int64_t passed_ms = later(monotonic_ms - time->at_ms, 0);
    time->at_ms = later(monotonic_ms, time->at_ms);
    int64_t running_ms = plus(before_ms, passed_ms);
    int64_t told_ms = leads ? wall_ms : running_ms;
    if (!leads && time->heard) {
        told_ms = plus(time->heard_ms, later(monotonic_ms - time->heard_at_ms, 0));
    }
    bool slowly = is_ahead(running_ms, told_ms, leads ? AHEAD_MS : 0);
    int64_t now_ms = later(slowly ? plus(before_ms, halve(time, passed_ms)) : running_ms, told_ms);
    now_ms = leads ? later(now_ms, newest_ms) : now_ms; /* datatime P2 */
    check(now_ms >= before_ms);                         /* datatime P1 */
    time->now_ms = now_ms;
    return now_ms;
}

void datatime_hear(struct datatime *time, int64_t time_ms, int64_t monotonic_ms)
{
    time->heard = true;
    time->heard_ms = time_ms;
    time->heard_at_ms = monotonic_ms;
}

void datatime_forget(struct datatime *time)
{
    *time = (struct datatime){0};
}
