/* SPDX-License-Identifier: MIT */

/* kv_lcs_value.c - the longest common subsequence by the textbook's table.
 *
 * Idea    table[i][j] is the length for the first i bytes of a and the first j of b:
 *
 *              equal bytes       table[i-1][j-1] + 1
 *              different ones    the greater of table[i-1][j] and table[i][j-1]
 *
 *         Walking back from the last corner, diagonally through equal bytes, gives the subsequence in reverse; each
 *         stretch of diagonal steps is one match. The length alone needs only the row above.
 *
 * Promises
 *   P1  Among several longest subsequences it is always the same one, so replies are equal on every node.
 */
#include "kv_lcs_value.h"

bool kv_lcs_value_table_bytes(size_t a, size_t b, size_t *out)
{
    size_t rows;
    size_t columns;
    return !__builtin_add_overflow(a, 1u, &rows) && !__builtin_add_overflow(b, 1u, &columns) &&
           !__builtin_mul_overflow(rows, columns, out) && !__builtin_mul_overflow(*out, sizeof(uint32_t), out);
}

static uint32_t greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

uint32_t kv_lcs_value_length(struct gm_bytes a, struct gm_bytes b, uint32_t *row)
{
    for (size_t i = 0; i < a.size; i++) {
        uint32_t diagonal = 0;
        for (size_t j = 1; j <= b.size; j++) {
            uint32_t above = row[j];
            row[j] = a.data[i] == b.data[j - 1] ? diagonal + 1 : greater(above, row[j - 1]);
            diagonal = above;
        }
    }
    return row[b.size];
}

static uint32_t length_at(const struct kv_lcs *lcs, size_t i, size_t j)
{
    return lcs->table[i * (lcs->b.size + 1) + j];
}

uint32_t kv_lcs_value_fill(struct kv_lcs *lcs, struct gm_bytes a, struct gm_bytes b, uint32_t *table)
{
    *lcs = (struct kv_lcs){.a = a, .b = b, .table = table};
    size_t columns = b.size + 1;
    for (size_t i = 1; i <= a.size; i++) {
        const uint32_t *above = table + (i - 1) * columns;
        uint32_t *row = table + i * columns;
        for (size_t j = 1; j <= b.size; j++) {
            row[j] = a.data[i - 1] == b.data[j - 1] ? above[j - 1] + 1 : greater(above[j], row[j - 1]);
        }
    }
    kv_lcs_value_rewind(lcs);
    return length_at(lcs, a.size, b.size);
}

void kv_lcs_value_rewind(struct kv_lcs *lcs)
{
    lcs->i = lcs->a.size;
    lcs->j = lcs->b.size;
}

static bool at_match(const struct kv_lcs *lcs)
{
    return lcs->a.data[lcs->i - 1] == lcs->b.data[lcs->j - 1];
}

bool kv_lcs_value_next(struct kv_lcs *lcs, struct kv_match *out)
{
    while (lcs->i > 0 && lcs->j > 0 && !at_match(lcs)) {
        if (length_at(lcs, lcs->i - 1, lcs->j) > length_at(lcs, lcs->i, lcs->j - 1)) {
            lcs->i--;
        } else {
            lcs->j--;
        }
    }
    size_t end = lcs->i;
    while (lcs->i > 0 && lcs->j > 0 && at_match(lcs)) {
        lcs->i--;
        lcs->j--;
    }
    *out = (struct kv_match){lcs->i, lcs->j, end - lcs->i};
    return out->size > 0;
}
