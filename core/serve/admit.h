/* SPDX-License-Identifier: MIT */

/* admit.h - everything that may refuse a command before it is planned, and the look-up of its keys. */
#ifndef GEOMYS_SERVE_ADMIT_H
#define GEOMYS_SERVE_ADMIT_H

#include "serve/call.h"

/* Whether there is such a command, the right to it, sound arguments; finds its keys. False: it has been answered (an
 * error, or QUEUED). */
bool admit(struct call *call);

/* The same for a command that waits, which was admitted once. False: its keys are not what it takes just now, so it
 * goes on waiting. When its time is over, such keys are absent to it. */
bool admit_again(struct call *call);

#endif
