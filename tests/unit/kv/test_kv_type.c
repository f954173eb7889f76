/* SPDX-License-Identifier: MIT */

/* test_kv_type.c - geomys.string/1: what each record does, what is refused, and that a dump rebuilds the value. */
#include "kv_type.h"

#include "geomys/codec.h"

#include "base/bytes.h"
#include "base/prng.h"
#include "support/cell.h"
#include "support/seed.h"

#include <criterion/criterion.h>

static void assert_value(const struct cell *cell, struct gm_bytes wanted)
{
    struct gm_bytes value = {cell->apply.cell.data, cell->apply.cell.size};
    cr_assert_eq(cell->apply.cell.form, GM_BYTES);
    cr_assert(gm_bytes_equal(value, wanted), "%zu bytes: %.*s", value.size, (int)value.size, (const char *)value.data);
}

Test(kv_type, each_record_does_what_the_format_says)
{
    static const struct {
        uint16_t op;
        struct gm_bytes body;
        struct gm_bytes value;
    } steps[] = {
        {1, {(const uint8_t *)"hello", 5}, {(const uint8_t *)"hello", 5}},
        {2, {(const uint8_t *)" you", 4}, {(const uint8_t *)"hello you", 9}},
        {3, {(const uint8_t *)"\1\0\0\0\0\0\0\0ipp", 11}, {(const uint8_t *)"hippo you", 9}},
        {3, {(const uint8_t *)"\13\0\0\0\0\0\0\0!", 9}, {(const uint8_t *)"hippo you\0\0!", 12}},
        {3, {(const uint8_t *)"\2\0\0\0\0\0\0\0", 8}, {(const uint8_t *)"hippo you\0\0!", 12}},
        {3, {(const uint8_t *)"\15\0\0\0\0\0\0\0", 8}, {(const uint8_t *)"hippo you\0\0!\0", 13}},
        {4, {(const uint8_t *)"\2\0\0\0\0", 5}, {(const uint8_t *)"Hippo you\0\0!\0", 13}},
        {4, {(const uint8_t *)"\157\0\0\0\1", 5}, {(const uint8_t *)"Hippo you\0\0!\0\1", 14}},
        {2, {NULL, 0}, {(const uint8_t *)"Hippo you\0\0!\0\1", 14}},
        {1, {NULL, 0}, {NULL, 0}},
        {4, {(const uint8_t *)"\10\0\0\0\0", 5}, {(const uint8_t *)"\0\0", 2}},
        {1, {(const uint8_t *)"x", 1}, {(const uint8_t *)"x", 1}},
    };
    struct cell cell;
    cell_init(&cell, &kv_type);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        cr_assert_eq(cell_apply(&cell, steps[i].op, steps[i].body), GM_OK, "step %zu", i);
        assert_value(&cell, steps[i].value);
        cell_check_round_trip(&cell);
    }
    cell_finish(&cell);
}

