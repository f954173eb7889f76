/* SPDX-License-Identifier: MIT */

/* dice.c - the generator of a run: xorshift, so that a run is its seed. */
#include "model.h"

uint64_t dice_next(struct model *the)
{
    the->dice ^= the->dice << 13;
    the->dice ^= the->dice >> 7;
    the->dice ^= the->dice << 17;
    return the->dice * 0x2545F4914F6CDD1Du >> 11;
}

int64_t dice_between(struct model *the, int64_t a, int64_t b)
{
    return b <= a ? a : a + (int64_t)(dice_next(the) % (uint64_t)(b - a + 1));
}

int dice_chance(struct model *the, int permille)
{
    return (int)(dice_next(the) % 1000) < permille;
}
