/* SPDX-License-Identifier: MIT */

/* frozen.c - appending records to a value that nobody here can read. */
#include "shard/frozen.h"

#include "shard/apply.h"
#include "shard/dump.h"

struct collector {
    struct dump_sink sink;
    struct buf *out;
};

static void put_head(uint8_t head[static FROZEN_HEAD], const struct frozen_record *record)
{
    uint32_t size = (uint32_t)record->body.size;
    memset(head, 0, FROZEN_HEAD);
    memcpy(head, &record->op, sizeof record->op);
    memcpy(head + 4, &size, sizeof size);
    head[8] = record->type;
}

void frozen_add(struct buf *out, const struct frozen_record *record)
{
    uint8_t head[FROZEN_HEAD];
    put_head(head, record);
    if (buf_append(out, (struct gm_bytes){head, sizeof head})) {
        out->full = !buf_append(out, record->body) || out->full;
    }
}

static void collect(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    frozen_add(container_of(sink, struct collector, sink)->out, &(struct frozen_record){body, op, sink->type});
}

uint16_t frozen_stamp(const struct entry *entry)
{
    uint16_t stamp = (entry->flags & ENTRY_DAMAGED) != 0 ? FROZEN_MISFIT : FROZEN_UNTRIED;
    check((entry->flags & ENTRY_FROZEN) != 0);
    if (entry->value_size >= FROZEN_HEAD) {
        memcpy(&stamp, entry_value(entry) + 2, sizeof stamp);
    }
    return stamp;
}

void frozen_set_stamp(struct entry *entry, uint16_t stamp)
{
    check((entry->flags & ENTRY_FROZEN) != 0 && stamp != FROZEN_AS_IT_IS);
    if (entry->value_size >= FROZEN_HEAD) {
        memcpy(entry_value(entry) + 2, &stamp, sizeof stamp);
    }
}

bool frozen_step(struct gm_bytes records, size_t *at, struct frozen_record *record)
{
    if (*at == records.size) {
        return false;
    }
    check(records.size - *at >= FROZEN_HEAD);
    uint32_t size;
    memcpy(&record->op, records.data + *at, sizeof record->op);
    memcpy(&size, records.data + *at + 4, sizeof size);
    check(size <= records.size - *at - FROZEN_HEAD);
    record->type = records.data[*at + 8];
    record->body = (struct gm_bytes){records.data + *at + FROZEN_HEAD, size};
    *at += FROZEN_HEAD + size;
    return true;
}

bool frozen_next(const struct entry *entry, size_t *at, struct frozen_record *record)
{
    return frozen_step((struct gm_bytes){entry_value(entry), entry->value_size}, at, record);
}

bool frozen_gather(const struct shard *shard, const struct entry *entry, struct buf *out, struct complaint *complaint)
{
    check((entry->flags & ENTRY_VACANT) == 0);
    struct collector collector = {.sink = {.take = collect}, .out = out};
    uint64_t cursor = 0;
    do {
        if (!dump_step(shard, entry, &cursor, &collector.sink, complaint)) {
            return false;
        }
        if (out->full) {
            complaint_set(complaint, "a value of type '%s' has more than 4 GiB of records",
                          shard_type_of(shard, entry)->name);
            return false;
        }
    } while (cursor != 0);
    return true;
}

enum status frozen_append(struct shard *shard, const struct frozen_key *key, const struct record *record, bool damaged,
                          struct complaint *complaint)
{
    struct buf old;
    buf_init(&old, ENTRY_VALUE_MAX);
    struct table_slot *slot = keyspace_slot(key->keyspace, key->key, key->hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    /* Vacant: as gm_clear left it, of a type that then refused the record. */
    bool begin = (record->flags & RECORD_FRESH) != 0 || slot == NULL || (entry->flags & ENTRY_VACANT) != 0;
    bool alive = !begin && (entry->flags & ENTRY_FROZEN) == 0;
    if (alive && !frozen_gather(shard, entry, &old, complaint)) {
        buf_finish(&old);
        return STATUS_TOO_BIG;
    }
    size_t kept = begin ? 0 : (alive ? old.size : entry->value_size);
    size_t size = kept + FROZEN_HEAD + record->body.size;
    if (size > ENTRY_VALUE_MAX) {
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
        entry = keyspace_add(key->keyspace, key->key, key->hash, shape, key->expire_at_ms);
    } else {
        apply_release(shard, entry); /* what a record that began the value anew has made of it, too */
        entry = keyspace_reshape(key->keyspace, slot, shape, key->expire_at_ms, true);
    }
    uint8_t *value = entry_value(entry);
    if (alive && old.size > 0) {
        memcpy(value, old.data, old.size);
    }
    uint32_t body_size = (uint32_t)record->body.size;
    uint8_t *head = value + kept;
    put_head(head, &(struct frozen_record){record->body, record->op, (uint8_t)record->type});
    if (body_size > 0) {
        memcpy(head + FROZEN_HEAD, record->body.data, body_size);
    }
    buf_finish(&old);
    check(kept + FROZEN_HEAD + body_size == entry->value_size && (entry->flags & ENTRY_FROZEN) != 0);
    return STATUS_OK;
}

void frozen_put(struct shard *shard, const struct frozen_key *key, struct gm_bytes records, bool damaged)
{
    struct table_slot *slot = keyspace_slot(key->keyspace, key->key, key->hash);
    check(slot != NULL && records.size <= ENTRY_VALUE_MAX);
    uint8_t flags = ENTRY_FROZEN | (damaged ? ENTRY_DAMAGED : 0) | (key->expire_at_ms != 0 ? ENTRY_EXPIRES : 0);
    struct keyspace_shape shape = {.type = key->type, .flags = flags, .value_size = (uint32_t)records.size};
    apply_release(shard, table_element(slot));
    struct entry *entry = keyspace_reshape(key->keyspace, slot, shape, key->expire_at_ms, false);
    if (records.size > 0) {
        memcpy(entry_value(entry), records.data, records.size);
    }
}
