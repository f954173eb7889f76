/* SPDX-License-Identifier: MIT */

/* When something is due in values: the heap and its chains against a plain model, and with the keys of a keyspace. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/prng.h"
#include "store/databases.h"
#include "support/seed.h"

#define MOST 2000

/* Only their addresses matter. */
static struct entry *make(void)
{
    return memory_zeroed(sizeof(struct entry) + 24);
}

struct model {
    struct entry *entries[MOST];
    int64_t times[MOST];
    uint32_t vain[MOST];
    size_t count;
};

static int64_t least(const struct model *model)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < model->count; i++) {
        least = model->times[i] < least ? model->times[i] : least;
    }
    return least;
}

static void forget(struct model *model, size_t i)
{
    memory_free(model->entries[i]);
    model->count--;
    model->entries[i] = model->entries[model->count];
    model->times[i] = model->times[model->count];
    model->vain[i] = model->vain[model->count];
}

static void change(struct wakes *wakes, struct model *model, struct prng *prng, size_t i)
{
    switch (prng_below(prng, 3)) {
    case 0:
        model->times[i] = (int64_t)prng_below(prng, 1000);
        wake_change(wakes, model->entries[i], model->times[i]);
        break;
    case 1: {
        struct entry *other = make();
        wake_moved(wakes, model->entries[i], other);
        memory_free(model->entries[i]);
        model->entries[i] = other;
        break;
    }
    default:
        *wake_vain(wakes, model->entries[i]) = model->vain[i] = (uint32_t)prng_below(prng, 100);
        break;
    }
}

/* It grows to `most`, and goes back to nothing. wake I1, I2, I3 */
static void live(struct prng *prng, size_t most)
{
    static struct model model;
    struct wakes wakes = {0};
    bool grows = true;
    size_t steps = 0;
    while (grows || model.count > 0) {
        bool add = model.count == 0 || (grows ? prng_below(prng, 10) < 6 : prng_below(prng, 10) < 2);
        size_t i = model.count > 0 ? prng_below(prng, model.count) : 0;
        if (add && model.count < most) {
            model.entries[model.count] = make();
            model.times[model.count] = (int64_t)prng_below(prng, 1000);
            model.vain[model.count] = 0;
            wake_add(&wakes, model.entries[model.count], model.times[model.count]);
            model.count++;
        } else if (prng_below(prng, 2) == 0) {
            wake_remove(&wakes, model.entries[i]);
            forget(&model, i);
        } else {
            change(&wakes, &model, prng, i);
        }
        grows = grows && model.count < most;
        cr_assert_eq(wakes.count, model.count);
        if (++steps % 7 == 0) {
            cr_assert_eq(wake_next(&wakes), least(&model));
        }
        if (steps % 97 == 0) {
            for (size_t k = 0; k < model.count; k++) {
                cr_assert_eq(wake_at(&wakes, model.entries[k]), model.times[k]);
                cr_assert_eq(*wake_vain(&wakes, model.entries[k]), model.vain[k]);
            }
        }
    }
    cr_assert_null(wake_first(&wakes));
    cr_assert_eq(wake_next(&wakes), INT64_MAX);
    cr_assert_eq(wake_memory(&wakes), 0);
}

Test(wake, as_a_plain_list_has_it)
{
    uint64_t seed = seed_of_run();
    struct prng prng;
    (void)printf("seed %llu\n", (unsigned long long)seed);
    prng_seed(&prng, seed);
    for (size_t most = 1; most <= MOST; most = most * 3 + prng_below(&prng, 3)) {
        live(&prng, most);
    }
}

Test(wake, comes_in_order)
{
    struct prng prng;
    struct wakes wakes = {0};
    prng_seed(&prng, seed_of_run());
    for (int i = 0; i < MOST; i++) {
        wake_add(&wakes, make(), (int64_t)prng_below(&prng, 1u << 20));
    }
    cr_assert_lt(wake_memory(&wakes), (MOST + 2 * WAKE_PIECE) * 45);
    for (int64_t last = 0; wakes.count > 0;) {
        struct entry *entry = wake_first(&wakes);
        cr_assert_geq(wake_next(&wakes), last);
        last = wake_next(&wakes);
        wake_remove(&wakes, entry);
        memory_free(entry);
    }
}

/* ---- keys ---- */

static void release(void *context, struct entry *entry)
{
    (void)context;
    (void)entry;
}

