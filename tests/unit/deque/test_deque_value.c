/* SPDX-License-Identifier: MIT */

/* A deque of blocks against an array of the same elements, under random changes; and what it may cost. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "deque_value.h"
#include "support/seed.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- memory that counts and spoils ---- */

struct tally {
    uint64_t bytes;
    uint64_t blocks;
};

static void *give(void *context, size_t size)
{
    struct tally *tally = context;
    size_t *block = malloc(size + 16);
    cr_assert(block != NULL);
    *block = size;
    tally->bytes += size;
    tally->blocks++;
    return memset((uint8_t *)block + 16, 0xa5, size);
}

static void *give_zeroed(void *context, size_t size)
{
    return memset(give(context, size), 0, size);
}

static void take(void *context, void *memory)
{
    struct tally *tally = context;
    uint8_t *block = (uint8_t *)memory - 16;
    size_t size = *(size_t *)(void *)block;
    tally->bytes -= size;
    tally->blocks--;
    memset(memory, 0x5a, size);
    free(block);
}

static uint64_t reserved(void *context, const void *memory)
{
    (void)context;
    return *(const size_t *)(const void *)((const uint8_t *)memory - 16);
}

static void *regive(void *context, void *memory, size_t size)
{
    void *fresh = give(context, size);
    if (memory != NULL) {
        size_t old = *(size_t *)(void *)((uint8_t *)memory - 16);
        memcpy(fresh, memory, old < size ? old : size);
        take(context, memory);
    }
    return fresh;
}

static struct deque_memory memory_of(struct tally *tally)
{
    return (struct deque_memory){give_zeroed, regive, take, reserved, tally};
}

/* ---- the array ---- */

struct model {
    struct gm_bytes *elements;
    size_t length;
    size_t room;
};

static struct gm_bytes copied(struct gm_bytes element)
{
    uint8_t *data = malloc(element.size + 1);
    cr_assert(data != NULL);
    if (element.size > 0) {
        memcpy(data, element.data, element.size);
    }
    return (struct gm_bytes){data, element.size};
}

static void model_insert(struct model *model, size_t index, struct gm_bytes element)
{
    if (model->length == model->room) {
        model->room = model->room * 2 + 16;
        model->elements = realloc(model->elements, model->room * sizeof *model->elements);
        cr_assert(model->elements != NULL);
    }
    memmove(model->elements + index + 1, model->elements + index, (model->length - index) * sizeof *model->elements);
    model->elements[index] = copied(element);
    model->length++;
}

static void model_remove(struct model *model, size_t index)
{
    free((void *)(uintptr_t)model->elements[index].data);
    model->length--;
    memmove(model->elements + index, model->elements + index + 1, (model->length - index) * sizeof *model->elements);
}

static void model_set(struct model *model, size_t index, struct gm_bytes element)
{
    free((void *)(uintptr_t)model->elements[index].data);
    model->elements[index] = copied(element);
}

static void model_finish(struct model *model)
{
    while (model->length > 0) {
        model_remove(model, model->length - 1);
    }
    free(model->elements);
    *model = (struct model){0};
}

/* ---- comparing ---- */

static void check_invariants(const struct deque *deque, const struct tally *tally)
{
    uint64_t length = 0;
    uint64_t packed = 0;
    uint64_t allocated = sizeof *deque + (uint64_t)deque->room * sizeof *deque->ring;
    for (uint32_t i = 0; i < deque->blocks; i++) {
        const struct deque_block *block = &deque->ring[(deque->head + i) & (deque->room - 1)];
        cr_assert(block->count > 0 && block->start <= block->end && block->end <= block->capacity); /* deque_value I1 */
        length += block->count;
        packed += block->end - block->start;
        allocated += block->capacity;
        if (block->capacity > DEQUE_BLOCK) {
            /* deque_value I2 */
            cr_assert(block->end - block->start >= block->capacity / 2, "a great block is half empty");
        }
    }
    cr_assert_eq(deque->length, length);
    cr_assert_eq(deque->packed, packed);
    cr_assert_eq(deque->memory, allocated);
    cr_assert_eq(deque->memory, tally->bytes);
}

static void check_equal(const struct deque *deque, const struct model *model)
{
    struct gm_bytes element;
    cr_assert_eq(deque->length, model->length);
    struct deque_cursor cursor = deque_seek(deque, 0);
    for (size_t i = 0; i < model->length; i++) {
        cr_assert(deque_next(&cursor, &element) && gm_bytes_equal(element, model->elements[i]), "forward at %zu", i);
    }
    cr_assert(!deque_next(&cursor, &element));
    cursor = deque_seek(deque, deque->length);
    for (size_t i = model->length; i > 0; i--) {
        cr_assert(deque_prev(&cursor, &element) && gm_bytes_equal(element, model->elements[i - 1]), "backward at %zu",
                  i);
    }
    cr_assert(!deque_prev(&cursor, &element));
}

