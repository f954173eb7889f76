/* SPDX-License-Identifier: MIT */

/* stint.h - a command that takes long does a part of its work in each turn, and the others are served between.
 *
 * Idea     A plan has no effect, so it can be run again (waiters.c does so for a key that changes). One that has done
 *          enough for a turn keeps what it has found, is parked, and goes on with that in the next turn. The client's
 *          later commands wait in its input, as behind any command that waits.
 *
 *          turn    | others | KEYS, begins | others | KEYS goes on | others | KEYS goes on, answers |
 *
 *          What it finds is no picture of one moment: that is for the plan to say of itself. Within EXEC, and for a
 *          caller that has no connection here, there is no next turn: the plan does all of it at once.
 *
 * Promises
 *   I1  A turn carries out one stint besides those of commands that begin: whoever has waited longest has it.
 *   I2  What was kept is released with the answer, or with the session.
 */
#ifndef GEOMYS_SERVE_STINT_H
#define GEOMYS_SERVE_STINT_H

#include "serve/call.h"

/* What a plan keeps between its stints: the beginning of a struct of its own. */
struct stint {
    void (*finish)(struct stint *stint); /* releases it */
    size_t bytes;                        /* that it takes, for now: they count to the client (holdings.h) */
    bool waits;                          /* it can only look whether it may go on: no turn is taken for it alone */
};

/* Whether the plan may go on later. [plan] */
bool stint_may(const struct call *call);

/* What was kept the last time: owned by the plan again. NULL: the command begins. [plan] */
struct stint *stint_take(const struct call *call);

/* How long one stint may take; where there is no next turn, as long as it takes. */
struct stint_slice {
    struct clock *clock; /* borrowed; NULL: a few steps instead */
    int64_t until_us;
    unsigned steps;
    bool may_stop;
};

/* A slice of about `us` microseconds begins. [plan] */
struct stint_slice stint_slice(const struct call *call, int64_t us);

/* Whether it is over, after another step. A look at the clock. */
bool stint_slice_is_over(struct stint_slice *slice);

/* Takes what the plan keeps over, and parks the call: the plan returns without a reply. stint_may. [plan] */
void stint_keep(struct call *call, struct stint *stint);

/* One stint of somebody. True: there are more to come. At the end of a turn. */
seldom bool stint_turn_slow(struct worker *worker);
static inline bool stint_turn(struct worker *worker)
{
    return __builtin_expect(!list_empty(&worker->stints), 0) && stint_turn_slow(worker);
}

/* The session's command goes on by itself, whatever its client does. */
static inline bool stint_is_under_way(const struct session *session)
{
    return !list_empty(&session->stints);
}

#endif
