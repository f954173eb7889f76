/* SPDX-License-Identifier: MIT */

/* build.c - COPY as one record of the host.
 *
 * Why      A value of a million pieces takes half a second to be dumped and applied under another key, and nobody else
 *          was served meanwhile. And a dump that its own type did not accept again had destroyed the target by then.
 *
 * Idea     The copy is made in a keyspace of its own, that no command sees, one piece of the dump after the other. When
 *          it is whole, one record says so (source, target), and the value goes over to its key as a renamed one does.
 *          Recovery and followers have the source as it was then, and do the same from that record at once.
 *
 *              source  ──dump──► records of a piece ──apply──► aside / target     ... turn after turn
 *                                                                  │  record COPY
 *                                                                  ▼
 *                                                     database / target
 *
 * Promises
 *   P1  Until it is put in its place nothing that is stored has changed: a value that its type does not dump, or does
 *       not accept again, leaves source and target as they are.
 *   P2  What is built is the source as it was at one moment: that where it is put.
 *   P3  What is aside is charged to its type like any value, and counts as no key.
 *
 * Limits   A node that carries out the record of another does it in one go, and serves nobody meanwhile. A build that
 *          ends unfinished is released as its type releases values. */
#include "shard/build.h"

#include "base/memory.h"
#include "shard/dump.h"
#include "shard/frozen.h"

#define FROZEN_PIECE ((size_t)256 * 1024) /* bytes of a frozen value that are copied in a step */
#define RECORDS_KEPT ((size_t)256 * 1024) /* bytes of memory for records, from one step to the next */

/* ---- what is aside ---- */

/* What is aside counts as a key while the keyspace works on it, and not otherwise. */
static void show(const struct build *build)
{
    build->shard->databases.ledger.keys += build->aside.table.count;
}

static void hide(const struct build *build)
{
    check(build->aside.table.count <= 1);
    build->shard->databases.ledger.keys -= build->aside.table.count; /* build P3 */
}

static struct keyspace_place place_aside(struct build *build)
{
    return (struct keyspace_place){&build->aside, build->target.name, build->target.hash};
}

/* The copy so far, NULL: there is nothing yet. No sweep is owed anything of it. */
static struct entry *copy_of(struct build *build)
{
    struct entry *entry = keyspace_find(&build->aside, build->target.name, build->target.hash);
    if (entry != NULL) {
        entry->flags = (uint8_t)((entry->flags & ~ENTRY_SWEPT) | build->shard->databases.ledger.swept);
    }
    return entry;
}

static const struct entry *source_of(const struct build *build)
{
    const struct keyspace *keyspace = databases_see(&build->shard->databases, build->source.database);
    return keyspace_find(keyspace, build->source.name, build->source.hash);
}

struct build *build_begin(struct shard *shard, const struct change_key *source, const struct change_key *target)
{
    struct build *build = memory_zeroed(sizeof *build);
    build->shard = shard;
    build->source = *source;
    build->target = *target;
    const struct entry *entry = source_of(build);
    check(entry != NULL && (source->database != target->database || !gm_bytes_equal(source->name, target->name)));
    struct databases *databases = &shard->databases;
    keyspace_init(&build->aside, &databases->ledger, &databases->ops, &databases->none.table.hash_key);
    build->aside.expected = entry->value_size;
    build->type = shard->types.now[entry->type];
    buf_init(&build->records, ENTRY_VALUE_MAX);
    list_init(&build->link);
    list_push_back(&shard->builds, &build->link);
    return build;
}

void build_keep(struct build *build)
{
    struct shard *shard = build->shard;
    if (build->source_claim.name.data != NULL) {
        return;
    }
    claim_take(&shard->claims, &build->source_claim, &build->source);
    claim_take(&shard->claims, &build->target_claim, &build->target);
    build->source.name = build->source_claim.name;
    build->target.name = build->target_claim.name;
}

/* ---- a step ---- */

struct collector {
    struct dump_sink sink;
    struct buf *out;
};

static void collect(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    frozen_add(container_of(sink, struct collector, sink)->out, &(struct frozen_record){body, op, sink->type});
}

static enum build_state fail(struct build *build, struct complaint *complaint, const char *fault)
{
    char key[192];
    const struct shard_type *type = &build->shard->types.by_number[build->type];
    struct gm_text text = {.data = key, .capacity = sizeof key - 1};
    gm_text_quote(&text, build->source.name, 32);
    key[text.size] = '\0';
    complaint_set(complaint, "the type %s of the module %s %s of key %s", type->name, type->module, fault, key);
    return BUILD_FAILED;
}

static enum build_state conclude(struct build *build, struct complaint *complaint)
{
    const struct gm_type *type = build->shard->types.by_number[build->type].abi;
    const struct entry *copy = copy_of(build);
    struct gm_cell cell = {0};
    if (copy != NULL && (copy->flags & ENTRY_VACANT) == 0) {
        cell = shard_cell(copy);
    }
    if (cell.form == GM_ABSENT || (type->empty != NULL && type->empty(&cell))) {
        return fail(build, complaint, "makes nothing of what it dumped itself of the value");
    }
    return BUILD_DONE;
}