/* ---- random elements and changes ---- */

#define HUGE_SIZE ((size_t)300 * 1000)

static struct gm_bytes random_element(struct prng *prng, uint8_t *buffer)
{
    uint64_t kind = prng_below(prng, 1000);
    uint64_t bound = kind < 700 ? 24 : kind < 900 ? 200 : kind < 970 ? 3000 : kind < 999 ? 9000 : HUGE_SIZE;
    size_t size = prng_below(prng, bound);
    memset(buffer, (int)prng_below(prng, 256), size);
    for (size_t i = 0; i < size && i < 8; i++) {
        buffer[prng_below(prng, size)] = (uint8_t)prng_next(prng);
    }
    return (struct gm_bytes){buffer, size};
}

struct trial {
    struct prng prng;
    struct tally tally;
    struct deque_memory memory;
    struct deque *deque;
    struct model model;
    uint8_t *buffer;
};

static void remove_random_runs(struct trial *trial)
{
    uint8_t runs[4096];
    uint8_t *at = runs;
    size_t index = prng_below(&trial->prng, trial->model.length);
    uint64_t skip = index;
    uint64_t wide = 1 + prng_below(&trial->prng, 40);
    uint64_t gap = 1 + prng_below(&trial->prng, 400);
    while (index < trial->model.length && at < runs + sizeof runs - 20) {
        uint64_t drop = 1 + prng_below(&trial->prng, wide);
        drop = drop < trial->model.length - index ? drop : trial->model.length - index;
        at = gm_store_varint(gm_store_varint(at, skip), drop);
        for (uint64_t i = 0; i < drop; i++) {
            model_remove(&trial->model, index);
        }
        skip = prng_below(&trial->prng, gap);
        index += skip;
        if (prng_below(&trial->prng, 10) == 0) {
            break;
        }
    }
    deque_remove(trial->deque, &trial->memory, (struct gm_bytes){runs, (size_t)(at - runs)});
}

/* One change; `growth` of 100 say how many of those at the ends push. */
static void change(struct trial *trial, uint64_t growth)
{
    struct prng *prng = &trial->prng;
    struct model *model = &trial->model;
    bool push = model->length == 0 || prng_below(prng, 100) < growth;
    bool front = prng_below(prng, 2) == 0;
    uint64_t kind = prng_below(prng, 100);
    struct gm_bytes element = random_element(prng, trial->buffer);
    if (push && kind < 60) {
        (front ? deque_push_front : deque_push_back)(trial->deque, &trial->memory, element);
        model_insert(model, front ? 0 : model->length, element);
    } else if (push) {
        size_t index = prng_below(prng, model->length + 1);
        deque_insert(trial->deque, &trial->memory, index, element);
        model_insert(model, index, element);
    } else if (kind < 50) {
        uint64_t count = prng_below(prng, kind < 2 ? model->length + 1 : 4);
        count = count < model->length ? count : model->length;
        (front ? deque_drop_front : deque_drop_back)(trial->deque, &trial->memory, count);
        for (uint64_t i = 0; i < count; i++) {
            model_remove(model, front ? 0 : model->length - 1);
        }
    } else if (kind < 95) {
        size_t index = prng_below(prng, model->length);
        deque_set(trial->deque, &trial->memory, index, element);
        model_set(model, index, element);
    } else {
        remove_random_runs(trial);
    }
}

static void trial_run(uint64_t seed, size_t steps)
{
    struct trial trial = {.buffer = malloc(HUGE_SIZE)};
    prng_seed(&trial.prng, seed);
    trial.memory = memory_of(&trial.tally);
    trial.deque = deque_create(&trial.memory);
    uint64_t growth = 60;
    for (size_t step = 0; step < steps; step++) {
        if (step % 512 == 0) {
            growth = 20 + prng_below(&trial.prng, 70);
        }
        change(&trial, growth);
        cr_assert_eq(trial.deque->length, trial.model.length);
        check_invariants(trial.deque, &trial.tally);
        if (trial.model.length > 0) {
            struct gm_bytes element;
            size_t index = prng_below(&trial.prng, trial.model.length);
            struct deque_cursor cursor = deque_seek(trial.deque, index);
            cr_assert(deque_next(&cursor, &element) && gm_bytes_equal(element, trial.model.elements[index]));
        }
        if (step % 64 == 0) {
            check_equal(trial.deque, &trial.model);
        }
    }
    check_equal(trial.deque, &trial.model);
    deque_drop_front(trial.deque, &trial.memory, trial.deque->length);
    cr_assert_eq(trial.deque->blocks, 0);
    deque_destroy(trial.deque, &trial.memory);
    cr_assert_eq(trial.tally.bytes, 0);
    cr_assert_eq(trial.tally.blocks, 0);
    model_finish(&trial.model);
    free(trial.buffer);
}

