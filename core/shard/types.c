/* SPDX-License-Identifier: MIT */

/* types.c - which code a value belongs to, and how it gets from one to the next.
 *
 * Why      Modules come, go and are replaced while values of their types are there. What a value is in memory, only the
 *          code that made it knows; what it is as records, every version knows.
 *
 * Idea     An entry's number stands for the code that made its value. When there is newer code for a name that has
 *          values, it gets a number of its own, and the older number keeps its code, and its registry by a reference:
 *
 *              number   name           code            values
 *                 3     geomys.kv/1    version 1       900 ──┐ dumped by 1, applied by 2, one by one:
 *                 7     geomys.kv/1    version 2       100 ◄─┘ when somebody asks for it, and by a walk
 *
 *          When nothing of number 3 is left, its code goes, and the number waits for the next version of that name. So
 *          a thousand upgrades need two numbers. Code that is absent is the case without "applied": the value is frozen
 *          then, and thaws the same way when there is code for it.
 *
 * Promises
 *   P1  A value is only ever touched by the code that made it: dump, free and all others, until it is made anew.
 *   P2  Code is not let go while anything is left that it made, what FLUSHALL has not released yet among it.
 *   P3  New values are made by the newest code: now[now[n]] == now[n], and all numbers of a name have the same now.
 *   P4  Settling changes nothing that is stored: no record is written, expiry and heat stay, the digest is the same.
 *   P5  A turn settles a bounded number of values, none while a snapshot is being made.
 * Limits   A value is made anew in one piece, however large it is. Code that is new is not known to have the same shape
 *          in memory, so an upgrade visits all values of its types. A value that its older code does not dump stays
 *          with that code, which says so once; commands find it to be of the wrong type. One that the newer code does
 *          not accept is damaged, and its records are kept. Damaged values are not tried again.
 */
#include "shard/types.h"

#include <stdio.h>

#include "base/memory.h"
#include "shard/apply.h"
#include "shard/frozen.h"
#include "shard/shard.h"

#define VALUES_PER_TURN  64 /* that are made anew, about */
#define BUCKETS_PER_TURN 256
#define FOUND_MAX        64 /* in one bucket */

void types_init(struct types *types)
{
    types->count = 1;
}

void types_finish(struct types *types)
{
    for (uint32_t i = 0; i < types->count; i++) {
        registry_release(types->code[i]);
        types->code[i] = NULL;
    }
    memory_free(types->numbers);
    types->numbers = NULL;
}

/* ---- names and numbers ---- */

/* The first number of a name, which has them all by `now`; 0: none. */
static uint32_t first_of(const struct types *types, struct gm_bytes name)
{
    for (uint32_t i = 1; i < types->count; i++) {
        if (gm_bytes_equal(gm_bytes_of(types->by_number[i].name), name)) {
            return i;
        }
    }
    return 0;
}

static uint32_t add(struct shard *shard, struct gm_bytes name)
{
    struct types *types = &shard->types;
    check(types->count < ENTRY_TYPE_COUNT && name.size > 0 && name.size <= RECORD_TYPE_NAME_MAX);
    uint32_t number = types->count++;
    struct shard_type *type = &types->by_number[number];
    memcpy(type->name, name.data, name.size);
    type->name[name.size] = '\0';
    types->now[number] = (uint8_t)number;
    tail_declare(&shard->tail, (uint16_t)number, name);
    return number;
}

int types_number(struct shard *shard, struct gm_bytes name)
{
    struct types *types = &shard->types;
    uint32_t number = first_of(types, name);
    if (number != 0) {
        check(types_newest(types, types->now[number])); /* types P3 */
        return types->now[number];
    }
    if (types->count == ENTRY_TYPE_COUNT || name.size == 0 || name.size > RECORD_TYPE_NAME_MAX) {
        return -1;
    }
    return (int)add(shard, name);
}

/* ---- another registry ---- */

/* Whether anything is left that the number's code made. */
static bool is_used(const struct shard *shard, uint32_t number)
{
    return shard->keyspace.account[number].blocks > 0;
}

static const struct gm_type *code_in(const struct registry *registry, const char *name)
{
    const struct type *type = registry_type_named(registry, gm_bytes_of(name));
    return type != NULL ? type->abi : NULL;
}

