/* SPDX-License-Identifier: MIT */

/* guard.c - holding and letting go; guard.h has the argument. */
#include "serve/guard.h"

#include "serve/call.h"
#include "serve/hold.h"

#define STEP_MS 8 /* those who are held are looked at so often */

void guard_note(struct session *session, bool right)
{
    struct worker *worker = session->worker;
    if (right) {
        session->guess = (struct guess_record){0}; /* not those of its address: they may be somebody else's */
    } else {
        guess_wrong(&worker->guesses, &session->guess, session->address, worker->monotonic_ms);
        worker->meters.counts.guesses++;
    }
}

bool guard_stops(struct session *session, const struct request *request)
{
    struct worker *worker = session->worker;
    int64_t now_ms = worker->monotonic_ms;
    if (worker->guesses.wrong == 0 || request->command == NULL || (request_flags(request) & CALL_SECRET) == 0) {
        return false; /* guard I2 */
    }
    if (session->guess_at_ms == 0) {
        session->guess_at_ms = now_ms + guess_delay_ms(&worker->guesses, &session->guess, session->address, now_ms);
    }
    if (now_ms < session->guess_at_ms) {
        check(session->guess_at_ms <= now_ms + GUESS_DELAY_MAX_MS); /* guard I1 */
        bool sooner = session->guess_at_ms < worker->guess_next_ms;
        worker->guess_next_ms = sooner ? session->guess_at_ms : worker->guess_next_ms;
        return true;
    }
    session->guess_at_ms = 0;
    return false;
}

void guard_let_go(struct worker *worker)
{
    struct list *held = &worker->held[HOLD_GUESS];
    int64_t next_ms = INT64_MAX;
    for (struct list *at = held->next; at != held;) {
        struct session *session = container_of(at, struct session, held);
        at = at->next;
        if (session->guess_at_ms <= worker->monotonic_ms) {
            hold_forget(session);
            session_resume(session);
        } else {
            next_ms = session->guess_at_ms < next_ms ? session->guess_at_ms : next_ms;
        }
    }
    int64_t step_ms = worker->monotonic_ms + STEP_MS;
    worker->guess_next_ms = list_empty(held) ? INT64_MAX : next_ms > step_ms ? next_ms : step_ms;
}
