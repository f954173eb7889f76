/* SPDX-License-Identifier: MIT */

/* dump.c - a value as the records that make it. A living one is dumped by its type, a frozen one is such records. */
#include "shard/dump.h"

#include "shard/frozen.h"

/* Counts what passes through, so that a dump that tells nothing is noticed. */
struct tally {
    struct gm_sink sink;
    struct gm_sink *out;
    uint64_t records;
    bool too_big;
};

static void count(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct tally *tally = container_of(sink, struct tally, sink);
    tally->too_big = tally->too_big || body.size > RECORD_BODY_MAX;
    if (!tally->too_big) {
        tally->records++;
        tally->out->record(tally->out, op, body);
    }
}

static void dump_frozen(const struct entry *entry, uint64_t *cursor, struct gm_sink *sink)
{
    check(*cursor <= entry->value_size);
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

bool dump_step(const struct shard *shard, const struct entry *entry, uint64_t *cursor, struct gm_sink *sink)
{
    if ((entry->flags & ENTRY_FROZEN) != 0) {
        dump_frozen(entry, cursor, sink);
        return true;
    }
    struct tally tally = {.sink = {.record = count}, .out = sink};
    struct gm_cell cell = shard_cell(entry);
    uint64_t before = *cursor;
    check_slow((entry->flags & ENTRY_VACANT) == 0 && shard_type_of(shard, entry)->abi != NULL); /* types P1 */
    crumb_drop(shard->crumb, CRUMB_DUMP, entry->type, entry_key(entry));
    *cursor = shard_type_of(shard, entry)->abi->dump(&cell, before, &tally.sink);
    crumb_clear(shard->crumb);
    bool told = tally.records > 0 || (before != 0 && *cursor == 0);
    return told && !tally.too_big && *cursor != GM_DUMP_REFUSED;
}

bool dump_value(const struct shard *shard, const struct entry *entry, struct gm_sink *sink)
{
    uint64_t cursor = 0;
    do {
        if (!dump_step(shard, entry, &cursor, sink)) {
            return false;
        }
    } while (cursor != 0);
    return true;
}
