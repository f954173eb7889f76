/* SPDX-License-Identifier: MIT */

/* siphash.c - the hash that modules have, once for the host. */
#include "base/siphash.h"

#include "geomys/hash.h"

uint64_t siphash(const struct siphash_key *key, struct gm_bytes bytes)
{
    struct gm_hash_key same = {key->k0, key->k1};
    return gm_hash(&same, bytes);
}
