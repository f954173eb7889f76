/* SPDX-License-Identifier: MIT */

/* realm.h - one run of the simulator with a cluster: nodes that enter it, and what may befall them.
 *
 * Idea     The first machine begins a cluster, the others enter it. A few clients write to whoever leads, and believe
 *          nothing but what was acknowledged. For a while processes are killed and started again, power fails,
 *          processes stand still, links break, wires are cut in one direction or both. Then it becomes quiet: within
 *          REALM_QUIET_US all have one leader and the same data.
 *
 * Promises
 *   P1  No two nodes lead in one epoch, at any moment (cluster C8).
 *   P2  With `quorum` no acknowledged write is lost, and no read shows less than was acknowledged before it was sent.
 *   P3  After it has become quiet there is a leader, all follow it, and the digests are equal.
 */
#ifndef GEOMYS_TESTS_SIM_REALM_H
#define GEOMYS_TESTS_SIM_REALM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define REALM_MACHINES 5
#define REALM_CLIENTS  8
#define REALM_QUIET_US 20000000

struct realm_options {
    uint64_t seed;
    unsigned machines;   /* at most REALM_MACHINES */
    unsigned clients;    /* at most REALM_CLIENTS */
    bool quorum;         /* write_acks; else what was acknowledged may be lost with its leader */
    bool lies;           /* the coordinator does (liar.h) */
    int64_t duration_us; /* of the time in which things happen */
    FILE *lines;         /* borrowed: what the nodes say; NULL: nobody reads it */
};

struct realm_result {
    uint64_t trace, steps;
    uint64_t acked;  /* writes */
    uint64_t deaths; /* processes */
    uint64_t lies;
    uint64_t epochs; /* the highest in which somebody led */
    char wrong[600]; /* what must not be; "": nothing */
};

void realm_run(const struct realm_options *options, struct realm_result *result);

#endif
