/* SPDX-License-Identifier: MIT */

/* usage_again.c - which options may be given again; usage_again.h has the argument. */
#include "module/usage/usage_again.h"

static bool is_within(const struct usage *usage, uint8_t number, uint32_t leaf)
{
    uint8_t at = usage->leaves[leaf];
    while (at != 0 && at != number) {
        at = usage->nodes[at].parent;
    }
    return at == number;
}

static bool has_keys(const struct usage *usage, uint8_t number)
{
    for (uint32_t leaf = 0; leaf < usage->leaf_count; leaf++) {
        if ((usage->keyed >> leaf & 1) != 0 && is_within(usage, number, leaf)) {
            return true;
        }
    }
    return false;
}

void usage_again_mark(struct usage *usage)
{
    struct usage_node *nodes = usage->nodes;
    uint8_t begin = 0; /* of the run that goes to the end */
    for (uint8_t number = nodes[0].child; number != 0; number = nodes[number].next) {
        bool option = (nodes[number].flags & USAGE_OPTION) != 0;
        begin = !option ? 0 : begin != 0 ? begin : number;
    }
    if (begin == 0 || nodes[begin].next == 0) {
        return;
    }
    for (uint8_t number = begin; number != 0; number = nodes[number].next) {
        if ((nodes[number].flags & USAGE_REPEAT) == 0 && !has_keys(usage, number)) { /* usage_again P2 */
            nodes[number].flags |= USAGE_AGAIN;
            usage->max_argc = USAGE_UNBOUNDED;
        }
    }
}

bool usage_again_begin(const struct usage *usage, uint8_t number, int token, struct gm_arg *args)
{
    const struct usage_node *node = &usage->nodes[number];
    check(token >= 0 && (node->first >> token & 1) != 0);
    for (uint64_t left = node->first & ~((uint64_t)1 << token); left != 0; left &= left - 1) {
        if (args[__builtin_ctzll(left)].count > 0) {
            return false; /* usage_again P1 */
        }
    }
    bool given = args[token].count > 0;
    for (uint32_t leaf = 0; given && leaf < usage->leaf_count; leaf++) {
        if (is_within(usage, number, leaf)) {
            args[leaf] = (struct gm_arg){0};
        }
    }
    return true;
}
