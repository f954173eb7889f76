/* SPDX-License-Identifier: MIT */

/* sweep.c - a consistent picture of all values without a copy of them.
 *
 * Why      A copy of the process (fork) costs a pause, and up to as much memory again as the data. But a value that
 *          nobody changes can be dumped at any time; only one that is about to change must be dumped first.
 *
 * Idea     Every entry carries a bit. All bits are equal, until a sweep begins by turning over what the bit should be:
 *          now every entry is *owed*. The sweep walks through the table and dumps what is owed; whoever changes an
 *          entry that is owed dumps it just before (sweep_before); both set the bit, and new entries are born with it.
 *          When the walk is over all bits are equal again.
 *
 *                 begin            a changes      b is new         the walk       end
 *          swept  0 → 1            1              1                1              1
 *          a      0 (owed)   ──►   dumped, 1      1                1              1
 *          b                                      1                1              1
 *          c      0 (owed)         0              0          ──►   dumped, 1      1
 *
 *          A large value is dumped in pieces over several turns: it is `half` dumped then. Whoever would change it and
 *          has a choice claims it for the sweep first (sweep_claim), and comes later.
 *
 * Promises
 *   P1  What the target gets is the keyspace as it was between the two batches where the sweep began: each key once,
 *       its records in order.
 *   P2  One turn takes about its budget, and adds to the target only while that has room. What clients change is added
 *       at once, room or not: the target gives up before it needs too much memory, and no client waits for a disk,
 *       unless the sweep is patient: one before it was given up for that, and the log cannot grow for ever.
 *   P3  A sweep whose target has failed goes on, marking only: the next one can begin when it is over.
 *   P4  A type that does not dump a value fails the sweep, with a sentence that names key, type and module.
 *   P5  A key is told with the number that its database had when the sweep began, whatever is swapped or flushed
 *       meanwhile: what was flushed stays in memory until the walk has been through it, unless memory is short.
 *
 * Limits   A large value is dumped whole, however long that takes, if it is changed by what does not ask: a record that
 *          comes from elsewhere. */
#include "shard/sweep.h"

#include <stdio.h>

#include "shard/dump.h"
#include "shard/frozen.h"
#include "store/slot.h"

#define SWEEP_WHOLE ((uint64_t)32 * 1024) /* bytes of memory up to which a value is dumped in one go */
#define SWEEP_STEPS 64                    /* buckets or pieces per turn, without a clock */
#define SWEEP_LOOK  4                     /* ... between two looks at the clock */

void sweep_init(struct sweep *sweep)
{
    list_init(&sweep->walk);
}

/* ---- one value ---- */

struct dumper {
    struct dump_sink sink;
    struct sweep_target *target;
    const struct types *types;
    bool frozen;
    struct record record;
};

/* Before a record with an operation that came later. */
static void revise(const struct dumper *dumper, uint16_t op)
{
    char writer[RECORD_WRITER_MAX + 1];
    struct record_revision revision;
    if (dumper->target->revise != NULL &&
        types_revision(dumper->types, dumper->record.type, op, dumper->frozen, &revision, writer)) {
        dumper->target->revise(dumper->target, &revision);
    }
}

static void take(struct dump_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct dumper *dumper = container_of(sink, struct dumper, sink);
    dumper->record.type = sink->type;
    dumper->record.op = op;
    dumper->record.body = body;
    revise(dumper, op);
    dumper->target->add(dumper->target, &dumper->record);
    dumper->record.flags &= (uint16_t) ~(RECORD_FRESH | RECORD_EXPIRE);
    dumper->record.expire_at_ms = 0;
}

static bool is_owed(const struct shard *shard, const struct entry *entry)
{
    return ((entry->flags ^ shard->databases.ledger.swept) & ENTRY_SWEPT) != 0;
}

static void set_dumped(const struct shard *shard, struct entry *entry)
{
    entry->flags = (uint8_t)((entry->flags & ~ENTRY_SWEPT) | shard->databases.ledger.swept);
}

static void give_up(struct shard *shard, const struct complaint *complaint)
{
    check(shard->sweep.target != NULL);
    struct sweep_target *target = shard->sweep.target;
    char reason[sizeof complaint->text + 160];
    (void)snprintf(reason, sizeof reason, "%s%s", complaint->text, target->remedy);
    target->fail(target, reason); /* sweep P4 */
}

