/* SPDX-License-Identifier: MIT */

/* frozen.c - appending records to a value that nobody here can read. */
#include "shard/frozen.h"

#include "shard/apply.h"

struct collector {
    struct gm_sink sink;
    struct buf *out;
};

static void add(struct buf *out, uint16_t op, struct gm_bytes body)
{
    uint8_t head[FROZEN_HEAD] = {0};
    uint32_t size = (uint32_t)body.size;
    memcpy(head, &op, sizeof op);
    memcpy(head + 4, &size, sizeof size);
    if (buf_append(out, (struct gm_bytes){head, sizeof head})) {
        out->full = !buf_append(out, body) || out->full;
    }
}

static void collect(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    add(container_of(sink, struct collector, sink)->out, op, body);
}

bool frozen_step(struct gm_bytes records, size_t *at, uint16_t *op, struct gm_bytes *body)
{
    if (*at == records.size) {
        return false;
    }
    check(records.size - *at >= FROZEN_HEAD);
    uint32_t size;
    memcpy(op, records.data + *at, sizeof *op);
    memcpy(&size, records.data + *at + 4, sizeof size);
    check(size <= records.size - *at - FROZEN_HEAD);
    *body = (struct gm_bytes){records.data + *at + FROZEN_HEAD, size};
    *at += FROZEN_HEAD + size;
    return true;
}

bool frozen_next(const struct entry *entry, size_t *at, uint16_t *op, struct gm_bytes *body)
{
    return frozen_step((struct gm_bytes){entry_value(entry), entry->value_size}, at, op, body);
}

/* Counts what passes through, so that a dump that tells nothing is noticed. */
struct meter {
    struct gm_sink sink;
    struct gm_sink *out;
    uint64_t records;
    bool too_big;
};

static void measure(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct meter *meter = container_of(sink, struct meter, sink);
    meter->too_big = meter->too_big || body.size > RECORD_BODY_MAX;
    if (!meter->too_big) {
        meter->records++;
        meter->out->record(meter->out, op, body);
    }
}

static void dump_frozen(const struct entry *entry, uint64_t *cursor, struct gm_sink *sink)
{
    size_t at = (size_t)*cursor;
    uint16_t op;
    struct gm_bytes body;
    while (frozen_next(entry, &at, &op, &body)) {
        sink->record(sink, op, body);
        if (at - *cursor >= GM_DUMP_BODY && at < entry->value_size) {
            *cursor = at;
            return;
        }
    }
    *cursor = 0;
}

bool frozen_dump_step(const struct shard *shard, const struct entry *entry, uint64_t *cursor, struct gm_sink *sink)
{
    if ((entry->flags & ENTRY_FROZEN) != 0) {
        dump_frozen(entry, cursor, sink);
        return true;
    }
    struct meter meter = {.sink = {.record = measure}, .out = sink};
    struct gm_cell cell = shard_cell(entry);
    uint64_t before = *cursor;
    note_begin(shard->note, NOTE_DUMP, entry->type, entry_key(entry));
    *cursor = shard_type_of(shard, entry)->abi->dump(&cell, before, &meter.sink);
    note_end(shard->note);
    bool told = meter.records > 0 || (before != 0 && *cursor == 0);
    return told && !meter.too_big && *cursor != GM_DUMP_REFUSED;
}

bool frozen_dump(const struct shard *shard, const struct entry *entry, struct gm_sink *sink)
{
    uint64_t cursor = 0;
    do {
        if (!frozen_dump_step(shard, entry, &cursor, sink)) {
            return false;
        }
    } while (cursor != 0);
    return true;
}

bool frozen_gather(const struct shard *shard, const struct entry *entry, struct buf *out)
{
    struct collector collector = {.sink = {.record = collect}, .out = out};
    return frozen_dump(shard, entry, &collector.sink) && !out->full;
}

enum status frozen_append(struct shard *shard, const struct frozen_key *key, const struct record *record, bool damaged,
                          struct complaint *complaint)
{
    struct buf old;
    buf_init(&old, ENTRY_VALUE_MAX);
    struct table_slot *slot = keyspace_slot(&shard->keyspace, key->key, key->hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    /* Vacant: as gm_clear left it, of a type that then refused the record. */
    bool begin = (record->flags & RECORD_FRESH) != 0 || slot == NULL || (entry->flags & ENTRY_VACANT) != 0;
    bool alive = !begin && (entry->flags & ENTRY_FROZEN) == 0;
    bool fits = !alive || frozen_gather(shard, entry, &old);
    size_t kept = begin ? 0 : (alive ? old.size : entry->value_size);
    size_t size = kept + FROZEN_HEAD + record->body.size;
    if (!fits || size > ENTRY_VALUE_MAX) {
        buf_finish(&old);
        complaint_set(
            complaint,
            "a value of type '%s' has grown past 4 GiB of records while its module is absent; load the module",
            shard->types.by_number[key->type].name);
        return STATUS_TOO_BIG;
    }
    uint8_t flags = ENTRY_FROZEN | (damaged ? ENTRY_DAMAGED : 0) | (key->expire_at_ms != 0 ? ENTRY_EXPIRES : 0);
    struct keyspace_shape shape = {.type = key->type, .flags = flags, .value_size = (uint32_t)size};
    if (slot == NULL) {
        entry = keyspace_add(&shard->keyspace, key->key, key->hash, shape, key->expire_at_ms);
    } else {
        apply_release(shard, entry); /* what a record that began the value anew has made of it, too */
        entry = keyspace_reshape(&shard->keyspace, slot, shape, key->expire_at_ms, true);
    }
    uint8_t *value = entry_value(entry);
    if (alive && old.size > 0) {
        memcpy(value, old.data, old.size);
    }
    uint32_t body_size = (uint32_t)record->body.size;
    uint8_t *head = value + kept;
    memset(head, 0, FROZEN_HEAD);
    memcpy(head, &record->op, sizeof record->op);
    memcpy(head + 4, &body_size, sizeof body_size);
    if (body_size > 0) {
        memcpy(head + FROZEN_HEAD, record->body.data, body_size);
    }
    buf_finish(&old);
    return STATUS_OK;
}

void frozen_put(struct shard *shard, const struct frozen_key *key, struct gm_bytes records, bool damaged)
{
    struct table_slot *slot = keyspace_slot(&shard->keyspace, key->key, key->hash);
    check(slot != NULL && records.size <= ENTRY_VALUE_MAX);
    uint8_t flags = ENTRY_FROZEN | (damaged ? ENTRY_DAMAGED : 0) | (key->expire_at_ms != 0 ? ENTRY_EXPIRES : 0);
    struct keyspace_shape shape = {.type = key->type, .flags = flags, .value_size = (uint32_t)records.size};
    apply_release(shard, table_element(slot));
    struct entry *entry = keyspace_reshape(&shard->keyspace, slot, shape, key->expire_at_ms, false);
    if (records.size > 0) {
        memcpy(entry_value(entry), records.data, records.size);
    }
}