/* Whether the newest number of a name cannot just be given the code: its own is another, and has values. */
static bool needs_number(const struct shard *shard, const struct registry *newer, uint32_t number)
{
    const struct shard_type *type = &shard->types.by_number[number];
    return types_newest(&shard->types, number) && type->abi != NULL && type->abi != code_in(newer, type->name) &&
           is_used(shard, number);
}

/* Another number of the same name that can be given the code: one that has it (the older version comes back while
 * there are values of it), or an idle one. 0: there is none. */
static uint32_t twin_for(const struct shard *shard, uint32_t number, const struct gm_type *code)
{
    const struct types *types = &shard->types;
    for (uint32_t i = 1; i < types->count; i++) {
        const struct shard_type *type = &types->by_number[i];
        bool fits = type->abi == NULL ? !is_used(shard, i) : type->abi == code;
        if (i != number && fits && strcmp(type->name, types->by_number[number].name) == 0) {
            return i;
        }
    }
    return 0;
}

static uint32_t count_needed(const struct shard *shard, const struct registry *newer)
{
    uint32_t needed = 0;
    for (uint32_t i = 1; i < shard->types.count; i++) {
        const struct gm_type *code = code_in(newer, shard->types.by_number[i].name);
        needed += needs_number(shard, newer, i) && twin_for(shard, i, code) == 0;
    }
    for (uint32_t i = 0; i < registry_type_count(newer); i++) {
        needed += first_of(&shard->types, gm_bytes_of(registry_type(newer, i)->abi->id)) == 0;
    }
    return needed;
}

/* From now on values of the name are made under `to`; those of `from` keep its code. */
static void go_over(struct shard *shard, uint32_t from, uint32_t to)
{
    struct types *types = &shard->types;
    check(from != to && types->code[from] == NULL && types_newest(types, from)); /* types P2, P3 */
    types->code[from] = registry_keep(shard->registry);                          /* types P2 */
    registry_release(types->code[to]); /* the newer registry has that code, too */
    types->code[to] = NULL;
    for (uint32_t i = 1; i < types->count; i++) {
        if (strcmp(types->by_number[i].name, types->by_number[to].name) == 0) {
            types->now[i] = (uint8_t)to;
        }
    }
}

/* The newest number of a name meets the code that it has in the newer registry, or none. */
static void meet(struct shard *shard, const struct registry *newer, uint32_t number)
{
    struct types *types = &shard->types;
    const struct gm_type *code = code_in(newer, types->by_number[number].name);
    if (types->by_number[number].abi == code) {
        return;
    }
    types->settling = types->settling || is_used(shard, number);
    if (needs_number(shard, newer, number)) {
        uint32_t twin = twin_for(shard, number, code);
        uint32_t to = twin != 0 ? twin : add(shard, gm_bytes_of(types->by_number[number].name));
        go_over(shard, number, to);
        number = to;
    }
    types->by_number[number].abi = code;
}

static void number_types(struct shard *shard, const struct registry *newer)
{
    struct types *types = &shard->types;
    memory_free(types->numbers);
    types->numbers = memory_zeroed(registry_type_numbers(newer) + (size_t)1);
    for (uint32_t i = 0; i < registry_type_count(newer); i++) {
        const struct type *type = registry_type(newer, i);
        int number = types_number(shard, gm_bytes_of(type->abi->id));
        check(number > 0); /* types_adopt has counted */
        types->by_number[number].abi = type->abi;
        types->numbers[type->index] = (uint8_t)number;
    }
}

static void check_numbers(const struct types *types)
{
    for (uint32_t i = 1; i < types->count; i++) {
        check(types_newest(types, types->now[i])); /* types P3 */
        check(strcmp(types->by_number[i].name, types->by_number[types->now[i]].name) == 0);
    }
}

enum status types_adopt(struct shard *shard, const struct registry *newer, struct complaint *complaint)
{
    struct types *types = &shard->types;
    if (types->count + count_needed(shard, newer) > ENTRY_TYPE_COUNT) {
        complaint_set(complaint, "there would be more than %d types", ENTRY_TYPE_COUNT - 1);
        return STATUS_TOO_BIG;
    }
    check(!shard->tail.open);
    uint32_t count = types->count;
    for (uint32_t i = 1; i < count; i++) {
        if (types_newest(types, i)) {
            meet(shard, newer, i);
        }
    }
    number_types(shard, newer);
    check_numbers(types);
    types->walked = false;
    types->cursor = 0;
    return STATUS_OK;
}

