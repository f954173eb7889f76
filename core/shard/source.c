/* SPDX-License-Identifier: MIT */

/* source.c - the sink of source.h. */
#include "shard/source.h"

#include "shard/apply.h"
#include "shard/settle.h"

static struct source *source_of(struct record_sink *sink)
{
    return container_of(sink, struct source, sink);
}

static enum status declare(struct record_sink *sink, uint16_t type, struct gm_bytes name, struct complaint *complaint)
{
    struct source *source = source_of(sink);
    if (type == 0 || type >= SOURCE_TYPES) {
        complaint_set(complaint, "type number %u is out of range", type);
        return STATUS_CORRUPT;
    }
    int number = types_number(&source->shard->types, name);
    if (number < 0) {
        complaint_set(complaint, "there are more than %d types", ENTRY_TYPE_COUNT - 1);
        return STATUS_TOO_BIG;
    }
    check(number > 0 && number < ENTRY_TYPE_COUNT);
    source->types[type] = (uint16_t)number;
    return STATUS_OK;
}

static void foresee(struct record_sink *sink, const struct record *record)
{
    struct source *source = source_of(sink);
    struct keyspace *keyspace = &source->shard->keyspace;
    if (record == NULL) {
        source->taken = source->announced;
        return;
    }
    size_t at = source->announced++ % RECORD_SINK_AHEAD;
    source->hashes[at] = keyspace_hash(keyspace, record->key);
    source->keys[at] = record->key.data;
    table_prefetch(&keyspace->table, source->hashes[at]);
}

/* Announcements come in the order of the records; those of records that never came are passed over. */
static uint64_t hash_of(struct source *source, const struct record *record)
{
    const struct keyspace *keyspace = &source->shard->keyspace;
    check(source->taken <= source->announced);
    while (source->taken < source->announced) {
        size_t at = source->taken++ % RECORD_SINK_AHEAD;
        if (source->keys[at] == record->key.data && record->key.size > 0) {
            check_slow(source->hashes[at] == keyspace_hash(keyspace, record->key)); /* source I2 */
            return source->hashes[at];
        }
    }
    return keyspace_hash(keyspace, record->key);
}

static void note_leap(struct source_leaps *leaps, const struct record *record, uint64_t bytes)
{
    uint64_t size = record->key.size + record->body.size;
    if (bytes / SOURCE_LEAP_RATIO < size) {
        return; /* it brought them along */
    }
    leaps->count++;
    leaps->bytes += bytes;
    leaps->last_bytes = bytes;
    leaps->last_size = size;
    leaps->last_sequence = record->sequence;
    size_t shown = record->key.size < SOURCE_KEY_SHOWN ? record->key.size : SOURCE_KEY_SHOWN - 1;
    if (shown > 0) {
        memcpy(leaps->key, record->key.data, shown);
    }
    leaps->key[shown] = '\0';
}

static enum status accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct source *source = source_of(sink);
    struct shard *shard = source->shard;
    struct record ours = *record;
    if (record->type != 0) {
        ours.type = record->type < SOURCE_TYPES ? shard->types.now[source->types[record->type]] : 0;
        if (ours.type == 0) {
            complaint_set(complaint, "record %llu has type number %u, which was never declared",
                          (unsigned long long)record->sequence, record->type);
            return STATUS_CORRUPT; /* source I1 */
        }
    }
    shard->tail.last_sequence = record->sequence;
    shard->tail.epoch = record->epoch;
    uint64_t hash = hash_of(source, record);
    if (__builtin_expect(shard->types.settling, 0)) {
        (void)settle_key(shard, record->key, hash); /* the record is for the newest code */
    }
    uint64_t before = keyspace_memory(&shard->keyspace);
    TRY(apply_again(shard, &ours, hash, complaint));
    uint64_t after = keyspace_memory(&shard->keyspace);
    if (__builtin_expect(after > before && after - before > SOURCE_LEAP, 0)) {
        note_leap(&source->leaps, record, after - before); /* source I3 */
    }
    return STATUS_OK;
}

void source_init(struct source *source, struct shard *shard)
{
    *source = (struct source){.shard = shard, .sink = {.declare = declare, .accept = accept, .foresee = foresee}};
}
