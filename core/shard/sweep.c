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
 *          A large value is dumped in pieces over several turns: it is `half` dumped then. A command that would change
 *          it is held back meanwhile, as CLIENT PAUSE does, and no other command is. One that waits for a key, and
 *          whose turn comes meanwhile, waits on (waiters.c).
 *
 * Promises
 *   P1  What the writer gets is the keyspace as it was between the two batches where the sweep began: each key once,
 *       its records in order.
 *   P2  One turn takes about its budget, and adds to the writer only while that has room. What clients change is added
 *       at once, room or not: the writer gives up before it needs too much memory, and no client waits for a disk.
 *   P3  A sweep whose writer has failed goes on, marking only: the next one can begin when it is over.
 *   P4  A type that does not dump a value fails the snapshot, with a sentence that names the key.
 *
 * Limits   A large value is dumped whole, however long that takes, if it is changed by what is not held back: a record
 *          that comes from elsewhere, or a command that has it behind CALL_KEYS_INLINE other keys. */
#include "shard/sweep.h"

#include <stdio.h>

#include "log/snapshot_writer.h"
#include "module/command.h"
#include "serve/call.h"
#include "serve/pause.h"
#include "serve/session.h"
#include "shard/frozen.h"
#include "store/slot.h"

#define SWEEP_WHOLE ((uint64_t)32 * 1024) /* bytes of memory up to which a value is dumped in one go */
#define SWEEP_STEPS 64                    /* buckets or pieces per turn, without a clock */
#define SWEEP_LOOK  4                     /* ... between two looks at the clock */

/* ---- one value ---- */

struct dumper {
    struct gm_sink sink;
    struct snapshot_writer *writer;
    struct record record;
};

static void take(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct dumper *dumper = container_of(sink, struct dumper, sink);
    dumper->record.op = op;
    dumper->record.body = body;
    snapshot_writer_add(dumper->writer, &dumper->record);
    dumper->record.flags &= (uint16_t) ~(RECORD_FRESH | RECORD_EXPIRE);
    dumper->record.expire_at_ms = 0;
}

static bool is_owed(const struct shard *shard, const struct entry *entry)
{
    return ((entry->flags ^ shard->keyspace.swept) & ENTRY_SWEPT) != 0;
}

static void mark(const struct shard *shard, struct entry *entry)
{
    entry->flags = (uint8_t)((entry->flags & ~ENTRY_SWEPT) | shard->keyspace.swept);
}

static void give_up(struct shard *shard, const struct entry *entry)
{
    char key[192];
    char reason[512];
    struct gm_text text = {.data = key, .capacity = sizeof key - 1};
    gm_text_quote(&text, entry_key(entry), 32);
    key[text.size] = '\0';
    (void)snprintf(reason, sizeof reason,
                   "the type %s does not dump the value of key %s; the previous snapshot stays, and the log has "
                   "everything: mend or remove the key, or load a module that can",
                   shard_type_of(shard, entry)->name, key);
    snapshot_writer_fail(shard->sweep.writer, reason);
}

/* One step of the entry's dump. False: it ends here, because it is done or because the snapshot has failed. */
static bool dump_step(struct shard *shard, struct entry *entry, uint64_t *cursor)
{
    struct sweep *sweep = &shard->sweep;
    int64_t expire_at_ms = entry_expire_at(entry);
    bool first = *cursor == 0;
    struct dumper dumper = {.sink = {.record = take}, .writer = sweep->writer};
    struct record *record = &dumper.record;
    record->type = entry->type;
    record->key = entry_key(entry);
    record->slot = slot_of(record->key);
    record->flags = RECORD_DUMP;
    if ((entry->flags & ENTRY_DAMAGED) != 0) {
        record->flags |= RECORD_DAMAGED;
    }
    if (first) {
        record->flags |= RECORD_FRESH;
        if (expire_at_ms != 0) {
            record->flags |= RECORD_EXPIRE;
            record->expire_at_ms = expire_at_ms;
        }
    }
    if (!frozen_dump_step(shard, entry, cursor, &dumper.sink)) {
        give_up(shard, entry);
    }
    return *cursor != 0 && snapshot_writer_state(sweep->writer) == SNAPSHOT_WRITER_OPEN;
}

/* ---- sessions that wait for a value ---- */

static void release_held(struct shard *shard)
{
    struct sweep *sweep = &shard->sweep;
    interest_resume(&shard->interest);
    while (!list_empty(&sweep->held)) {
        struct session *session = container_of(sweep->held.next, struct session, held);
        pause_forget(session);
        session->resumed = true;
        session_touch(session);
    }
}

static void half_done(struct shard *shard)
{
    mark(shard, shard->sweep.half);
    shard->sweep.half = NULL;
    shard->sweep.half_cursor = 0;
    release_held(shard);
}

void sweep_dump_owed(struct shard *shard, struct entry *entry)
{
    struct sweep *sweep = &shard->sweep;
    bool half = sweep->half == entry;
    uint64_t cursor = half ? sweep->half_cursor : 0;
    while (sweep->writer != NULL && dump_step(shard, entry, &cursor)) {
    }
    sweep->before++;
    if (half) {
        half_done(shard);
    } else {
        mark(shard, entry);
    }
}

/* ---- what is large ---- */

