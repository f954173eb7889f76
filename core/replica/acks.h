/* SPDX-License-Identifier: MIT */

/* acks.h - what a leader knows of its followers' logs, and what follows from it: up to which record a majority has
 * everything.
 *
 * Promises
 *   P1  What is committed never falls while one epoch lasts, and nothing is before that epoch's own first record is
 *       (cluster C11).
 *   P2  Only members of the set count, which the epoch's record names, each once. */
#ifndef GEOMYS_REPLICA_ACKS_H
#define GEOMYS_REPLICA_ACKS_H

#include "log/record.h"

struct acks {
    struct record_epoch set;              /* who counts; replica_count 0: the leader alone */
    uint64_t first;                       /* sequence of the epoch's own record */
    uint64_t synced[RECORD_REPLICAS_MAX]; /* by place in the set */
    uint64_t own;                         /* of the leader, where the set is empty */
    uint64_t committed;                   /* 0: nothing yet */
};

/* An epoch begins with the record `first`. Nobody has anything of it. */
void acks_begin(struct acks *acks, const struct record_epoch *set, uint64_t first);

/* The node has all up to `sequence` on stable storage; a lower one than before changes nothing, a node that is not of
 * the set neither. True: more is committed. O(members^2). */
bool acks_add(struct acks *acks, uint64_t node, uint64_t sequence);

/* How many of the set have at least `sequence`, the leader too. O(members). */
uint32_t acks_count(const struct acks *acks, uint64_t sequence);

#endif
