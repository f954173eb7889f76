/* SPDX-License-Identifier: MIT */

/* deque_type.h - the type "geomys.deque/1": its records, and how to look into a cell of it.
 *
 * A record's body is made of numbers (packed.h), items (a length and as many bytes) and plain bytes that reach to its
 * end. The operations are stable for ever; README.md lists them for those who write other readers.
 */
#ifndef GEOMYS_DEQUE_TYPE_H
#define GEOMYS_DEQUE_TYPE_H

#include "deque_value.h"
#include "geomys/value.h"

enum deque_op {
    DEQUE_PUSH_BACK1 = 1,  /* the element                                                                */
    DEQUE_PUSH_FRONT1 = 2, /* the element                                                                */
    DEQUE_PUSH_BACK = 3,   /* items, one or more, pushed one after the other                             */
    DEQUE_PUSH_FRONT = 4,  /* the same: the last one becomes the first element                           */
    DEQUE_POP_BACK = 5,    /* count > 0                                                                  */
    DEQUE_POP_FRONT = 6,   /* count > 0                                                                  */
    DEQUE_SET = 7,         /* index, then the element                                                    */
    DEQUE_INSERT = 8,      /* index that it will have, then the element                                  */
    DEQUE_REMOVE = 9,      /* pairs, one or more: elements that stay, elements > 0 that go               */
    DEQUE_TRIM = 10,       /* start, count > 0: these stay                                               */
};

extern const struct gm_type deque_type;

/* gm_type.from_elements, in deque_plan_ends.c: their names become a list. */
void deque_plan_elements(struct gm_call *call, uint32_t key, const struct gm_element *elements, size_t count);

/* Elements of a deque's cell; 0 if it is absent. O(1). */
uint64_t deque_cell_length(const struct gm_cell *cell);

/* A cursor before element `index`, 0 <= index <= length, of a cell that is not absent. */
struct deque_cursor deque_cell_seek(const struct gm_cell *cell, uint64_t index);

#endif
