/* SPDX-License-Identifier: MIT */

/* Numbers, and the keyspaces behind them: each key is where it was put, whatever is swapped and flushed, and the ledger
 * is the sum. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "store/databases.h"
#include "support/seed.h"

#define COUNT 5
#define KEYS  40

static int released;

static void release(void *context, struct entry *entry)
{
    (void)context;
    (void)entry;
    released++;
}

static const struct keyspace_ops ops = {.release = release};
static const struct siphash_key hash_key = {5, 6};

static struct gm_bytes name_of(unsigned i, char out[8])
{
    int size = snprintf(out, 8, "k%u", i);
    return (struct gm_bytes){(const uint8_t *)out, (size_t)size};
}

static void put(struct databases *databases, uint32_t number, unsigned i, int64_t at_ms)
{
    char text[8];
    struct gm_bytes name = name_of(i, text);
    struct keyspace_shape shape = {.type = 1, .flags = at_ms != 0 ? ENTRY_EXPIRES : 0, .value_size = 10};
    struct keyspace *keyspace = databases_open(databases, number);
    struct entry *entry = keyspace_add(keyspace, name, databases_hash(databases, name), shape, at_ms);
    memset(entry_value(entry), 0, 10);
}

static bool has(const struct databases *databases, uint32_t number, unsigned i)
{
    char text[8];
    struct gm_bytes name = name_of(i, text);
    return keyspace_find(databases_see(databases, number), name, databases_hash(databases, name)) != NULL;
}

/* ledger I1, I2 */
static void expect_sums(const struct databases *databases)
{
    uint64_t overhead = keyspace_overhead(&databases->none);
    uint64_t keys = 0;
    uint64_t expires = 0;
    uint64_t flushed = 0;
    for (const struct list *at = databases->used.next; at != &databases->used; at = at->next) {
        const struct keyspace *keyspace = container_of((struct list *)(uintptr_t)at, struct keyspace, link);
        cr_assert_eq(databases->numbered[keyspace->number], keyspace); /* databases I1 */
        overhead += keyspace_overhead(keyspace);
        keys += keyspace->table.count;
        expires += keyspace->expire.count;
        cr_assert_geq(expire_next(&keyspace->expire), databases->ledger.expires_ms); /* ledger I3 */
    }
    for (const struct list *at = databases->flushed.next; at != &databases->flushed; at = at->next) {
        const struct keyspace *keyspace = container_of((struct list *)(uintptr_t)at, struct keyspace, link);
        overhead += keyspace_overhead(keyspace);
        flushed += keyspace->table.count;
    }
    cr_assert_eq(databases->ledger.overhead, overhead);
    cr_assert_eq(databases->ledger.keys, keys);
    cr_assert_eq(databases->ledger.expires, expires);
    cr_assert_eq(databases->ledger.flushed, flushed);
    cr_assert_eq(databases_keys(databases, 1), keys);
}

Test(databases, one_that_was_never_used_costs_nothing)
{
    struct databases databases;
    databases_init(&databases, DATABASES_MAX, &ops, &hash_key);
    uint64_t before = ledger_memory(&databases.ledger);
    for (uint32_t i = 0; i < DATABASES_MAX; i++) {
        cr_assert_eq(databases_see(&databases, i)->table.count, 0);
    }
    cr_expect_eq(ledger_memory(&databases.ledger), before);
    cr_expect(list_empty(&databases.used));
    put(&databases, DATABASES_MAX - 1, 1, 0);
    cr_expect(has(&databases, DATABASES_MAX - 1, 1));
    cr_expect_not(has(&databases, 0, 1));
    cr_expect_gt(ledger_memory(&databases.ledger), before);
    databases_finish(&databases);
}

