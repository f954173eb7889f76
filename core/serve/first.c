/* SPDX-License-Identifier: MIT */

/* first.c - which occurrences are the first, by a table where there are many.
 *
 * Why      SADD key a b a adds two. A module that counts in plan would have to find its own repetitions, with a table
 *          of its own for each such command, or compare each with each.
 *
 * Idea     A few are compared with each other; of more the numbers go into a table of the call's own memory, open,
 *          never more than half full. The hash is the keyspace's, so no client can choose words that collide.
 *
 * Limits   Up to 17 bytes for each occurrence, for the length of the call; an argument has at most as many occurrences
 *          as a call has words. */
#include "serve/first.h"

#define FEW 8

struct words {
    const struct gm_bytes *first;
    uint32_t stride;
    uint32_t count;
};

struct places {
    uint32_t *at; /* a number of an occurrence and 1; 0: free */
    uint32_t mask;
};

static struct gm_bytes word(const struct words *words, uint32_t k)
{
    return words->first[(size_t)k * words->stride];
}

static bool is_first_of_few(const struct words *words, uint32_t k)
{
    for (uint32_t earlier = 0; earlier < k; earlier++) {
        if (gm_bytes_equal(word(words, earlier), word(words, k))) {
            return false;
        }
    }
    return true;
}

/* Notes the occurrence; false: one like it is there. */
static bool note(const struct words *words, const struct places *places, uint32_t k, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & places->mask;
    for (; places->at[at] != 0; at = (at + 1) & places->mask) {
        if (gm_bytes_equal(word(words, places->at[at] - 1), word(words, k))) {
            return false;
        }
    }
    places->at[at] = k + 1;
    return true;
}

/* False: there is no memory for the table. */
static bool mark_many(const struct words *words, const struct databases *databases, struct arena *arena, bool *first)
{
    size_t size = (size_t)1 << (64 - __builtin_clzll((uint64_t)words->count * 2 - 1));
    struct places places = {arena_try(arena, size * sizeof *places.at), (uint32_t)(size - 1)};
    if (places.at == NULL) {
        return false;
    }
    memset(places.at, 0, size * sizeof *places.at);
    for (uint32_t k = 0; k < words->count; k++) {
        first[k] = note(words, &places, k, databases_hash(databases, word(words, k)));
    }
    return true;
}

const bool *first_of(const struct gm_bytes *argv, const struct gm_arg *arg, const struct databases *databases,
                     struct arena *arena)
{
    check(arg->count <= 1 || arg->stride != 0);
    struct words words = {argv + arg->first, arg->stride, arg->count};
    bool *first = arena_try(arena, (size_t)words.count + 1);
    if (first == NULL || (words.count > FEW && !mark_many(&words, databases, arena, first))) {
        return NULL;
    }
    for (uint32_t k = 0; words.count <= FEW && k < words.count; k++) {
        first[k] = is_first_of_few(&words, k);
    }
    return first;
}