/* One step of the entry's dump. False: it ends here, because it is done or because the snapshot has failed. */
static bool take_step(struct shard *shard, const struct keyspace *keyspace, struct entry *entry, uint64_t *cursor)
{
    check(shard->sweep.active && is_owed(shard, entry)); /* sweep P1: each key once */
    struct sweep *sweep = &shard->sweep;
    int64_t expire_at_ms = entry_expire_at(entry);
    bool first = *cursor == 0;
    struct dumper dumper = {.sink = {.take = take},
                            .target = sweep->target,
                            .types = &shard->types,
                            .frozen = (entry->flags & ENTRY_FROZEN) != 0};
    struct record *record = &dumper.record;
    record->key = entry_key(entry);
    record->database = (uint16_t)keyspace->cut; /* sweep P5 */
    record->slot = slot_of(record->key);
    record->flags = RECORD_DUMP;
    if ((entry->flags & ENTRY_DAMAGED) != 0) {
        record->flags |= frozen_stamp(entry) == FROZEN_MISFIT ? RECORD_DAMAGED | RECORD_MISFIT : RECORD_DAMAGED;
    }
    if (first) {
        record->flags |= RECORD_FRESH;
        if (expire_at_ms != 0) {
            record->flags |= RECORD_EXPIRE;
            record->expire_at_ms = expire_at_ms;
        }
    }
    struct complaint complaint;
    sweep->target->ordered = dump_digest_ordered(shard, entry);
    bool told = sweep->target->digests ? dump_digest_step(shard, entry, cursor, &dumper.sink, &complaint)
                                       : dump_step(shard, entry, cursor, &dumper.sink, &complaint);
    if (!told) {
        give_up(shard, &complaint);
    }
    return *cursor != 0 && sweep->target->is_open(sweep->target);
}

/* ---- values that are being dumped ---- */

static void half_done(struct shard *shard)
{
    check(shard->sweep.half != NULL);
    set_dumped(shard, shard->sweep.half);
    shard->sweep.half = NULL;
    shard->sweep.half_in = NULL;
    shard->sweep.half_cursor = 0;
    claims_let_go(&shard->claims);
}

void sweep_dump_owed(struct shard *shard, struct keyspace *keyspace, struct entry *entry)
{
    check(shard->sweep.active && is_owed(shard, entry)); /* else nothing is owed to anybody */
    struct sweep *sweep = &shard->sweep;
    bool half = sweep->half == entry;
    uint64_t cursor = half ? sweep->half_cursor : 0;
    while (sweep->target != NULL && take_step(shard, keyspace, entry, &cursor)) {
    }
    sweep->before++;
    if (half) {
        half_done(shard);
    } else {
        set_dumped(shard, entry);
    }
}

/* ---- what is large ---- */

static bool is_large(const struct shard *shard, const struct entry *entry)
{
    return shard_value_may_exceed(shard, entry, SWEEP_WHOLE);
}

/* The target would have to give up before long. */
static bool is_crowded(const struct sweep *sweep)
{
    return sweep->patient && sweep->target->is_open(sweep->target) && !sweep->target->has_room(sweep->target);
}

bool sweep_claim(struct shard *shard, const struct keyspace *keyspace, const struct entry *entry)
{
    struct sweep *sweep = &shard->sweep;
    if (sweep->target == NULL || !is_owed(shard, entry) || (!is_large(shard, entry) && !is_crowded(sweep))) {
        return false;
    }
    if (sweep->half == NULL) {
        sweep->half = (struct entry *)(uintptr_t)entry; /* of our own keyspace */
        sweep->half_in = (struct keyspace *)(uintptr_t)keyspace;
        sweep->half_cursor = 0;
    }
    return true;
}

/* ---- the walk ---- */

void sweep_begin(struct shard *shard, struct sweep_target *target)
{
    struct sweep *sweep = &shard->sweep;
    check(!sweep->active && sweep->half == NULL && !shard->tail.open); /* sweep P1 */
    for (uint32_t i = 1; i < shard->types.count; i++) {
        target->declare(target, (uint16_t)i, gm_bytes_of(shard->types.by_number[i].name));
    }
    shard->databases.ledger.swept ^= ENTRY_SWEPT;
    sweep->target = target;
    sweep->active = true;
    sweep->flushed = false;
    sweep->cursor = 0;
    sweep->before = 0;
    struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(&shard->databases, &number)) != NULL;) {
        keyspace->cut = keyspace->number; /* sweep P5 */
        list_push_back(&sweep->walk, &keyspace->walk);
    }
}

static struct keyspace *next_of(const struct sweep *sweep)
{
    return list_empty(&sweep->walk) ? NULL : container_of(sweep->walk.next, struct keyspace, walk);
}

static void finish(struct sweep *sweep)
{
    check(sweep->active);
    check(sweep->half == NULL && list_empty(&sweep->walk));
    sweep->active = false;
    sweep->target = NULL;
}

void sweep_abandon(struct shard *shard)
{
    shard->sweep.target = NULL;
}

/* The picture is of no use, for this reason. */
static void fail(struct sweep *sweep, const char *reason)
{
    if (sweep->target != NULL) {
        sweep->target->fail(sweep->target, reason);
        sweep->flushed = true;
        sweep->target = NULL;
    }
}

void sweep_flushed(struct shard *shard)
{
    if (shard->sweep.half != NULL && shard->sweep.half_in->flushed) {
        claims_let_go(&shard->claims);
    }
}

