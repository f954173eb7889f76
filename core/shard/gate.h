/* SPDX-License-Identifier: MIT */

/* gate.h - an answer leaves when the records that it could have seen are as durable as the policy asks.
 *
 * Idea     The log releases sequences in order. Each answer has a mark: the highest sequence that it depends on. A
 *          write depends on its own records; a read on the last change of the keys it looked at. To remember that per
 *          key would cost eight bytes each, so it is remembered per stripe: keys share 4096 stripes by their hash. A
 *          stripe only ever says too much, never too little, and what it says too much is gone within one group commit:
 *          on a full disk, when there is space again.
 *
 * Promises
 *   I1  An answer's mark is at least the sequence of every record whose effect it shows.
 *   I2  Answers of one connection leave in order.
 */
#ifndef GEOMYS_SHARD_GATE_H
#define GEOMYS_SHARD_GATE_H

#include <stdint.h>

#define GATE_STRIPES 4096u

struct gate {
    uint64_t stripes[GATE_STRIPES]; /* the last sequence that changed one of its keys */
    uint64_t released;              /* all up to it may be answered for */
    uint64_t flushed;               /* the last sequence that changed all keys */
};

static inline void gate_changed(struct gate *gate, uint64_t hash, uint64_t sequence)
{
    gate->stripes[hash % GATE_STRIPES] = sequence;
}

/* What a read of the key with this hash depends on. */
static inline uint64_t gate_mark(const struct gate *gate, uint64_t hash)
{
    uint64_t stripe = gate->stripes[hash % GATE_STRIPES];
    return stripe > gate->flushed ? stripe : gate->flushed;
}

#endif
