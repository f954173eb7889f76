/* SPDX-License-Identifier: MIT */

/* list.h - an intrusive doubly linked ring: the link is a member of the thing, so that nothing is allocated to queue
 * it.
 *
 * A list head is a struct list whose links point to itself when empty. A node that is in no list links to itself as
 * well, so removing it twice is fine. All O(1). */
#ifndef GEOMYS_BASE_LIST_H
#define GEOMYS_BASE_LIST_H

#include "base/check.h"

#include <stdbool.h>

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_push_back(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* Moves all of `source` to the end of `head`; `source` is empty afterwards. */
static inline void list_move_all(struct list *head, struct list *source)
{
    if (!list_empty(source)) {
        source->next->prev = head->prev;
        head->prev->next = source->next;
        source->prev->next = head;
        head->prev = source->prev;
        list_init(source);
    }
}

#endif
