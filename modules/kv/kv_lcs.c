/* SPDX-License-Identifier: MIT */

/* kv_lcs.c - LCS: what two strings have in common.
 *
 * Limits  The table of a call, 4 bytes for each pair of bytes, is at most TABLE_MAX: that bounds the memory, and the
 *         time that one call may take on the thread (some tens of milliseconds), so it holds also where only the length
 *         is asked for. Redis' own bound is 512 MiB, with which two strings of 10 KB stop all others for seconds.
 */
#include "kv_lcs_value.h"
#include "kv_plan.h"

#define TABLE_MAX ((size_t)64 * 1024 * 1024)
#define TOO_LARGE                                                                                                      \
    "ERR Insufficient memory, transient memory for LCS exceeds 64 MiB: the product of the lengths of the strings may " \
    "be 16777216 at most"
_Static_assert(TABLE_MAX / sizeof(uint32_t) == 16777216, "the text above says so");

static void reply_position(struct gm_call *call, size_t first, size_t size)
{
    gm_reply_array(call, 2);
    gm_reply_int(call, (int64_t)first);
    gm_reply_int(call, (int64_t)(first + size - 1));
}

static void reply_match(struct gm_call *call, const struct kv_match *match)
{
    bool with_size = gm_given(call, LCS_WITHMATCHLEN);
    gm_reply_array(call, with_size ? 3 : 2);
    reply_position(call, match->a_first, match->size);
    reply_position(call, match->b_first, match->size);
    if (with_size) {
        gm_reply_int(call, (int64_t)match->size);
    }
}

/* Walks twice, since a reply announces its elements before it gives them. */
static void reply_matches(struct gm_call *call, struct kv_lcs *lcs, uint32_t length)
{
    int64_t least = gm_given(call, LCS_MINMATCHLEN) ? gm_arg(call, LCS_LENGTH)->integer : 0;
    struct kv_match match;
    size_t count = 0;
    while (kv_lcs_value_next(lcs, &match)) {
        count += (int64_t)match.size >= least;
    }
    gm_reply_map(call, 2);
    gm_reply_bytes(call, gm_bytes_of("matches"));
    gm_reply_array(call, count);
    kv_lcs_value_rewind(lcs);
    while (kv_lcs_value_next(lcs, &match)) {
        if ((int64_t)match.size >= least) {
            reply_match(call, &match);
        }
    }
    gm_reply_bytes(call, gm_bytes_of("len"));
    gm_reply_int(call, length);
}

static void reply_subsequence(struct gm_call *call, struct kv_lcs *lcs, uint32_t length)
{
    uint8_t *text = gm_scratch_raw(call, (size_t)length + 1);
    if (text == NULL) {
        return;
    }
    size_t left = length;
    struct kv_match match;
    while (kv_lcs_value_next(lcs, &match)) {
        left -= match.size;
        memcpy(text + left, lcs->a.data + match.a_first, match.size);
    }
    gm_reply_bytes(call, (struct gm_bytes){text, length});
}

void kv_plan_lcs(struct gm_call *call)
{
    size_t table_bytes;
    struct kv_lcs lcs;
    if (gm_key(call, 0)->state == GM_KEY_OTHER || gm_key(call, 1)->state == GM_KEY_OTHER) {
        gm_reply_error(call, "ERR The specified keys must contain string values");
        return;
    }
    if (gm_given(call, LCS_LEN) && gm_given(call, LCS_IDX)) {
        gm_reply_error(call, "ERR If you want both the length and indexes, please just use IDX.");
        return;
    }
    struct gm_bytes a = kv_plan_text(call, 0);
    struct gm_bytes b = kv_plan_text(call, 1);
    if (!kv_lcs_value_table_bytes(a.size, b.size, &table_bytes) || table_bytes > TABLE_MAX) {
        gm_reply_error(call, TOO_LARGE);
        return;
    }
    bool only_length = gm_given(call, LCS_LEN);
    uint32_t *table = gm_scratch(call, only_length ? (b.size + 1) * sizeof *table : table_bytes);
    if (table == NULL) {
        return;
    }
    if (only_length) {
        gm_reply_int(call, kv_lcs_value_length(a, b, table));
        return;
    }
    uint32_t length = kv_lcs_value_fill(&lcs, a, b, table);
    if (gm_given(call, LCS_IDX)) {
        reply_matches(call, &lcs, length);
    } else {
        reply_subsequence(call, &lcs, length);
    }
}
