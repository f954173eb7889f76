/* SPDX-License-Identifier: MIT */

/* evict.c - choosing and removing; evict.h has the argument.
 *
 * Limits   A pool's candidate whose entry has gone, and whose address and bucket another entry has now, cannot be told
 *          from the old one: it is judged by the other's note, which is then new. With several databases they take
 *          turns, whatever their size: a sample is of one, and what was cold in others stands in the pool. Memory of
 *          what was flushed, or of large values that have gone, is released before any key goes, a slice per command;
 *          meanwhile nobody is refused. */
#include "shard/evict.h"

#include "meter/meters.h"
#include "shard/apply.h"

#define SAMPLES_DEFAULT 5
#define EVICT_PIECES    4096 /* of large values, per command */
#define SAMPLE_TRIES    8    /* where the table is nearly empty */

/* ---- settings ---- */

static bool keeps_frequency(enum evict_policy policy)
{
    return policy == EVICT_ALL_FREQUENCY || policy == EVICT_EXPIRING_FREQUENCY;
}

static bool only_expiring(enum evict_policy policy)
{
    return policy >= EVICT_EXPIRING_RECENCY;
}

static void take_over(struct shard *shard, const struct evict_options *options)
{
    struct evict *evict = &shard->evict;
    evict->options = *options;
    if (options->samples == 0) {
        evict->options.samples = SAMPLES_DEFAULT;
    }
    check(evict->options.samples <= EVICT_SAMPLES_MAX);
    evict->pool_count = 0;
    struct heat *heat = &shard->databases.ledger.heat;
    heat->log_factor = options->log_factor;
    heat->decay_minutes = options->decay_minutes;
    heat->frequency = keeps_frequency(options->policy);
    heat_turn(heat, shard->monotonic_ms);
}

void evict_init(struct shard *shard, const struct evict_options *options)
{
    prng_seed(&shard->evict.prng, shard->options.seed + 1);
    prng_seed(&shard->databases.ledger.heat.prng, shard->options.seed + 2);
    take_over(shard, options);
}

void evict_configure(struct shard *shard, const struct evict_options *options)
{
    const struct heat *heat = &shard->databases.ledger.heat;
    bool before = heat->frequency;
    take_over(shard, options);
    if (heat->frequency != before) {
        databases_note_all(&shard->databases, heat_new(heat));
    }
}

/* ---- the pool ---- */

/* Whether it would have a place in the pool, and is not there. */
static bool is_wanted(const struct evict *evict, const struct entry *entry, uint32_t coldness)
{
    for (uint32_t i = 0; i < evict->pool_count; i++) {
        if (evict->pool[i].entry == entry) {
            return false;
        }
    }
    return evict->pool_count < EVICT_POOL || coldness > evict->pool[0].coldness;
}

static void pool_add(struct evict *evict, struct evict_candidate candidate)
{
    check(evict->pool_count <= EVICT_POOL);
    if (evict->pool_count == EVICT_POOL) {
        evict->pool_count--;
        memmove(evict->pool, evict->pool + 1, evict->pool_count * sizeof evict->pool[0]);
    }
    uint32_t at = evict->pool_count++;
    for (; at > 0 && evict->pool[at - 1].coldness > candidate.coldness; at--) {
        evict->pool[at] = evict->pool[at - 1];
    }
    evict->pool[at] = candidate;
    check_slow(at + 1 == evict->pool_count || evict->pool[at + 1].coldness >= candidate.coldness);
}

static void consider(struct shard *shard, const struct keyspace *keyspace, const struct table_slot *slot)
{
    const struct entry *entry = table_element(slot);
    uint32_t coldness = heat_coldness(&shard->databases.ledger.heat, table_note(slot));
    if (is_wanted(&shard->evict, entry, coldness)) {
        uint64_t hash = keyspace_hash(keyspace, entry_key(entry));
        pool_add(&shard->evict, (struct evict_candidate){entry, hash, coldness, keyspace->number});
    }
}

static const struct entry *any_expiring(struct shard *shard, const struct keyspace *keyspace)
{
    const struct expire *expire = &keyspace->expire;
    return expire->items[prng_below(&shard->evict.prng, expire->count)].entry;
}

static void sample_expiring(struct shard *shard, const struct keyspace *keyspace)
{
    for (uint32_t i = 0; i < shard->evict.options.samples; i++) {
        const struct entry *entry = any_expiring(shard, keyspace);
        uint64_t hash = keyspace_hash(keyspace, entry_key(entry));
        const struct table_slot *slot = table_find_element(&keyspace->table, entry, hash);
        check(slot != NULL);
        consider(shard, keyspace, slot);
    }
}

