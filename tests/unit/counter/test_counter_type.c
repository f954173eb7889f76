/* SPDX-License-Identifier: MIT */

/* Records applied to a cell, what is refused, and the facets; and the descriptor's lines. */
#include <criterion/criterion.h>

#include "counter_type.h"
#include "counter_value.h"
#include "geomys/codec.h"
#include "module/usage/usage.h"
#include "support/cell.h"

const struct gm_module *geomys_module(void);

static int apply_number(struct cell *cell, uint16_t op, int64_t number)
{
    uint8_t code[GM_VARINT_MAX];
    return cell_apply(cell, op, gm_bytes_between(code, gm_store_varint(code, gm_zigzag(number))));
}

#define EXPECT(tested, expected, of_encoding)                                                                          \
    do {                                                                                                               \
        char scratch[GM_SCALAR_SCRATCH];                                                                               \
        struct gm_bytes text = counter_type.scalar(&(tested)->apply.cell, scratch);                                    \
        cr_assert(gm_bytes_equal(text, gm_bytes_of(expected)), "%.*s", (int)text.size, (const char *)text.data);       \
        cr_assert_str_eq(counter_type.encoding(&(tested)->apply.cell), of_encoding);                                   \
        cell_check_round_trip(tested);                                                                                 \
    } while (0)

Test(counter_type, adds_sets_and_turns_into_a_fraction_and_back)
{
    struct cell cell;
    cell_init(&cell, &counter_type);
    cr_assert_eq(apply_number(&cell, COUNTER_ADD, 5), GM_OK);
    EXPECT(&cell, "5", "int");
    cr_assert_eq(apply_number(&cell, COUNTER_ADD, -12), GM_OK);
    EXPECT(&cell, "-7", "int");
    cr_assert_eq(cell_apply(&cell, COUNTER_FLOAT, gm_bytes_of("-7.5")), GM_OK);
    EXPECT(&cell, "-7.5", "embstr");
    cr_assert_eq(apply_number(&cell, COUNTER_ADD, 1), GM_CORRUPT, "no sum of a text"); /* counter_type P1 */
    EXPECT(&cell, "-7.5", "embstr");
    cr_assert_eq(cell_apply(&cell, COUNTER_FLOAT, gm_bytes_of("100000000000000000000")), GM_OK);
    /* counter P2: the text of the log, bit by bit */
    EXPECT(&cell, "100000000000000000000", "embstr");
    cr_assert_eq(apply_number(&cell, COUNTER_SET, INT64_MIN), GM_OK);
    EXPECT(&cell, "-9223372036854775808", "int");
    cr_assert_eq(apply_number(&cell, COUNTER_ADD, -1), GM_CORRUPT, "never wraps");
    EXPECT(&cell, "-9223372036854775808", "int");
    cr_assert_eq(apply_number(&cell, COUNTER_SET, INT64_MAX), GM_OK);
    cr_assert_eq(apply_number(&cell, COUNTER_ADD, 1), GM_CORRUPT, "never wraps");
    EXPECT(&cell, "9223372036854775807", "int");
    cr_assert_eq(cell_apply(&cell, COUNTER_FLOAT, gm_bytes_of("1")), GM_CORRUPT, "one form only"); /* counter_type P2 */
    cr_assert_eq(cell_apply(&cell, COUNTER_FLOAT, gm_bytes_of("")), GM_CORRUPT);
    cr_assert_eq(cell_apply(&cell, COUNTER_SET, gm_bytes_of("")), GM_CORRUPT);
    cr_assert_eq(cell_apply(&cell, COUNTER_ADD, gm_bytes_of("\x80")), GM_CORRUPT);
    cr_assert_eq(cell_apply(&cell, 0, gm_bytes_of("\x02")), GM_CORRUPT);
    cr_assert_eq(cell_apply(&cell, 4, gm_bytes_of("\x02")), GM_CORRUPT);
    EXPECT(&cell, "9223372036854775807", "int");
    cell_finish(&cell);
}

Test(counter_type, dumps_one_record_that_does_not_show_the_history)
{
    struct cell_dump a = {0};
    struct cell_dump b = {0};
    struct cell cell;
    cell_init(&cell, &counter_type);
    (void)apply_number(&cell, COUNTER_ADD, 3);
    cell_dump(&cell, &a);
    (void)cell_apply(&cell, COUNTER_FLOAT, gm_bytes_of("2.5"));
    (void)apply_number(&cell, COUNTER_SET, 4);
    (void)apply_number(&cell, COUNTER_ADD, -1);
    cell_dump(&cell, &b);
    cr_assert_eq(a.records, 1);
    cr_assert(cell_dump_equal(&a, &b));
    cell_dump_finish(&a);
    cell_dump_finish(&b);
    cell_finish(&cell);
}

Test(counter_type, describes_its_records)
{
    static const struct {
        uint16_t op;
        const char *body;
        const char *line;
    } cases[] = {
        {COUNTER_ADD, "\x02", "add 1"},          {COUNTER_ADD, "\x01", "add -1"},
        {COUNTER_SET, "\x80\x01", "set 64"},     {COUNTER_SET, "\x80", "set malformed"},
        {COUNTER_FLOAT, "0.5", "float \"0.5\""}, {9, "\x02", "unknown operation 9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[100];
        struct gm_text text = {.data = line, .capacity = sizeof line};
        counter_type.describe(&(struct gm_record){.op = cases[i].op, .body = gm_bytes_of(cases[i].body)}, &text);
        cr_assert_eq(text.size, strlen(cases[i].line));
        cr_assert_eq(memcmp(line, cases[i].line, text.size), 0, "%.*s", (int)text.size, line);
    }
}

Test(counter_type, has_usage_lines_that_parse_and_whose_second_word_is_the_number)
{
    const struct gm_module *module = geomys_module();
    cr_assert_eq(module->command_count, 5);
    for (uint32_t i = 0; i < module->command_count; i++) {
        const struct gm_command *command = &module->commands[i];
        struct usage usage = {0};
        struct complaint complaint = {0};
        cr_assert_eq(usage_parse(&usage, command->usage, &complaint), STATUS_OK, "%s", command->usage);
        cr_assert_eq(usage.leaf_count, 2);
        cr_assert(command->summary != NULL && command->complexity != NULL && command->example != NULL);
        usage_finish(&usage);
    }
}