static bool is_large(const struct shard *shard, const struct entry *entry)
{
    uint64_t size = entry->value_size;
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    if ((entry->flags & ENTRY_FROZEN) == 0 && type->memory != NULL) {
        struct gm_cell cell = shard_cell(entry);
        size += type->memory(&cell);
    }
    return size > SWEEP_WHOLE;
}

bool sweep_defers(struct shard *shard, const struct entry *entry)
{
    struct sweep *sweep = &shard->sweep;
    if (sweep->writer == NULL || !is_owed(shard, entry) || !is_large(shard, entry)) {
        return false;
    }
    if (sweep->half == NULL) {
        sweep->half = (struct entry *)(uintptr_t)entry; /* of our own keyspace */
        sweep->half_cursor = 0;
    }
    return true;
}

bool sweep_delays(struct shard *shard, const struct gm_bytes *argv, uint32_t argc)
{
    check(shard->depth == 0); /* the arguments are bound in what a call would use */
    struct registry_lookup lookup = registry_find(shard->registry, argv, argc);
    if (lookup.outcome != REGISTRY_FOUND || (lookup.command->abi->flags & GM_WRITE) == 0) {
        return false;
    }
    struct usage_key places[CALL_KEYS_INLINE];
    struct usage_bound bound = {.keys = places, .key_room = CALL_KEYS_INLINE};
    struct gm_arg *args = shard->calls[0]->args;
    if (command_bind(lookup.command, argv, argc, args, &bound) != USAGE_OK) {
        return false;
    }
    uint32_t count = bound.key_count < bound.key_room ? bound.key_count : bound.key_room;
    for (uint32_t i = 0; i < count; i++) {
        struct gm_bytes key = argv[bound.keys[i].index];
        struct entry *entry = keyspace_find(&shard->keyspace, key, keyspace_hash(&shard->keyspace, key));
        if (entry != NULL && sweep_defers(shard, entry)) {
            return true;
        }
    }
    return false;
}

bool sweep_holds(struct session *session, const struct gm_bytes *argv, uint32_t argc)
{
    struct shard *shard = session->shard;
    if (argc == 0 || !session->authenticated || shard->sweep.writer == NULL) {
        return false;
    }
    bool holds = sweep_delays(shard, argv, argc);
    if (session->multi && bytes_equal_nocase(argv[0], "exec")) {
        for (const struct session_call *queued = session->queue; queued != NULL && !holds; queued = queued->next) {
            holds = sweep_delays(shard, queued->argv, queued->argc);
        }
    } else if (session->multi) {
        return false; /* it is only queued */
    }
    if (holds) {
        list_push_back(&shard->sweep.held, &session->held);
        shard->session_blocked++;
    }
    return holds;
}

/* ---- the walk ---- */

void sweep_begin(struct shard *shard, struct snapshot_writer *writer)
{
    struct sweep *sweep = &shard->sweep;
    check(!sweep->active && sweep->half == NULL && !shard->tail.open && shard->depth == 0);
    for (uint32_t i = 1; i < shard->types.count; i++) {
        snapshot_writer_declare(writer, (uint16_t)i, gm_bytes_of(shard->types.by_number[i].name));
    }
    shard->keyspace.swept ^= ENTRY_SWEPT;
    sweep->writer = writer;
    sweep->active = true;
    sweep->flushed = false;
    sweep->cursor = 0;
    sweep->before = 0;
}

static void finish(struct sweep *sweep)
{
    check(sweep->half == NULL);
    sweep->active = false;
    sweep->writer = NULL;
}

void sweep_flushed(struct shard *shard)
{
    struct sweep *sweep = &shard->sweep;
    if (!sweep->active) {
        return;
    }
    if (sweep->writer != NULL) {
        snapshot_writer_fail(sweep->writer, "everything was removed meanwhile");
        sweep->flushed = true;
    }
    sweep->half = NULL;
    sweep->half_cursor = 0;
    release_held(shard);
    finish(sweep);
}

static void visit(void *context, void *element)
{
    struct shard *shard = context;
    struct sweep *sweep = &shard->sweep;
    struct entry *entry = element;
    if (!is_owed(shard, entry)) {
        return;
    }
    if (sweep->writer != NULL && is_large(shard, entry)) {
        if (sweep->half == NULL) {
            sweep->half = entry;
            sweep->half_cursor = 0;
        }
        return; /* the bucket is visited again */
    }
    uint64_t cursor = 0;
    while (sweep->writer != NULL && dump_step(shard, entry, &cursor)) {
    }
    mark(shard, entry);
}

/* One bucket, or one piece of a large value. */
static void step(struct shard *shard)
{
    struct sweep *sweep = &shard->sweep;
    if (sweep->half != NULL) {
        if (sweep->writer == NULL || !dump_step(shard, sweep->half, &sweep->half_cursor)) {
            half_done(shard);
        }
        return;
    }
    uint64_t next = table_scan(&shard->keyspace.table, sweep->cursor, visit, shard);
    if (sweep->half != NULL) {
        return;
    }
    sweep->cursor = next;
    if (next == 0) {
        finish(sweep);
    }
}

static bool has_room(struct sweep *sweep)
{
    if (sweep->writer != NULL && snapshot_writer_state(sweep->writer) != SNAPSHOT_WRITER_OPEN) {
        sweep->writer = NULL; /* it has failed: what is left is only marked */
    }
    return sweep->writer == NULL || snapshot_writer_has_room(sweep->writer);
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
