/* SPDX-License-Identifier: MIT */

/* stint.c - who goes on, and when; stint.h has the argument. */
#include "serve/stint.h"

#include "serve/exec.h"
#include "serve/waiters.h"

#define STEPS 2 /* of a slice without a clock */

bool stint_may(const struct call *call)
{
    return !call->nested && !call->timed_out && call->caller.session != NULL;
}

struct stint *stint_take(const struct call *call)
{
    struct session *session = call->caller.session;
    if (!call->again || session == NULL) {
        return NULL;
    }
    struct stint *stint = session->stint;
    session->stint = NULL;
    session->stint_bytes = 0;
    return stint;
}

struct stint_slice stint_slice(const struct call *call, int64_t us)
{
    struct clock *clock = call->shard->clock;
    bool may_stop = stint_may(call);
    int64_t until_us = may_stop && clock != NULL ? clock->ops->monotonic_us(clock) + us : 0;
    return (struct stint_slice){.clock = clock, .until_us = until_us, .may_stop = may_stop};
}

bool stint_slice_is_over(struct stint_slice *slice)
{
    struct clock *clock = slice->clock;
    if (!slice->may_stop) {
        return false;
    }
    return clock == NULL ? ++slice->steps >= STEPS : clock->ops->monotonic_us(clock) >= slice->until_us;
}

void stint_keep(struct call *call, struct stint *stint)
{
    struct session *session = call_session(call);
    check(stint_may(call) && session->stint == NULL);
    session->stint = stint;
    session->stint_bytes = stint->bytes;
    call->waits = true;
    call->wait_ms = 0;
    call->keep = BYTES_NONE;
}

/* Whether anybody could do more in a turn of its own. */
static bool is_work(const struct worker *worker)
{
    const struct list *at = worker->stints.next;
    while (at != &worker->stints && container_of(at, const struct session, stints)->stint->waits) {
        at = at->next;
    }
    return at != &worker->stints;
}

bool stint_turn_slow(struct worker *worker)
{
    struct session *session = container_of(worker->stints.next, struct session, stints);
    list_remove(&session->stints);
    list_push_back(&worker->stints, &session->stints); /* stint I1 */
    if (exec_again(session, false)) {
        waiters_release(session);
    }
    session_note(session);
    return is_work(worker);
}
