/* SPDX-License-Identifier: MIT */

/* loop.h - a node's part in its cluster beside the data: who belongs to it, who leads, until when. See loop.c for the
 * argument.
 *
 *     loop_create ─► node_create (with loop_identity) ─► loop_attach ─► turns, on a thread of their own ─► loop_destroy
 *
 * [its own thread, but for create, identity and attach, which come before the turns] */
#ifndef GEOMYS_CLUSTER_LOOP_H
#define GEOMYS_CLUSTER_LOOP_H

#include "cluster/loop_config.h"
#include "replica/feed.h"
#include "replica/stand.h"

struct loop;

/* Opens cluster.state and the engine's files, or makes them, and counts the start. CORRUPT, VERSION, INVALID (the
 * folder of another node, or nothing says which cluster it is to be in), or what the disk says, with a sentence.
 * Blocks. */
must_use enum status loop_create(struct loop **out, const struct loop_config *config, struct complaint *complaint);

/* The disk has been drained; the peer is gone, or nobody has it turn any more. NULL is fine. */
void loop_destroy(struct loop *loop);

/* Who this node is, for its worker. The cluster is all zeros as long as it is in none (the orders say it later). */
struct feed_identity loop_identity(const struct loop *loop);

/* The stand of the replica that it votes for. Before the first turn. */
void loop_attach(struct loop *loop, struct stand *stand);

/* The worker has closed in order: it answers nothing any more. True: this node leads others, and hands over in the
 * turns that follow, until loop_has_resigned, which takes a second at most. */
bool loop_resign(struct loop *loop);
bool loop_has_resigned(const struct loop *loop);

void loop_turn(struct loop *loop, int64_t wall_ms, int64_t monotonic_ms);

/* Returns when the next turn is wanted at the latest, monotonic ms. Completions of its disk and callbacks of its peer
 * come between loop_turn and this. */
int64_t loop_turn_end(struct loop *loop);

/* NULL, or why the process is to end: a sentence, borrowed. */
const char *loop_trouble(const struct loop *loop);

/* What it knows, copied under the lock of the orders. `out` is large: not on a stack that is small.
 * O(members). [any thread] */
void loop_look(const struct loop *loop, struct loop_view *out);

#endif