static void sample_all(struct shard *shard, const struct keyspace *keyspace)
{
    struct table_slot *slots[EVICT_SAMPLES_MAX];
    size_t wanted = shard->evict.options.samples;
    size_t count = table_sample(&keyspace->table, &shard->evict.prng, slots, wanted);
    check(count <= wanted);
    for (size_t i = 0; i < count; i++) {
        consider(shard, keyspace, slots[i]);
    }
}

/* A key, and the database that it is in. */
struct choice {
    const struct keyspace *keyspace;
    const struct entry *entry; /* NULL: there is none that may go */
};

/* The candidate if that is still what it was seen as; else none. */
static struct choice still_there(const struct shard *shard, const struct evict_candidate *candidate)
{
    const struct keyspace *keyspace = databases_see(&shard->databases, candidate->database);
    const struct table_slot *slot = table_find_element(&keyspace->table, candidate->entry, candidate->hash);
    if (slot == NULL || heat_coldness(&shard->databases.ledger.heat, table_note(slot)) < candidate->coldness) {
        return (struct choice){0};
    }
    const struct entry *entry = table_element(slot);
    bool expires = (entry->flags & ENTRY_EXPIRES) != 0;
    check_slow(keyspace_find(keyspace, entry_key(entry), candidate->hash) == entry);
    bool may = expires || !only_expiring(shard->evict.options.policy);
    return (struct choice){keyspace, may ? entry : NULL};
}

/* The coldest among some of the database whose turn it is, and of those that were seen in others. */
static struct choice coldest(struct shard *shard)
{
    struct evict *evict = &shard->evict;
    bool expiring = only_expiring(evict->options.policy);
    const struct keyspace *keyspace = NULL;
    for (int try = 0; try < SAMPLE_TRIES; try++) {
        keyspace = databases_turn(&shard->databases, expiring);
        if (keyspace == NULL) {
            return (struct choice){0};
        }
        if (expiring) {
            sample_expiring(shard, keyspace);
        } else {
            sample_all(shard, keyspace);
        }
        while (evict->pool_count > 0) {
            struct choice choice = still_there(shard, &evict->pool[--evict->pool_count]);
            if (choice.entry != NULL) {
                return choice;
            }
        }
    }
    /* A table that was large once may be so empty that no sample met a key: any that may go. evict I3 */
    const struct entry *any = expiring ? any_expiring(shard, keyspace) : table_random(&keyspace->table, &evict->prng);
    return (struct choice){keyspace, any};
}

/* ---- one key, and many ---- */

static struct choice any(struct shard *shard)
{
    const struct keyspace *keyspace = databases_turn(&shard->databases, false);
    return keyspace == NULL ? (struct choice){0}
                            : (struct choice){keyspace, table_random(&keyspace->table, &shard->evict.prng)};
}

static struct choice any_that_expires(struct shard *shard)
{
    const struct keyspace *keyspace = databases_turn(&shard->databases, true);
    return keyspace == NULL ? (struct choice){0} : (struct choice){keyspace, any_expiring(shard, keyspace)};
}

/* ... in the database whose turn it is. */
static struct choice soonest(struct shard *shard)
{
    const struct keyspace *keyspace = databases_turn(&shard->databases, true);
    return keyspace == NULL ? (struct choice){0} : (struct choice){keyspace, keyspace->expire.items[0].entry};
}

static struct choice choose(struct shard *shard)
{
    switch (shard->evict.options.policy) {
    case EVICT_NONE:
        break;
    case EVICT_ALL_RECENCY:
    case EVICT_ALL_FREQUENCY:
    case EVICT_EXPIRING_RECENCY:
    case EVICT_EXPIRING_FREQUENCY:
        return coldest(shard);
    case EVICT_ALL_RANDOM:
        return any(shard);
    case EVICT_EXPIRING_RANDOM:
        return any_that_expires(shard);
    case EVICT_EXPIRING_SOONEST:
        return soonest(shard);
    }
    return (struct choice){0};
}

