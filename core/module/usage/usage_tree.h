/* SPDX-License-Identifier: MIT */

/* usage_tree.h - between the files of usage: not for others. */
#ifndef GEOMYS_MODULE_USAGE_USAGE_TREE_H
#define GEOMYS_MODULE_USAGE_USAGE_TREE_H

#include "module/usage/usage.h"

#define USAGE_REQUIRED(node) (((node)->flags & USAGE_OPTIONAL) == 0)

/* Fills in what follows from the shape of the tree (lengths, first and follow sets, kinds), and refuses lines that
 * could be read in two ways. `usage->nodes` has links, kinds, OPTIONAL, REPEAT, COUNTED. */
must_use enum status usage_analyse(struct usage *usage, struct complaint *complaint);

/* Puts "column n: " in front of the sentence and returns STATUS_INVALID. Columns count from 1 for people. */
__attribute__((format(printf, 3, 4))) enum status usage_refuse(struct complaint *complaint, uint32_t column,
                                                               const char *format, ...);

static inline const char *usage_node_text(const struct usage *usage, const struct usage_node *node)
{
    return usage->line + node->text;
}

/* The tokens that end a repeat which takes all words up to one (USAGE_STOPS): those that may follow it, and do not
 * begin it once more. 0: none does. */
static inline uint64_t usage_stops(const struct usage_node *node)
{
    return (node->flags & USAGE_STOPS) != 0 ? node->follow & ~node->first : 0;
}

#endif
