/* SPDX-License-Identifier: MIT */

/* guard.h - who would try a password waits, after wrong ones.
 *
 * Idea     The command waits in the input (hold.h) for as long as guess.h says, and then it is looked at: so nobody is
 *          ever refused for what somebody else has tried. A right one waits as long, or its being quick would tell.
 *
 * Promises
 *   I1  Nobody waits longer than GUESS_DELAY_MAX_MS, and a turn, for one password.
 *   I2  As long as none was wrong nobody waits.
 */
#ifndef GEOMYS_SERVE_GUARD_H
#define GEOMYS_SERVE_GUARD_H

#include "serve/worker.h"

/* The password that the session has shown was wrong, or right. O(1). */
void guard_note(struct session *session, bool right);

/* Whether the session's next command, which may show a password, must wait: then it is to be held. O(1). */
bool guard_stops(struct session *session, const struct request *request);

/* At the beginning of a turn: those whose time is over go on. O(those held), every few milliseconds. */
seldom void guard_let_go(struct worker *worker);
static inline void guard_turn(struct worker *worker)
{
    if (__builtin_expect(worker->monotonic_ms >= worker->guess_next_ms, 0)) {
        guard_let_go(worker);
    }
}

#endif
