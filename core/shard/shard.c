/* SPDX-License-Identifier: MIT */

/* shard.c - a shard begins and ends, and what it may do; shard.h has the picture.
 *
 * Promises
 *   P1  Before a newer registry changes the first thing, all that can be refused has been looked at.
 *   P2  The secret is part of nothing that is shown: the keyspace's hash key is a hash of it, and files and streams
 *       alone carry it itself. */
#include "shard/shard.h"

#include "base/memory.h"
#include "geomys/hash.h"
#include "shard/apply.h"

#define KEYSPACE_LABEL "geomys keyspace" /* stable: SCAN's cursors rest on it */

static struct siphash_key keyspace_key(const struct gm_secret *secret)
{
    struct gm_hash_key derived = gm_hash_key_of(secret, KEYSPACE_LABEL); /* shard P2 */
    return (struct siphash_key){derived.k0, derived.k1};
}

void shard_init(struct shard *shard, const struct registry *registry, const struct shard_options *options,
                const struct gm_secret *secret)
{
    memset(shard, 0, sizeof *shard);
    shard->secret = *secret;
    struct siphash_key hash_key = keyspace_key(secret);
    shard->options = *options;
    shard->role = SHARD_LOADING;
    prng_seed(&shard->prng, options->seed);
    struct keyspace_ops ops = {.release = apply_release, .context = shard};
    databases_init(&shard->databases, options->databases > 0 ? options->databases : DATABASES_DEFAULT, &ops, &hash_key);
    sweep_init(&shard->sweep);
    evict_init(shard, &options->memory);
    tail_init(&shard->tail, 0, 0);
    shard->tail.epochs.secret = *secret;
    list_init(&shard->listeners);
    remains_init(&shard->remains);
    claims_init(&shard->claims, &shard->listeners);
    list_init(&shard->builds);
    shard->crumb = memory_zeroed(sizeof *shard->crumb);
    shard->dump_scratch = memory_alloc(GM_DUMP_SCRATCH);
    types_init(&shard->types, &shard->tail, &shard->databases);
    struct complaint complaint;
    enum status adopted = shard_adopt(shard, registry, &complaint);
    check(adopted == STATUS_OK); /* registry P5: no registry has more types than entries have numbers */
}

static void release_remains(struct shard *shard)
{
    while (apply_release_remains(shard, UINT64_MAX)) {
    }
}

void shard_finish(struct shard *shard)
{
    if (shard->registry == NULL) {
        return;
    }
    check(shard->crumb->kind == CRUMB_NONE && shard->meters == NULL); /* its worker has gone */
    check(list_empty(&shard->builds) && shard->claims.count == 0);    /* ... and what it was busy with */
    sweep_forget(shard);
    shard->ending = true;
    release_remains(shard);
    databases_finish(&shard->databases);
    tail_finish(&shard->tail);
    arena_finish(&shard->arena);
    types_finish(&shard->types);
    memory_free(shard->crumb);
    memory_free(shard->dump_scratch);
    shard->crumb = NULL;
    shard->dump_scratch = NULL;
    registry_release(shard->registry);
    shard->registry = NULL;
}

/* Between two commands nothing of a registry is in use in a shard but its own reference, and the code of types: that is
 * types.c's business. The older registry goes with the last reference to it, which may be that of values made by its
 * code. */
enum status shard_adopt(struct shard *shard, const struct registry *newer, struct complaint *complaint)
{
    const struct registry *older = shard->registry;
    check(!shard->tail.open);
    check(older == NULL || (!shard_is_loading(shard) && registry_follows(newer, older)));
    while (apply_release_remains(shard, UINT64_MAX)) { /* remains I2 */
    }
    TRY(types_adopt(&shard->types, older, newer, complaint)); /* shard P1: nothing after it is refused */
    shard->claims.epoch++;
    shard->registry = registry_keep(newer);
    registry_release(older);
    return STATUS_OK;
}

void shard_configure(struct shard *shard, const struct shard_options *options)
{
    check(options->seed == shard->options.seed && options->databases == shard->options.databases);
    shard->options = *options;
    evict_configure(shard, &options->memory);
}

/* ---- what it may do ---- */

