/* SPDX-License-Identifier: MIT */

/* settle.c - making values anew with the newest code of their type.
 *
 * Why      Code came while values of an older version of it were there, or none was there and they are frozen
 *          (types.c).
 *
 * Idea     A value is dumped by the code that made it and applied by the newest: when somebody asks for it, and by a
 *          walk through the table, a few in each turn.
 *
 * Promises
 *   P1  Settling changes nothing that is stored: no record is written, expiry and heat stay, the digest is the same;
 *       but a damaged value becomes what its author has.
 *   P2  A turn settles a bounded number of values, none while a snapshot is being made.
 * Limits   A value is made anew in one piece, however large it is. A value that its older code does not dump stays
 *          with that code, which says so once; commands find it to be of the wrong type. One that the newer code does
 *          not accept is damaged, and its records are kept, until there is another code.
 */
#include "shard/settle.h"

#include <stdio.h>

#include "shard/apply.h"
#include "shard/frozen.h"

#define VALUES_PER_TURN  64 /* that are made anew, about */
#define BUCKETS_PER_TURN 256
#define FOUND_MAX        64 /* in one bucket */

/* ---- one value ---- */

static bool is_unsettled(const struct shard *shard, const struct entry *entry)
{
    const struct types *types = &shard->types;
    if (!types_newest(types, entry->type)) {
        return true;
    }
    if ((entry->flags & ENTRY_FROZEN) == 0 || types->by_number[entry->type].abi == NULL) {
        return false;
    }
    uint16_t stamp = frozen_stamp(entry);
    return stamp != FROZEN_MISFIT && stamp != types->stamps[entry->type]; /* apply P4 */
}

static void say_stuck(struct shard *shard, const struct complaint *complaint)
{
    char sentence[sizeof complaint->text + 160];
    (void)snprintf(sentence, sizeof sentence,
                   "%s; it stays with the older version of its module: commands find it to be of the wrong type, DEL "
                   "removes it",
                   complaint->text);
    if (shard->events.on_damage != NULL) {
        shard->events.on_damage(shard->events.context, sentence);
    }
}

/* `key` is not the entry's own. `tell`: of a value that cannot be settled. */
static bool settle(struct shard *shard, struct keyspace_place place, bool tell)
{
    struct table_slot *slot = keyspace_slot(place.keyspace, place.key, place.hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    if (entry == NULL || !is_unsettled(shard, entry)) {
        return false;
    }
    struct buf records;
    struct complaint complaint;
    buf_init(&records, ENTRY_VALUE_MAX);
    bool dumped = frozen_gather(shard, entry, &records, &complaint); /* types P1: by the code of its number */
    if (dumped) {
        apply_thaw(shard, place, slot, shard->types.now[entry->type], buf_bytes(&records));
    } else if (tell) {
        say_stuck(shard, &complaint);
    }
    buf_finish(&records);
    return dumped;
}

bool settle_key(struct shard *shard, uint32_t database, struct gm_bytes key, uint64_t hash)
{
    struct keyspace *keyspace = shard->databases.numbered[database];
    return shard->types.settling && keyspace != NULL &&
           settle(shard, (struct keyspace_place){keyspace, key, hash}, false);
}

/* ---- the walk ---- */

struct found {
    const struct shard *shard;
    struct entry *entries[FOUND_MAX];
    uint32_t count;
    bool more;
};

static void visit(void *context, void *element)
{
    struct found *found = context;
    if (is_unsettled(found->shard, element)) {
        if (found->count == FOUND_MAX) {
            found->more = true; /* the bucket is visited again */
            return;
        }
        found->entries[found->count++] = element;
    }
}

/* One bucket. Returns how many values were made anew. */
static uint32_t step(struct shard *shard)
{
    struct types *types = &shard->types;
    struct found found = {.shard = shard};
    uint32_t number = types->database;
    struct keyspace *keyspace = databases_next(&shard->databases, &number);
    uint32_t settled = 0;
    types->walked = keyspace == NULL;
    if (keyspace == NULL) {
        return 0;
    }
    types->cursor = keyspace->number == types->database ? types->cursor : 0;
    uint64_t next = table_scan(&keyspace->table, types->cursor, visit, &found);
    check(!shard->sweep.active); /* settle P2: values that are made anew are none that a snapshot is owed */
    for (uint32_t i = 0; i < found.count; i++) {
        struct gm_bytes key = entry_key(found.entries[i]);
        struct gm_bytes copy = {key.size > 0 ? memcpy(arena_alloc(&shard->arena, key.size), key.data, key.size) : NULL,
                                key.size};
        struct keyspace_place place = {keyspace, copy, keyspace_hash(keyspace, copy)};
        settled += settle(shard, place, true);
        arena_reset(&shard->arena);
    }
    if (!found.more || settled == 0) {
        types->cursor = next;
        types->database = next == 0 ? number : keyspace->number;
    }
    return settled;
}

bool settle_turn(struct shard *shard)
{
    struct types *types = &shard->types;
    if (__builtin_expect(!types->settling, 1) || shard->sweep.active || shard_is_loading(shard)) { /* settle P2 */
        return false;
    }
    uint32_t settled = 0;
    for (uint32_t i = 0; i < BUCKETS_PER_TURN && settled < VALUES_PER_TURN && !types->walked; i++) {
        settled += step(shard);
    }
    check(settled < VALUES_PER_TURN + FOUND_MAX); /* settle P2 */
    if (types->walked) {
        types_retire(types);
    }
    return !types->walked;
}
