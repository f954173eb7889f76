/* SPDX-License-Identifier: MIT */

/* heap.h - an intrusive binary min-heap of moments: who is waited for next. The node is a member of the thing that
 * waits.
 *
 * A node that is in no heap has place 0; places begin at 1. Insert and remove O(log n), first O(1). */
#ifndef GEOMYS_BASE_HEAP_H
#define GEOMYS_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t at;
    size_t place; /* 0: in no heap */
};

struct heap {
    struct heap_node **nodes; /* owned; nodes[1] is the first */
    size_t count;
    size_t room;
};

void heap_finish(struct heap *heap); /* the nodes are the caller's; zeroed memory is fine */

/* `node` is in no heap. */
void heap_add(struct heap *heap, struct heap_node *node, int64_t at);

/* Takes the node out; nothing happens if it is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the smallest `at`, NULL if there is none. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[1] : NULL;
}

#endif
