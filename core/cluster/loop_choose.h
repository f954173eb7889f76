/* SPDX-License-Identifier: MIT */

/* loop_choose.h - the controller's side. See loop_choose.c for the argument. [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_LOOP_CHOOSE_H
#define GEOMYS_CLUSTER_LOOP_CHOOSE_H

#include "cluster/loop_state.h"

void loop_choose_turn(struct loop *loop);
void loop_choose_stands(struct loop *loop, const struct hub_link *link, const struct talk_stands *stands);
int64_t loop_choose_next_us(const struct loop *loop);

#endif
