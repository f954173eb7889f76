/* SPDX-License-Identifier: MIT */

/* kv_bitfield.c - BITFIELD and BITFIELD_RO: a string as many small integers, several of them in one call.
 *
 * Why     Each step of a call sees what the steps before it wrote, but plan may not write, and a copy of the value
 *         would make one counter in a large value as dear as the value.
 *
 * Idea    Only the blocks of 8 bytes that the call touches are copied; the steps work on these copies. Their numbers
 *         are sorted, so blocks that are neighbours in the value are neighbours in the copy, and a field that
 *         straddles two blocks is one run of bytes there too:
 *
 *              value   |  0  |  1  |  2  |  3  |  4  | ...         steps touch 1, 2 and 4
 *              copy          |  1  |  2  |  4  |                   afterwards each run of neighbours (1 2, 4) is
 *                                                                  compared with the value; what differs is a PATCH
 *
 * Promises
 *   P1  The cost is O(n log n) for n steps, whatever the size of the value; the records carry changed bytes only.
 *   P2  A call without writing steps copies nothing and emits nothing; a write that changes nothing emits nothing.
 *   P3  As clients know it, the value grows to hold every field that is to be written, even if the write then fails
 *       for overflow.
 *
 * Limits  STEPS_MAX steps in one call.
 */
#include "kv_plan.h"

#include "geomys/number.h"

#include <stdlib.h>

#define STEPS_MAX   ((uint32_t)1 << 20)
#define BLOCK_BITS  64
#define BLOCK_BYTES 8

enum step_kind { STEP_GET, STEP_SET, STEP_INCRBY };

struct step {
    struct kv_field field;
    int64_t number;
    uint8_t kind;     /* enum step_kind */
    uint8_t overflow; /* enum kv_overflow */
};

/* A call, parsed. */
struct steps {
    struct step *list;
    uint32_t count;
    uint64_t size; /* bytes that the value needs for its writing steps; 0: there are none */
};

struct blocks {
    uint32_t *numbers; /* of blocks in the value, ascending, each once */
    uint8_t *data;     /* their bytes, in the same order */
    uint32_t count;
};

/* ---- parsing ------------------------------------------------------------------------------------------------- */

static bool is_word(struct gm_bytes word, const char *lower)
{
    size_t size = strlen(lower);
    if (word.size != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = word.data[i];
        if ((byte >= 'A' && byte <= 'Z' ? byte + 32 : byte) != lower[i]) {
            return false;
        }
    }
    return true;
}

/* "100" is a bit, "#100" the hundredth field of that width. */
static bool parse_offset(struct gm_bytes word, struct kv_field *field)
{
    int64_t offset;
    if (word.size == 0) {
        return false;
    }
    bool counted = word.data[0] == '#';
    if (!gm_parse_int((struct gm_bytes){word.data + counted, word.size - counted}, &offset) || offset < 0 ||
        (counted && __builtin_mul_overflow(offset, (int64_t)field->width, &offset)) ||
        (uint64_t)offset >> 3 >= GM_VALUE_SIZE_MAX) {
        return false;
    }
    field->bit = (uint64_t)offset;
    return true;
}

static const char *parse_overflow(struct gm_bytes word, uint8_t *out)
{
    static const char *const words[] = {[KV_WRAP] = "wrap", [KV_SATURATE] = "sat", [KV_FAIL] = "fail"};
    for (uint8_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is_word(word, words[i])) {
            *out = i;
            return NULL;
        }
    }
    return "ERR Invalid OVERFLOW type specified";
}

