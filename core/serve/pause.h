/* SPDX-License-Identifier: MIT */

/* pause.h - commands that are held back for a while: CLIENT PAUSE. See hold.h for how.
 *
 * While clients may not write nothing else changes the data either (shard_keep_still): keys whose time has come are
 * only treated as absent until the pause is over, and commands that wait for a key go on waiting, unless their own time
 * is over.
 *
 * Promises
 *   I1  A pause that comes during another makes it neither shorter nor weaker; CLIENT UNPAUSE ends both.
 *   I2  What cannot be carried out anyway is refused at once: only commands whose words fit are held back. */
#ifndef GEOMYS_SERVE_PAUSE_H
#define GEOMYS_SERVE_PAUSE_H

#include "serve/worker.h"

/* From now on until the moment (monotonic ms; pause I1): no writes, or with `all` no commands but CLIENT's, QUIT and
 * RESET. */
void pause_begin(struct worker *worker, int64_t until_ms, bool all);

/* What was held back goes on. */
void pause_end(struct worker *worker);

/* At the beginning of a turn: ends a pause whose time is over. */
void pause_turn(struct worker *worker);

/* Whether the session's command must not run now. Only while there is a pause. */
bool pause_stops(const struct session *session, const struct request *request);

#endif
