/* SPDX-License-Identifier: MIT */

/* The table against a plain array, through growth and shrinking, and the promise of its scan. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/table.h"

#define UNIVERSE 20000u

struct element {
    uint32_t number;
    char name[12];
};

static struct gm_bytes key_of(const void *element)
{
    return gm_bytes_of(((const struct element *)element)->name);
}

static const struct table_ops ops = {.key = key_of};
static const struct siphash_key hash_key = {1, 2};

static uint64_t seed_of_run(void)
{
    const char *given = getenv("GEOMYS_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    return seed;
}

static struct element *make_elements(void)
{
    struct element *elements = memory_zeroed(UNIVERSE * sizeof *elements);
    for (uint32_t i = 0; i < UNIVERSE; i++) {
        elements[i].number = i;
        (void)snprintf(elements[i].name, sizeof elements[i].name, "k%u", i);
    }
    return elements;
}

static struct element *find(const struct table *table, const struct element *element)
{
    void **slot = table_find(table, key_of(element), table_hash(table, key_of(element)));
    return slot != NULL ? *slot : NULL;
}

Test(table, finds_exactly_what_was_inserted_and_not_removed)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    struct element *elements = make_elements();
    bool *present = memory_zeroed(UNIVERSE);
    struct table table;
    table_init(&table, &ops, &hash_key);
    uint64_t count = 0;
    for (int round = 0; round < 12; round++) {
        uint64_t chance = round % 2 == 0 ? 90 : 10; /* grow, shrink, grow ... */
        for (int i = 0; i < 20000; i++) {
            struct element *element = &elements[prng_below(&prng, UNIVERSE)];
            bool insert = prng_below(&prng, 100) < chance;
            if (insert && !present[element->number]) {
                table_insert(&table, element, table_hash(&table, key_of(element)));
                present[element->number] = true;
                count++;
            } else if (!insert) {
                void *removed = table_remove(&table, key_of(element), table_hash(&table, key_of(element)));
                cr_assert_eq(removed, present[element->number] ? element : NULL);
                count -= present[element->number];
                present[element->number] = false;
            }
        }
        cr_assert_eq(table.count, count);
        for (uint32_t i = 0; i < UNIVERSE; i++) {
            cr_assert_eq(find(&table, &elements[i]), present[i] ? &elements[i] : NULL, "element %u", i);
        }
        uint64_t buckets = table_buckets(&table);
        cr_assert_leq(count, buckets * TABLE_LOAD_HIGH);
        cr_assert(buckets <= 4 || count + 1 >= buckets * TABLE_LOAD_LOW, "%lu in %lu", count, buckets);
    }
    table_finish(&table);
    memory_free(present);
    memory_free(elements);
}

static void see(void *context, void *element)
{
    ((uint8_t *)context)[((struct element *)element)->number]++;
}

Test(table, a_scan_returns_what_stays_although_the_table_changes_size)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    struct element *elements = make_elements();
    uint8_t *seen = memory_zeroed(UNIVERSE);
    for (int direction = 0; direction < 2; direction++) {
        struct table table;
        table_init(&table, &ops, &hash_key);
        uint32_t from = direction == 0 ? 300 : UNIVERSE; /* growing, shrinking */
        for (uint32_t i = 0; i < from; i++) {
            table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])));
        }
        memset(seen, 0, UNIVERSE);
        uint32_t next = direction == 0 ? 300 : UNIVERSE - 1;
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&table, cursor, see, seen);
            uint64_t steps = prng_below(&prng, 60);
            for (uint64_t i = 0; i < steps; i++) {
                if (direction == 0 && next < UNIVERSE) {
                    table_insert(&table, &elements[next], table_hash(&table, key_of(&elements[next])));
                    next++;
                } else if (direction == 1 && next >= 300) {
                    (void)table_remove(&table, key_of(&elements[next]), table_hash(&table, key_of(&elements[next])));
                    next--;
                }
            }
        } while (cursor != 0);
        for (uint32_t i = 0; i < 300; i++) {
            cr_assert_geq(seen[i], 1, "element %u was there all the time", i);
        }
        cr_assert(direction == 0 ? next > 300 : next < UNIVERSE - 1, "the table did change");
        table_finish(&table);
    }
    memory_free(seen);
    memory_free(elements);
}

Test(table, a_scan_of_a_table_at_rest_returns_each_element_once)
{
    struct element *elements = make_elements();
    uint8_t *seen = memory_zeroed(UNIVERSE);
    for (uint32_t size = 0; size < 400; size += 7) {
        struct table table;
        table_init(&table, &ops, &hash_key);
        for (uint32_t i = 0; i < size; i++) {
            table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])));
        }
        memset(seen, 0, UNIVERSE);
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&table, cursor, see, seen);
        } while (cursor != 0);
        for (uint32_t i = 0; i < 400; i++) {
            cr_assert_eq(seen[i], i < size);
        }
        table_finish(&table);
    }
    memory_free(seen);
    memory_free(elements);
}

Test(table, draining_in_steps_gives_every_element_once)
{
    struct element *elements = make_elements();
    uint8_t *seen = memory_zeroed(UNIVERSE);
    struct table table;
    table_init(&table, &ops, &hash_key);
    for (uint32_t i = 0; i < UNIVERSE; i++) {
        table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])));
    }
    int steps = 1;
    while (table_drain(&table, 100, see, seen)) {
        steps++;
    }
    cr_assert_geq(steps, (int)UNIVERSE / 200);
    for (uint32_t i = 0; i < UNIVERSE; i++) {
        cr_assert_eq(seen[i], 1);
    }
    cr_assert_eq(table.count, 0);
    table_finish(&table);
    memory_free(seen);
    memory_free(elements);
}

Test(table, random_reaches_every_element)
{
    struct prng prng;
    prng_seed(&prng, 5);
    struct element *elements = make_elements();
    uint8_t seen[50] = {0};
    struct table table;
    table_init(&table, &ops, &hash_key);
    cr_assert_null(table_random(&table, &prng));
    for (uint32_t i = 0; i < 50; i++) {
        table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])));
    }
    for (int i = 0; i < 20000; i++) {
        seen[((struct element *)table_random(&table, &prng))->number] = 1;
    }
    for (uint32_t i = 0; i < 50; i++) {
        cr_assert_eq(seen[i], 1);
    }
    table_finish(&table);
    memory_free(elements);
}
