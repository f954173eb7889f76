/* SPDX-License-Identifier: MIT */

/* fuzz_counter.c - any records on a counter: nothing breaks, what results comes back from its dump, and texts that are
 * read are written so that they are read again.
 *
 * Input   records: op (1 byte, modulo 5), size (1 byte), so many bytes of body (or those that are left).
 */
#include "base/check.h"
#include "counter_type.h"
#include "counter_value.h"
#include "geomys/number.h"
#include "support/cell.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(struct gm_bytes text)
{
    long double number = 0;
    int64_t whole = 0;
    if (gm_parse_int(text, &whole)) {
        check(gm_parse_long_double(text, &number) && number == (long double)whole);
    }
    if (gm_parse_long_double(text, &number) && !isinf(number)) {
        char written[GM_FLOAT_TEXT];
        struct gm_bytes again = {(const uint8_t *)written, gm_format_long_double(written, number)};
        check(gm_parse_int(again, &whole) != counter_float_canonical(again));
        check(gm_parse_long_double(again, &number));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cell cell;
    cell_init(&cell, &counter_type);
    while (size >= 2) {
        size_t taken = data[1] < size - 2 ? data[1] : size - 2;
        struct gm_bytes body = {data + 2, taken};
        char line[300];
        struct gm_text text = {.data = line, .capacity = sizeof line};
        (void)cell_apply(&cell, data[0] % 5, body);
        counter_type.describe(&(struct gm_record){.op = data[0] % 5, .body = body}, &text);
        check_texts(body);
        data += 2 + taken;
        size -= 2 + taken;
    }
    cell_check_round_trip(&cell);
    cell_finish(&cell);
    return 0;
}
