/* SPDX-License-Identifier: MIT */

/* ways.c - one table-based type with each of its writing commands twice: as ABI 0.1 had it written, and as 0.2 has it.
 *
 *     WAYS.ADD1, WAYS.SET1    the body is built in zeroed scratch memory of 4 KiB, byte by byte; plan looks each member
 *                             up to know how many are new; apply looks for them again
 *     WAYS.ADD2, WAYS.SET2    codec.h, memory as it comes, and the answer is made of what apply has found
 *
 * tools/bench/two_ways.py counts the instructions of both. The records are alike, and so is all that apply does with
 * them but for how it reads them. */
#include <geomys/codec.h>
#include <geomys/hash.h>
#include <geomys/module.h>

enum { ADD1 = 1, SET1 = 2, ADD2 = 3, SET2 = 4 };

struct piece {
    uint32_t name_size;
    uint32_t value_size;
    uint8_t bytes[]; /* name, then value */
};

struct ways {
    struct piece **slots; /* owned; open addressing, a power of two of them */
    uint64_t held;        /* bytes: the sum of gm_held */
    uint32_t count;
    uint32_t size; /* slots */
};

static const struct gm_hash_key hash_key = {1, 2};

static struct ways *ways_of(const struct gm_cell *cell)
{
    return (struct ways *)(uintptr_t)cell->word;
}

static struct gm_bytes name_of(const struct piece *piece)
{
    return (struct gm_bytes){piece->bytes, piece->name_size};
}

/* The place of the name, or the free one where it would be. */
static uint32_t find(const struct ways *ways, struct gm_bytes name)
{
    uint32_t at = (uint32_t)gm_hash(&hash_key, name) & (ways->size - 1);
    while (ways->slots[at] != NULL &&
           !(ways->slots[at]->name_size == name.size && memcmp(ways->slots[at]->bytes, name.data, name.size) == 0)) {
        at = (at + 1) & (ways->size - 1);
    }
    return at;
}

/* ---- apply ---- */

static void grow(struct gm_apply *apply, struct ways *ways)
{
    struct ways wider = {.size = ways->size * 2, .held = ways->held};
    wider.slots = gm_alloc_counted(apply, wider.size * sizeof *wider.slots, &wider.held);
    for (uint32_t i = 0; i < ways->size; i++) {
        if (ways->slots[i] != NULL) {
            wider.slots[find(&wider, name_of(ways->slots[i]))] = ways->slots[i];
        }
    }
    gm_release_counted(apply, ways->slots, &wider.held);
    ways->slots = wider.slots;
    ways->size = wider.size;
    ways->held = wider.held;
}

static bool put(struct gm_apply *apply, struct ways *ways, struct gm_bytes name, struct gm_bytes value)
{
    uint32_t at = find(ways, name);
    struct piece *old = ways->slots[at];
    if (old != NULL && old->value_size == value.size) {
        if (value.size > 0) {
            memcpy(old->bytes + name.size, value.data, value.size);
        }
        return false;
    }
    struct piece *piece = gm_alloc_counted(apply, sizeof *piece + name.size + value.size, &ways->held);
    piece->name_size = (uint32_t)name.size;
    piece->value_size = (uint32_t)value.size;
    (void)gm_store_bytes(gm_store_bytes(piece->bytes, name), value);
    ways->slots[at] = piece;
    if (old != NULL) {
        gm_release_counted(apply, old, &ways->held);
        return false;
    }
    ways->count++;
    if (ways->count * 2 > ways->size) {
        grow(apply, ways);
    }
    return true;
}

static struct ways *ways_for(struct gm_apply *apply)
{
    if (apply->cell.form == GM_WORD) {
        return ways_of(&apply->cell);
    }
    struct ways *ways = gm_alloc(apply, sizeof *ways);
    ways->held = gm_held(apply, ways);
    ways->size = 8;
    ways->slots = gm_alloc_counted(apply, ways->size * sizeof *ways->slots, &ways->held);
    gm_set_word(apply, (uint64_t)(uintptr_t)ways);
    return ways;
}

