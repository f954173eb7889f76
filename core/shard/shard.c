/* SPDX-License-Identifier: MIT */

/* shard.c - a shard begins, ends, and lives through its turns; shard.h has the picture.
 *
 * Limits   At most SHARD_EXPIRE_SLICE keys expire and SHARD_REAP_SLICE flushed entries are released per turn: the rest
 *          comes in the next, between the clients' commands. */
#include "shard/shard.h"

#include "base/memory.h"
#include "geomys/ext/wait.h"
#include "serve/call.h"
#include "serve/pause.h"
#include "serve/waiters.h"
#include "shard/apply.h"
#include "shard/frozen.h"
#include "shard/sweep.h"

#define SHARD_EXPIRE_SLICE 200
#define SHARD_REAP_SLICE   4096

static void register_types(struct shard *shard)
{
    uint32_t count = registry_type_count(shard->registry);
    shard->type_numbers = memory_zeroed(count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct type *type = registry_type(shard->registry, i);
        int number = shard_type_number(shard, gm_bytes_of(type->abi->id));
        check(number > 0); /* the registry has no more types than entries have numbers */
        shard->types[number].abi = type->abi;
        shard->type_numbers[type->index] = (uint8_t)number;
    }
}

void shard_init(struct shard *shard, const struct registry *registry, const struct shard_options *options)
{
    memset(shard, 0, sizeof *shard);
    shard->registry = registry;
    shard->options = *options;
    prng_seed(&shard->prng, options->seed);
    struct siphash_key hash_key = {prng_next(&shard->prng), prng_next(&shard->prng)};
    struct keyspace_ops ops = {.release = apply_release, .context = shard};
    keyspace_init(&shard->keyspace, &ops, &hash_key);
    evict_init(shard, &options->memory);
    interest_init(&shard->interest, &hash_key);
    pubsub_init(&shard->pubsub, &hash_key);
    tracking_init(&shard->tracking, &hash_key);
    buf_init(&shard->pushed, options->output_max);
    tail_init(&shard->tail, 0, 0);
    list_init(&shard->dirty);
    list_init(&shard->held);
    list_init(&shard->sweep.held);
    list_init(&shard->monitors);
    list_init(&shard->syncing);
    list_init(&shard->sessions);
    slowlog_init(&shard->slowlog);
    shard->note = memory_zeroed(sizeof *shard->note);
    shard->type_count = 1;
    register_types(shard);
    apply_sink_init(shard);
    shard->command_stats = memory_zeroed((registry_command_count(registry) + 1) * sizeof *shard->command_stats);
    for (size_t i = 0; i < 2; i++) {
        shard->calls[i] = memory_zeroed(sizeof *shard->calls[i]);
    }
    timing_configure(shard);
}

void shard_finish(struct shard *shard)
{
    if (shard->registry == NULL) {
        return;
    }
    keyspace_finish(&shard->keyspace);
    interest_finish(&shard->interest);
    pubsub_finish(&shard->pubsub);
    tracking_finish(&shard->tracking);
    buf_finish(&shard->pushed);
    tail_finish(&shard->tail);
    heap_finish(&shard->timeouts);
    arena_finish(&shard->arena);
    memory_free(shard->type_numbers);
    timing_finish(shard);
    slowlog_clear(&shard->slowlog);
    latency_finish(&shard->latency);
    memory_free(shard->note);
    shard->note = NULL;
    memory_free(shard->command_stats);
    memory_free(shard->calls[0]);
    memory_free(shard->calls[1]);
    shard->registry = NULL;
}

int shard_type_number(struct shard *shard, struct gm_bytes name)
{
    for (uint32_t i = 1; i < shard->type_count; i++) {
        if (gm_bytes_equal(gm_bytes_of(shard->types[i].name), name)) {
            return (int)i;
        }
    }
    if (shard->type_count == ENTRY_TYPE_COUNT || name.size == 0 || name.size > RECORD_TYPE_NAME_MAX) {
        return -1;
    }
    struct shard_type *type = &shard->types[shard->type_count];
    memcpy(type->name, name.data, name.size);
    type->name[name.size] = '\0';
    tail_declare(&shard->tail, (uint16_t)shard->type_count, name);
    return (int)shard->type_count++;
}

struct gm_cell shard_cell(const struct entry *entry)
{
    if ((entry->flags & ENTRY_WORD) != 0) {
        return (struct gm_cell){.form = GM_WORD, .word = entry_word(entry)};
    }
    return (struct gm_cell){.form = GM_BYTES, .data = entry_value(entry), .size = entry->value_size};
}