static bool evict_one(struct shard *shard)
{
    struct choice choice = choose(shard);
    if (choice.entry == NULL) {
        return false;
    }
    if (shard_delays(shard, choice.keyspace, choice.entry)) {
        return true; /* somebody needs it for some turns more */
    }
    struct gm_bytes key = entry_key(choice.entry);
    uint64_t hash = keyspace_hash(choice.keyspace, key);
    int64_t at_ms = entry_expire_at(choice.entry);
    if (at_ms != 0 && at_ms <= shard->now_ms) {
        apply_expiry(shard, choice.keyspace->number, key, hash);
    } else {
        apply_eviction(shard, choice.keyspace->number, key, hash);
    }
    return true;
}

/* Whether the policy would let any key go. */
static bool any_may_go(const struct shard *shard)
{
    enum evict_policy policy = shard->evict.options.policy;
    const struct ledger *ledger = &shard->databases.ledger;
    uint64_t count = only_expiring(policy) ? ledger->expires : ledger->keys;
    return policy != EVICT_NONE && count > 0;
}

static bool is_over(const struct shard *shard)
{
    return evict_is_over(&shard->evict, &shard->databases.ledger);
}

/* The same when all has been released that has gone already. */
static bool stays_over(const struct shard *shard)
{
    uint64_t held = ledger_memory(&shard->databases.ledger);
    uint64_t going = shard->remains.bytes < held ? shard->remains.bytes : held;
    return held - going > shard->evict.options.limit;
}

/* False: nothing more may go. */
static bool make_room(struct shard *shard)
{
    if (apply_release_remains(shard, EVICT_PIECES) || databases_reap(&shard->databases, EVICT_SLICE)) {
        return true;
    }
    if (shard->databases.ledger.flushed > 0 && is_over(shard)) {
        sweep_spare_flushed(shard); /* a snapshot is less than a client's keys */
        return true;
    }
    for (int i = 0; i < EVICT_SLICE && stays_over(shard); i++) {
        if (!evict_one(shard)) {
            return false;
        }
    }
    return true;
}

/* What has expired or been evicted may be removed now; else nobody is told that there is no memory: what would need it
 * is refused for another reason. */
static bool run(struct shard *shard)
{
    check(!shard->tail.open); /* evict I1 */
    int64_t begun_us = shard->meters != NULL ? meters_moment_us(shard->meters) : 0;
    uint64_t keys = shard->databases.ledger.keys;
    shard->evict.starved = shard_may_change(shard) && is_over(shard) && !make_room(shard);
    check(keys - shard->databases.ledger.keys <= EVICT_SLICE); /* evict I2 */
    check(!shard->evict.starved || !any_may_go(shard));        /* evict I3 */
    if (begun_us != 0) {
        meters_took(shard->meters, "eviction-cycle", begun_us);
    }
    return !shard->evict.starved;
}

bool evict_make_room(struct shard *shard)
{
    return !is_over(shard) || run(shard);
}

/* Bytes that nobody can evict while the open batch is built, or at all. */
static uint64_t firm(const struct shard *shard)
{
    uint64_t held = ledger_memory(&shard->databases.ledger);
    held -= shard->remains.bytes < held ? shard->remains.bytes : held; /* remains I1 */
    if (!any_may_go(shard)) {
        return held;
    }
    bool added = shard->tail.open && held > shard->evict.before;
    return added ? held - shard->evict.before : 0; /* evict I4 */
}

bool evict_affords(const struct shard *shard, uint64_t bytes)
{
    uint64_t limit = shard->evict.options.limit;
    return limit == 0 || (bytes <= limit && firm(shard) <= limit - bytes);
}

bool evict_goes_on(const struct shard *shard)
{
    check(shard->tail.open);
    uint64_t over = firm(shard);
    uint64_t limit = shard->evict.options.limit;
    return over <= limit || over - limit <= EVICT_BATCH_SLACK; /* evict I4 */
}

bool evict_turn(struct shard *shard)
{
    return is_over(shard) && shard_may_change(shard) && run(shard) && is_over(shard);
}

const char *evict_policy_name(enum evict_policy policy)
{
    static const char *const names[] = {
        [EVICT_NONE] = "noeviction",
        [EVICT_ALL_RECENCY] = "allkeys-lru",
        [EVICT_ALL_FREQUENCY] = "allkeys-lfu",
        [EVICT_ALL_RANDOM] = "allkeys-random",
        [EVICT_EXPIRING_RECENCY] = "volatile-lru",
        [EVICT_EXPIRING_FREQUENCY] = "volatile-lfu",
        [EVICT_EXPIRING_RANDOM] = "volatile-random",
        [EVICT_EXPIRING_SOONEST] = "volatile-ttl",
    };
    check(policy < sizeof names / sizeof names[0]);
    return names[policy];
}
