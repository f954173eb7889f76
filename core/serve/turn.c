/* SPDX-License-Identifier: MIT */

/* turn.c - the order of things; turn.h says which. */
#include "serve/turn.h"

#include "serve/due.h"
#include "serve/guard.h"
#include "serve/pause.h"
#include "serve/stint.h"
#include "serve/waiters.h"
#include "shard/build.h"
#include "shard/upkeep.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void turn_begin(struct worker *worker, int64_t now_ms, int64_t monotonic_ms)
{
    check(worker->depth == 0);
    worker->now_ms = now_ms;
    worker->monotonic_ms = monotonic_ms;
    latency_turn(&worker->meters.latency, now_ms);
    shard_turn(worker->shard, now_ms, monotonic_ms);
    pause_turn(worker);
    guard_turn(worker);
    waiters_time_out(worker);
}

bool turn_end(struct worker *worker)
{
    check(worker->depth == 0 && worker->sessions.executing == NULL);
    bool more = upkeep_turn(worker->shard);
    more |= due_turn(worker); /* before those who wait are served: they wait for it, too */
    waiters_synced(worker);
    waiters_time_out(worker);
    waiters_serve(worker);
    more |= stint_turn(worker);
    builds_reap(worker->shard, false);            /* of the commands of this turn; whoever waited for them goes on */
    more |= tracking_turn_end(&worker->tracking); /* the last that looks at changes */
    arena_reset(&worker->arena);
    return more;
}

int64_t turn_next_ms(const struct worker *worker)
{
    int64_t next = least(upkeep_next_ms(worker->shard), due_next_ms(worker));
    const struct heap_node *first = heap_first(&worker->timeouts);
    if (first != NULL) {
        next = least(next, first->at > worker->monotonic_ms ? first->at : worker->monotonic_ms);
    }
    if (worker->pause_until_ms != 0) {
        next = least(next, worker->pause_until_ms);
    }
    return least(next, worker->guess_next_ms);
}
