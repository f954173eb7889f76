/* SPDX-License-Identifier: MIT */

/* Records applied to a cell: what they make of it, what is refused, and that a dump says only what the elements are. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "deque_type.h"
#include "geomys/call.h"
#include "support/cell.h"
#include "support/seed.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY(text) ((struct gm_bytes){(const uint8_t *)(text), sizeof(text) - 1})

/* The elements, in brackets, one after the other. */
static const char *shown(const struct cell *cell, char *text, size_t room)
{
    size_t size = 0;
    text[0] = '\0';
    if (cell->apply.cell.form == GM_ABSENT) {
        return "absent";
    }
    struct deque_cursor cursor = deque_cell_seek(&cell->apply.cell, 0);
    struct gm_bytes element;
    while (deque_next(&cursor, &element)) {
        size += (size_t)snprintf(text + size, room - size, "[%.*s]", (int)element.size, (const char *)element.data);
    }
    return text;
}

#define EXPECT(cell, expected)                                                                                         \
    do {                                                                                                               \
        char text[4096];                                                                                               \
        cr_assert_str_eq(shown(cell, text, sizeof text), expected);                                                    \
        cell_check_round_trip(cell);                                                                                   \
    } while (0)

static void apply(struct cell *cell, uint16_t op, struct gm_bytes body)
{
    cr_assert_eq(cell_apply(cell, op, body), GM_OK, "op %u", op);
}

/* The story of every operation, in either form: `bulk` elements at the back make it blocks. */
static void tell(bool blocks)
{
    struct cell cell;
    cell_init(&cell, &deque_type);
    apply(&cell, DEQUE_PUSH_BACK1, BODY("b"));
    apply(&cell, DEQUE_PUSH_FRONT1, BODY("a"));
    EXPECT(&cell, "[a][b]");
    if (blocks) {
        uint8_t filler[600] = {0};
        apply(&cell, DEQUE_PUSH_BACK1, (struct gm_bytes){filler, sizeof filler});
        cr_assert_eq(cell.apply.cell.form, GM_WORD);
        cr_assert_str_eq(deque_type.encoding(&cell.apply.cell), "quicklist");
        apply(&cell, DEQUE_INSERT, BODY("\x01z"));
        apply(&cell, DEQUE_SET, BODY("\x01y"));
        apply(&cell, DEQUE_REMOVE, BODY("\x01\x01"));
        apply(&cell, DEQUE_POP_BACK, BODY("\x01"));
        cr_assert_eq(cell.apply.cell.form, GM_BYTES, "small again");
        cr_assert_str_eq(deque_type.encoding(&cell.apply.cell), "listpack");
    }
    EXPECT(&cell, "[a][b]");
    apply(&cell, DEQUE_PUSH_BACK,
          BODY("\x01"
               "c"
               "\x00"
               "\x02"
               "dd"));
    EXPECT(&cell, "[a][b][c][][dd]");
    apply(&cell, DEQUE_PUSH_FRONT,
          BODY("\x01"
               "y"
               "\x01"
               "x"));
    EXPECT(&cell, "[x][y][a][b][c][][dd]");
    cr_assert_eq(deque_type.length(&cell.apply.cell), 7);
    apply(&cell, DEQUE_SET,
          BODY("\x05"
               "eee"));
    apply(&cell, DEQUE_SET,
          BODY("\x00"
               "X"));
    apply(&cell, DEQUE_SET, BODY("\x06"));
    EXPECT(&cell, "[X][y][a][b][c][eee][]");
    apply(&cell, DEQUE_INSERT,
          BODY("\x00"
               "first"));
    apply(&cell, DEQUE_INSERT,
          BODY("\x08"
               "last"));
    apply(&cell, DEQUE_INSERT,
          BODY("\x03"
               "mid"));
    EXPECT(&cell, "[first][X][y][mid][a][b][c][eee][][last]");
    apply(&cell, DEQUE_REMOVE, BODY("\x00\x01\x02\x03\x01\x01"));
    EXPECT(&cell, "[X][y][c][][last]");
    apply(&cell, DEQUE_POP_FRONT, BODY("\x01"));
    apply(&cell, DEQUE_POP_BACK, BODY("\x01"));
    EXPECT(&cell, "[y][c][]");
    apply(&cell, DEQUE_TRIM, BODY("\x01\x01"));
    EXPECT(&cell, "[c]");
    apply(&cell, DEQUE_REMOVE, BODY("\x00\x01"));
    EXPECT(&cell, "absent"); /* deque_type P2 */
    cell_finish(&cell);
}

