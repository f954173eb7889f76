/* SPDX-License-Identifier: MIT */

/* writer.h - a client of the simulated world that writes, and believes nothing but its witness.
 *
 * Idea     It connects, looks at its keys, and then sends up to a few commands before it hears the answers, each of
 *          which it knows beforehand. When the connection is gone it begins anew with looking.
 */
#ifndef GEOMYS_TESTS_SIM_WRITER_H
#define GEOMYS_TESTS_SIM_WRITER_H

#include "support/sim_world.h"
#include "witness.h"

#define WRITER_PENDING 24 /* replies */

struct writer {
    struct sim_world *world;
    struct sim_machine *machine;
    struct sim_client *client;
    struct sim_task task;
    unsigned number; /* its keys are named by it */
    struct witness witness;
    struct {
        char text[WITNESS_TEXT];
        bool acks; /* the reply to an operation, or to the last command of it */
    } expected[WRITER_PENDING];
    size_t pending;
    bool looking; /* its keys are asked for */
    char found[3][WITNESS_TEXT];
    size_t found_count;
    bool known;         /* the keys are as the witness says, as far as was looked */
    bool quiet;         /* it writes no more, only looks */
    bool lossy;         /* a blackout may lose what was acknowledged */
    uint64_t blackouts; /* of the machine, when it last found its keys */
    uint64_t blackouts_asked;
    uint64_t acked;  /* operations */
    char wrong[512]; /* what must not be; "": nothing */
};

void writer_init(struct writer *writer, struct sim_world *world, struct sim_machine *machine, unsigned number);
void writer_finish(struct writer *writer);

/* No more writes; `known` once it has looked again. */
void writer_hush(struct writer *writer);

#endif
