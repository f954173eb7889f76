/* SPDX-License-Identifier: MIT */

/* cell.c - a strict little host for one value. */
#include "support/cell.h"

#include "base/check.h"

#include <stdlib.h>

#define DUMP_CALLS_MAX ((size_t)1 << 24) /* a dump that needs more does not end */
#define RUBBISH        0xa5

static struct cell *cell_of(struct gm_apply *apply)
{
    return container_of(apply, struct cell, apply);
}

/* ---- what the type is lent ---- */

static void *allocate(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    check(memory != NULL);
    return memory;
}

static uint8_t *resize(struct gm_apply *apply, size_t size)
{
    struct gm_cell *cell = &apply->cell;
    if (size > GM_VALUE_SIZE_MAX) {
        return NULL;
    }
    size_t kept = cell->form != GM_BYTES ? 0 : cell->size < size ? cell->size : size;
    uint8_t *data = allocate(size);
    if (kept > 0) {
        memcpy(data, cell->data, kept);
    }
    memset(data + kept, 0, size - kept);
    free(cell->data);
    *cell = (struct gm_cell){.form = GM_BYTES, .data = data, .size = size};
    return data;
}

static void set_word(struct gm_apply *apply, uint64_t word)
{
    free(apply->cell.data);
    apply->cell = (struct gm_cell){.form = GM_WORD, .word = word};
}

static void clear(struct gm_apply *apply)
{
    free(apply->cell.data);
    apply->cell = (struct gm_cell){.form = GM_ABSENT};
}

/* A block knows its size, so that growing can fill the new part with rubbish. */
struct block {
    size_t size;
    size_t magic;
    _Alignas(16) uint8_t data[];
};

#define BLOCK_MAGIC ((size_t)0x6b636f6c62)

static struct block *block_of(void *memory)
{
    struct block *block = container_of(memory, struct block, data);
    check(block->magic == BLOCK_MAGIC);
    return block;
}

static void release(struct gm_apply *apply, void *memory)
{
    if (memory == NULL) {
        return;
    }
    struct block *block = block_of(memory);
    check(cell_of(apply)->blocks > 0);
    cell_of(apply)->blocks--;
    block->magic = 0;
    free(block);
}

static void *reallocate(struct gm_apply *apply, void *memory, size_t size)
{
    if (size > GM_ALLOC_MAX) {
        return NULL;
    }
    struct block *block = allocate(sizeof *block + size);
    *block = (struct block){.size = size, .magic = BLOCK_MAGIC};
    memset(block->data, RUBBISH, size);
    cell_of(apply)->blocks++;
    if (memory != NULL) {
        size_t old = block_of(memory)->size;
        memcpy(block->data, memory, old < size ? old : size);
        release(apply, memory);
    }
    return block->data;
}

static void *alloc(struct gm_apply *apply, size_t size)
{
    void *memory = reallocate(apply, NULL, size);
    return memory != NULL ? memset(memory, 0, size) : NULL;
}

static uint64_t held(struct gm_apply *apply, const void *memory)
{
    (void)apply;
    return block_of((void *)(uintptr_t)memory)->size;
}

static void outcome(struct gm_apply *apply, int64_t number)
{
    cell_of(apply)->outcome = number;
}

static const struct gm_secret the_secret = {"cells of tests"};

static const struct gm_secret *secret(struct gm_apply *apply)
{
    (void)apply;
    return &the_secret;
}

static const struct gm_apply_ops ops = {
    .size = sizeof(struct gm_apply_ops),
    .resize = resize,
    .set_word = set_word,
    .clear = clear,
    .alloc = alloc,
    .realloc = reallocate,
    .release = release,
    .held = held,
    .outcome = outcome,
    .secret = secret,
};

/* ---- cells ---- */

void cell_init(struct cell *cell, const struct gm_type *type)
{
    *cell = (struct cell){.apply = {.ops = &ops}, .type = type};
}

void cell_finish(struct cell *cell)
{
    if (cell->apply.cell.form != GM_ABSENT && cell->type->free != NULL) {
        cell->type->free(&cell->apply);
    }
    clear(&cell->apply);
    check(cell->blocks == 0);
}

int cell_apply_at(struct cell *cell, uint16_t op, struct gm_bytes body, int64_t time_ms)
{
    const struct gm_cell before = cell->apply.cell;
    uint8_t *copy = allocate(body.size);
    if (body.size > 0) {
        memcpy(copy, body.data, body.size);
    }
    const struct gm_record record = {.op = op, .time_ms = time_ms, .key = BYTES("key"), .body = {copy, body.size}};
    int status = cell->type->apply(&cell->apply, &record);
    free(copy);
    check(status == GM_OK || status == GM_CORRUPT);
    const struct gm_cell *after = &cell->apply.cell;
    if (status == GM_CORRUPT) {
        check(after->form == before.form && after->data == before.data && after->size == before.size);
        check(after->word == before.word);
    } else if (after->form != GM_ABSENT && cell->type->empty != NULL && cell->type->empty(after)) {
        cell_finish(cell);
    }
    return status;
}

