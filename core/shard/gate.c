/* SPDX-License-Identifier: MIT */

/* gate.c - beginning anew. */
#include "shard/gate.h"

#include <string.h>

void gate_reset(struct gate *gate, uint64_t sequence)
{
    memset(gate, 0, sizeof *gate);
    gate->flushed = sequence;
}