Test(deque_value, equals_an_array_of_the_same_elements_under_random_changes)
{
    uint64_t seed = seed_of_run();
    for (uint64_t run = 0; run < 20; run++) {
        trial_run(seed + run, 3000);
    }
}

/* ---- what it costs ---- */

static struct deque *filled(const struct deque_memory *memory, size_t count, struct gm_bytes element, bool front)
{
    struct deque *deque = deque_create(memory);
    for (size_t i = 0; i < count; i++) {
        (front ? deque_push_front : deque_push_back)(deque, memory, element);
    }
    return deque;
}

Test(deque_value, costs_two_bytes_and_a_half_per_small_element_and_a_third_of_a_middling_one_at_most)
{
    static const uint8_t zeros[5000];
    struct tally tally = {0};
    struct deque_memory memory = memory_of(&tally);
    for (int front = 0; front < 2; front++) {
        struct deque *small = filled(&memory, 200 * 1000, (struct gm_bytes){zeros, 16}, front == 1);
        cr_assert(small->memory < 200 * 1000 * 185 / 10, "%llu", (unsigned long long)small->memory);
        deque_destroy(small, &memory);
        for (size_t size = 100; size < sizeof zeros; size += 100) {
            struct deque *middling = filled(&memory, 500, (struct gm_bytes){zeros, size}, front == 1);
            cr_assert(middling->memory < (middling->packed + 2 * DEQUE_BLOCK) * 4 / 3, "%zu", size);
            deque_destroy(middling, &memory);
        }
    }
    struct deque *little = filled(&memory, 6, (struct gm_bytes){zeros, 100}, false);
    /* deque_value I3 */
    cr_assert(little->memory < 1300, "the first block is not a full one: %llu", (unsigned long long)little->memory);
    deque_destroy(little, &memory);
    cr_assert_eq(tally.bytes, 0);
}

Test(deque_value, does_not_hoard_when_a_queue_passes_through_or_the_middle_is_inserted_to_and_thinned)
{
    struct tally tally = {0};
    struct deque_memory memory = memory_of(&tally);
    struct gm_bytes element = {(const uint8_t *)"0123456789abcdef", 16};
    struct deque *deque = filled(&memory, 100, element, false);
    uint64_t most = 0;
    for (int i = 0; i < 100 * 1000; i++) {
        deque_push_back(deque, &memory, element);
        deque_drop_front(deque, &memory, 1);
        most = deque->memory > most ? deque->memory : most;
    }
    cr_assert(most <= 4 * DEQUE_BLOCK, "a queue of 100: %llu", (unsigned long long)most);

    /* The worst that inserting can do: always into the second place of a full block. */
    for (size_t i = 0; i < 20 * 1000; i++) {
        deque_insert(deque, &memory, 1 + (i * 7919) % 100, element);
    }
    cr_assert(deque->memory < 3 * deque->packed, "%llu for %llu", (unsigned long long)deque->memory,
              (unsigned long long)deque->packed);

    /* deque_value I4 */
    /* Nine of ten go: what is left comes together. */
    uint8_t *runs = malloc(20100 * 2);
    uint8_t *at = runs;
    for (uint64_t left = deque->length; left >= 10; left -= 10) {
        at = gm_store_varint(gm_store_varint(at, 1), 9);
    }
    deque_remove(deque, &memory, (struct gm_bytes){runs, (size_t)(at - runs)});
    free(runs);
    cr_assert_eq(deque->length, 2010);
    cr_assert(deque->memory < 3 * deque->packed, "%llu for %llu", (unsigned long long)deque->memory,
              (unsigned long long)deque->packed);
    check_invariants(deque, &tally);
    deque_destroy(deque, &memory);
    cr_assert_eq(tally.blocks, 0);
}

Test(deque_value, takes_the_greatest_lengths_from_both_ends)
{
    static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 2097151, 2097152};
    struct tally tally = {0};
    struct deque_memory memory = memory_of(&tally);
    struct deque *deque = deque_create(&memory);
    uint8_t *bytes = calloc(1, 2097152);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        deque_push_back(deque, &memory, (struct gm_bytes){bytes, sizes[i]});
    }
    struct gm_bytes element;
    struct deque_cursor cursor = deque_seek(deque, deque->length);
    for (size_t i = sizeof sizes / sizeof sizes[0]; i > 0; i--) {
        cr_assert(deque_prev(&cursor, &element) && element.size == sizes[i - 1]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        cr_assert(deque_next(&cursor, &element) && element.size == sizes[i]);
    }
    deque_destroy(deque, &memory);
    cr_assert_eq(tally.bytes, 0);
    free(bytes);
}
