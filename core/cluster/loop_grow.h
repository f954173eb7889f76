/* SPDX-License-Identifier: MIT */

/* loop_grow.h - who counts. See loop_grow.c for the argument. [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_LOOP_GROW_H
#define GEOMYS_CLUSTER_LOOP_GROW_H

#include "cluster/loop_state.h"

void loop_grow_turn(struct loop *loop);

/* Whoever has this greeting is to be the member that another folder is now (cluster C21). The leader sees to it, step
 * by step, as often as it is asked; who does not lead asks the leader. */
void loop_grow_replace(struct loop *loop, const struct talk_greeting *who);

#endif
