/* SPDX-License-Identifier: MIT */

/* fuzz_kv.c - geomys.string/1 given arbitrary records: it refuses or applies them, and what it made dumps and rebuilds.
 *
 * Input   any number of: op u8, size u8, body. Offsets are cut to OFFSET_MAX, or every other input would be half a
 *         gigabyte of zeros; those above the ceiling stay as they are. */
#include "kv_type.h"
#include "support/cell.h"
#include "support/little.h"

#define OFFSET_MAX ((uint64_t)1 << 15) /* above GM_DUMP_BODY, so that dumps have several records */
#define BODY_MAX   255

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void tame(uint16_t op, uint8_t *body, size_t size)
{
    size_t width = op == KV_OP_PATCH ? 8 : op == KV_OP_BIT ? 4 : 0;
    uint64_t limit = op == KV_OP_PATCH ? OFFSET_MAX : OFFSET_MAX * 8;
    uint64_t greatest = op == KV_OP_PATCH ? GM_VALUE_SIZE_MAX : GM_VALUE_SIZE_MAX * 8;
    if (width > 0 && size >= width) {
        uint64_t offset = little_load(body, width);
        little_store(body, offset <= greatest ? offset % limit : offset, width);
    }
}

static void describe(uint16_t op, struct gm_bytes body)
{
    char line[100];
    struct gm_text text = {.data = line, .capacity = sizeof line};
    const struct gm_record record = {.op = op, .body = body};
    kv_type.describe(&record, &text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cell cell;
    cell_init(&cell, &kv_type);
    for (size_t at = 0; size - at >= 2;) {
        uint8_t body[BODY_MAX];
        uint16_t op = data[at];
        size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        memcpy(body, data + at + 2, length);
        tame(op, body, length);
        describe(op, (struct gm_bytes){body, length});
        (void)cell_apply(&cell, op, (struct gm_bytes){body, length});
        at += 2 + length;
    }
    if (cell.apply.cell.form != GM_ABSENT) {
        char scratch[GM_SCALAR_SCRATCH];
        (void)kv_type.scalar(&cell.apply.cell, scratch);
        (void)kv_type.encoding(&cell.apply.cell);
    }
    cell_check_round_trip(&cell);
    cell_finish(&cell);
    return 0;
}
