/* SPDX-License-Identifier: MIT */

/* commit.h - turning what a plan emitted into history. */
#ifndef GEOMYS_SERVE_COMMIT_H
#define GEOMYS_SERVE_COMMIT_H

#include "serve/call.h"

/* Applies the call's emissions and adds them to the log as one batch, or as part of the open one. A batch that would
 * grow past TAIL_BATCH_MAX, or records that a type does not accept, turn the reply into an error. */
void commit(struct call *call);

#endif
