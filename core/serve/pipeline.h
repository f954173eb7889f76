/* SPDX-License-Identifier: MIT */

/* pipeline.h - a session's input: the commands that have arrived together, and the memory that they will look at.
 *
 * Why      With millions of keys a look-up is two cache misses, of the bucket and of the entry: more than all else that
 *          a GET costs. Commands that arrived together can have theirs at the same time.
 *
 * Idea     Parse and resolve up to PIPELINE_MAX commands ahead, ask for all their buckets, then for all their entries,
 *          then carry them out one after the other.
 *
 * Promises
 *   I1  What was parsed ahead and not carried out stays in the input: the session may wait, be held back, or end with
 *       any command.
 *   I2  Before the password a session gets one command at a time: what the first one changes holds for the second.
 */
#ifndef GEOMYS_SERVE_PIPELINE_H
#define GEOMYS_SERVE_PIPELINE_H

#include "serve/worker.h"

#define PIPELINE_MAX 16 /* commands */

/* Takes the bytes that have arrived and were not consumed yet, carries out the commands in them, and returns how many
 * it has consumed. `wants`: how many unconsumed bytes it takes to go on. A session that waits or is held back consumes
 * nothing; a doomed one discards all input. */
size_t pipeline_input(struct session *session, const uint8_t *data, size_t size, size_t *wants);

#endif
