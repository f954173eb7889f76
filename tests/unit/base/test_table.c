/* SPDX-License-Identifier: MIT */

/* The table against a plain array, through growth and shrinking, and the promise of its scan. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/table.h"
#include "support/seed.h"

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

static struct element *make_elements(void)
{
    struct element *elements = memory_zeroed(UNIVERSE * sizeof *elements);
    for (uint32_t i = 0; i < UNIVERSE; i++) {
        elements[i].number = i;
        (void)snprintf(elements[i].name, sizeof elements[i].name, "k%u", i);
    }
    return elements;
}

/* All bits of a note are used by some element. */
static uint32_t note_of(const struct element *element)
{
    return element->number * 52429u & TABLE_NOTE_MAX;
}

static struct element *find(const struct table *table, const struct element *element)
{
    const struct table_slot *slot = table_find(table, key_of(element), table_hash(table, key_of(element)));
    return slot != NULL ? table_element(slot) : NULL;
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
                table_insert(&table, element, table_hash(&table, key_of(element)), note_of(element));
                present[element->number] = true;
                count++;
            } else if (!insert) {
                void *removed = table_remove(&table, key_of(element), table_hash(&table, key_of(element)));
                cr_assert_eq(removed, present[element->number] ? element : NULL); /* table I1 */
                count -= present[element->number];
                present[element->number] = false;
            }
        }
        cr_assert_eq(table.count, count);
        for (uint32_t i = 0; i < UNIVERSE; i++) {
            cr_assert_eq(find(&table, &elements[i]), present[i] ? &elements[i] : NULL, "element %u", i);
            cr_assert(!present[i] ||
                      table_note(table_find(&table, key_of(&elements[i]), table_hash(&table, key_of(&elements[i])))) ==
                          note_of(&elements[i]));
        }
        uint64_t buckets = table_buckets(&table);
        cr_assert_leq(count, buckets * TABLE_LOAD_HIGH);
        cr_assert(buckets <= 4 || count + 1 >= buckets * TABLE_LOAD_LOW, "%lu in %lu", count, buckets); /* table I2 */
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
            table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])), note_of(&elements[i]));
        }
        memset(seen, 0, UNIVERSE);
        uint32_t next = direction == 0 ? 300 : UNIVERSE - 1;
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&table, cursor, see, seen);
            uint64_t steps = prng_below(&prng, 60);
            for (uint64_t i = 0; i < steps; i++) {
                if (direction == 0 && next < UNIVERSE) {
                    table_insert(&table, &elements[next], table_hash(&table, key_of(&elements[next])), 0);
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
            table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])), note_of(&elements[i]));
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
        table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])), note_of(&elements[i]));
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

/* Room that was made at once is the room that growing would have made; all counts, powers of two and their neighbours
 * among them, come in and are found; removing shrinks it as ever. */
Test(table, room_made_at_once_is_used)
{
    static const uint32_t counts[] = {0, 1, 19, 20, 21, 80, 5119, 5120, 5121, 19999};
    struct element *elements = make_elements();
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct table table;
        table_init(&table, &ops, &hash_key);
        table_reserve(&table, counts[i]);
        uint64_t buckets = table_buckets(&table);
        cr_expect_leq(buckets, counts[i] / TABLE_LOAD_HIGH + 4);
        for (uint32_t k = 0; k < counts[i]; k++) {
            table_insert(&table, &elements[k], table_hash(&table, key_of(&elements[k])), 0);
        }
        cr_expect_leq(table_buckets(&table), buckets + 1, "%u elements", counts[i]);
        for (uint32_t k = 0; k < UNIVERSE; k++) {
            cr_assert_eq(find(&table, &elements[k]), k < counts[i] ? &elements[k] : NULL);
        }
        for (uint32_t k = 0; k < counts[i]; k++) {
            cr_assert_eq(table_remove(&table, key_of(&elements[k]), table_hash(&table, key_of(&elements[k]))),
                         &elements[k]);
        }
        cr_expect_eq(table_buckets(&table), 4);
        table_finish(&table);
    }
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
        table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])), note_of(&elements[i]));
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

static struct table_slot *slot_of(const struct table *table, const struct element *element)
{
    return table_find(table, key_of(element), table_hash(table, key_of(element)));
}

