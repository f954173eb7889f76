/* SPDX-License-Identifier: MIT */

/* choose.h - whom the controller names, when a shard's leader is gone. A function of what was heard, without state or
 * effect: see choose.c for the argument. */
#ifndef GEOMYS_CLUSTER_CHOOSE_H
#define GEOMYS_CLUSTER_CHOOSE_H

#include "log/record.h"
#include "wire/talk.h"
#include "wire/topology.h"

/* What one replica has answered to the controller's question. */
struct choose_view {
    bool heard; /* it has; else nothing of the rest counts */
    struct talk_stands stands;
};

enum choose_outcome {
    CHOOSE_NAMED,         /* `leader` and `epoch` are to be swapped in */
    CHOOSE_TOO_FEW_HEARD, /* no majority has answered */
    CHOOSE_NOT_FREE,      /* a majority would not say yes: another one has its word, for `wait_ms` at most */
    CHOOSE_NOBODY_CAN,    /* whoever could be followed by a majority owes, or lacks what others have or owe */
};

struct choice {
    enum choose_outcome outcome;
    uint64_t leader;
    uint64_t epoch;   /* above all that was named or promised */
    uint32_t wait_ms; /* when it is worth asking again */
};

/* `views`: by place in shard->replicas. O(replicas^2). */
struct choice choose(const struct topology_shard *shard, const struct choose_view *views);

#endif
