/* SPDX-License-Identifier: MIT */

/* kv_lcs_value.h - the longest common subsequence of two strings, without the module ABI.
 *
 * Memory is the caller's and zero-filled: a row of b.size + 1 numbers for the length alone, a whole table to know the
 * subsequence too. */
#ifndef GEOMYS_KV_LCS_VALUE_H
#define GEOMYS_KV_LCS_VALUE_H

#include "geomys/bytes.h"

struct kv_lcs {
    struct gm_bytes a;
    struct gm_bytes b;
    uint32_t *table; /* (a.size + 1) * (b.size + 1) lengths */
    size_t i;        /* of a, not yet walked */
    size_t j;        /* of b, not yet walked */
};

/* A run of bytes that both have: a[a_first .. a_first + size) and b[b_first ..]. */
struct kv_match {
    size_t a_first;
    size_t b_first;
    size_t size;
};

/* Bytes of the table for two strings of these sizes; false: too many to be said. O(1). */
bool kv_lcs_value_table_bytes(size_t a, size_t b, size_t *out);

/* How long the longest common subsequence is. `row` is zeroed, (b.size + 1) numbers. O(a * b). */
uint32_t kv_lcs_value_length(struct gm_bytes a, struct gm_bytes b, uint32_t *row);

/* Fills the table, which is zeroed and stays borrowed, and returns the length; kv_lcs_value_next then walks. O(a *
 * b). */
uint32_t kv_lcs_value_fill(struct kv_lcs *lcs, struct gm_bytes a, struct gm_bytes b, uint32_t *table);

/* Begins the walk again. O(1). */
void kv_lcs_value_rewind(struct kv_lcs *lcs);

/* The next run of matching bytes, from the end of the strings to their beginning; false: no more. Which of several
 * equally long subsequences it is: where both ways are as good, the walk goes back in `b`. O(a + b) for a whole walk.
 * */
bool kv_lcs_value_next(struct kv_lcs *lcs, struct kv_match *out);

#endif
