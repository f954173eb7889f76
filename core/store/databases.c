/* SPDX-License-Identifier: MIT */

/* databases.c - numbers and keyspaces.
 *
 * Idea     A database is a number that points to a keyspace, so SWAPDB exchanges two pointers and FLUSHDB takes one
 *          away: what was flushed stands in a list and is released step by step, while the number is free for a new
 *          one.
 *
 *              numbered   0 ──► keyspace     used:     keyspace 0 ◄─► keyspace 5
 *                         1 ──► NULL         flushed:  what was 5 before ◄─► what was 0
 *                         5 ──► keyspace
 *
 *          A number that was never used costs its pointer; whoever looks at it is shown an empty keyspace.
 *
 * Promises
 *   I1  A keyspace is in exactly one list: `used`, and then numbered[number] is it; or `flushed`.
 *   I2  What was flushed is released only when no sweep has to see it (keyspace.walk).
 *
 * Limits   A used database takes some 3 KB beside its keys, and keeps them when it is empty. Keys that expire are
 *          looked for in all used databases once the next one is due: some nanoseconds for each. */
#include "store/databases.h"

#define EMPTY_COST 16 /* releasing a keyspace costs as much as releasing so many entries */

void databases_init(struct databases *databases, uint32_t count, const struct keyspace_ops *ops,
                    const struct siphash_key *hash_key)
{
    check(count > 0 && count <= DATABASES_MAX);
    memset(databases, 0, sizeof *databases);
    ledger_init(&databases->ledger);
    databases->ops = *ops;
    list_init(&databases->used);
    list_init(&databases->flushed);
    keyspace_init(&databases->none, &databases->ledger, ops, hash_key);
    databases->count = count;
    databases->numbered = memory_zeroed(count * sizeof(struct keyspace *));
}

void databases_rekey(struct databases *databases, const struct siphash_key *hash_key)
{
    check(databases->ledger.keys == 0 && list_empty(&databases->flushed));
    databases->none.table.hash_key = *hash_key;
    for (uint32_t number = 0; number < databases->count; number++) {
        if (databases->numbered[number] != NULL) {
            databases->numbered[number]->table.hash_key = *hash_key;
        }
    }
}

static struct keyspace *keyspace_at(const struct list *link)
{
    return container_of((struct list *)(uintptr_t)link, struct keyspace, link);
}

static void destroy(struct keyspace *keyspace)
{
    keyspace_finish(keyspace);
    memory_free(keyspace);
}

void databases_finish(struct databases *databases)
{
    if (databases->numbered == NULL) {
        return;
    }
    while (!list_empty(&databases->flushed)) {
        destroy(keyspace_at(databases->flushed.next));
    }
    while (!list_empty(&databases->used)) {
        destroy(keyspace_at(databases->used.next));
    }
    keyspace_finish(&databases->none);
    const struct ledger *ledger = &databases->ledger;
    check(ledger->keys == 0 && ledger->expires == 0 && ledger->flushed == 0 && ledger->overhead == 0); /* ledger I2 */
    check(ledger->wakes == 0);
    check(ledger->total.bytes == 0 && ledger->total.blocks == 0); /* ledger I1 */
    memory_free(databases->numbered);
    databases->numbered = NULL;
}

struct keyspace *databases_make(struct databases *databases, uint32_t number)
{
    check(number < databases->count && databases->numbered[number] == NULL);
    struct keyspace *keyspace = memory_alloc(sizeof *keyspace);
    keyspace_init(keyspace, &databases->ledger, &databases->ops, &databases->none.table.hash_key);
    keyspace->number = number;
    list_push_back(&databases->used, &keyspace->link);
    databases->numbered[number] = keyspace; /* databases I1 */
    return keyspace;
}

void databases_flush(struct databases *databases, uint32_t number)
{
    check(number < databases->count);
    struct keyspace *keyspace = databases->numbered[number];
    if (keyspace == NULL) {
        return;
    }
    check(keyspace->number == number); /* databases I1 */
    databases->numbered[number] = NULL;
    keyspace_flush(keyspace);
    list_remove(&keyspace->link);
    list_push_back(&databases->flushed, &keyspace->link);
}

void databases_flush_all(struct databases *databases)
{
    while (!list_empty(&databases->used)) {
        databases_flush(databases, keyspace_at(databases->used.next)->number);
    }
    check(databases->ledger.keys == 0 && databases->ledger.expires == 0); /* ledger I2 */
}

