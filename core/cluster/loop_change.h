/* SPDX-License-Identifier: MIT */

/* loop_change.h - changes of the topology. See loop_change.c for the argument. [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_LOOP_CHANGE_H
#define GEOMYS_CLUSTER_LOOP_CHANGE_H

#include "cluster/loop_state.h"

/* A copy of the topology, of the next version, to be changed; NULL: another change is under way, or none is wanted so
 * soon. `first`: there is no topology yet, and all of it is zeros. */
struct topology *loop_change_begin(struct loop *loop, bool first);

/* Sends it. `what`: static, of the line that says why it was refused. */
void loop_change_send(struct loop *loop, const char *what);
void loop_change_init(struct loop *loop);
void loop_change_finish(struct loop *loop);

#endif