static bool may_become(enum shard_role now, enum shard_role next)
{
    static const uint8_t after[] = {
        [SHARD_LOADING] = 1 << SHARD_ALONE | 1 << SHARD_LEADING | 1 << SHARD_FOLLOWING,
        [SHARD_ALONE] = 1 << SHARD_LOADING,
        [SHARD_LEADING] = 1 << SHARD_LOADING | 1 << SHARD_FENCED,
        [SHARD_FOLLOWING] = 1 << SHARD_LOADING | 1 << SHARD_LEADING,
        [SHARD_FENCED] = 1 << SHARD_LOADING | 1 << SHARD_LEADING | 1 << SHARD_FOLLOWING,
    };
    return (after[now] >> next & 1) != 0;
}

/* Values that were found damaged before, perhaps by other code than there is now. */
static void try_damaged_again(struct shard *shard)
{
    if (databases_frozen(&shard->databases).damaged > 0) {
        shard->types.settling = true;
        types_walk_again(&shard->types);
    }
}

void shard_become(struct shard *shard, enum shard_role role)
{
    check(may_become(shard->role, role));
    check(!shard->tail.open);
    if (shard->role == SHARD_LOADING) {
        try_damaged_again(shard);
    }
    shard->role = role;
    shard->says[0] = '\0';
}

enum shard_refusal shard_refusal(const struct shard *shard)
{
    switch (shard->role) {
    case SHARD_LOADING:
        return SHARD_IS_LOADING;
    case SHARD_FOLLOWING:
        return SHARD_IS_FOLLOWING;
    case SHARD_FENCED:
        return SHARD_IS_FENCED;
    case SHARD_ALONE:
    case SHARD_LEADING:
        break;
    }
    if (shard->unlogged) {
        return SHARD_IS_FULL;
    }
    enum status lack = shard->wal != NULL ? wal_lack(shard->wal) : STATUS_OK;
    if (lack != STATUS_OK) {
        return lack == STATUS_NO_SPACE ? SHARD_IS_FULL : SHARD_IS_HELD;
    }
    return shard->replicas < shard->options.replicas_wanted ? SHARD_IS_LONELY : SHARD_OPEN;
}

const char *shard_refusal_text(const struct shard *shard, enum shard_refusal refusal)
{
    static const char *const texts[] = {
        [SHARD_IS_LOADING] = "LOADING Geomys is loading the dataset in memory",
        [SHARD_IS_FULL] =
            "DISKFULL the disk is full: writes are refused until there is space again; nothing acknowledged is lost",
        [SHARD_IS_HELD] = "MISCONF the log cannot be written for the moment, the server's log says why and what to do: "
                          "writes are refused until it can be; nothing acknowledged is lost",
        [SHARD_IS_FOLLOWING] = "READONLY You can't write against a read only replica: ask the shard's leader",
        [SHARD_IS_FENCED] = "CLUSTERDOWN this leader may not write now: ask again, here or at another node",
        [SHARD_IS_LONELY] = "NOREPLICAS Not enough good replicas to write.",
    };
    bool by_role = refusal == SHARD_IS_FOLLOWING || refusal == SHARD_IS_FENCED;
    check(refusal != SHARD_OPEN);
    return by_role && shard->says[0] != '\0' ? shard->says : texts[refusal];
}

void shard_keep_still(struct shard *shard, bool still)
{
    shard->still = still;
}

void shard_clear(struct shard *shard)
{
    check(shard->role == SHARD_LOADING && shard->wal == NULL && !shard->tail.open);
    if (!list_empty(&shard->listeners)) {
        struct change all = {.scope = CHANGE_ALL}; /* of no record: nobody waits for one to hear of it */
        change_announce(&shard->listeners, &all);
    }
    sweep_forget(shard);
    release_remains(shard);
    databases_flush_all(&shard->databases);
    while (databases_reap(&shard->databases, SIZE_MAX)) {
    }
    tail_continue(&shard->tail, 0, 0);
    types_want_nothing(&shard->types);
    gate_reset(&shard->gate, 0);
    shard->stats.damaged = 0;
    check(shard->databases.ledger.keys == 0 && !shard->sweep.active && shard->databases.ledger.flushed == 0);
}

void shard_stand_at(struct shard *shard, uint64_t sequence, uint64_t epoch, int64_t time_ms)
{
    check(shard_is_loading(shard) && !shard->tail.open);
    shard->tail.last_sequence = sequence;
    shard->tail.epoch = epoch;
    shard->tail.last_time_ms = time_ms;
}