void sweep_forget(struct shard *shard)
{
    struct sweep *sweep = &shard->sweep;
    if (!sweep->active) {
        return;
    }
    fail(sweep, "everything was removed meanwhile");
    while (!list_empty(&sweep->walk)) {
        list_remove(sweep->walk.next);
    }
    sweep->half = NULL;
    sweep->half_in = NULL;
    sweep->half_cursor = 0;
    claims_let_go(&shard->claims);
    finish(sweep);
}

void sweep_spare_flushed(struct shard *shard)
{
    struct sweep *sweep = &shard->sweep;
    struct list *next;
    fail(sweep, "memory is short, and what was flushed meanwhile would have to stay for the snapshot");
    if (sweep->half != NULL && sweep->half_in->flushed) {
        half_done(shard);
    }
    for (struct list *at = sweep->walk.next; at != &sweep->walk; at = next) {
        next = at->next;
        if (container_of(at, struct keyspace, walk)->flushed) {
            sweep->cursor = at == sweep->walk.next ? 0 : sweep->cursor;
            list_remove(at);
        }
    }
    if (sweep->active && list_empty(&sweep->walk) && sweep->half == NULL) {
        finish(sweep);
    }
}

static void visit(void *context, void *element)
{
    struct shard *shard = context;
    struct sweep *sweep = &shard->sweep;
    struct entry *entry = element;
    if (!is_owed(shard, entry)) {
        return;
    }
    if (sweep->target != NULL && is_large(shard, entry)) {
        if (sweep->half == NULL) {
            sweep->half = entry;
            sweep->half_in = next_of(sweep);
            sweep->half_cursor = 0;
        }
        return; /* the bucket is visited again */
    }
    uint64_t cursor = 0;
    while (sweep->target != NULL && take_step(shard, next_of(sweep), entry, &cursor)) {
    }
    set_dumped(shard, entry);
}

/* A debt that is left would be paid to the next picture, with what the value is by then. */
static void find_owed(void *context, void *element)
{
    struct shard *shard = context;
    check(!is_owed(shard, element)); /* sweep P1, P3 */
}

__attribute__((unused)) static bool is_settled(struct shard *shard)
{
    const struct keyspace *keyspace;
    for (uint32_t number = 0; (keyspace = databases_next(&shard->databases, &number)) != NULL;) {
        uint64_t cursor = 0;
        do {
            cursor = table_scan(&keyspace->table, cursor, find_owed, shard);
        } while (cursor != 0);
    }
    return true;
}

/* One bucket of a keyspace. What was flushed is of no interest to who only marks. */
static void walk_on(struct shard *shard, struct keyspace *keyspace)
{
    struct sweep *sweep = &shard->sweep;
    bool skip = keyspace->flushed && sweep->target == NULL;
    uint64_t next = skip ? 0 : table_scan(&keyspace->table, sweep->cursor, visit, shard);
    if (sweep->half != NULL) {
        return;
    }
    sweep->cursor = next;
    if (next == 0) {
        list_remove(&keyspace->walk);
    }
}

/* One bucket, or one piece of a large value. */
static void step(struct shard *shard)
{
    struct sweep *sweep = &shard->sweep;
    check(sweep->active && (sweep->target == NULL || sweep->target->has_room(sweep->target))); /* sweep P2 */
    if (sweep->half != NULL) {
        if (sweep->target == NULL || !take_step(shard, sweep->half_in, sweep->half, &sweep->half_cursor)) {
            half_done(shard);
        }
        return;
    }
    struct keyspace *keyspace = next_of(sweep);
    if (keyspace != NULL) {
        walk_on(shard, keyspace);
    }
    if (list_empty(&sweep->walk)) {
        check_slow(is_settled(shard)); /* sweep P3 */
        finish(sweep);
    }
}

static bool has_room(struct sweep *sweep)
{
    if (sweep->target != NULL && !sweep->target->is_open(sweep->target)) {
        sweep->target = NULL; /* it has failed: what is left is only marked */
    }
    return sweep->target == NULL || sweep->target->has_room(sweep->target);
}

static int64_t now_us(const struct shard *shard)
{
    return shard->clock->ops->monotonic_us(shard->clock);
}

static bool is_over(const struct shard *shard, unsigned steps, int64_t until_us)
{
    return shard->clock == NULL ? steps >= SWEEP_STEPS : steps % SWEEP_LOOK == 0 && now_us(shard) >= until_us;
}

bool sweep_turn(struct shard *shard, int64_t budget_us)
{
    check(!shard->tail.open);
    struct sweep *sweep = &shard->sweep;
    int64_t begun_us = shard->clock != NULL ? now_us(shard) : 0;
    unsigned steps = 0;
    bool room = true;
    while (sweep->active && (room = has_room(sweep)) && !is_over(shard, ++steps, begun_us + budget_us)) {
        step(shard);
    }
    if (shard->clock != NULL && steps > 0) {
        int64_t took_us = now_us(shard) - begun_us;
        sweep->longest_us = took_us > sweep->longest_us ? took_us : sweep->longest_us;
    }
    return sweep->active && room;
}
