/* SPDX-License-Identifier: MIT */

/* fuzz_deque.c - any records on a deque: nothing breaks, and what results comes back from its dump.
 *
 * Input   records: op (1 byte, modulo 12), size (2 bytes, little-endian), so many bytes of body (or those that are
 *         left). An op with the high bit repeats its record 16 times, so that little input makes many blocks.
 */
#include "deque_type.h"
#include "support/cell.h"

#define REPEATS     16
#define ELEMENTS    20000 /* more are not tried: an input ends in time */
#define RECORDS_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cell cell;
    cell_init(&cell, &deque_type);
    int records = 0;
    while (size >= 3 && records++ < RECORDS_MAX && deque_cell_length(&cell.apply.cell) < ELEMENTS) {
        uint16_t op = (data[0] & 0x7f) % 12;
        int times = data[0] >= 0x80 ? REPEATS : 1;
        size_t taken = (size_t)data[1] | (size_t)data[2] << 8;
        taken = taken < size - 3 ? taken : size - 3;
        for (int i = 0; i < times; i++) {
            (void)cell_apply(&cell, op, (struct gm_bytes){data + 3, taken});
        }
        char line[300];
        struct gm_text text = {.data = line, .capacity = sizeof line};
        deque_type.describe(&(struct gm_record){.op = op, .body = {data + 3, taken}}, &text);
        data += 3 + taken;
        size -= 3 + taken;
    }
    cell_check_round_trip(&cell);
    cell_finish(&cell);
    return 0;
}