struct types_share types_share(const struct shard *shard, uint32_t number)
{
    check(number < shard->types.count);
    struct types_share share = {0};
    for (uint32_t i = 1; i < shard->types.count; i++) {
        if (shard->types.now[i] == number) {
            share.keys += shard->keyspace.keys[i];
            share.bytes += shard->keyspace.account[i].bytes;
        }
    }
    return share;
}

/* ---- one value ---- */

static bool is_unsettled(const struct shard *shard, const struct entry *entry)
{
    const struct types *types = &shard->types;
    uint8_t frozen = entry->flags & (ENTRY_FROZEN | ENTRY_DAMAGED);
    return !types_newest(types, entry->type) || (frozen == ENTRY_FROZEN && types->by_number[entry->type].abi != NULL);
}

static void say_stuck(struct shard *shard, const struct entry *entry)
{
    char place[192];
    char sentence[512];
    struct gm_text text = {.data = place, .capacity = sizeof place - 1};
    gm_text_quote(&text, entry_key(entry), 32);
    place[text.size] = '\0';
    (void)snprintf(sentence, sizeof sentence,
                   "key %s stays with the older version of its module: the type %s does not dump its value. Commands "
                   "find it to be of the wrong type, DEL removes it",
                   place, shard_type_of(shard, entry)->name);
    if (shard->events.on_damage != NULL) {
        shard->events.on_damage(shard->events.context, sentence);
    }
}

/* `key` is not the entry's own. `tell`: of a value that cannot be settled. */
static bool settle(struct shard *shard, struct gm_bytes key, uint64_t hash, bool tell)
{
    struct table_slot *slot = keyspace_slot(&shard->keyspace, key, hash);
    struct entry *entry = slot != NULL ? table_element(slot) : NULL;
    if (entry == NULL || !is_unsettled(shard, entry)) {
        return false;
    }
    struct buf records;
    buf_init(&records, ENTRY_VALUE_MAX);
    bool dumped = frozen_gather(shard, entry, &records); /* types P1: by the code of its number */
    if (dumped) {
        apply_thaw(shard, slot, key, hash, shard->types.now[entry->type], buf_bytes(&records));
    } else if (tell) {
        say_stuck(shard, entry);
    }
    buf_finish(&records);
    return dumped;
}

bool types_settle(struct shard *shard, struct gm_bytes key, uint64_t hash)
{
    return shard->types.settling && settle(shard, key, hash, false);
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
    uint64_t next = table_scan(&shard->keyspace.table, types->cursor, visit, &found);
    uint32_t settled = 0;
    check(!shard->sweep.active); /* types P5: values that are made anew are none that a snapshot is owed */
    for (uint32_t i = 0; i < found.count; i++) {
        struct gm_bytes key = entry_key(found.entries[i]);
        struct gm_bytes copy = {key.size > 0 ? memcpy(arena_alloc(&shard->arena, key.size), key.data, key.size) : NULL,
                                key.size};
        settled += settle(shard, copy, keyspace_hash(&shard->keyspace, copy), true);
        arena_reset(&shard->arena);
    }
    if (!found.more || settled == 0) {
        types->cursor = next;
        types->walked = next == 0;
    }
    return settled;
}

/* Lets go of code that nothing is left of. */
static void retire(struct shard *shard)
{
    struct types *types = &shard->types;
    bool left = false;
    for (uint32_t i = 1; i < types->count; i++) {
        if (types->code[i] != NULL && !is_used(shard, i)) {
            check(shard->keyspace.keys[i] == 0 && !types_newest(types, i)); /* types P2 */
            types->by_number[i].abi = NULL;
            registry_release(types->code[i]);
            types->code[i] = NULL;
        }
        left = left || types->code[i] != NULL;
    }
    types->settling = left;
}

bool types_turn(struct shard *shard)
{
    struct types *types = &shard->types;
    if (__builtin_expect(!types->settling, 1) || shard->sweep.active || shard_is_loading(shard)) { /* types P5 */
        return false;
    }
    uint32_t settled = 0;
    for (uint32_t i = 0; i < BUCKETS_PER_TURN && settled < VALUES_PER_TURN && !types->walked; i++) {
        settled += step(shard);
    }
    check(settled < VALUES_PER_TURN + FOUND_MAX); /* types P5 */
    if (types->walked) {
        retire(shard);
    }
    return !types->walked;
}