Test(table, a_note_stays_with_its_element_wherever_the_slot_goes)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    struct element *elements = make_elements();
    struct element *copies = make_elements();
    uint32_t *notes = memory_zeroed(UNIVERSE * sizeof *notes);
    struct table table;
    table_init(&table, &ops, &hash_key);
    for (uint32_t i = 0; i < UNIVERSE; i++) { /* each insert moves others */
        notes[i] = (uint32_t)prng_below(&prng, TABLE_NOTE_MAX + 1);
        table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])), notes[i]);
        uint32_t changed = (uint32_t)prng_below(&prng, i + 1);
        struct table_slot *slot = slot_of(&table, &elements[changed]);
        notes[changed] = (uint32_t)prng_below(&prng, TABLE_NOTE_MAX + 1);
        table_set_note(slot, notes[changed]);
        table_replace(slot, &copies[changed]);
    }
    for (uint32_t i = 0; i < UNIVERSE - 100; i++) {
        struct element *gone = table_remove(&table, key_of(&elements[i]), table_hash(&table, key_of(&elements[i])));
        cr_assert_eq(gone->number, i);
        const struct table_slot *last = slot_of(&table, &elements[UNIVERSE - 1 - i % 100]);
        cr_assert_eq(table_note(last), notes[UNIVERSE - 1 - i % 100]); /* table I3 */
    }
    table_note_all(&table, TABLE_NOTE_MAX);
    for (uint32_t i = UNIVERSE - 100; i < UNIVERSE; i++) {
        cr_assert_eq(table_note(slot_of(&table, &elements[i])), TABLE_NOTE_MAX);
        cr_assert_eq(find(&table, &elements[i])->number, i);
    }
    table_finish(&table);
    memory_free(notes);
    memory_free(copies);
    memory_free(elements);
}

Test(table, a_sample_is_of_different_elements_and_reaches_all)
{
    struct prng prng;
    prng_seed(&prng, 6);
    struct element *elements = make_elements();
    uint32_t *drawn = memory_zeroed(UNIVERSE * sizeof *drawn);
    struct table table;
    struct table_slot *slots[16]; /* of which 5 are asked for below: chains are longer */
    table_init(&table, &ops, &hash_key);
    cr_assert_eq(table_sample(&table, &prng, slots, 16), 0);
    for (uint32_t i = 0; i < 2000; i++) {
        table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])), 0);
        size_t count = table_sample(&table, &prng, slots, 16);
        cr_assert(count >= 1 && count <= i + 1);
    }
    for (uint32_t round = 0; round < 60000; round++) {
        size_t count = table_sample(&table, &prng, slots, 5);
        cr_assert_eq(count, 5);
        for (size_t i = 0; i < count; i++) {
            drawn[((struct element *)table_element(slots[i]))->number]++;
            cr_assert(i == 0 || slots[i] != slots[i - 1]);
        }
    }
    for (uint32_t i = 0; i < 2000; i++) { /* 150 each on average; by bucket, so not alike in full and empty ones */
        cr_assert(drawn[i] > 8 && drawn[i] < 600, "element %u was drawn %u times", i, drawn[i]);
    }
    table_finish(&table);
    memory_free(drawn);
    memory_free(elements);
}

Test(table, finds_an_address_without_looking_at_what_is_there)
{
    struct element *elements = make_elements();
    struct table table;
    table_init(&table, &ops, &hash_key);
    for (uint32_t i = 0; i < 100; i++) {
        table_insert(&table, &elements[i], table_hash(&table, key_of(&elements[i])), i);
    }
    uint64_t hash = table_hash(&table, key_of(&elements[7]));
    cr_assert_eq(table_note(table_find_element(&table, &elements[7], hash)), 7);
    const void *nowhere = (const void *)(uintptr_t)0x10;
    cr_assert_null(table_find_element(&table, nowhere, hash));
    (void)table_remove(&table, key_of(&elements[7]), hash);
    cr_assert_null(table_find_element(&table, &elements[7], hash));
    table_finish(&table);
    memory_free(elements);
}

Test(table, an_address_without_room_for_a_note_stops_the_process, .signal = SIGABRT)
{
    struct element *elements = make_elements();
    struct table table;
    table_init(&table, &ops, &hash_key);
    table_insert(&table, (char *)elements + 8, 1, 0);
}