Test(kv_type, each_record_makes_a_value_of_an_absent_cell)
{
    static const struct {
        uint16_t op;
        struct gm_bytes body;
        struct gm_bytes value;
    } cases[] = {
        {KV_OP_SET, {NULL, 0}, {NULL, 0}},
        {KV_OP_APPEND, {NULL, 0}, {NULL, 0}},
        {KV_OP_APPEND, {(const uint8_t *)"a", 1}, {(const uint8_t *)"a", 1}},
        {KV_OP_PATCH, {(const uint8_t *)"\0\0\0\0\0\0\0\0", 8}, {NULL, 0}},
        {KV_OP_PATCH, {(const uint8_t *)"\1\0\0\0\0\0\0\0a", 9}, {(const uint8_t *)"\0a", 2}},
        {KV_OP_BIT, {(const uint8_t *)"\0\0\0\0\1", 5}, {(const uint8_t *)"\200", 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cell cell;
        cell_init(&cell, &kv_type);
        cr_assert_eq(cell_apply(&cell, cases[i].op, cases[i].body), GM_OK, "case %zu", i);
        assert_value(&cell, cases[i].value);
        cell_check_round_trip(&cell);
        cell_finish(&cell);
    }
}

Test(kv_type, malformed_records_change_nothing)
{
    static const struct {
        uint16_t op;
        struct gm_bytes body;
    } cases[] = {
        {0, {(const uint8_t *)"x", 1}},
        {5, {(const uint8_t *)"x", 1}},
        {65535, {NULL, 0}},
        {KV_OP_PATCH, {NULL, 0}},
        {KV_OP_PATCH, {(const uint8_t *)"\0\0\0\0\0\0\0", 7}},
        /* kv_type P2 */
        {KV_OP_PATCH, {(const uint8_t *)"\0\0\0\40\0\0\0\0x", 9}}, /* one byte above the ceiling */
        {KV_OP_PATCH, {(const uint8_t *)"\1\0\0\40\0\0\0\0", 8}},
        {KV_OP_PATCH, {(const uint8_t *)"\377\377\377\377\377\377\377\377x", 9}},
        {KV_OP_PATCH, {(const uint8_t *)"\377\377\377\377\377\377\377\377", 8}},
        {KV_OP_BIT, {NULL, 0}},
        {KV_OP_BIT, {(const uint8_t *)"\0\0\0\0", 4}},
        {KV_OP_BIT, {(const uint8_t *)"\0\0\0\0\1\0", 6}},
        {KV_OP_BIT, {(const uint8_t *)"\0\0\0\0\2", 5}},
    };
    struct cell absent;
    struct cell cell;
    cell_init(&absent, &kv_type);
    cell_init(&cell, &kv_type);
    cr_assert_eq(cell_apply(&cell, KV_OP_SET, BYTES("value")), GM_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(cell_apply(&cell, cases[i].op, cases[i].body), GM_CORRUPT, "case %zu", i);
        assert_value(&cell, BYTES("value")); /* kv_type P1 */
        cr_assert_eq(cell_apply(&absent, cases[i].op, cases[i].body), GM_CORRUPT, "case %zu", i);
        cr_assert_eq(absent.apply.cell.form, GM_ABSENT);
    }
    cell_finish(&cell);
    gm_set_word(&cell.apply, 7);
    cr_assert_eq(cell_apply(&cell, KV_OP_SET, BYTES("x")), GM_CORRUPT, "a word is none of ours");
    cell_finish(&cell);
}

/* ---- against a model: a plain array ---- */

#define MODEL_SIZE 600

struct model {
    uint8_t data[MODEL_SIZE];
    size_t size;
};

static void model_write(struct model *model, size_t offset, struct gm_bytes bytes)
{
    while (model->size < offset + bytes.size) {
        model->data[model->size++] = 0;
    }
    for (size_t i = 0; i < bytes.size; i++) {
        model->data[offset + i] = bytes.data[i];
    }
}

static struct gm_bytes random_bytes(struct prng *random, uint8_t data[32])
{
    for (int i = 0; i < 32; i++) {
        data[i] = (uint8_t)prng_next(random);
    }
    return (struct gm_bytes){data, prng_below(random, 33)};
}

static void random_step(struct prng *random, struct cell *cell, struct model *model)
{
    uint8_t body[64];
    struct gm_bytes bytes = random_bytes(random, body + KV_PATCH_HEAD);
    size_t offset = prng_below(random, MODEL_SIZE - 40);
    int status = GM_CORRUPT;
    if (model->size > MODEL_SIZE - 40 || prng_below(random, 10) == 0) {
        model->size = 0;
        model_write(model, 0, bytes);
        status = cell_apply(cell, KV_OP_SET, bytes);
    } else if (prng_below(random, 3) == 0) {
        model_write(model, model->size, bytes);
        status = cell_apply(cell, KV_OP_APPEND, bytes);
    } else if (prng_below(random, 2) == 0) {
        model_write(model, offset, bytes);
        gm_store_u64(body, offset);
        status = cell_apply(cell, KV_OP_PATCH, (struct gm_bytes){body, KV_PATCH_HEAD + bytes.size});
    } else {
        uint64_t bit = offset * 8 + prng_below(random, 8);
        uint8_t set = (uint8_t)prng_below(random, 2);
        model_write(model, offset + 1, BYTES_NONE);
        model->data[offset] = (uint8_t)(model->data[offset] & ~(1 << (7 - bit % 8)));
        model->data[offset] = (uint8_t)(model->data[offset] | set << (7 - bit % 8));
        gm_store_u32(body, (uint32_t)bit);
        body[4] = set;
        status = cell_apply(cell, KV_OP_BIT, (struct gm_bytes){body, KV_BIT_BODY});
    }
    cr_assert_eq(status, GM_OK);
}

Test(kv_type, random_records_do_the_same_to_a_plain_array)
{
    struct prng random;
    struct cell cell;
    struct model model = {0};
    prng_seed(&random, seed_of_run());
    cell_init(&cell, &kv_type);
    cr_assert_eq(cell_apply(&cell, KV_OP_SET, BYTES_NONE), GM_OK);
    for (int round = 0; round < 20000; round++) {
        random_step(&random, &cell, &model);
        assert_value(&cell, (struct gm_bytes){model.data, model.size});
        if (round % 50 == 0) {
            cell_check_round_trip(&cell);
        }
    }
    cell_finish(&cell);
}

/* ---- dump ---- */

Test(kv_type, a_dump_is_cut_into_pieces)
{
    static const struct {
        size_t size;
        size_t records;
    } cases[] = {
        {0, 1}, {1, 1}, {GM_DUMP_BODY, 1}, {GM_DUMP_BODY + 1, 2}, {GM_DUMP_BODY * 2, 2}, {GM_DUMP_BODY * 3 + 7, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cell cell;
        struct cell_dump dump = {0};
        uint8_t *value = calloc(1, cases[i].size + 1);
        for (size_t at = 0; at < cases[i].size; at++) {
            value[at] = (uint8_t)(at * 7);
        }
        cell_init(&cell, &kv_type);
        cr_assert_eq(cell_apply(&cell, KV_OP_SET, (struct gm_bytes){value, cases[i].size}), GM_OK);
        cell_dump(&cell, &dump);
        cr_assert_eq(dump.records, cases[i].records, "%zu bytes", cases[i].size); /* kv_type P3 */
        cr_assert(dump.largest <= GM_DUMP_BODY);
        struct cell copy;
        cell_init(&copy, &kv_type);
        cell_restore(&copy, &dump);
        assert_value(&copy, (struct gm_bytes){value, cases[i].size});
        cell_check_round_trip(&copy);
        cell_finish(&copy);
        cell_finish(&cell);
        cell_dump_finish(&dump);
        free(value);
    }
}

/* ---- facets ---- */

static void assert_described(uint16_t op, struct gm_bytes body, const char *wanted)
{
    char line[300];
    struct gm_text text = {.data = line, .capacity = sizeof line};
    const struct gm_record record = {.op = op, .body = body};
    kv_type.describe(&record, &text);
    cr_assert(gm_bytes_equal((struct gm_bytes){(const uint8_t *)line, text.size}, gm_bytes_of(wanted)), "%.*s",
              (int)text.size, line);
}

Test(kv_type, records_are_described_for_people)
{
    assert_described(KV_OP_SET, BYTES("a\"b\n"), "set \"a\\\"b\\x0a\" (4 bytes)");
    assert_described(KV_OP_APPEND, BYTES_NONE, "append \"\" (0 bytes)");
    assert_described(KV_OP_PATCH, BYTES("\5\0\0\0\0\0\0\0ab"), "patch at 5 \"ab\" (2 bytes)");
    assert_described(KV_OP_BIT, BYTES("\7\1\0\0\1"), "bit 263 = 1");
    assert_described(KV_OP_PATCH, BYTES("\5"), "malformed: operation 3, 1 bytes");
    assert_described(KV_OP_BIT, BYTES_NONE, "malformed: operation 4, 0 bytes");
    assert_described(77, BYTES("x"), "malformed: operation 77, 1 bytes");
}

Test(kv_type, facets_speak_of_the_bytes)
{
    struct cell cell;
    char scratch[GM_SCALAR_SCRATCH];
    cell_init(&cell, &kv_type);
    cr_assert_eq(cell_apply(&cell, KV_OP_SET, BYTES("-42")), GM_OK);
    cr_assert(gm_bytes_equal(kv_type.scalar(&cell.apply.cell, scratch), BYTES("-42")));
    cr_assert_str_eq(kv_type.encoding(&cell.apply.cell), "int");
    cr_assert_eq(kv_type.length(&cell.apply.cell), 3);
    cr_assert_eq(cell_apply(&cell, KV_OP_SET, BYTES_NONE), GM_OK);
    cr_assert_not_null(kv_type.scalar(&cell.apply.cell, scratch).data, "an empty string is a text");
    cr_assert_eq(kv_type.length(&cell.apply.cell), 0);
    cr_assert_str_eq(kv_type.encoding(&cell.apply.cell), "embstr");
    cell_finish(&cell);
}