/* Against a model: which key is in which database, and when it expires. */
Test(databases, keys_stay_where_they_were_put_through_swaps_and_flushes)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    struct databases databases;
    int64_t model[COUNT][KEYS] = {{0}}; /* 0: absent; 1: for ever; else when it expires */
    databases_init(&databases, COUNT, &ops, &hash_key);
    released = 0;
    int gone = 0;
    for (int step = 0; step < 20000; step++) {
        uint32_t a = (uint32_t)prng_below(&prng, COUNT);
        uint32_t b = (uint32_t)prng_below(&prng, COUNT);
        unsigned i = (unsigned)prng_below(&prng, KEYS);
        char text[8];
        struct gm_bytes name = name_of(i, text);
        uint64_t hash = databases_hash(&databases, name);
        uint64_t choice = prng_below(&prng, 100);
        if (choice < 60 && model[a][i] == 0) {
            model[a][i] = prng_below(&prng, 2) == 0 ? 1 : 100 + (int64_t)prng_below(&prng, 1000);
            put(&databases, a, i, model[a][i] == 1 ? 0 : model[a][i]);
        } else if (choice < 75 && model[a][i] != 0) {
            keyspace_remove(databases_open(&databases, a), name, hash);
            model[a][i] = 0;
            gone++;
        } else if (choice < 90 && a != b && model[a][i] != 0 && model[b][i] == 0) {
            keyspace_move((struct keyspace_place){databases_open(&databases, a), name, hash},
                          (struct keyspace_place){databases_open(&databases, b), name, hash});
            model[b][i] = model[a][i];
            model[a][i] = 0;
        } else if (choice < 96) {
            databases_swap(&databases, a, b);
            int64_t kept[KEYS];
            memcpy(kept, model[a], sizeof kept);
            memcpy(model[a], model[b], sizeof kept);
            memcpy(model[b], kept, sizeof kept);
        } else if (choice < 98) {
            databases_flush(&databases, a);
            for (unsigned k = 0; k < KEYS; k++) {
                gone += model[a][k] != 0;
                model[a][k] = 0;
            }
        } else if (choice == 98 && prng_below(&prng, 4) == 0) {
            databases_flush_all(&databases);
            for (unsigned k = 0; k < COUNT * KEYS; k++) {
                gone += model[k / KEYS][k % KEYS] != 0;
                model[k / KEYS][k % KEYS] = 0;
            }
        } else {
            (void)databases_reap(&databases, 1 + prng_below(&prng, 50));
        }
        cr_assert_eq(has(&databases, a, i), model[a][i] != 0);
        cr_assert_eq(has(&databases, b, i), model[b][i] != 0);
        expect_sums(&databases);
    }

    /* What expires is found wherever it is, and nothing else. */
    int64_t now_ms = 600;
    struct keyspace *keyspace;
    while ((keyspace = databases_due(&databases, now_ms)) != NULL) {
        const struct entry *entry = expire_due(&keyspace->expire, now_ms);
        unsigned i = (unsigned)atoi((const char *)entry_key(entry).data + 1); /* a value of zeros ends it */
        cr_assert(model[keyspace->number][i] > 1 && model[keyspace->number][i] <= now_ms);
        model[keyspace->number][i] = 0;
        char text[8];
        struct gm_bytes name = name_of(i, text);
        keyspace_remove(keyspace, name, databases_hash(&databases, name));
        gone++;
    }
    for (unsigned k = 0; k < COUNT * KEYS; k++) {
        cr_assert(model[k / KEYS][k % KEYS] < 2 || model[k / KEYS][k % KEYS] > now_ms);
    }
    expect_sums(&databases);
    while (databases_reap(&databases, 3)) {
    }
    cr_assert_eq(databases.ledger.flushed, 0);
    cr_assert_eq(released, gone);
    databases_finish(&databases);
}

/* databases I2 */
Test(databases, what_a_sweep_has_to_see_is_not_released)
{
    struct databases databases;
    struct list walk;
    list_init(&walk);
    databases_init(&databases, 4, &ops, &hash_key);
    put(&databases, 0, 1, 0);
    put(&databases, 1, 2, 0);
    struct keyspace *seen = databases_open(&databases, 0);
    list_push_back(&walk, &seen->walk);
    databases_flush_all(&databases);
    released = 0;
    cr_expect_not(databases_reap(&databases, 100), "there is nothing to do at once");
    cr_expect_eq(released, 1);
    cr_expect_eq(databases.ledger.flushed, 1);
    list_remove(&seen->walk);
    cr_expect_not(databases_reap(&databases, 100));
    cr_expect_eq(released, 2);
    databases_finish(&databases);
}

/* Whoever looks for a key of any database gets each of those that have one, and the empty ones cost no answer. */
Test(databases, take_turns)
{
    struct databases databases;
    databases_init(&databases, 8, &ops, &hash_key);
    cr_expect_null(databases_turn(&databases, false));
    put(&databases, 1, 1, 0);
    put(&databases, 3, 1, 500);
    put(&databases, 5, 1, 0);
    (void)databases_open(&databases, 6);
    unsigned times[8] = {0};
    for (int i = 0; i < 30; i++) {
        times[databases_turn(&databases, false)->number]++;
    }
    cr_expect(times[1] == 10 && times[3] == 10 && times[5] == 10);
    for (int i = 0; i < 5; i++) {
        cr_expect_eq(databases_turn(&databases, true)->number, 3);
    }
    databases_finish(&databases);
}
