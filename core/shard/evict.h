/* SPDX-License-Identifier: MIT */

/* evict.h - a ceiling for the data: which keys go when memory is short, and who is refused when none may go.
 *
 * Idea     Before a command runs, and at the end of a turn, memory is compared with the limit: one comparison, since it
 *          is a running sum. Above the limit keys are evicted by decision, like those whose time has come: each is a
 *          record of the host (RECORD_OP_EVICTED) that goes through apply_first and the log, so that recovery and
 *          followers remove the same keys and never decide themselves.
 *
 *          Which key goes: of a few at random the coldest (store/heat.h). What was seen and was cold, but not the
 *          coldest, is kept in a pool of EVICT_POOL for the next time (Redis' method): so the choice comes close to
 *          that among all keys. The notes of a sample stand in one or two lines of memory; entries are not touched.
 *          A candidate in the pool is an address and a hash. Before it goes the table is asked whether the address is
 *          still there, and whether it was used since.
 *
 * Promises
 *   I1  Never within a batch, so that a transaction's keys are there from its first command to its last; not while the
 *       log is read, is full, or clients may not write.
 *   I2  At most EVICT_SLICE keys per command and per end of turn; what remains is done in the next turns, at once.
 *   I3  Commands that may need memory are refused only if nothing may be evicted: none is of the policy's kind.
 *   I4  What is known to be needed is compared with the limit before anything changes (evict_affords). What a batch has
 *       added stays until its end: so it counts, whatever the policy, and a batch does not pass the limit by more than
 *       EVICT_BATCH_SLACK and its last command.
 *
 * Limits   A command that has waited for a key is not refused when its turn comes: it was let in once, so was what woke
 *          it, and what it moves is there already. So a write may pass the limit by what it and all whom it wakes need.
 *          Two lives with the same seed need not evict the same keys: memory is counted as the allocator gives it, and
 *          that hangs on all that it has given before. Recovery and followers are told, so nothing rests on it.
 */
#ifndef GEOMYS_SHARD_EVICT_H
#define GEOMYS_SHARD_EVICT_H

#include "store/databases.h"

struct shard;

#define EVICT_POOL        16
#define EVICT_SLICE       1024 /* keys */
#define EVICT_SAMPLES_MAX 64
#define EVICT_BATCH_SLACK ((uint64_t)1024 * 1024) /* bytes: a small transaction is not cut in two at the limit */
#define EVICT_REFUSAL     "OOM command not allowed when used memory > 'maxmemory'."

/* In the order of the setting's words: see evict_policy_name. */
enum evict_policy {
    EVICT_NONE,
    EVICT_ALL_RECENCY,
    EVICT_ALL_FREQUENCY,
    EVICT_ALL_RANDOM,
    EVICT_EXPIRING_RECENCY,
    EVICT_EXPIRING_FREQUENCY,
    EVICT_EXPIRING_RANDOM,
    EVICT_EXPIRING_SOONEST,
};

struct evict_options {
    uint64_t limit; /* bytes, 0: none */
    enum evict_policy policy;
    uint32_t samples; /* keys that are compared, at most EVICT_SAMPLES_MAX; 0: 5 */
    uint32_t log_factor;
    uint32_t decay_minutes;
};

/* The setting's word for it. */
const char *evict_policy_name(enum evict_policy policy);

struct evict_candidate {
    const struct entry *entry; /* may have gone: an address, not to be followed before it has been found */
    uint64_t hash;
    uint32_t coldness; /* when it was seen */
    uint32_t database; /* ... as it was numbered then */
};

struct evict {
    struct evict_options options;
    struct evict_candidate pool[EVICT_POOL]; /* the coldest last */
    uint32_t pool_count;
    struct prng prng;
    uint64_t before; /* bytes that were stored when the open batch began */
    bool starved;    /* above the limit, and nothing could be evicted when it was last tried */
};

void evict_init(struct shard *shard, const struct evict_options *options);

/* Takes over other settings. If the policy now keeps frequency instead of recency, or the other way round, all keys
 * count as used now: O(buckets) then. */
void evict_configure(struct shard *shard, const struct evict_options *options);

static inline bool evict_is_over(const struct evict *evict, const struct ledger *ledger)
{
    return __builtin_expect(evict->options.limit != 0, 0) && ledger_memory(ledger) > evict->options.limit;
}

/* Before a command that is not part of a transaction: makes room if memory is short. False: there is none, and nothing
 * may be evicted. O(1) below the limit; else O(EVICT_SLICE). */
bool evict_make_room(struct shard *shard);

/* A batch of several commands is about to begin. */
static inline void evict_hold(struct evict *evict, const struct ledger *ledger)
{
    evict->before = ledger_memory(ledger);
}

/* Whether so many bytes more may be stored: what is above the limit by then could be evicted afterwards. Evicts
 * nothing: plans look at values. O(1). */
bool evict_affords(const struct shard *shard, uint64_t bytes);

/* Above the limit, within a batch: whether a command that may need memory is carried out none the less. O(1). */
bool evict_goes_on(const struct shard *shard);

/* At the end of a turn. True: there is more to do at once. */
bool evict_turn(struct shard *shard);

#endif
