/* SPDX-License-Identifier: MIT */

/* gather.c - what gather.h learns from its guesses. */
#include "log/gather.h"

#include "base/check.h"

void gather_expect(struct gather *gather, uint64_t under_way)
{
    gather->wanted = 0;
    gather->until_ms = 0;
    if (gather->rest > 0) {
        gather->rest--;
    } else if (under_way >= GATHER_MIN && under_way < GATHER_MAX) {
        /* Of few, the last ones are not worth waiting for. */
        gather->wanted = under_way < GATHER_MORE ? under_way - under_way / 8 : under_way / 2;
        check(gather->wanted > 0 && gather->wanted < GATHER_MAX); /* gather I2 */
    }
}

void gather_end(struct gather *gather, uint64_t records)
{
    if (gather->wanted == 0) {
        return;
    }
    check(gather->rest == 0); /* who rests waits for nobody */
    if (records >= gather->wanted) {
        gather->failures = 0;
    } else {
        gather->failures++;
        gather->rest = gather->failures < 6 ? 1u << gather->failures : GATHER_REST;
        check(gather->rest > 1 && gather->rest <= GATHER_REST);
    }
    gather->wanted = 0;
}
