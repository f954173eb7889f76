/* SPDX-License-Identifier: MIT */

/* forward_answer.h - what comes back: passed on in order, when what it depends on is here; and what becomes of
 * commands whose answers do not come. See forward_answer.c. */
#ifndef GEOMYS_NODE_FORWARD_ANSWER_H
#define GEOMYS_NODE_FORWARD_ANSWER_H

#include "node/forward.h"

/* An error in place of the next answer. */
void forward_answer_error(struct forward_client *fc, const char *text);

/* Removes the first entry. */
void forward_answer_pop(struct forward_client *fc);

/* Something has come. False: it makes no sense, and the stream is to be ended. */
bool forward_answer_take(struct forward_client *fc, const struct forwarding_answer *answer);

/* Passes on what may be. False: it makes no sense, and the stream is to be ended. */
bool forward_answer_pass(struct forward_client *fc);

/* When forward_answer_pass wants to be called at the latest, though nothing comes; monotonic ms. */
int64_t forward_answer_next_ms(const struct forward_client *fc);

/* The stream has ended, and all that it brought was passed on: what was not begun is kept, the rest is answered with
 * what is known. */
void forward_answer_lose(struct forward_client *fc);

#endif