static void put(struct databases *databases, uint32_t number, struct keyspace *keyspace)
{
    databases->numbered[number] = keyspace;
    if (keyspace != NULL) {
        keyspace->number = number;
    }
}

void databases_swap(struct databases *databases, uint32_t a, uint32_t b)
{
    check(a < databases->count && b < databases->count);
    struct keyspace *first = databases->numbered[a];
    put(databases, a, databases->numbered[b]);
    put(databases, b, first);
}

/* The oldest that may be released; NULL: there is none. */
static struct keyspace *releasable(const struct databases *databases)
{
    for (struct list *at = databases->flushed.next; at != &databases->flushed; at = at->next) {
        if (list_empty(&keyspace_at(at)->walk)) { /* databases I2 */
            return keyspace_at(at);
        }
    }
    return NULL;
}

bool databases_reap_slow(struct databases *databases, size_t budget)
{
    struct keyspace *keyspace;
    size_t spent = 0;
    while ((keyspace = releasable(databases)) != NULL && spent < budget) {
        uint64_t before = keyspace->table.count;
        size_t left = budget - spent;
        bool more = keyspace_reap(keyspace, left);
        spent += (size_t)(before - keyspace->table.count) + EMPTY_COST;
        if (!more) {
            destroy(keyspace);
        }
    }
    return keyspace != NULL;
}

struct keyspace *databases_due(struct databases *databases, int64_t now_ms)
{
    int64_t soonest_ms = INT64_MAX;
    if (now_ms < databases->ledger.expires_ms) {
        return NULL;
    }
    for (struct list *at = databases->used.next; at != &databases->used; at = at->next) {
        struct keyspace *keyspace = keyspace_at(at);
        int64_t at_ms = expire_next(&keyspace->expire);
        if (at_ms <= now_ms) {
            list_remove(at);
            list_push_back(databases->used.next, at); /* to the front: what is due next is likely to be there, too */
            return keyspace;
        }
        soonest_ms = at_ms < soonest_ms ? at_ms : soonest_ms;
    }
    databases->ledger.expires_ms = soonest_ms;
    return NULL;
}

const struct keyspace *databases_wake(struct databases *databases, int64_t now_ms)
{
    const struct keyspace *soonest = &databases->none;
    if (now_ms < databases->ledger.wakes_ms) {
        return NULL;
    }
    for (const struct list *at = databases->used.next; at != &databases->used; at = at->next) {
        const struct keyspace *keyspace = keyspace_at(at);
        soonest = wake_next(&keyspace->wakes) < wake_next(&soonest->wakes) ? keyspace : soonest;
    }
    databases->ledger.wakes_ms = wake_next(&soonest->wakes);
    return databases->ledger.wakes_ms <= now_ms ? soonest : NULL;
}

struct keyspace *databases_turn(struct databases *databases, bool expiring)
{
    const struct ledger *ledger = &databases->ledger;
    if ((expiring ? ledger->expires : ledger->keys) == 0) {
        return NULL;
    }
    for (;;) {
        struct keyspace *keyspace = keyspace_at(databases->used.next);
        list_remove(&keyspace->link);
        list_push_back(&databases->used, &keyspace->link);
        if ((expiring ? keyspace->expire.count : keyspace->table.count) > 0) { /* ledger I2: there is one */
            return keyspace;
        }
    }
}

struct keyspace *databases_next(const struct databases *databases, uint32_t *number)
{
    while (*number < databases->count) {
        struct keyspace *keyspace = databases->numbered[(*number)++];
        if (keyspace != NULL) {
            return keyspace;
        }
    }
    return NULL;
}

uint64_t databases_keys(const struct databases *databases, uint8_t type)
{
    uint64_t keys = 0;
    for (const struct list *at = databases->used.next; at != &databases->used; at = at->next) {
        keys += keyspace_at(at)->keys[type];
    }
    return keys;
}

struct databases_frozen databases_frozen(const struct databases *databases)
{
    struct databases_frozen sum = {0};
    for (const struct list *at = databases->used.next; at != &databases->used; at = at->next) {
        sum.frozen += keyspace_at(at)->frozen;
        sum.damaged += keyspace_at(at)->damaged;
    }
    return sum;
}

void databases_note_all(struct databases *databases, uint32_t note)
{
    for (const struct list *at = databases->used.next; at != &databases->used; at = at->next) {
        table_note_all(&keyspace_at(at)->table, note);
    }
}