static enum build_state step_alive(struct build *build, const struct entry *entry, struct complaint *complaint)
{
    struct collector collector = {.sink = {.take = collect}, .out = &build->records};
    buf_clear(&build->records, RECORDS_KEPT);
    if (!dump_step(build->shard, entry, &build->cursor, &collector.sink, complaint)) {
        return BUILD_FAILED;
    }
    if (build->records.full) {
        return fail(build, complaint, "dumps more than 4 GiB in one piece of the value");
    }
    struct gm_bytes records = buf_bytes(&build->records);
    if (!apply_aside(build->shard, place_aside(build), build->type, records)) {
        return fail(build, complaint, "does not accept what it dumped itself of the value");
    }
    return build->cursor != 0 ? BUILD_GOES_ON : conclude(build, complaint);
}

static struct entry *begin_frozen(struct build *build, uint8_t flags, size_t size)
{
    struct keyspace_shape shape = {.type = build->type, .flags = flags, .value_size = (uint32_t)size};
    return keyspace_add(&build->aside, build->target.name, build->target.hash, shape, 0);
}

/* Its records are copied as they are, and never looked at. */
static enum build_state step_frozen(struct build *build, const struct entry *entry)
{
    size_t size = entry->value_size;
    struct entry *copy = copy_of(build);
    if (copy == NULL) {
        copy = begin_frozen(build, entry->flags & (ENTRY_FROZEN | ENTRY_DAMAGED), size);
    }
    check(copy->value_size == size && build->cursor <= size); /* build P2 */
    size_t left = size - (size_t)build->cursor;
    size_t piece = left < FROZEN_PIECE ? left : FROZEN_PIECE;
    if (piece > 0) {
        memcpy(entry_value(copy) + build->cursor, entry_value(entry) + build->cursor, piece);
    }
    build->cursor += piece;
    return build->cursor < size ? BUILD_GOES_ON : BUILD_DONE;
}

/* The records of the source, in a frozen value. */
static bool keep_records(struct build *build, uint8_t flags, struct complaint *complaint)
{
    buf_clear(&build->records, RECORDS_KEPT);
    if (!frozen_gather(build->shard, source_of(build), &build->records, complaint)) {
        return false;
    }
    struct entry *copy = begin_frozen(build, flags, build->records.size);
    memcpy(entry_value(copy), build->records.data, build->records.size);
    return true;
}

static enum build_state step(struct build *build, struct complaint *complaint)
{
    const struct entry *entry = source_of(build);
    check(entry != NULL); /* claim I1 */
    if ((entry->flags & ENTRY_FROZEN) != 0) {
        return step_frozen(build, entry);
    }
    if (build->shard->types.by_number[build->type].abi == NULL) { /* its code has just gone */
        return keep_records(build, ENTRY_FROZEN, complaint) ? BUILD_DONE : BUILD_FAILED;
    }
    return step_alive(build, entry, complaint);
}

enum build_state build_step(struct build *build, struct complaint *complaint)
{
    if (claim_is_broken(&build->shard->claims, &build->source_claim)) {
        build->state = BUILD_BROKEN; /* build P2 */
    }
    if (build->state != BUILD_GOES_ON) {
        return build->state;
    }
    (void)copy_of(build);
    show(build);
    build->state = step(build, complaint);
    hide(build);
    return build->state;
}

bool build_damaged(struct build *build, struct complaint *complaint)
{
    show(build);
    if (copy_of(build) != NULL) {
        keyspace_remove(&build->aside, build->target.name, build->target.hash);
    }
    bool kept = keep_records(build, ENTRY_FROZEN | ENTRY_DAMAGED, complaint);
    build->state = kept ? BUILD_DONE : BUILD_FAILED;
    hide(build);
    return kept;
}

/* ---- the end ---- */

struct apply_aside build_ready(struct build *build)
{
    check(build->state == BUILD_DONE && !claim_is_broken(&build->shard->claims, &build->source_claim)); /* build P2 */
    const struct entry *copy = copy_of(build);
    check(copy != NULL);
    return (struct apply_aside){place_aside(build), entry_expire_at(source_of(build))};
}

void build_give_away(struct build *build)
{
    build->given_away = true;
}

void build_drop(struct build *build)
{
    if (build == NULL) {
        return;
    }
    struct shard *shard = build->shard;
    list_remove(&build->link);
    show(build); /* the names may be gone, so nothing is looked up */
    keyspace_finish(&build->aside);
    buf_finish(&build->records);
    claim_drop(&shard->claims, &build->source_claim);
    claim_drop(&shard->claims, &build->target_claim);
    memory_free(build);
}

void builds_reap(struct shard *shard, bool all)
{
    struct list *next;
    for (struct list *at = shard->builds.next; at != &shard->builds; at = next) {
        struct build *build = container_of(at, struct build, link);
        next = at->next;
        if (build->given_away || all) {
            build_drop(build);
        }
    }
}

size_t build_size(const struct build *build)
{
    return sizeof *build + build->records.capacity + build->source.name.size + build->target.name.size;
}