/* 0.1: a size is four bytes, read one after the other, and a loop takes what it counts. */
static bool read_piece(struct gm_bytes *rest, struct gm_bytes *out)
{
    if (rest->size < 4) {
        return false;
    }
    uint32_t size = 0;
    for (unsigned i = 0; i < 4; i++) {
        size |= (uint32_t)rest->data[i] << (8 * i);
    }
    if (size > rest->size - 4) {
        return false;
    }
    *out = (struct gm_bytes){rest->data + 4, size};
    *rest = (struct gm_bytes){rest->data + 4 + size, rest->size - 4 - size};
    return true;
}

static int apply_first(struct gm_apply *apply, const struct gm_record *record)
{
    struct gm_bytes rest = record->body;
    struct gm_bytes name = {0};
    struct gm_bytes value = {0};
    uint32_t pieces = 0;
    while (rest.size > 0) {
        if (!read_piece(&rest, &name)) {
            return GM_CORRUPT;
        }
        pieces++;
    }
    if (pieces == 0 || (record->op == SET1 && pieces % 2 != 0)) {
        return GM_CORRUPT;
    }
    struct ways *ways = ways_for(apply);
    for (rest = record->body; read_piece(&rest, &name);) {
        if (record->op == ADD1 || read_piece(&rest, &value)) {
            (void)put(apply, ways, name, value);
        }
    }
    return GM_OK;
}

static int apply_second(struct gm_apply *apply, const struct gm_record *record)
{
    struct gm_reader in = gm_reader_of(record->body);
    uint32_t pieces = 0;
    for (; gm_read_left(&in) > 0; pieces++) {
        (void)gm_read_item(&in);
    }
    if (!gm_read_fine(&in) || pieces == 0 || (record->op == SET2 && pieces % 2 != 0)) {
        return GM_CORRUPT;
    }
    struct ways *ways = ways_for(apply);
    int64_t fresh = 0;
    for (in = gm_reader_of(record->body); gm_read_left(&in) > 0;) {
        struct gm_bytes name = gm_read_item(&in);
        fresh += put(apply, ways, name, record->op == SET2 ? gm_read_item(&in) : (struct gm_bytes){0});
    }
    gm_outcome(apply, fresh);
    return GM_OK;
}

static int apply_ways(struct gm_apply *apply, const struct gm_record *record)
{
    switch (record->op) {
    case ADD1:
    case SET1:
        return apply_first(apply, record);
    case ADD2:
    case SET2:
        return apply_second(apply, record);
    default:
        return GM_CORRUPT;
    }
}

static uint64_t dump_ways(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    const struct ways *ways = ways_of(cell);
    uint64_t at = cursor;
    for (unsigned shown = 0; at < ways->size && shown < 64; at++) {
        const struct piece *piece = ways->slots[at];
        uint8_t heads[2 * GM_VARINT_MAX];
        if (piece != NULL) {
            uint8_t *middle = gm_store_varint(heads, piece->name_size);
            uint8_t *end = gm_store_varint(middle, piece->value_size);
            gm_dump_parts(sink, SET2,
                          (const struct gm_bytes[]){{heads, (size_t)(middle - heads)},
                                                    name_of(piece),
                                                    {middle, (size_t)(end - middle)},
                                                    {piece->bytes + piece->name_size, piece->value_size}},
                          4);
            shown++;
        }
    }
    while (at < ways->size && ways->slots[at] == NULL) {
        at++; /* what is behind the last one is no page of its own */
    }
    return at < ways->size ? at : 0;
}

/* Where an element lies depends on what was there before. */
static uint64_t digest_ways(const struct gm_cell *cell, uint64_t cursor, struct gm_sink *sink)
{
    return dump_ways(cell, cursor, sink);
}

static void free_ways(struct gm_apply *apply)
{
    struct ways *ways = ways_of(&apply->cell);
    for (uint32_t i = 0; i < ways->size; i++) {
        gm_release(apply, ways->slots[i]);
    }
    gm_release(apply, ways->slots);
    gm_release(apply, ways);
}

static uint64_t memory(const struct gm_cell *cell)
{
    return ways_of(cell)->held;
}

static uint64_t length(const struct gm_cell *cell)
{
    return ways_of(cell)->count;
}

static const struct gm_type ways_type = {.size = sizeof ways_type,
                                         .id = "test.ways/1",
                                         .name = "ways",
                                         .apply = apply_ways,
                                         .dump = dump_ways,
                                         .free = free_ways,
                                         .memory = memory,
                                         .length = length,
                                         .digest = digest_ways};

/* ---- plans ---- */

