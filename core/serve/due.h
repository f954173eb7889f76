/* SPDX-License-Identifier: MIT */

/* due.h - what is due in values is planned by their types, as if somebody had called a command. See due.c. */
#ifndef GEOMYS_SERVE_DUE_H
#define GEOMYS_SERVE_DUE_H

#include "serve/worker.h"

/* Plans a part of what is due, if any of it is. True: there is more to do at once. At the end of a turn. */
bool due_turn(struct worker *worker);

/* When due_turn wants to be called at the latest, monotonic ms; INT64_MAX: no wish. O(1). */
int64_t due_next_ms(const struct worker *worker);

#endif
