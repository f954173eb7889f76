/* SPDX-License-Identifier: MIT */

/* loop_follow.h - a replica's side. See loop_follow.c for the argument. [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_LOOP_FOLLOW_H
#define GEOMYS_CLUSTER_LOOP_FOLLOW_H

#include "cluster/loop_state.h"

void loop_follow_beat(struct loop *loop, struct hub_link *link, const struct talk_beat *beat, int64_t now_us);
void loop_follow_vote(struct loop *loop, struct hub_link *link, const struct talk_vote *vote);
void loop_follow_ask(struct loop *loop, struct hub_link *link, const struct talk_ask *ask);
void loop_follow_stands(const struct loop *loop, struct talk_stands *out);

#endif
