/* SPDX-License-Identifier: MIT */

/* change.c - the list of change.h, kept in the order of ranks. */
#include "shard/change.h"

void change_listener_init(struct change_listener *listener, enum change_rank rank,
                          void (*on_change)(struct change_listener *listener, const struct change *change))
{
    check(on_change != NULL && rank <= CHANGE_RANK_LAST);
    list_init(&listener->link);
    listener->rank = rank;
    listener->on_change = on_change;
}

static struct change_listener *listener_at(const struct list *link)
{
    return container_of((struct list *)(uintptr_t)link, struct change_listener, link);
}

void change_listen(struct list *listeners, struct change_listener *listener)
{
    check(listener->on_change != NULL);
    if (!list_empty(&listener->link)) {
        return;
    }
    struct list *behind = listeners->next;
    while (behind != listeners && listener_at(behind)->rank <= listener->rank) {
        behind = behind->next;
    }
    list_push_back(behind, &listener->link); /* before it */
}

void change_ignore(struct change_listener *listener)
{
    list_remove(&listener->link);
}

void change_announce(const struct list *listeners, const struct change *change)
{
    check(change->scope >= CHANGE_DATABASE || change->keys[0].name.size == 0 || change->keys[0].name.data != NULL);
    enum change_rank rank = CHANGE_RANK_CLAIM;
    for (const struct list *at = listeners->next, *next; at != listeners; at = next) {
        struct change_listener *listener = listener_at(at);
        next = at->next;               /* it may take itself out */
        check(listener->rank >= rank); /* change I1 */
        rank = listener->rank;
        listener->on_change(listener, change);
    }
}
