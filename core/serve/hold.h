/* SPDX-License-Identifier: MIT */

/* hold.h - sessions whose next command must not run now: it stays in the connection's input, and with it all that comes
 * after it, until the reason is gone. So order is kept, nothing is copied, and memory is bounded by what bounds the
 * input.
 *
 * Promises
 *   I1  A session is held for one reason at a time, and counted as blocked while it is.
 *   I2  Whoever asks whether a command must wait does not hold anybody by asking.
 */
#ifndef GEOMYS_SERVE_HOLD_H
#define GEOMYS_SERVE_HOLD_H

#include "serve/worker.h"

/* No input of the session is taken from now on. */
void hold_take(struct session *session, enum hold_reason reason);

/* All who are held for this reason go on. O(them). */
void hold_release(struct worker *worker, enum hold_reason reason);

/* The session is held no more, and nothing is done for it: it ends. */
void hold_forget(struct session *session);

static inline bool hold_is_held(const struct session *session)
{
    return !list_empty(&session->held);
}

/* Whether the command writes to a key that is claimed (claim.h), or to a large value that a sweep has not dumped yet.
 * The sweep goes on with that value then, and lets go afterwards (sweep_claim). Between commands. O(keys and
 * claims). */
bool hold_disturbs(struct worker *worker, uint32_t database, const struct request *request);

/* Bytes that the answer to what a session is about to do may have, by the values under its keys. An estimate: of a
 * large value a command may show a little, and KEYS shows much without any. O(keys). */
uint64_t hold_may_show(const struct session *session, const struct request *request);

/* The session goes on, if it is held for HOLD_MEMORY, or for HOLD_ROUTE. */
void hold_end_memory(struct session *session);
void hold_end_route(struct session *session);

/* The same as hold_disturbs for what a session is about to do: queueing disturbs nobody, EXEC does what its commands
 * do. */
bool hold_disturbs_now(const struct session *session, const struct request *request);

#endif
