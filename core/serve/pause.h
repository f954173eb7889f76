/* SPDX-License-Identifier: MIT */

/* pause.h - commands that are held back for a while: CLIENT PAUSE.
 *
 * Idea     Nothing is kept: a command that must not run now stays in its connection's input, and with it all that comes
 *          after it. When the pause is over the input is taken again. So order is kept and memory is bounded by what
 *          bounds the input.
 *
 *          While clients may not write nothing else changes the data either (shard_may_change): keys whose time has
 *          come are only treated as absent until the pause is over, and commands that wait for a key go on waiting,
 *          unless their own time is over. */
#ifndef GEOMYS_SERVE_PAUSE_H
#define GEOMYS_SERVE_PAUSE_H

#include "shard/shard.h"

/* From now on until the moment (monotonic ms, or later if a longer pause is under way): no writes, or with `all` no
 * commands but CLIENT's, QUIT and RESET. */
void pause_begin(struct shard *shard, int64_t until_ms, bool all);

/* What was held back goes on. */
void pause_end(struct shard *shard);

/* Whether the command must not run now; then the session is held until pause_end. Only while there is a pause. */
bool pause_holds(struct session *session, const struct gm_bytes *argv, uint32_t argc);

/* The session ends. */
void pause_forget(struct session *session);

#endif
