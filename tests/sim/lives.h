/* SPDX-License-Identifier: MIT */

/* lives.h - one run of the simulator: nodes that are alone, and what may befall them.
 *
 * Idea     Some machines, each with a node and a few writers (writer.h). For a while processes are killed, power fails,
 *          also at any call of the disk and while a start reads its files, processes stand still, or are ended in
 *          order; each is started again. Then it becomes quiet, every writer looks at its keys once more, and each node
 *          is ended in order and started: what it has is the same.
 *
 * Promises
 *   P1  Nothing that was acknowledged is lost, and nothing is there that was not sent: with `writethroughdisk` whatever
 *       happens; with `bufferedwrite` but for a blackout, which takes a run of operations from the end of each
 *       client's.
 *   P2  No start refuses what a crash has left.
 */
#ifndef GEOMYS_TESTS_SIM_LIVES_H
#define GEOMYS_TESTS_SIM_LIVES_H

#include <stdbool.h>
#include <stdint.h>

struct lives_options {
    uint64_t seed;
    unsigned machines;   /* at most 8 */
    unsigned writers;    /* of each machine, at most 8 */
    int64_t duration_us; /* of the time in which things happen */
    bool lie;            /* nodes sync nothing before they acknowledge, and the witnesss do not know: must be seen */
};

struct lives_result {
    uint64_t trace, steps;
    uint64_t acked;     /* operations */
    uint64_t deaths;    /* processes */
    uint64_t blackouts; /* of these, with the machine */
    char wrong[600];    /* what must not be; "": nothing */
};

void lives_run(const struct lives_options *options, struct lives_result *result);

#endif
