/* SPDX-License-Identifier: MIT */

/* blame.h - what was under way when the process crashed: the command, known from the calls, and what a type was doing
 * (shard/crumb.h). */
#ifndef GEOMYS_SERVE_BLAME_H
#define GEOMYS_SERVE_BLAME_H

#include "serve/worker.h"

/* Writes into `text` what was under way, as the middle of a sentence, `deed` being "crashed": "the module geomys.kv
 * crashed in 'set'", "the type geomys.deque/1 crashed while dumping the value of key \"a\"". Returns the size, at most
 * `room`; 0: nothing that a module could be blamed for. [signal handler: reads memory that may be broken, calls
 * nothing] */
size_t blame_describe(const struct worker *worker, const char *deed, char *text, size_t room);

/* A number that is another one as soon as another command, or another record, is under way. [signal handler] */
uint64_t blame_progress(const struct worker *worker);

#endif