Test(deque_type, does_what_each_record_says)
{
    tell(false);
    tell(true);
}

Test(deque_type, refuses_a_body_that_is_malformed_or_can_not_belong_to_the_value_and_changes_nothing)
{
    static const struct {
        uint16_t op;
        struct gm_bytes body;
    } bad[] = {
        {0, BODY("")},
        {11, BODY("a")},
        {UINT16_MAX, BODY("")},
        {DEQUE_PUSH_BACK, BODY("")},
        {DEQUE_PUSH_BACK, BODY("\x01"
                               "a"
                               "\x02"
                               "b")},
        {DEQUE_PUSH_FRONT, BODY("\x81\x00"
                                "a")},
        {DEQUE_PUSH_FRONT, BODY("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                "a")},
        {DEQUE_POP_BACK, BODY("")},
        {DEQUE_POP_BACK, BODY("\x00")},
        {DEQUE_POP_BACK, BODY("\x04")},
        {DEQUE_POP_FRONT, BODY("\x01\x01")},
        {DEQUE_POP_FRONT, BODY("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {DEQUE_POP_FRONT, BODY("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")},
        {DEQUE_SET, BODY("")},
        {DEQUE_SET, BODY("\x03"
                         "a")},
        {DEQUE_INSERT, BODY("\x04"
                            "a")},
        {DEQUE_INSERT, BODY("\x80")},
        {DEQUE_REMOVE, BODY("")},
        {DEQUE_REMOVE, BODY("\x01")},
        {DEQUE_REMOVE, BODY("\x01\x00")},
        {DEQUE_REMOVE, BODY("\x01\x01\x02\x01")},
        {DEQUE_REMOVE, BODY("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x01\x01\x01")},
        {DEQUE_REMOVE, BODY("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {DEQUE_TRIM, BODY("\x00\x00")},
        {DEQUE_TRIM, BODY("\x00\x04")},
        {DEQUE_TRIM, BODY("\x03\x01")},
        {DEQUE_TRIM, BODY("\x01\x01\x01")},
        {DEQUE_TRIM, BODY("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
    };
    static const uint8_t filler[600];
    for (int form = 0; form < 2; form++) {
        struct cell cell;
        cell_init(&cell, &deque_type);
        for (uint16_t op = DEQUE_POP_BACK; op <= DEQUE_TRIM; op++) {
            cr_assert_eq(cell_apply(&cell, op, BODY("\x00\x01")), GM_CORRUPT, "op %u on nothing", op);
        }
        apply(&cell, DEQUE_PUSH_BACK,
              BODY("\x01"
                   "a"
                   "\x01"
                   "b"));
        apply(&cell, DEQUE_PUSH_BACK1, (struct gm_bytes){filler, form == 0 ? 1 : sizeof filler});
        cr_assert_eq(cell.apply.cell.form, form == 0 ? GM_BYTES : GM_WORD);
        struct cell_dump before = {0};
        struct cell_dump after = {0};
        cell_dump(&cell, &before);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            cr_assert_eq(cell_apply(&cell, bad[i].op, bad[i].body), GM_CORRUPT, "%zu", i);
            cell_dump(&cell, &after);
            cr_assert(cell_dump_equal(&before, &after), "%zu", i); /* deque_type P1 */
        }
        cell_dump_finish(&before);
        cell_dump_finish(&after);
        cell_finish(&cell);
    }
}

Test(deque_type, keeps_few_small_elements_inline_and_lets_a_queue_breathe_around_the_limit)
{
    struct cell cell;
    cell_init(&cell, &deque_type);
    for (int i = 0; i < 5; i++) {
        apply(&cell, DEQUE_PUSH_BACK1, BODY("0123456789abcdef"));
    }
    cr_assert_eq(cell.apply.cell.form, GM_BYTES);
    cr_assert_eq(cell.apply.cell.size, 91);
    cr_assert_eq(deque_type.memory(&cell.apply.cell), 0);
    for (int i = 0; i < 123; i++) {
        apply(&cell, DEQUE_PUSH_FRONT1, BODY(""));
    }
    cr_assert_eq(cell.apply.cell.form, GM_BYTES, "128 elements");
    apply(&cell, DEQUE_PUSH_FRONT1, BODY(""));
    cr_assert_eq(cell.apply.cell.form, GM_WORD, "129 elements");
    cr_assert(deque_type.memory(&cell.apply.cell) > 0);
    for (int i = 0; i < 10; i++) {
        apply(&cell, DEQUE_POP_FRONT, BODY("\x01"));
        cr_assert_eq(cell.apply.cell.form, GM_WORD);
    }
    apply(&cell, DEQUE_TRIM, BODY("\x60\x17"));
    cr_assert_eq(cell.apply.cell.form, GM_BYTES, "23 elements");
    cr_assert_eq(cell.blocks, 0);
    static const uint8_t large[600];
    apply(&cell, DEQUE_PUSH_BACK1, (struct gm_bytes){large, sizeof large});
    cr_assert_eq(cell.apply.cell.form, GM_WORD);
    apply(&cell, DEQUE_POP_BACK, BODY("\x18"));
    cr_assert_eq(cell.apply.cell.form, GM_ABSENT, "empty");
    cr_assert_eq(cell.blocks, 0);
    apply(&cell, DEQUE_PUSH_BACK1, (struct gm_bytes){large, sizeof large});
    cell_finish(&cell);
}

/* ---- histories ---- */

/* Builds elements 0 to n-1 in an order of its own. */
static void build(struct cell *cell, uint64_t n, size_t size, int history)
{
    uint8_t *bytes = calloc(1, size + 8);
    uint8_t trim[32];
    uint64_t middle = history == 0 ? 0 : history == 1 ? n : n / 2;
    for (uint64_t i = middle; i < n; i++) {
        memcpy(bytes, &i, sizeof i);
        apply(cell, DEQUE_PUSH_BACK1, (struct gm_bytes){bytes, size + i % 5});
        if (history == 3) { /* through detours */
            apply(cell, DEQUE_PUSH_BACK1, BODY("detour"));
            apply(cell, DEQUE_PUSH_FRONT,
                  BODY("\x03"
                       "and"
                       "\x06"
                       "detour"));
            uint8_t *end = gm_store_varint(gm_store_varint(trim, 2), i - middle + 1);
            apply(cell, DEQUE_TRIM, (struct gm_bytes){trim, (size_t)(end - trim)});
        }
    }
    for (uint64_t i = middle; i > 0; i--) {
        uint64_t number = i - 1;
        memcpy(bytes, &number, sizeof number);
        apply(cell, DEQUE_PUSH_FRONT1, (struct gm_bytes){bytes, size + number % 5});
    }
    free(bytes);
}

Test(deque_type, dumps_the_same_records_whatever_the_history)
{
    static const struct {
        uint64_t n;
        size_t size;
    } shapes[] = {{1, 8}, {5, 16}, {30, 20}, {2000, 16}, {40, 3000}, {9, 20000}};
    for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) {
        struct cell_dump first = {0};
        struct cell_dump other = {0};
        for (int history = 0; history < 4; history++) {
            struct cell cell;
            cell_init(&cell, &deque_type);
            build(&cell, shapes[shape].n, shapes[shape].size, history);
            cell_dump(&cell, history == 0 ? &first : &other);
            /* deque_type P3 */
            cr_assert(history == 0 || cell_dump_equal(&first, &other), "shape %zu history %d", shape, history);
            cr_assert(first.largest <= GM_DUMP_BODY || shapes[shape].size > GM_DUMP_BODY);
            cr_assert(first.records <= 1 + 2 * first.size / GM_DUMP_BODY);
            cell_check_round_trip(&cell);
            cell_finish(&cell);
        }
        cell_dump_finish(&first);
        cell_dump_finish(&other);
    }
}

Test(deque_type, comes_back_from_its_dump_after_any_records)
{
    struct prng prng;
    prng_seed(&prng, seed_of_run());
    static uint8_t body[9000];
    struct cell cell;
    cell_init(&cell, &deque_type);
    for (int step = 0; step < 20000; step++) {
        uint64_t length = deque_cell_length(&cell.apply.cell);
        uint16_t op = (uint16_t)(1 + prng_below(&prng, prng_below(&prng, 3) == 0 ? 10 : length < 200 ? 2 : 8));
        uint8_t *at = body;
        size_t size = prng_below(&prng, prng_below(&prng, 50) == 0 ? 8000 : 30);
        uint64_t index = prng_below(&prng, length + 1);
        uint64_t expected = length;
        switch (op) {
        case DEQUE_PUSH_BACK1:
        case DEQUE_PUSH_FRONT1:
            at += size;
            expected++;
            break;
        case DEQUE_PUSH_BACK:
        case DEQUE_PUSH_FRONT:
            at = gm_store_varint(at, size) + size;
            *at++ = 0;
            expected += 2;
            break;
        case DEQUE_POP_BACK:
        case DEQUE_POP_FRONT:
            index = prng_below(&prng, index % 5 + 1) + 1;
            at = gm_store_varint(at, index);
            expected -= index;
            break;
        case DEQUE_SET:
        case DEQUE_INSERT:
            at = gm_store_varint(at, index) + size;
            expected += op == DEQUE_INSERT;
            break;
        case DEQUE_REMOVE:
            at = gm_store_varint(gm_store_varint(at, index), 1);
            at = gm_store_varint(gm_store_varint(at, 0), 1 + index % 3);
            expected -= 2 + index % 3;
            break;
        default:
            at = gm_store_varint(gm_store_varint(at, index % 8), length - index % 16);
            expected = length - index % 16;
            break;
        }
        if (cell_apply(&cell, op, (struct gm_bytes){body, (size_t)(at - body)}) == GM_OK) {
            cr_assert_eq(deque_cell_length(&cell.apply.cell), expected, "step %d op %u", step, op);
        } else {
            cr_assert_eq(deque_cell_length(&cell.apply.cell), length, "step %d op %u", step, op);
        }
        if (step % 50 == 0) {
            cell_check_round_trip(&cell);
        }
    }
    cell_finish(&cell);
}

Test(deque_type, describes_every_record_in_one_line_even_a_malformed_one)
{
    static const struct {
        uint16_t op;
        struct gm_bytes body;
        const char *line;
    } cases[] = {
        {DEQUE_PUSH_BACK1, BODY("a\n"), "push-back \"a\\x0a\""},
        {DEQUE_PUSH_FRONT,
         BODY("\x01"
              "a"
              "\x02"
              "bc"),
         "push-front \"a\" \"bc\""},
        {DEQUE_PUSH_FRONT,
         BODY("\x01"
              "a"
              "\x02"),
         "push-front \"a\" malformed"},
        {DEQUE_POP_BACK, BODY("\x03"), "pop-back count 3"},
        {DEQUE_SET,
         BODY("\x03"
              "v"),
         "set index 3 \"v\""},
        {DEQUE_INSERT, BODY(""), "insert malformed \"\""},
        {DEQUE_REMOVE, BODY("\x03\x01\x00\x02"), "remove keep 3 drop 1 keep 0 drop 2"},
        {DEQUE_TRIM, BODY("\x03\x07"), "trim start 3 count 7"},
        {77, BODY("\x03\x07"), "unknown operation 77"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[200];
        struct gm_text text = {.data = line, .capacity = sizeof line};
        deque_type.describe(&(struct gm_record){.op = cases[i].op, .body = cases[i].body}, &text);
        cr_assert_eq(text.size, strlen(cases[i].line));
        cr_assert_eq(memcmp(line, cases[i].line, text.size), 0, "%.*s", (int)text.size, line);
    }
}