static struct gm_bytes key_of(unsigned i)
{
    static char text[4][16];
    char *at = text[i % 4];
    (void)snprintf(at, sizeof text[0], "key-%u", i);
    return gm_bytes_of(at);
}

static struct entry *at(struct keyspace *keyspace, unsigned i)
{
    return keyspace_find(keyspace, key_of(i), keyspace_hash(keyspace, key_of(i)));
}

static struct entry *reshape(struct keyspace *keyspace, unsigned i, uint8_t flags, uint32_t size)
{
    struct table_slot *slot = keyspace_slot(keyspace, key_of(i), keyspace_hash(keyspace, key_of(i)));
    return keyspace_reshape(keyspace, slot, (struct keyspace_shape){1, flags, size}, 77, false);
}

/* keyspace I1, ledger I2, I3 */
Test(wake, goes_along_with_its_value)
{
    struct databases databases;
    struct keyspace_ops ops = {.release = release};
    databases_init(&databases, 4, &ops, &(struct siphash_key){1, 2});
    struct ledger *ledger = &databases.ledger;
    uint64_t empty = ledger->overhead;
    struct keyspace *keyspace = databases_open(&databases, 1);
    for (unsigned i = 0; i < 4; i++) {
        (void)keyspace_add(keyspace, key_of(i), keyspace_hash(keyspace, key_of(i)),
                           (struct keyspace_shape){1, ENTRY_WORD, 8}, 0);
        keyspace_wake(keyspace, at(keyspace, i), 100 + i);
    }
    cr_assert_eq(ledger->wakes, 4);
    cr_assert_eq(ledger->wakes_ms, 100);
    cr_assert_eq(keyspace_overhead(keyspace), ledger->overhead - empty, "what they cost is counted");
    cr_assert_null(databases_wake(&databases, 99));
    cr_assert_eq(databases_wake(&databases, 100), keyspace);
    cr_assert_eq(wake_first(&keyspace->wakes), at(keyspace, 0));

    (void)reshape(keyspace, 0, ENTRY_WORD | ENTRY_EXPIRES, 8);
    cr_assert_eq(keyspace_wake_at(keyspace, at(keyspace, 0)), 100, "with an expiry");
    (void)reshape(keyspace, 0, 0, 3000);
    (void)reshape(keyspace, 0, 0, 300000);
    cr_assert_eq(keyspace_wake_at(keyspace, at(keyspace, 0)), 100, "in another place");
    cr_assert_eq(at(keyspace, 0)->flags & ENTRY_EXPIRES, 0);
    keyspace_wake(keyspace, at(keyspace, 0), 50);
    cr_assert_eq(databases_wake(&databases, 50), keyspace);
    keyspace_wake(keyspace, at(keyspace, 0), 200);
    cr_assert_null(databases_wake(&databases, 100));
    cr_assert_eq(ledger->wakes_ms, 101);

    (void)reshape(keyspace, 1, ENTRY_FROZEN, 20);
    cr_assert_eq(keyspace_wake_at(keyspace, at(keyspace, 1)), 0, "nothing is due in records");
    cr_assert_eq(keyspace->frozen, 1);
    keyspace_vacate(keyspace, at(keyspace, 1));
    cr_assert_eq(keyspace->frozen, 0);
    keyspace_vacate(keyspace, at(keyspace, 2));
    cr_assert_eq(ledger->wakes, 2);
    cr_assert_eq(keyspace->keys[1], 4);

    struct keyspace *other = databases_open(&databases, 2);
    keyspace_move((struct keyspace_place){keyspace, key_of(3), keyspace_hash(keyspace, key_of(3))},
                  (struct keyspace_place){other, key_of(9), keyspace_hash(other, key_of(9))});
    cr_assert_eq(keyspace_wake_at(other, at(other, 9)), 103, "under another name");
    cr_assert_eq(databases_wake(&databases, 150), other);
    keyspace_remove(keyspace, key_of(0), keyspace_hash(keyspace, key_of(0)));
    cr_assert_eq(keyspace->wakes.count, 0);
    cr_assert_eq(ledger->wakes, 1);
    databases_flush(&databases, 2);
    cr_assert_eq(ledger->wakes, 0);
    cr_assert_null(databases_wake(&databases, INT64_MAX - 1));
    databases_finish(&databases);
}
