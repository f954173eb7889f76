/* SPDX-License-Identifier: MIT */

/* geomys/hash.h - a hash with a key: SipHash-1-3 (Aumasson, Bernstein 2012), one round per 8 bytes, three at the end.
 *
 * Who does not know the key cannot make many texts of one hash. A key that stands in a module's source is known: then
 * a client can fill one bucket of a table, and the table must stand it (a tree in the bucket, a bound on its length).
 * The key that nobody knows is made of the data set's secret, of which each use has a key of its own:
 *
 *     struct gm_hash_key key = gm_hash_key_of(gm_secret(apply), "acme.set/members");
 *     uint64_t hash = gm_hash(&key, name);
 *
 * The same key and bytes give the same hash on every machine, so it may decide where a value's elements lie.
 * [any context] O(size). */
#ifndef GEOMYS_HASH_H
#define GEOMYS_HASH_H

#include "geomys/codec.h"

#ifdef __cplusplus
extern "C" {
#endif

struct gm_hash_key {
    uint64_t k0;
    uint64_t k1;
};

struct gm_hash_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t gm_hash_rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

__attribute__((always_inline)) static inline void gm_hash_mix(struct gm_hash_state *s)
{
    s->v0 += s->v1;
    s->v1 = gm_hash_rotate(s->v1, 13) ^ s->v0;
    s->v0 = gm_hash_rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = gm_hash_rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = gm_hash_rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = gm_hash_rotate(s->v1, 17) ^ s->v2;
    s->v2 = gm_hash_rotate(s->v2, 32);
}

__attribute__((always_inline)) static inline void gm_hash_absorb(struct gm_hash_state *s, uint64_t word)
{
    s->v3 ^= word;
    gm_hash_mix(s);
    s->v0 ^= word;
}

static inline uint64_t gm_hash(const struct gm_hash_key *key, struct gm_bytes bytes)
{
    struct gm_hash_state s = {key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
                              key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u};
    const uint8_t *at = bytes.data;
    size_t rest = bytes.size;
    for (; rest >= 8; rest -= 8, at += 8) {
        gm_hash_absorb(&s, gm_load_u64(at));
    }
    uint64_t last = (uint64_t)bytes.size << 56;
    for (size_t i = 0; i < rest; i++) {
        last |= (uint64_t)at[i] << (8 * i);
    }
    gm_hash_absorb(&s, last);
    s.v2 ^= 0xff;
    gm_hash_mix(&s);
    gm_hash_mix(&s);
    gm_hash_mix(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* The key for one use of the secret, which is named by `label`: a text of the caller's, the same for ever. Keys of
 * other labels say nothing of it, nor does it of the secret. Two hashes of the label: ask once per call, not per
 * element. */
static inline struct gm_hash_key gm_hash_key_of(const struct gm_secret *secret, const char *label)
{
    struct gm_hash_key whole = {gm_load_u64(secret->bytes), gm_load_u64(secret->bytes + 8)};
    struct gm_hash_key key;
    struct gm_bytes name = gm_bytes_of(label);
    key.k0 = gm_hash(&whole, name);
    uint8_t more[8];
    (void)gm_store_u64(more, key.k0);
    key.k1 = gm_hash(&whole, gm_bytes_at(more, sizeof more));
    return key;
}

#ifdef __cplusplus
}
#endif

#endif
