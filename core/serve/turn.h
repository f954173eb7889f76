/* SPDX-License-Identifier: MIT */

/* turn.h - a worker's life in turns: what happens at the beginning and at the end of each, in order. */
#ifndef GEOMYS_SERVE_TURN_H
#define GEOMYS_SERVE_TURN_H

#include "serve/worker.h"

/* Begins a turn with its time, for the shard too. A pause whose time is over ends, and whoever has waited long enough
 * is answered. */
void turn_begin(struct worker *worker, int64_t now_ms, int64_t monotonic_ms);

/* What has expired goes, then what there is no memory for; whoever waits is served; a command that takes long goes on;
 * clients that keep copies hear of the changes. A bounded amount of each. True: there is more to do at once. */
bool turn_end(struct worker *worker);

/* When turn_begin wants to be called at the latest, monotonic ms: a wait, a pause or an expiry is over. INT64_MAX: no
 * wish. */
int64_t turn_next_ms(const struct worker *worker);

#endif