static const struct ways *ways_at(const struct gm_call *call)
{
    return gm_key(call, 0)->state == GM_KEY_OWN ? ways_of(&gm_key(call, 0)->cell) : NULL;
}

/* What apply will find out once more: each word that is new, the first time it comes. */
static int64_t count_new(const struct gm_call *call, uint32_t first, uint32_t step)
{
    const struct ways *ways = ways_at(call);
    int64_t fresh = 0;
    for (uint32_t i = first; i < call->argc; i += step) {
        bool seen = ways != NULL && ways->slots[find(ways, call->argv[i])] != NULL;
        for (uint32_t k = first; k < i && !seen; k += step) {
            seen = gm_bytes_equal(call->argv[k], call->argv[i]);
        }
        fresh += !seen;
    }
    return fresh;
}

static void emit_first(struct gm_call *call, uint16_t op)
{
    uint32_t first = gm_arg(call, 1)->first;
    size_t size = 0;
    for (uint32_t i = first; i < call->argc; i++) {
        size += 4 + call->argv[i].size;
    }
    uint8_t *body = gm_scratch(call, size < 4096 ? 4096 : size);
    if (body == NULL) {
        return;
    }
    size_t at = 0;
    for (uint32_t i = first; i < call->argc; i++) {
        for (unsigned k = 0; k < 4; k++) {
            body[at++] = (uint8_t)(call->argv[i].size >> (8 * k));
        }
        for (size_t k = 0; k < call->argv[i].size; k++) {
            body[at++] = call->argv[i].data[k];
        }
    }
    gm_emit(call, &GM_EMISSION(.op = op, .flags = GM_BORROWED, .body = {body, at}));
}

static void plan_add1(struct gm_call *call)
{
    gm_reply_int(call, count_new(call, gm_arg(call, 1)->first, 1));
    emit_first(call, ADD1);
}

static void plan_set1(struct gm_call *call)
{
    gm_reply_int(call, count_new(call, gm_arg(call, 1)->first, 2));
    emit_first(call, SET1);
}

static void emit_second(struct gm_call *call, uint16_t op)
{
    uint32_t first = gm_arg(call, 1)->first;
    size_t size = 0;
    for (uint32_t i = first; i < call->argc; i++) {
        size += gm_item_size(call->argv[i].size);
    }
    uint8_t *body = gm_scratch_raw(call, size);
    if (body == NULL) {
        return;
    }
    uint8_t *at = body;
    for (uint32_t i = first; i < call->argc; i++) {
        at = gm_store_item(at, call->argv[i]);
    }
    gm_emit(call, &GM_EMISSION(.op = op, .flags = GM_BORROWED, .body = gm_bytes_between(body, at)));
}

static void plan_add2(struct gm_call *call)
{
    emit_second(call, ADD2);
}

static void plan_set2(struct gm_call *call)
{
    emit_second(call, SET2);
}

static void answer_new(struct gm_call *call)
{
    gm_reply_int(call, gm_outcome_of(call, 0));
}

static void plan_length(struct gm_call *call)
{
    gm_reply_int(call, ways_at(call) != NULL ? ways_at(call)->count : 0);
}

#define WRITES                                                                                                         \
    .size = sizeof(struct gm_command), .summary = "For the tests.", .complexity = "O(n)",                              \
    .flags = GM_WRITE | GM_GROWS, .type = &ways_type

static const struct gm_type *const types[] = {&ways_type};
static const struct gm_command commands[] = {
    {WRITES, .usage = "WAYS.ADD1 key member...", .plan = plan_add1},
    {WRITES, .usage = "WAYS.SET1 key {field value}...", .plan = plan_set1},
    {WRITES, .usage = "WAYS.ADD2 key member...", .plan = plan_add2, .answer = answer_new, .answer_max = 32},
    {WRITES, .usage = "WAYS.SET2 key {field value}...", .plan = plan_set2, .answer = answer_new, .answer_max = 32},
    {.size = sizeof(struct gm_command),
     .usage = "WAYS.LEN key",
     .flags = GM_READ,
     .type = &ways_type,
     .summary = "For the tests.",
     .complexity = "O(1)",
     .plan = plan_length},
};

GM_MODULE(.name = "test.ways", .version = "1.0.0", .types = types, .type_count = 1, .commands = commands,
          .command_count = sizeof commands / sizeof commands[0])