int cell_apply(struct cell *cell, uint16_t op, struct gm_bytes body)
{
    return cell_apply_at(cell, op, body, 0);
}

/* ---- dumps ---- */

#define HEAD_SIZE 6 /* u16 op, u32 size */

struct dump_sink {
    struct gm_sink sink;
    struct cell_dump *dump;
    uint8_t *scratch; /* of one call */
    size_t lent;
};

static void take_record(struct gm_sink *sink, uint16_t op, const struct gm_bytes *parts, uint32_t part_count)
{
    struct cell_dump *dump = container_of(sink, struct dump_sink, sink)->dump;
    uint32_t size = 0;
    for (uint32_t i = 0; i < part_count; i++) {
        check(parts[i].size <= GM_VALUE_SIZE_MAX - size);
        size += (uint32_t)parts[i].size;
    }
    dump->data = realloc(dump->data, dump->size + HEAD_SIZE + size);
    check(dump->data != NULL);
    uint8_t *target = dump->data + dump->size;
    memcpy(target, &op, sizeof op);
    memcpy(target + sizeof op, &size, sizeof size);
    target += HEAD_SIZE;
    for (uint32_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0) {
            memcpy(target, parts[i].data, parts[i].size);
            target += parts[i].size;
        }
    }
    dump->size += HEAD_SIZE + size;
    dump->records++;
    dump->largest = size > dump->largest ? size : dump->largest;
}

static void *lend_scratch(struct gm_sink *sink, size_t size)
{
    struct dump_sink *lender = container_of(sink, struct dump_sink, sink);
    if (size > GM_DUMP_SCRATCH - lender->lent) {
        return NULL;
    }
    uint8_t *memory = lender->scratch + lender->lent;
    lender->lent += (size + 15) & ~(size_t)15;
    lender->lent = lender->lent < GM_DUMP_SCRATCH ? lender->lent : GM_DUMP_SCRATCH;
    return memset(memory, RUBBISH, size);
}

static const struct gm_secret *sink_secret(struct gm_sink *sink)
{
    (void)sink;
    return &the_secret;
}

static const struct gm_sink_ops sink_ops = {
    .size = sizeof(struct gm_sink_ops), .record = take_record, .scratch = lend_scratch, .secret = sink_secret};

void cell_dump(const struct cell *cell, struct cell_dump *dump)
{
    struct dump_sink sink = {.sink = {.ops = &sink_ops}, .dump = dump};
    sink.scratch = allocate(GM_DUMP_SCRATCH);
    uint64_t cursor = 0;
    size_t calls = 0;
    cell_dump_finish(dump);
    check(cell->apply.cell.form != GM_ABSENT);
    do {
        uint64_t before = cursor;
        sink.lent = 0;
        cursor = cell->type->dump(&cell->apply.cell, cursor, &sink.sink);
        check((cursor == 0 || cursor > before) && ++calls < DUMP_CALLS_MAX);
    } while (cursor != 0);
    check(dump->records > 0);
    free(sink.scratch);
}

void cell_restore(struct cell *cell, const struct cell_dump *dump)
{
    check(cell->apply.cell.form == GM_ABSENT);
    for (size_t at = 0; at < dump->size;) {
        uint16_t op;
        uint32_t size;
        memcpy(&op, dump->data + at, sizeof op);
        memcpy(&size, dump->data + at + sizeof op, sizeof size);
        check(cell_apply(cell, op, (struct gm_bytes){dump->data + at + HEAD_SIZE, size}) == GM_OK);
        at += HEAD_SIZE + size;
    }
}

bool cell_dump_equal(const struct cell_dump *a, const struct cell_dump *b)
{
    return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

void cell_dump_finish(struct cell_dump *dump)
{
    free(dump->data);
    *dump = (struct cell_dump){0};
}

void cell_check_round_trip(const struct cell *cell)
{
    struct cell copy;
    struct cell_dump first = {0};
    struct cell_dump second = {0};
    if (cell->apply.cell.form == GM_ABSENT) {
        return;
    }
    cell_init(&copy, cell->type);
    cell_dump(cell, &first);
    cell_restore(&copy, &first);
    check(copy.apply.cell.form != GM_ABSENT);
    cell_dump(&copy, &second);
    check(cell_dump_equal(&first, &second));
    cell_dump_finish(&first);
    cell_dump_finish(&second);
    cell_finish(&copy);
}
