/* SPDX-License-Identifier: MIT */

/* heap.c - sifting up and down. */
#include "base/heap.h"

#include "base/check.h"
#include "base/memory.h"

static void put(struct heap *heap, size_t place, struct heap_node *node)
{
    heap->nodes[place] = node;
    node->place = place;
}

static void settle(struct heap *heap, size_t place, struct heap_node *node)
{
    while (place > 1 && heap->nodes[place / 2]->at > node->at) {
        put(heap, place, heap->nodes[place / 2]);
        place /= 2;
    }
    for (;;) {
        size_t child = place * 2;
        if (child > heap->count) {
            break;
        }
        if (child < heap->count && heap->nodes[child + 1]->at < heap->nodes[child]->at) {
            child++;
        }
        if (heap->nodes[child]->at >= node->at) {
            break;
        }
        put(heap, place, heap->nodes[child]);
        place = child;
    }
    put(heap, place, node);
}

void heap_finish(struct heap *heap)
{
    memory_free(heap->nodes);
    *heap = (struct heap){0};
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t at)
{
    check(node->place == 0);
    if (heap->count + 1 >= heap->room) {
        heap->room = heap->room == 0 ? 16 : heap->room * 2;
        heap->nodes = memory_realloc(heap->nodes, heap->room * sizeof(struct heap_node *));
    }
    node->at = at;
    heap->count++;
    settle(heap, heap->count, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->place == 0) {
        return;
    }
    check(node->place <= heap->count && heap->nodes[node->place] == node);
    size_t place = node->place;
    struct heap_node *last = heap->nodes[heap->count--];
    node->place = 0;
    if (last != node) {
        settle(heap, place, last);
    }
}
