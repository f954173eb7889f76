/* SPDX-License-Identifier: MIT */

/* seed.h - the seed of a randomised test: GEOMYS_SEED if it is set, else the clock; printed, so that a failure can be
 * repeated. */
#ifndef GEOMYS_TESTS_KV_SEED_H
#define GEOMYS_TESTS_KV_SEED_H

#include "base/prng.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void seed_random(struct prng *random, const char *test)
{
    const char *given = getenv("GEOMYS_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    printf("%s: GEOMYS_SEED=%llu\n", test, (unsigned long long)seed);
    fflush(stdout);
    prng_seed(random, seed);
}

#endif
