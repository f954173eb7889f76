/* SPDX-License-Identifier: MIT */

/* clock.c - each node has a clock that began somewhere and goes at a rate of its own. */
#include "model.h"

int64_t clock_of(struct model *the, int n)
{
    return the->nodes[n].clock_offset + the->now * the->nodes[n].clock_rate / 1000;
}
