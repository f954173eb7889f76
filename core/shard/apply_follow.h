/* SPDX-License-Identifier: MIT */

/* apply_follow.h - a whole batch of a leader's history: into the log's tail, and into the data. See apply_follow.c for
 * the argument. */
#ifndef GEOMYS_SHARD_APPLY_FOLLOW_H
#define GEOMYS_SHARD_APPLY_FOLLOW_H

#include "shard/source.h"

/* The next batch of the stream whose type numbers `source` knows; its shard follows, and no batch is open. `batch` is
 * hostile. OK: it is in the tail as its author numbered it, every record was carried out, and the listeners have heard
 * of each as of a first execution. CORRUPT, INVALID, REFUSED, TOO_BIG as tail_adopt says: nothing has changed.
 * `*halfway`: it is in the tail, but could not be carried out to its end: what this shard holds is not its log any
 * more, and it must begin anew. O(bytes), and what the records cost. */
must_use enum status apply_follow(struct source *source, struct gm_bytes batch, bool *halfway,
                                  struct complaint *complaint);

#endif
