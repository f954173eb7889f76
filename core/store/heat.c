/* SPDX-License-Identifier: MIT */

/* heat.c - the arithmetic of heat.h. */
#include "store/heat.h"

void heat_turn(struct heat *heat, int64_t monotonic_ms)
{
    uint64_t seconds = (uint64_t)monotonic_ms / 1000;
    heat->now = (uint32_t)(heat->frequency ? seconds / 60 % HEAT_MINUTES : seconds % HEAT_SECONDS);
    heat->now_bits = table_note_bits(heat->now);
    check(heat->now < (heat->frequency ? HEAT_MINUTES : HEAT_SECONDS)); /* it has to fit into a note */
}

uint32_t heat_idle_s(const struct heat *heat, uint32_t note)
{
    return (heat->now - note) % HEAT_SECONDS;
}

uint32_t heat_counter(const struct heat *heat, uint32_t note)
{
    uint32_t minutes = (heat->now - (note >> 8)) % HEAT_MINUTES;
    uint32_t counter = note & HEAT_MAX;
    uint32_t lost = heat->decay_minutes > 0 ? minutes / heat->decay_minutes : 0;
    return lost < counter ? counter - lost : 0;
}

/* With a probability of 1 in (steps above a new key * factor + 1). */
static bool rises(struct heat *heat, uint32_t counter)
{
    uint64_t steps = counter > HEAT_NEW ? counter - HEAT_NEW : 0;
    return counter < HEAT_MAX && prng_below(&heat->prng, steps * heat->log_factor + 1) == 0;
}

uint32_t heat_counted(struct heat *heat, uint32_t note)
{
    check_slow(heat->frequency);
    uint32_t counter = heat_counter(heat, note);
    return heat->now << 8 | (counter + rises(heat, counter));
}

uint32_t heat_coldness(const struct heat *heat, uint32_t note)
{
    return heat->frequency ? HEAT_MAX - heat_counter(heat, note) : heat_idle_s(heat, note);
}
