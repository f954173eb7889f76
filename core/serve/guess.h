/* SPDX-License-Identifier: MIT */

/* guess.h - passwords that were wrong, and for how long the next one has to wait; guard.h makes it wait.
 *
 * Why      Half a million guesses a second find any password that a person can remember, and nobody would notice.
 *
 * Idea     Each wrong one makes the next one wait, of the same connection and of all others from its address, twice as
 *          long as before and at most GUESS_DELAY_MAX_MS. The wait becomes shorter again by itself, half as long each
 *          GUESS_DECAY_MS.
 *
 *              wrong so far   0   1   2   3   4    5    6    7     8     9    10 ...
 *              ms to wait     0   2   4   8   16   32   64   128   256   512  1000
 *
 * Limits   GUESS_PLACES addresses are remembered; two that fall on the same place forget each other. Addresses of IPv6
 *          count by their first 64 bits, as far as these are written out. Many addresses, or many connections at a
 *          time, are so many times faster. */
#ifndef GEOMYS_SERVE_GUESS_H
#define GEOMYS_SERVE_GUESS_H

#include "base/siphash.h"

#define GUESS_PLACES       1024
#define GUESS_DELAY_MAX_MS 1000
#define GUESS_DECAY_MS     10000

/* How often somebody was wrong of late. */
struct guess_record {
    int64_t since_ms; /* monotonic: when `wrong` was so */
    uint32_t wrong;
};

struct guesses {
    struct siphash_key hash_key;
    struct guess_place {
        uint64_t who; /* a hash of the address; 0: nobody */
        struct guess_record record;
    } places[GUESS_PLACES];
    uint64_t wrong; /* in all */
    char last[128]; /* the address that the last of them came from */
};

/* A wrong password came from the address ("127.0.0.1:4711"), over the connection that `own` is of. O(1). */
void guess_wrong(struct guesses *guesses, struct guess_record *own, const char *address, int64_t now_ms);

/* How long one that comes now has to wait, at most GUESS_DELAY_MAX_MS. O(1). */
int64_t guess_delay_ms(const struct guesses *guesses, const struct guess_record *own, const char *address,
                       int64_t now_ms);

#endif
