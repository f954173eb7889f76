/* SPDX-License-Identifier: MIT */

/* loop_enter.h - beginning a cluster, entering one, letting others in. See loop_enter.c for the argument.
 * [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_LOOP_ENTER_H
#define GEOMYS_CLUSTER_LOOP_ENTER_H

#include "cluster/loop_state.h"

must_use enum status loop_enter_begin(struct loop *loop, struct complaint *complaint); /* before the first turn */
void loop_enter_turn(struct loop *loop);
int64_t loop_enter_next_us(const struct loop *loop);
const char *loop_enter_greeted(struct loop *loop, struct hub_link *link); /* while it is in no cluster */
void loop_enter_lost(struct loop *loop, const struct hub_link *link);
void loop_enter_refused(struct loop *loop, const char *address, enum peer_end end, const char *reason);
void loop_enter_sorry(struct loop *loop, const struct hub_link *link, const struct talk_sorry *sorry);
void loop_enter_want(struct loop *loop); /* the places of --join, between hub_want_begin and hub_want_end */
void loop_enter_welcome(struct loop *loop, struct gm_bytes topology);
void loop_enter_join(struct loop *loop, struct hub_link *link, const struct talk_join *join);

#endif
