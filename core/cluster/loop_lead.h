/* SPDX-License-Identifier: MIT */

/* loop_lead.h - a leader's side, and that of one who is named. See loop_lead.c for the argument.
 * [the cluster loop's thread] */
#ifndef GEOMYS_CLUSTER_LOOP_LEAD_H
#define GEOMYS_CLUSTER_LOOP_LEAD_H

#include "cluster/loop_state.h"

/* It was elected in this life, and nothing is known against it. */
static inline bool loop_leads(const struct loop *loop)
{
    return loop->lead.led.epoch != 0;
}

/* Until when its lease holds; LEASE_NEVER: it has none. */
int64_t loop_lead_end_us(const struct loop *loop);

void loop_lead_turn(struct loop *loop);
int64_t loop_lead_next_us(const struct loop *loop);
void loop_lead_granted(struct loop *loop, const struct hub_link *link, const struct talk_granted *granted);
void loop_lead_voted(struct loop *loop, const struct hub_link *link, const struct talk_voted *voted);

#endif
