/* SPDX-License-Identifier: MIT */

/* siphash.h - SipHash-1-3 (Aumasson, Bernstein 2012): a keyed hash whose collisions cannot be guessed without the key,
 * so a client cannot flood one bucket. [any thread] */
#ifndef GEOMYS_BASE_SIPHASH_H
#define GEOMYS_BASE_SIPHASH_H

#include "base/bytes.h"

struct siphash_key {
    uint64_t k0;
    uint64_t k1;
};

/* O(size). */
uint64_t siphash(const struct siphash_key *key, struct gm_bytes bytes);

#endif
