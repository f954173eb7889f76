/* SPDX-License-Identifier: MIT */

/* cell.h - a cell without a host: what a module's value tests and fuzz targets apply records to, and dump.
 *
 * Idea    Stricter than the real host, so that mistakes show: bytes lie in an allocation of exactly their size, each
 *         resize moves them, memory from gm_realloc is filled with rubbish, and a block that is not given back, or
 *         given back twice, fails a check.
 *
 *             struct cell cell, copy;
 *             cell_init(&cell, &my_type);
 *             cell_init(&copy, &my_type);
 *             cell_apply(&cell, MY_OP_ADD, BYTES("body"));     GM_OK or GM_CORRUPT
 *             cell_check_round_trip(&cell);                    dump, rebuild, dump again: equal
 *             cell_finish(&cell);                              checks that nothing leaks
 *
 * Our own mistakes, and a type's breaches of the ABI, are failed checks: they abort the test.
 */
#ifndef GEOMYS_TESTS_SUPPORT_CELL_H
#define GEOMYS_TESTS_SUPPORT_CELL_H

#include "base/bytes.h"
#include "geomys/value.h"

struct cell {
    struct gm_apply apply; /* apply.cell is the value */
    const struct gm_type *type;
    size_t blocks;   /* from gm_alloc and gm_realloc, not yet released */
    int64_t outcome; /* the last that apply has left */
};

/* An absent cell. The type is borrowed. */
void cell_init(struct cell *cell, const struct gm_type *type);

/* Frees the value as the host does when a key goes; nothing may be left over. The cell is absent and usable
 * afterwards. */
void cell_finish(struct cell *cell);

/* Applies one record as the host does: key "key", time 0, and an empty value (gm_type.empty) goes. The body is handed
 * over in an allocation of its own size. Returns GM_OK or GM_CORRUPT; anything else, and a form changed by
 * GM_CORRUPT, fails a check. */
int cell_apply(struct cell *cell, uint16_t op, struct gm_bytes body);
int cell_apply_at(struct cell *cell, uint16_t op, struct gm_bytes body, int64_t time_ms);

/* ---- dumps ---- */

/* The records of one value: u16 op, u32 size, body, one after the other. Zeroed is empty. */
struct cell_dump {
    uint8_t *data; /* owned */
    size_t size;   /* bytes */
    size_t records;
    size_t largest; /* bytes of the greatest body */
};

/* Dumps the value (not an absent one); replaces what `dump` held. */
void cell_dump(const struct cell *cell, struct cell_dump *dump);

/* Applies a dump to an absent cell. All records must apply. */
void cell_restore(struct cell *cell, const struct cell_dump *dump);

bool cell_dump_equal(const struct cell_dump *a, const struct cell_dump *b);

void cell_dump_finish(struct cell_dump *dump);

/* Dumps, rebuilds in another cell, dumps that: checks that both dumps are equal. Nothing to do for an absent cell. */
void cell_check_round_trip(const struct cell *cell);

#endif
