/* SPDX-License-Identifier: MIT */

/* gate.h - an answer leaves when the records that it could have seen are as durable as its level asks.
 *
 * Idea     The log releases sequences in order, for each level of its own. Each answer has a mark: the highest sequence
 *          that it depends on. A write depends on its own records; a read on the last change of the keys it looked at.
 *          To remember that per key would cost eight bytes each, so it is remembered per stripe: keys share 4096
 *          stripes by their hash. A stripe only ever says too much, never too little, and what it says too much is gone
 *          within one group commit.
 *
 * Stuck    The log lacks something, as space, and nobody knows for how long. No read waits for that: one of a key whose
 *          stripe is not released is refused (serve/admit.c), and one of all keys (KEYS, DBSIZE) shows what is in
 *          memory. Whoever is to make room looks at the keys first.
 *
 * Levels   local    the records are as durable here as the policy asks
 *          quorum   a majority of the replicas has them as well. While a shard is alone both are the same
 *
 * Shut     A leader whose lease does not hold answers nothing that shows anything, of whatever level: somebody else may
 *          lead by now. Whoever drives the turns shuts the gate, and opens it, by a reading of the clock that was made
 *          after the answers were computed (cluster C4). What shows nothing (a refusal, PING) passes.
 *
 * Promises
 *   I1  An answer's mark is at least the sequence of every record whose effect it shows; of an answer about all keys,
 *       which has a mark of its own kind, as long as the log is not stuck.
 *   I2  Answers of one connection leave in order.
 *   I3  What is released stays released, until the data themselves begin anew (gate_reset); quorum never passes local.
 *   I4  While it is shut nothing that has a mark passes.
 */
#ifndef GEOMYS_SHARD_GATE_H
#define GEOMYS_SHARD_GATE_H

#include "base/check.h"

#include <stdbool.h>
#include <stdint.h>

#define GATE_STRIPES 4096u

enum gate_level {
    GATE_LOCAL,
    GATE_QUORUM,
    GATE_LEVELS,
};

struct gate {
    uint64_t stripes[GATE_STRIPES]; /* the last sequence that changed one of its keys */
    uint64_t released[GATE_LEVELS]; /* all up to it may be answered for */
    uint64_t flushed;               /* the last sequence that changed all keys */
    bool stuck;                     /* nothing is released until the log has what it lacks */
    bool shut;                      /* nothing is answered for now */
};

static inline void gate_changed(struct gate *gate, uint64_t hash, uint64_t sequence)
{
    check(sequence >= gate->stripes[hash % GATE_STRIPES]); /* gate I1: a stripe that fell would say too little */
    gate->stripes[hash % GATE_STRIPES] = sequence;
}

/* All keys have changed, with the record of that sequence. */
static inline void gate_changed_all(struct gate *gate, uint64_t sequence)
{
    check(sequence >= gate->flushed); /* gate I1 */
    gate->flushed = sequence;
}

/* What a read of the key with this hash depends on. */
static inline uint64_t gate_mark(const struct gate *gate, uint64_t hash)
{
    uint64_t stripe = gate->stripes[hash % GATE_STRIPES];
    return stripe > gate->flushed ? stripe : gate->flushed;
}

/* All up to these sequences may be answered for, by level. */
static inline void gate_release(struct gate *gate, uint64_t local, uint64_t quorum)
{
    check(local >= gate->released[GATE_LOCAL] && quorum >= gate->released[GATE_QUORUM]); /* gate I3 */
    check(quorum <= local);                                                              /* gate I3 */
    gate->released[GATE_LOCAL] = local;
    gate->released[GATE_QUORUM] = quorum;
}

/* The log lacks something, or no more. True: that is news. */
static inline bool gate_stick(struct gate *gate, bool stuck)
{
    bool news = gate->stuck != stuck;
    gate->stuck = stuck;
    return news;
}

/* No mark passes from now on, or those do again that are released. */
static inline void gate_shut(struct gate *gate, bool shut)
{
    gate->shut = shut;
}

/* Up to where answers may leave: 0 while it is shut. */
static inline uint64_t gate_released(const struct gate *gate, enum gate_level level)
{
    check_slow(level < GATE_LEVELS);
    return gate->shut ? 0 : gate->released[level]; /* gate I4 */
}

/* Whether an answer about all keys passes, whatever it shows. */
static inline bool gate_lets_all(const struct gate *gate)
{
    return gate->stuck && !gate->shut; /* gate I4 */
}

/* The data begin anew, as recovery has them: everything counts as changed at `sequence`, and nothing is released. */
void gate_reset(struct gate *gate, uint64_t sequence);

#endif
