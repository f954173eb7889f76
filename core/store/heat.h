/* SPDX-License-Identifier: MIT */

/* heat.h - how lately, or how often, a key was used: 20 bits per key, in the note of its slot (base/table.h).
 *
 * Idea     One of two, as the policy for short memory wants it; both as Redis keeps them in 24 bits.
 *
 *          recency     | second of the last use, modulo 2^20 |
 *          frequency   | minute of the last use, modulo 2^12 : 12 | counter : 8 |
 *
 *          The counter is logarithmic (Morris 1978): a use raises it with a probability of
 *          1 / ((counter - HEAT_NEW) * log_factor + 1), and each `decay_minutes` that pass lower it by one. A new key
 *          begins at HEAT_NEW, so that it is not the first to go.
 *
 * Promises
 *   I1  Using a key that was used in this second (minute) already writes nothing, unless the counter rises.
 *   I2  The same uses at the same moments with the same seed give the same notes.
 *
 * Limits   Moments come round: a key that nobody has used for 12 days and 3 hours looks as if it was used a moment ago;
 *          with frequency what has gone by is known modulo 2 days and 20 hours. */
#ifndef GEOMYS_STORE_HEAT_H
#define GEOMYS_STORE_HEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"

#define HEAT_NEW     5u   /* counter of a new key */
#define HEAT_MAX     255u /* of the counter */
#define HEAT_SECONDS (1u << 20)
#define HEAT_MINUTES (1u << 12)

struct heat {
    bool frequency;         /* is kept; else recency */
    uint64_t now_bits;      /* `now` as it stands in a slot */
    uint32_t now;           /* second modulo HEAT_SECONDS, or minute modulo HEAT_MINUTES */
    uint32_t log_factor;    /* 0: each use counts */
    uint32_t decay_minutes; /* 0: never */
    struct prng prng;
};

/* The time of the turn, monotonic. */
void heat_turn(struct heat *heat, int64_t monotonic_ms);

/* The note of a new key. */
static inline uint32_t heat_new(const struct heat *heat)
{
    return heat->frequency ? heat->now << 8 | HEAT_NEW : heat->now;
}

/* The note of a key that is used now; with frequency. */
uint32_t heat_counted(struct heat *heat, uint32_t note);

/* Notes that the key in the slot is used now. */
static inline void heat_use(struct heat *heat, struct table_slot *slot)
{
    bool counts = __builtin_expect(heat->frequency, 0);
    table_set_note_bits(slot, counts ? table_note_bits(heat_counted(heat, table_note(slot))) : heat->now_bits);
}

/* Seconds since the last use; with recency. */
uint32_t heat_idle_s(const struct heat *heat, uint32_t note);

/* The counter as it has decayed by now; with frequency. */
uint32_t heat_counter(const struct heat *heat, uint32_t note);

/* What is greater should go first. */
uint32_t heat_coldness(const struct heat *heat, uint32_t note);

#endif
