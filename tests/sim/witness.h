/* SPDX-License-Identifier: MIT */

/* witness.h - what one client has done to its keys, kept outside of the store: what must be there, and what may be.
 *
 * Idea     A client alone writes to its three keys, a text, a number and a list, so their states form a line: one after
 *          each command that was sent. Up to `acked` they were acknowledged. When the connection was lost, the keys are
 *          in one of the states from there to the last, and a look at them says in which: that is where the line ends
 *          from then on. Texts, numbers and elements never come twice, so no two states that differ look the same.
 *
 *              0 ─── 1 ─── 2 ═══ 3 ─── 4 ─── 5        acked 2: after a crash 2, 3, 4 or 5 is what is found;
 *                          acked             sent     1 is a lost write, 6 a write that nobody sent
 */
#ifndef GEOMYS_TESTS_SIM_WITNESS_H
#define GEOMYS_TESTS_SIM_WITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WITNESS_TEXT 128 /* bytes of a reply as text: lists are kept short */

struct witness_state {
    uint64_t text;        /* 0: there is no such key */
    uint64_t number;      /* the same */
    uint64_t first, next; /* elements of the list: first, first + 1 ... next - 1 */
};

enum witness_op {
    WITNESS_SET,
    WITNESS_DEL,
    WITNESS_INCR,
    WITNESS_PUSH,
    WITNESS_POP,
    WITNESS_ALL, /* SET, INCR and RPUSH in a transaction */
    WITNESS_OPS,
};

struct witness {
    struct witness_state *states; /* owned */
    size_t count, capacity, acked;
    uint64_t texts; /* given out */
};

void witness_init(struct witness *witness);
void witness_finish(struct witness *witness);

/* The operation that is done next instead of `op`: a list that is long is not made longer. */
enum witness_op witness_choose(const struct witness *witness, enum witness_op op);

/* It was sent. Returns the state after it. */
const struct witness_state *witness_send(struct witness *witness, enum witness_op op);

/* Of the oldest operation that was not. */
void witness_ack(struct witness *witness);

/* The keys as they were found: the three replies to GET, GET and LRANGE. `loses`: what was acknowledged may be gone,
 * from its end. False: no such state is possible. */
bool witness_find(struct witness *witness, const char *const found[3], bool loses);

/* What GET, GET and LRANGE answer in a state. */
void witness_reads(const struct witness_state *state, char replies[3][WITNESS_TEXT]);

#endif