/* The words after a step's name. Returns an error reply, or NULL. */
static const char *parse_words(const struct gm_bytes *words, struct step *step)
{
    if (!kv_value_parse_field(words[0], &step->field)) {
        return "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    }
    if (!parse_offset(words[1], &step->field)) {
        return "ERR bit offset is not an integer or out of range";
    }
    if (step->kind != STEP_GET && !gm_parse_int(words[2], &step->number)) {
        return "ERR value is not an integer or out of range";
    }
    return NULL;
}

/* One step at *at, which moves on behind it. Returns an error reply, or NULL. */
static const char *parse_step(const struct gm_call *call, uint32_t *at, struct step *step)
{
    static const char *const names[] = {[STEP_GET] = "get", [STEP_SET] = "set", [STEP_INCRBY] = "incrby"};
    while (step->kind <= STEP_INCRBY && !is_word(call->argv[*at], names[step->kind])) {
        step->kind++;
    }
    uint32_t words = step->kind == STEP_GET ? 2 : 3;
    if (step->kind > STEP_INCRBY || call->argc - *at - 1 < words) {
        return "ERR syntax error";
    }
    const struct gm_bytes *first = call->argv + *at + 1;
    *at += 1 + words;
    return parse_words(first, step);
}

/* The host has matched the words, so each step is whole; the bounds are checked all the same, since that costs
 * nothing. */
static const char *parse_steps(const struct gm_call *call, struct steps *steps)
{
    uint8_t overflow = KV_WRAP;
    const char *error = NULL;
    for (uint32_t at = 2; at < call->argc && error == NULL;) {
        if (is_word(call->argv[at], "overflow") && call->argc - at > 1) {
            error = parse_overflow(call->argv[at + 1], &overflow);
            at += 2;
            continue;
        }
        struct step *step = &steps->list[steps->count++];
        *step = (struct step){.kind = STEP_GET, .overflow = overflow};
        error = parse_step(call, &at, step);
        uint64_t end = ((step->field.bit + step->field.width + 7) >> 3);
        if (error == NULL && step->kind != STEP_GET && end > steps->size) {
            steps->size = end;
        }
    }
    return error == NULL && steps->size > GM_VALUE_SIZE_MAX ? KV_ERROR_SIZE : error;
}

/* ---- blocks -------------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void add_numbers(struct blocks *blocks, const struct kv_field *field)
{
    uint32_t first = (uint32_t)(field->bit / BLOCK_BITS);
    uint32_t last = (uint32_t)((field->bit + field->width - 1) / BLOCK_BITS);
    blocks->numbers[blocks->count++] = first;
    if (last != first) {
        blocks->numbers[blocks->count++] = last;
    }
}

static void sort_numbers(struct blocks *blocks)
{
    uint32_t kept = 0;
    qsort(blocks->numbers, blocks->count, sizeof *blocks->numbers, compare_numbers);
    for (uint32_t i = 0; i < blocks->count; i++) {
        if (kept == 0 || blocks->numbers[i] != blocks->numbers[kept - 1]) {
            blocks->numbers[kept++] = blocks->numbers[i];
        }
    }
    blocks->count = kept;
}

/* Bytes of a block that lie within the value. */
static size_t block_size(struct gm_bytes value, uint32_t number)
{
    uint64_t begin = (uint64_t)number * BLOCK_BYTES;
    uint64_t size = begin < value.size ? value.size - begin : 0;
    return (size_t)(size < BLOCK_BYTES ? size : BLOCK_BYTES);
}

/* `data` NULL: there is no memory for them. */
static struct blocks copy_blocks(struct gm_call *call, struct gm_bytes value, const struct steps *steps)
{
    struct blocks blocks = {.numbers = gm_scratch_raw(call, (size_t)steps->count * 2 * sizeof(uint32_t))};
    if (blocks.numbers == NULL) {
        return blocks;
    }
    for (uint32_t i = 0; i < steps->count; i++) {
        add_numbers(&blocks, &steps->list[i].field);
    }
    sort_numbers(&blocks);
    blocks.data = gm_scratch(call, (size_t)blocks.count * BLOCK_BYTES);
    for (uint32_t i = 0; blocks.data != NULL && i < blocks.count; i++) {
        size_t size = block_size(value, blocks.numbers[i]);
        if (size > 0) {
            memcpy(blocks.data + (size_t)i * BLOCK_BYTES, value.data + (size_t)blocks.numbers[i] * BLOCK_BYTES, size);
        }
    }
    return blocks;
}

/* The field where the copies have it. */
static struct kv_field field_in(const struct blocks *blocks, struct kv_field field)
{
    uint32_t number = (uint32_t)(field.bit / BLOCK_BITS);
    const uint32_t *found = bsearch(&number, blocks->numbers, blocks->count, sizeof number, compare_numbers);
    field.bit = (uint64_t)(found - blocks->numbers) * BLOCK_BITS + field.bit % BLOCK_BITS;
    return field;
}

/* ---- steps --------------------------------------------------------------------------------------------------- */

static void run_step(struct gm_call *call, const struct blocks *blocks, const struct step *step)
{
    struct gm_bytes copies = {blocks->data, (size_t)blocks->count * BLOCK_BYTES};
    struct kv_field field = field_in(blocks, step->field);
    int64_t old = kv_value_field_get(copies, field);
    int64_t new = old;
    bool fits = true;
    if (step->kind == STEP_SET) {
        fits = kv_value_field_store(field, step->number, step->overflow, &new);
    } else if (step->kind == STEP_INCRBY) {
        fits = kv_value_field_add(field, old, step->number, step->overflow, &new);
    }
    if (!fits) {
        gm_reply_null(call);
        return;
    }
    if (step->kind != STEP_GET) {
        kv_value_field_set(blocks->data, field, new);
    }
    gm_reply_int(call, step->kind == STEP_INCRBY ? new : old);
}

/* ---- records ------------------------------------------------------------------------------------------------- */

struct changes {
    struct gm_bytes value; /* before the call */
    uint64_t end;          /* of the last PATCH emitted; 0: none yet */
};

static void emit_change(struct gm_call *call, struct changes *changes, uint64_t offset, struct gm_bytes bytes)
{
    if (changes->end == 0) {
        kv_plan_own(call, 0);
    }
    kv_plan_patch(call, 0, offset, bytes);
    changes->end = offset + bytes.size;
}

static bool differs(const struct changes *changes, uint64_t at, uint8_t byte)
{
    return byte != (at < changes->value.size ? changes->value.data[at] : 0);
}

/* Emits what differs in one run of neighbours: from the first such byte to the last. */
static void emit_run(struct gm_call *call, struct changes *changes, uint64_t offset, struct gm_bytes run)
{
    while (run.size > 0 && !differs(changes, offset, run.data[0])) {
        run = (struct gm_bytes){run.data + 1, run.size - 1};
        offset++;
    }
    while (run.size > 0 && !differs(changes, offset + run.size - 1, run.data[run.size - 1])) {
        run.size--;
    }
    if (run.size > 0) {
        emit_change(call, changes, offset, run);
    }
}

static void emit_changes(struct gm_call *call, const struct blocks *blocks, struct gm_bytes value, uint64_t size)
{
    struct changes changes = {.value = value};
    uint32_t first = 0;
    while (first < blocks->count) {
        uint32_t next = first + 1;
        while (next < blocks->count && blocks->numbers[next] == blocks->numbers[next - 1] + 1) {
            next++;
        }
        struct gm_bytes run = {blocks->data + (size_t)first * BLOCK_BYTES, (size_t)(next - first) * BLOCK_BYTES};
        emit_run(call, &changes, (uint64_t)blocks->numbers[first] * BLOCK_BYTES, run);
        first = next;
    }
    if (size > value.size && size > changes.end) {
        emit_change(call, &changes, size, (struct gm_bytes){NULL, 0});
    }
}

/* ---- the command --------------------------------------------------------------------------------------------- */

static void run_steps(struct gm_call *call, const struct steps *steps)
{
    struct gm_bytes value = kv_plan_text(call, 0);
    gm_reply_array(call, steps->count);
    if (steps->size == 0) {
        for (uint32_t i = 0; i < steps->count; i++) {
            gm_reply_int(call, kv_value_field_get(value, steps->list[i].field));
        }
        return;
    }
    if (!kv_plan_afford(call, value, steps->size)) {
        return;
    }
    struct blocks blocks = copy_blocks(call, value, steps);
    if (blocks.data == NULL) {
        return;
    }
    for (uint32_t i = 0; i < steps->count; i++) {
        run_step(call, &blocks, &steps->list[i]);
    }
    emit_changes(call, &blocks, value, steps->size);
}

void kv_plan_bitfield(struct gm_call *call)
{
    uint32_t most = call->argc / 3; /* the shortest step has three words */
    if (most > STEPS_MAX) {
        gm_reply_error(call, "ERR too many operations in one call");
        return;
    }
    struct steps steps = {.list = gm_scratch_raw(call, ((size_t)most + 1) * sizeof(struct step))};
    if (steps.list == NULL) {
        return;
    }
    const char *error = parse_steps(call, &steps);
    if (error != NULL) {
        gm_reply_error(call, error);
        return;
    }
    run_steps(call, &steps);
}

uint64_t kv_reach_bitfield(const struct gm_bytes *argv, uint32_t argc)
{
    uint64_t most = 0;
    for (uint32_t i = 3; i + 1 < argc; i++) {
        struct kv_field field;
        if (!is_word(argv[i - 1], "get") && kv_value_parse_field(argv[i], &field) &&
            parse_offset(argv[i + 1], &field)) {
            uint64_t end = (field.bit + field.width + 7) / 8;
            most = end > most ? end : most;
        }
    }
    return most;
}
