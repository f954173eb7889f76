/* SPDX-License-Identifier: MIT */

/* renew.h - a worker goes over to a newer registry, with its shard and all that its sessions have kept of the old
 * one. */
#ifndef GEOMYS_SERVE_RENEW_H
#define GEOMYS_SERVE_RENEW_H

#include "serve/worker.h"

/* `newer` was made from the worker's registry; the shard holds it from now on. Between turns, not while the shard is
 * loading. What is queued by MULTI, or waits, is the newer registry's command of that name; where there is none, or
 * where the words do not fit its grammar, the client is told so: in EXEC's answer, or at the end of the turn.
 * STATUS_TOO_BIG: there would be too many types; nothing has changed then. O(commands + sessions + what they keep). */
must_use enum status renew(struct worker *worker, const struct registry *newer, struct complaint *complaint);

#endif