void shard_continue(struct shard *shard, uint64_t last_sequence, uint64_t epoch)
{
    check(shard_is_loading(shard) && !shard->tail.open && shard->wal == NULL);
    tail_continue(&shard->tail, last_sequence, epoch);
    gate_reset(&shard->gate, last_sequence);
}

enum status shard_expect_secret(const struct shard *shard, const struct gm_secret *secret, const char *whence,
                                struct complaint *complaint)
{
    if (memcmp(secret, &shard->secret, sizeof *secret) == 0) {
        return STATUS_OK;
    }
    complaint_set(complaint,
                  "%s has another secret than the data here: it is of another data set, and the two cannot be mixed",
                  whence);
    return STATUS_CORRUPT;
}

void shard_know_epochs(struct shard *shard, const struct epochs *epochs)
{
    check(shard_is_loading(shard));
    tail_set_epochs(&shard->tail, epochs);
    shard->tail.epochs.secret = shard->secret; /* where nothing was read there was none */
}

void shard_lead(struct shard *shard, uint64_t epoch, const struct record_epoch *leader)
{
    check(!shard->tail.open && shard->tail.epoch <= epoch);
    tail_lead(&shard->tail, epoch, leader);
}

uint64_t shard_begin_epoch(struct shard *shard, uint64_t epoch, const struct record_epoch *leader)
{
    shard_lead(shard, epoch, leader);
    int64_t last_ms = shard->tail.last_time_ms;
    uint64_t sequence = tail_begin_epoch(&shard->tail, shard->now_ms > last_ms ? shard->now_ms : last_ms);
    gate_changed_all(&shard->gate, sequence); /* cluster C12 */
    return sequence;
}

void shard_take_secret(struct shard *shard, const struct gm_secret *secret)
{
    check(shard_is_loading(shard) && shard->wal == NULL && shard->tail.last_sequence == 0);
    struct siphash_key key = keyspace_key(secret);
    shard->secret = *secret;
    shard->tail.epochs.secret = *secret;
    databases_rekey(&shard->databases, &key);
}

void shard_log_to(struct shard *shard, struct wal *wal)
{
    check(wal == NULL || shard->wal == NULL); /* one at a time */
    check(!shard->tail.open);
    shard->wal = wal;
}

struct gm_cell shard_cell(const struct entry *entry)
{
    check_slow((entry->flags & (ENTRY_WORD | ENTRY_FROZEN)) != (ENTRY_WORD | ENTRY_FROZEN));
    if ((entry->flags & ENTRY_WORD) != 0) {
        return (struct gm_cell){.form = GM_WORD, .word = entry_word(entry)};
    }
    return (struct gm_cell){.form = GM_BYTES, .data = entry_value(entry), .size = entry->value_size};
}

uint64_t shard_owned_memory(const struct shard *shard, const struct entry *entry)
{
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    if ((entry->flags & ENTRY_FROZEN) != 0 || type->memory == NULL) {
        return 0;
    }
    struct gm_cell cell = shard_cell(entry);
    uint64_t bytes = type->memory(&cell);
    return bytes < SHARD_OWNED_MAX ? bytes : SHARD_OWNED_MAX; /* sums of it stay numbers */
}

uint64_t shard_value_memory(const struct shard *shard, const struct entry *entry)
{
    return entry->value_size + shard_owned_memory(shard, entry);
}

/* Whether its word owns memory of which its type does not say how much. */
static bool is_unweighed(const struct shard *shard, const struct entry *entry)
{
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    bool owns = (entry->flags & (ENTRY_WORD | ENTRY_FROZEN)) == ENTRY_WORD && type != NULL && type->free != NULL;
    return owns && type->memory == NULL;
}

bool shard_value_may_exceed(const struct shard *shard, const struct entry *entry, uint64_t bytes)
{
    return is_unweighed(shard, entry) || shard_value_memory(shard, entry) > bytes;
}

/* ---- turns ---- */

void shard_turn(struct shard *shard, int64_t now_ms, int64_t monotonic_ms)
{
    check(!shard->tail.open);
    shard->now_ms = now_ms;
    shard->monotonic_ms = monotonic_ms;
    heat_turn(&shard->databases.ledger.heat, monotonic_ms);
}
