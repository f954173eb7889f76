/* SPDX-License-Identifier: MIT */

/* replicas.h - a node's followers and its leader, as clients and exporters ask for them: ROLE, WAIT, INFO replication.
 * Without a cluster it is a master that nobody follows. [worker's thread] */
#ifndef GEOMYS_NODE_REPLICAS_H
#define GEOMYS_NODE_REPLICAS_H

#include "base/counters.h"
#include "node/membership.h"
#include "serve/copies.h"

/* For the worker; `membership` outlives it. */
struct copies replicas_copies(struct membership *membership);

/* Followers whose last word is at most so old. O(them). */
uint32_t replicas_good(const struct membership *membership, int64_t lag_ms);

/* A number that rises whenever one of them has more on its disk, or another one follows. O(them). */
uint64_t replicas_progress(const struct membership *membership);

/* What INFO replication is made of. */
struct replicas_report {
    const struct membership *membership;
    bool member;  /* of a cluster */
    bool follows; /* `leader` is whom */
    bool lease;   /* it leads, and may answer */
    struct copies_node leader;
    uint32_t connected;
    uint32_t good; /* by min_replicas_max_lag */
    uint64_t committed;
    int64_t wall_ms;
    char id[41];
};

/* `run_id`: of the process, 40 digits. `wall_ms`: its clock. O(followers²). */
void replicas_report(const struct membership *membership, const char *run_id, int64_t wall_ms,
                     struct replicas_report *out);

extern const struct counter_table replicas_counters_role;     /* of struct replicas_report */
extern const struct counter_table replicas_counters_follower; /* of struct copies_node */
extern const struct counter_table replicas_counters;          /* of struct replicas_report */

#endif
