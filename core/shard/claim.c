/* SPDX-License-Identifier: MIT */

/* claim.c - the list of claim.h. */
#include "shard/claim.h"

#include "base/memory.h"

static bool touches(const struct claim *claim, const struct change *change)
{
    const struct change_key *keys = change->keys;
    switch (change->scope) {
    case CHANGE_KEYS:
        return claim_is_of(claim, keys[0].database, keys[0].name) || claim_is_of(claim, keys[1].database, keys[1].name);
    case CHANGE_KEY:
        return claim_is_of(claim, keys[0].database, keys[0].name);
    case CHANGE_SWAP:
        return claim->database == keys[0].database || claim->database == keys[1].database;
    case CHANGE_DATABASE:
        return claim->database == keys[0].database;
    case CHANGE_ALL:
        break;
    }
    return true;
}

static void on_change(struct change_listener *listener, const struct change *change)
{
    struct claims *claims = container_of(listener, struct claims, listener);
    for (struct list *at = claims->list.next; at != &claims->list; at = at->next) {
        struct claim *claim = container_of(at, struct claim, link);
        claim->changed = claim->changed || touches(claim, change); /* claim I1 */
    }
}

void claims_init(struct claims *claims, struct list *listeners)
{
    *claims = (struct claims){.listeners = listeners};
    list_init(&claims->list);
    change_listener_init(&claims->listener, CHANGE_RANK_CLAIM, on_change);
}

void claim_take(struct claims *claims, struct claim *claim, const struct change_key *key)
{
    uint8_t *name = memory_alloc(key->name.size + 1);
    if (key->name.size > 0) {
        memcpy(name, key->name.data, key->name.size);
    }
    *claim = (struct claim){.name = {name, key->name.size}, .database = key->database, .epoch = claims->epoch};
    list_init(&claim->link);
    list_push_back(&claims->list, &claim->link);
    if (claims->count++ == 0) {
        change_listen(claims->listeners, &claims->listener);
    }
}

void claim_drop(struct claims *claims, struct claim *claim)
{
    if (claim->name.data == NULL) {
        return;
    }
    check(claims->count > 0);
    list_remove(&claim->link);
    claims->count--;
    memory_free((void *)(uintptr_t)claim->name.data);
    claim->name = BYTES_NONE;
    if (claims->count == 0) {
        change_ignore(&claims->listener);
    }
    claims_let_go(claims); /* claim I2 */
}

bool claim_is_broken(const struct claims *claims, const struct claim *claim)
{
    return claim->name.data != NULL && (claim->changed || claim->epoch != claims->epoch); /* claim I1 */
}
