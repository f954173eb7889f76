/* SPDX-License-Identifier: MIT */

/* loop_resign.h - a leader that ends in order. See loop_resign.c for the argument. [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_LOOP_RESIGN_H
#define GEOMYS_CLUSTER_LOOP_RESIGN_H

#include "cluster/loop_state.h"

/* Instead of leading, choosing and growing, once the worker has answered for the last time. */
void loop_resign_turn(struct loop *loop);

#endif
