/* SPDX-License-Identifier: MIT */

/* source.c - the sink of source.h. */
#include "shard/source.h"

#include "shard/copy.h"
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

/* A node that starts has a choice: its operator can load the newer module, or none. One that serves has not. */
static enum status revise(struct record_sink *sink, const struct record_revision *revision, struct complaint *complaint)
{
    struct source *source = source_of(sink);
    struct types *types = &source->shard->types;
    uint16_t number = revision->type < SOURCE_TYPES ? source->types[revision->type] : 0;
    if (number == 0) {
        complaint_set(complaint, "type number %u has a revision, but was never declared", revision->type);
        return STATUS_CORRUPT; /* source I1 */
    }
    const struct shard_type *code = &types->by_number[types->now[number]];
    uint16_t known = types_known(types, number);
    if (known != 0 && known < revision->revision && !source->serves) {
        complaint_set(complaint,
                      "it has operations of the type %s that came with its revision %u (module %.*s), and the module "
                      "that is loaded, %s %s, knows revision %u: load the newer one again; or start without this "
                      "module, then the type's keys are kept, frozen, until the newer one is there",
                      types->by_number[number].name, revision->revision, (int)revision->writer.size,
                      (const char *)revision->writer.data, code->module, code->version, known);
        return STATUS_VERSION;
    }
    types_want(types, number, revision->revision, revision->writer);
    return STATUS_OK;
}

static void foresee(struct record_sink *sink, const struct record *record)
{
    struct source *source = source_of(sink);
    const struct databases *databases = &source->shard->databases;
    if (record == NULL) {
        source->taken = source->announced;
        return;
    }
    size_t at = source->announced++ % RECORD_SINK_AHEAD;
    source->hashes[at] = databases_hash(databases, record->key);
    source->keys[at] = record->key.data;
    if (record->database < databases->count) {
        table_prefetch(&databases_see(databases, record->database)->table, source->hashes[at]);
    }
}

/* Announcements come in the order of the records; those of records that never came are passed over. */
static uint64_t hash_of(struct source *source, const struct record *record)
{
    const struct databases *databases = &source->shard->databases;
    check(source->taken <= source->announced);
    while (source->taken < source->announced) {
        size_t at = source->taken++ % RECORD_SINK_AHEAD;
        if (source->keys[at] == record->key.data && record->key.size > 0) {
            check_slow(source->hashes[at] == databases_hash(databases, record->key)); /* source I2 */
            return source->hashes[at];
        }
    }
    return databases_hash(databases, record->key);
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

/* Whether it, or one before it, needs more databases than there are. */
static bool lacks_databases(struct source *source, const struct record *record)
{
    uint32_t needed = record_database_last(record) + UINT32_C(1);
    if (needed > source->shard->databases.count && needed > source->databases_needed) {
        source->databases_needed = needed;
    }
    return source->databases_needed != 0;
}

static void make_room(struct source *source, const struct record *record)
{
    struct keyspace *keyspace = databases_open(&source->shard->databases, record->database);
    if (keyspace->table.count == 0) {
        keyspace_reserve(keyspace, source->expected);
    }
    source->expected = 0;
}

static enum status accept(struct record_sink *sink, const struct record *record, struct complaint *complaint)
{
    struct source *source = source_of(sink);
    struct shard *shard = source->shard;
    struct record ours = *record;
    if (record->type != 0) {
        ours.type = record->type < SOURCE_TYPES ? shard->types.own[source->types[record->type]] : 0;
        if (ours.type == 0) {
            complaint_set(complaint, "record %llu has type number %u, which was never declared",
                          (unsigned long long)record->sequence, record->type);
            return STATUS_CORRUPT; /* source I1 */
        }
    }
    shard->tail.last_sequence = record->sequence;
    shard->tail.epoch = record->epoch;
    uint64_t hash = hash_of(source, record);
    if (__builtin_expect(lacks_databases(source, record), 0)) {
        return STATUS_OK; /* source I4 */
    }
    if (__builtin_expect(shard->types.settling, 0)) {
        (void)settle_key(shard, record->database, record->key, hash); /* the record is for the newest code */
    }
    if (__builtin_expect(source->expected != 0, 0)) {
        make_room(source, record);
    }
    uint64_t before = ledger_memory(&shard->databases.ledger);
    TRY(copy_or_apply(shard, &ours, hash, complaint));
    uint64_t after = ledger_memory(&shard->databases.ledger);
    if (__builtin_expect(after > before && after - before > SOURCE_LEAP, 0)) {
        note_leap(&source->leaps, record, after - before); /* source I3 */
    }
    return STATUS_OK;
}

void source_init(struct source *source, struct shard *shard)
{
    *source = (struct source){.shard = shard,
                              .sink = {.declare = declare, .accept = accept, .foresee = foresee, .revise = revise}};
}

void source_expect(struct source *source, uint64_t keys)
{
    source->expected = keys;
}

enum status source_lack(const struct source *source, struct complaint *complaint)
{
    if (source->databases_needed == 0) {
        return STATUS_OK;
    }
    complaint_set(complaint,
                  "the data folder has keys in database %u, but there are %u databases here: start with --databases=%u "
                  "or more; nothing was changed",
                  source->databases_needed - 1, source->shard->databases.count, source->databases_needed);
    return STATUS_REFUSED;
}
