/* SPDX-License-Identifier: MIT */

/* count.h - what the meters are told of a call: that it was refused, that it ran and how long it took, that it waits.
 */
#ifndef GEOMYS_SERVE_COUNT_H
#define GEOMYS_SERVE_COUNT_H

#include "serve/call.h"

/* The command was refused before it ran. */
void count_refused(const struct call *call);

/* The call has been carried out. O(1), but for a slow one. */
void count_call(struct call *call);

/* The call waits: the time that it took so far is kept for then. */
void count_wait(struct call *call);

/* The waiting command of the session ends with an error, and is not run again. */
void count_unblocked(struct session *session);

#endif
