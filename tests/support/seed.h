/* SPDX-License-Identifier: MIT */

/* seed.h - the seed of a randomised test: GEOMYS_SEED if it is set, else the clock. Printed first, so that a failure
 * can be had again. `tools/dev test` sets it, for what decides over a change should be the same each time it is asked;
 * all other runs look further. */
#ifndef GEOMYS_TESTS_SEED_H
#define GEOMYS_TESTS_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t seed_of_run(void)
{
    const char *given = getenv("GEOMYS_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed =
        given != NULL ? strtoull(given, NULL, 0) : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    fprintf(stderr, "GEOMYS_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

#endif
