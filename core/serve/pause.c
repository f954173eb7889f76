/* SPDX-License-Identifier: MIT */

/* pause.c - who is held back; pause.h has the argument. */
#include "serve/pause.h"

#include "serve/call.h"
#include "serve/hold.h"

void pause_begin(struct worker *worker, int64_t until_ms, bool all)
{
    if (until_ms <= worker->monotonic_ms) {
        return;
    }
    bool all_paused = worker->pause_until_ms != 0 && worker->pause_all;
    worker->pause_until_ms = until_ms > worker->pause_until_ms ? until_ms : worker->pause_until_ms; /* pause I1 */
    worker->pause_all = all || all_paused;                                                          /* pause I1 */
    check(worker->pause_until_ms > worker->monotonic_ms);
    shard_keep_still(worker->shard, true);
}

void pause_end(struct worker *worker)
{
    worker->pause_until_ms = 0;
    shard_keep_still(worker->shard, false);
    hold_release(worker, HOLD_PAUSE);
    check(list_empty(&worker->held[HOLD_PAUSE]));
}

void pause_turn(struct worker *worker)
{
    if (worker->pause_until_ms != 0 && worker->pause_until_ms <= worker->monotonic_ms) {
        pause_end(worker);
    }
}

static bool writes(const struct transaction *transaction, uint32_t flags)
{
    bool alike = (flags & CALL_WRITE_ALIKE) != 0 && (!transaction->open || (transaction->flags & GM_WRITE) != 0);
    return (flags & GM_WRITE) != 0 || alike;
}

bool pause_stops(const struct session *session, const struct request *request)
{
    check(session->worker->pause_until_ms != 0);
    if (session->caller.user == NULL || !request_is_sound(request)) {
        return false; /* pause I2 */
    }
    uint32_t flags = request_flags(request);
    return session->worker->pause_all ? (flags & CALL_UNPAUSED) == 0 : writes(&session->transaction, flags);
}