void shard_turn(struct shard *shard, int64_t now_ms, int64_t monotonic_ms)
{
    shard->now_ms = now_ms;
    shard->monotonic_ms = monotonic_ms;
    heat_turn(&shard->keyspace.heat, monotonic_ms);
    if (shard->pause_until_ms != 0 && shard->pause_until_ms <= monotonic_ms) {
        pause_end(shard);
    }
    waiters_time_out(shard);
}

bool shard_may_change(const struct shard *shard)
{
    return !shard->loading && shard->pause_until_ms == 0 && (shard->wal == NULL || !wal_full(shard->wal));
}

/* Keys whose time has come are removed by decision, and logged, not by everybody's own clock. */
static bool expire_some(struct shard *shard)
{
    if (!shard_may_change(shard)) {
        return false;
    }
    for (int i = 0; i < SHARD_EXPIRE_SLICE; i++) {
        struct entry *entry = expire_due(&shard->keyspace.expire, shard->now_ms);
        if (entry == NULL || sweep_defers(shard, entry)) {
            return false;
        }
        struct gm_bytes key = entry_key(entry);
        apply_expiry(shard, key, keyspace_hash(&shard->keyspace, key));
        arena_reset(&shard->arena);
    }
    return expire_due(&shard->keyspace.expire, shard->now_ms) != NULL;
}

bool shard_turn_end(struct shard *shard)
{
    int64_t begun_us = timing_moment_us(shard);
    bool more = expire_some(shard);
    latency_add(shard, "expire-cycle", (timing_moment_us(shard) - begun_us) / 1000);
    more = evict_turn(shard) || more;
    waiters_synced(shard);
    waiters_time_out(shard);
    waiters_serve(shard);
    more |= tracking_turn_end(&shard->tracking); /* the last that looks at changes */
    return keyspace_reap(&shard->keyspace, SHARD_REAP_SLICE) || more;
}

int64_t shard_next_ms(const struct shard *shard)
{
    int64_t next = INT64_MAX;
    const struct heap_node *first = heap_first(&shard->timeouts);
    if (first != NULL) {
        next = first->at > shard->monotonic_ms ? first->at : shard->monotonic_ms;
    }
    if (shard->pause_until_ms != 0 && shard->pause_until_ms < next) {
        next = shard->pause_until_ms;
    }
    int64_t expires = expire_next(&shard->keyspace.expire);
    bool deferred = shard->sweep.half != NULL; /* what is due first may be what the sweep is busy with */
    if (expires != INT64_MAX && shard_may_change(shard) && !deferred) {
        int64_t wait = expires > shard->now_ms ? expires - shard->now_ms : 0;
        if (wait < next - shard->monotonic_ms) { /* next is not before now, so neither side can overflow */
            next = shard->monotonic_ms + wait;
        }
    }
    return next;
}

/* ---- digest ---- */

struct digester {
    struct gm_sink sink;
    const struct shard *shard;
    struct siphash_key chain;
    uint64_t sum;
};

static void mix(struct digester *digester, struct gm_bytes bytes)
{
    digester->chain.k1 = siphash(&digester->chain, bytes);
    digester->chain.k0 ^= digester->chain.k1;
}

static void digest_record(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct digester *digester = container_of(sink, struct digester, sink);
    mix(digester, (struct gm_bytes){(const uint8_t *)&op, sizeof op});
    mix(digester, body);
}

static void digest_entry(void *context, void *element)
{
    struct digester *digester = context;
    const struct entry *entry = element;
    int64_t expire_at_ms = entry_expire_at(entry);
    digester->chain = (struct siphash_key){0x67656f6d7973, 1};
    mix(digester, entry_key(entry));
    mix(digester, gm_bytes_of(shard_type_of(digester->shard, entry)->name));
    mix(digester, (struct gm_bytes){(const uint8_t *)&expire_at_ms, sizeof expire_at_ms});
    bool told = frozen_dump(digester->shard, entry, &digester->sink);
    mix(digester, told ? BYTES("") : BYTES("refused"));
    digester->sum += digester->chain.k1;
}

uint64_t shard_digest(struct shard *shard)
{
    struct digester digester = {.sink = {.record = digest_record}, .shard = shard};
    uint64_t cursor = 0;
    do {
        cursor = table_scan(&shard->keyspace.table, cursor, digest_entry, &digester);
    } while (cursor != 0);
    return digester.sum;
}
