/* SPDX-License-Identifier: MIT */

/* prng.h - a small seeded generator: xoshiro256** (Blackman, Vigna 2018, public domain), seeded by splitmix64. Not for
 * secrets. The same seed gives the same numbers everywhere: every random decision comes from one of these. */
#ifndef GEOMYS_BASE_PRNG_H
#define GEOMYS_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t state[4];
};

static inline void prng_seed(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t mixed = seed;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
        prng->state[i] = mixed ^ (mixed >> 31);
    }
}

static inline uint64_t prng_rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

/* Uniform over 64 bits. */
static inline uint64_t prng_next(struct prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = prng_rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = prng_rotate(s[3], 45);
    return result;
}

/* Uniform below `bound` (> 0), up to a bias of bound / 2^64. */
static inline uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)prng_next(prng) * bound) >> 64);
}

#endif
