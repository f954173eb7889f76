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
 *          a thousand upgrades need two numbers. A type that succeeds another is newer code for its values, too;
 *          records of the older name keep its number, so that whoever applies them knows what they are. Code that is
 *          absent is the case without "applied": the value is frozen then, and thaws the same way when there is code
 *          for it.
 *
 * Promises
 *   P1  A value is only ever touched by the code that made it: dump, free and all others, until it is made anew; or by
 *       newer code which says that it has the same layout.
 *   P2  Code is not let go while anything is left that it made, what FLUSHALL has not released yet among it.
 *   P3  New values are made by the newest code: now[now[n]] == now[n], and all numbers of a name have the same now.
 *       It is of the same name, or of a type that succeeds it, whose own code is absent then.
 * Limits   Code that does not say that it has the same layout visits all values of its types in an upgrade (settle.c).
 */
#include "shard/types.h"

#include <stdio.h>

#include "base/memory.h"
#include "module/revision.h"
#include "module/succession.h"

void types_init(struct types *types, struct tail *tail, const struct databases *databases)
{
    types->count = 1;
    types->tail = tail;
    types->databases = databases;
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

/* The newest number of a type that succeeds the name; 0: none does. */
static uint32_t heir_of(const struct types *types, const char *name)
{
    for (uint32_t i = 1; i < types->count; i++) {
        const struct gm_type *abi = types->by_number[i].abi;
        if (abi != NULL && types->own[i] == i && succession_of(abi, name) != NULL) {
            return i;
        }
    }
    return 0;
}

/* What the values of a number become. */
static void cross_one(struct types *types, uint32_t number)
{
    uint32_t own = types->own[number];
    uint32_t heir = types->by_number[own].abi == NULL ? heir_of(types, types->by_number[number].name) : 0;
    types->now[number] = (uint8_t)(heir != 0 ? heir : own);
}

static uint32_t add(struct types *types, struct gm_bytes name)
{
    check(types->count < ENTRY_TYPE_COUNT && name.size > 0 && name.size <= RECORD_TYPE_NAME_MAX);
    const struct shard_type *twin = &types->by_number[first_of(types, name)]; /* the host, if there is none */
    uint32_t number = types->count++;
    struct shard_type *type = &types->by_number[number];
    type->wanted = twin->wanted;
    memcpy(type->wanted_by, twin->wanted_by, sizeof type->wanted_by);
    memcpy(type->name, name.data, name.size);
    type->name[name.size] = '\0';
    types->own[number] = (uint8_t)number;
    types->now[number] = (uint8_t)number;
    cross_one(types, number);
    tail_declare(types->tail, (uint16_t)number, name);
    return number;
}

int types_number(struct types *types, struct gm_bytes name)
{
    uint32_t number = first_of(types, name);
    if (number != 0) {
        return types->own[number];
    }
    if (types->count == ENTRY_TYPE_COUNT || name.size == 0 || name.size > RECORD_TYPE_NAME_MAX) {
        return -1;
    }
    return (int)add(types, name);
}

/* ---- revisions ---- */

void types_want(struct types *types, uint32_t number, uint16_t revision, struct gm_bytes writer)
{
    check(number > 0 && number < types->count && revision <= GM_REVISION_MAX && writer.size <= RECORD_WRITER_MAX);
    for (uint32_t i = 1; i < types->count; i++) {
        struct shard_type *type = &types->by_number[i];
        if (revision > type->wanted && strcmp(type->name, types->by_number[number].name) == 0) {
            type->wanted = (uint8_t)revision;
            memcpy(type->wanted_by, writer.data, writer.size);
            type->wanted_by[writer.size] = '\0';
        }
    }
}

void types_want_nothing(struct types *types)
{
    for (uint32_t i = 1; i < types->count; i++) {
        types->by_number[i].wanted = 0;
    }
}

uint16_t types_known(const struct types *types, uint32_t number)
{
    const struct gm_type *abi = types->by_number[types->now[number]].abi;
    if (abi == NULL || types->now[number] == types->own[number]) {
        return abi == NULL ? 0 : revision_of(abi);
    }
    const struct gm_predecessor *one = succession_of(abi, types->by_number[number].name);
    return one->revision == 0 ? 1 : (uint16_t)one->revision;
}

bool types_is_behind(const struct types *types, uint32_t number)
{
    uint16_t known = types_known(types, number);
    return known != 0 && known < types->by_number[number].wanted;
}

/* ---- records of one type, values of another ---- */

types_apply types_apply_other(const struct types *types, uint32_t number, uint32_t of)
{
    const struct gm_type *abi = types->by_number[number].abi;
    if (types->own[of] == types->own[number]) {
        return abi->apply;
    }
    const struct gm_predecessor *one = succession_of(abi, types->by_number[of].name);
    return one != NULL ? one->apply : NULL;
}

/* What its own code does not know may be of any revision up to the highest that was wanted. */
bool types_revision(const struct types *types, uint32_t number, uint16_t op, bool kept, struct record_revision *out,
                    char *writer)
{
    const struct shard_type *type = &types->by_number[number];
    bool guessed = kept && (type->abi == NULL || types_is_behind(types, number));
    uint16_t revision = guessed ? type->wanted : revision_needed(type->abi, op);
    if (revision <= 1) {
        return false;
    }
    int size = guessed ? snprintf(writer, RECORD_WRITER_MAX + 1, "%s", type->wanted_by)
                       : snprintf(writer, RECORD_WRITER_MAX + 1, "%s %s", type->module, type->version);
    check(size > 0 && size <= RECORD_WRITER_MAX);
    *out = (struct record_revision){(uint16_t)number, revision, gm_bytes_of(writer)};
    return true;
}

/* ---- another registry ---- */

/* Whether anything is left that the number's code made. */
static bool is_used(const struct types *types, uint32_t number)
{
    return types->databases->ledger.account[number].blocks > 0;
}

static const struct gm_type *code_in(const struct registry *registry, const char *name)
{
    const struct type *type = registry_type_named(registry, gm_bytes_of(name));
    return type != NULL ? type->abi : NULL;
}

/* The number's code is that of this type; NULL: it has none. */
static void give_code(struct types *types, uint32_t number, const struct type *type)
{
    if (type != NULL && type->abi != types->by_number[number].abi) {
        types->last_stamp = types->last_stamp < TYPES_STAMP_MAX ? (uint16_t)(types->last_stamp + 1) : 1;
        types->stamps[number] = types->last_stamp;
    }
    types->by_number[number].abi = type != NULL ? type->abi : NULL;
    types->by_number[number].module = type != NULL ? type->module->abi->name : NULL;
    types->by_number[number].version = type != NULL ? type->module->abi->version : NULL;
}

/* Whether the newer code takes the values as they are. */
static bool is_alike(const struct gm_type *older, const struct gm_type *newer)
{
    return newer != NULL && older->layout != 0 && older->layout == newer->layout &&
           (older->due != NULL) == (newer->due != NULL); /* a value is asked when it is made anew */
}

/* Whether the newest number of a name cannot just be given the code: its own is another, and has values. */
static bool needs_number(const struct types *types, const struct registry *newer, uint32_t number)
{
    const struct shard_type *type = &types->by_number[number];
    const struct gm_type *code = code_in(newer, type->name);
    return types->own[number] == number && type->abi != NULL && type->abi != code && !is_alike(type->abi, code) &&
           is_used(types, number);
}

/* Another number of the same name that can be given the code: one that has it (the older version comes back while
 * there are values of it), or an idle one. 0: there is none. */
static uint32_t twin_for(const struct types *types, uint32_t number, const struct gm_type *code)
{
    for (uint32_t i = 1; i < types->count; i++) {
        const struct shard_type *type = &types->by_number[i];
        bool fits = type->abi == NULL ? !is_used(types, i) : type->abi == code;
        if (i != number && fits && strcmp(type->name, types->by_number[number].name) == 0) {
            return i;
        }
    }
    return 0;
}

static uint32_t count_needed(const struct types *types, const struct registry *newer)
{
    uint32_t needed = 0;
    for (uint32_t i = 1; i < types->count; i++) {
        const struct gm_type *code = code_in(newer, types->by_number[i].name);
        needed += needs_number(types, newer, i) && twin_for(types, i, code) == 0;
    }
    for (uint32_t i = 0; i < registry_type_count(newer); i++) {
        needed += first_of(types, gm_bytes_of(registry_type(newer, i)->abi->id)) == 0;
    }
    return needed;
}

/* From now on values of the name are made under `to`; those of `from` keep its code. */
static void go_over(struct types *types, const struct registry *older, uint32_t from, uint32_t to)
{
    check(from != to && types->code[from] == NULL && types->own[from] == from); /* types P2, types P3 */
    types->code[from] = registry_keep(older);                                   /* types P2 */
    registry_release(types->code[to]); /* the newer registry has that code, too */
    types->code[to] = NULL;
    for (uint32_t i = 1; i < types->count; i++) {
        if (strcmp(types->by_number[i].name, types->by_number[to].name) == 0) {
            types->own[i] = (uint8_t)to;
        }
    }
}

/* The newest number of a name meets the code that it has in the newer registry, or none. */
static void meet(struct types *types, const struct registry *older, const struct registry *newer, uint32_t number)
{
    const struct gm_type *code = code_in(newer, types->by_number[number].name);
    if (types->by_number[number].abi == code) {
        return;
    }
    types->settling = types->settling || is_used(types, number);
    if (needs_number(types, newer, number)) {
        uint32_t twin = twin_for(types, number, code);
        uint32_t to = twin != 0 ? twin : add(types, gm_bytes_of(types->by_number[number].name));
        go_over(types, older, number, to);
        number = to;
    }
    give_code(types, number, registry_type_named(newer, gm_bytes_of(types->by_number[number].name)));
}

static void number_types(struct types *types, const struct registry *newer)
{
    memory_free(types->numbers);
    types->numbers = memory_zeroed(registry_type_numbers(newer) + (size_t)1);
    for (uint32_t i = 0; i < registry_type_count(newer); i++) {
        const struct type *type = registry_type(newer, i);
        int number = types_number(types, gm_bytes_of(type->abi->id));
        check(number > 0); /* types_adopt has counted */
        give_code(types, (uint32_t)number, type);
        types->numbers[type->index] = (uint8_t)number;
    }
}

static void check_numbers(const struct types *types)
{
    for (uint32_t i = 1; i < types->count; i++) {
        check(types_newest(types, types->now[i])); /* types P3 */
        check(strcmp(types->by_number[i].name, types->by_number[types->own[i]].name) == 0);
        check(types->own[i] == types->now[i] || types->by_number[types->own[i]].abi == NULL); /* succession P2 */
    }
}

void types_walk_again(struct types *types)
{
    types->walked = false;
    types->database = 0;
    types->cursor = 0;
}

enum status types_adopt(struct types *types, const struct registry *older, const struct registry *newer,
                        struct complaint *complaint)
{
    if (types->count + count_needed(types, newer) > ENTRY_TYPE_COUNT) {
        complaint_set(complaint, "there would be more than %d types", ENTRY_TYPE_COUNT - 1);
        return STATUS_TOO_BIG;
    }
    check(!types->tail->open);
    uint32_t count = types->count;
    for (uint32_t i = 1; i < count; i++) {
        if (types->own[i] == i) {
            meet(types, older, newer, i);
        }
    }
    number_types(types, newer);
    for (uint32_t i = 1; i < types->count; i++) {
        uint8_t before = types->now[i];
        cross_one(types, i);
        types->settling = types->settling || (types->now[i] != before && is_used(types, i));
    }
    check_numbers(types);
    for (uint32_t i = 0; i < registry_type_count(newer); i++) {
        types->later = types->later || registry_type(newer, i)->abi->later_count > 0;
    }
    types_walk_again(types);
    return STATUS_OK;
}

struct types_share types_share(const struct types *types, uint32_t number)
{
    check(number < types->count);
    struct types_share share = {0};
    for (uint32_t i = 1; i < types->count; i++) {
        if (types->now[i] == number) {
            share.keys += databases_keys(types->databases, (uint8_t)i);
            share.bytes += types->databases->ledger.account[i].bytes;
        }
    }
    return share;
}

/* Lets go of code that nothing is left of. */
void types_retire(struct types *types)
{
    bool left = false;
    for (uint32_t i = 1; i < types->count; i++) {
        if (types->code[i] != NULL && !is_used(types, i)) {
            check(databases_keys(types->databases, (uint8_t)i) == 0 && types->own[i] != i); /* types P2 */
            give_code(types, i, NULL);
            registry_release(types->code[i]);
            types->code[i] = NULL;
        }
        left = left || types->code[i] != NULL;
    }
    types->settling = left;
}
