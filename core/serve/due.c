/* SPDX-License-Identifier: MIT */

/* due.c - what is due in a value changes it by a plan of its type's, that nobody has called.
 *
 * Why      Fields that expire, leases that end, messages that are delayed: a value changes at a time, though no client
 *          asks for it. If each node did that by its own clock their values would differ; so one node decides, and logs
 *          it.
 *
 * Idea     After each apply a type that has `due` says when something is due in the value, and the keyspace keeps that
 *          time (store/wake.h). When it has come, the worker calls the type's plan_due with the key as key 0, and what
 *          that emits goes the way of a command's emissions: apply, log, watchers, waiters, trackers, events. Only that
 *          nobody hears a reply.
 *
 *              apply ── due() ──► wakes  ..time..  due_turn ── plan_due() ──► commit ──► apply ── due() ──► ...
 *
 *          A plan does a bounded part. What is left says the value itself: its time is still one that has come.
 *
 * Promises
 *   P1  It is planned where and when a command could write, and nowhere else: not while loading, following, paused,
 *       with a full disk. Then it waits, and goes on.
 *   P2  A turn takes about SLICE_US, or CALLS plans: whoever has something due first comes first, in all databases.
 *   P3  No plan makes the server busy for ever: one that emits nothing, or the VAIN_MAX-th in a row of one key that
 *       leaves it due at the same time, is a breach of the contract, and the key waits for a second, twice as long each
 *       time. So does a key for whose plan there is no memory, but that is no breach.
 *
 * Limits   A plan that names another time each time, all of them past, is a slow loop that only its log shows. */
#include "serve/due.h"

#include "serve/admit.h"
#include "serve/commit.h"
#include "serve/exec.h"
#include "shard/settle.h"

#define CALLS         200
#define SLICE_US      500
#define VAIN_MAX      65536u
#define DELAY_MS      1000
#define DELAY_DOUBLES 11                         /* half an hour at most */
#define KEY_ROOM      192                        /* of a key that is shown */
#define BACKLOG_MAX   ((size_t)32 * 1024 * 1024) /* bytes that wait for the disk: more is not added to them */

/* A value in which something is due. The name is the arena's. */
struct subject {
    struct gm_bytes name;
    uint64_t hash;
    uint32_t database;
    int64_t at_ms; /* when something in it is due, as it says itself */
};

static struct keyspace *keyspace_of(const struct worker *worker, const struct subject *subject)
{
    return worker->shard->databases.numbered[subject->database];
}

static struct entry *entry_of(const struct worker *worker, const struct subject *subject)
{
    return keyspace_find(keyspace_of(worker, subject), subject->name, subject->hash);
}

/* ---- what came of it ---- */

static void try_later(const struct worker *worker, const struct subject *subject, int64_t delay_ms)
{
    struct entry *entry = entry_of(worker, subject);
    if (entry != NULL && (entry->flags & ENTRY_WAKES) != 0) {
        keyspace_wake(keyspace_of(worker, subject), entry, worker->now_ms + delay_ms); /* due P3 */
    }
}

/* The value is let alone for a while, longer each time. */
static void delay(const struct worker *worker, const struct subject *subject)
{
    const struct entry *entry = entry_of(worker, subject);
    if (entry != NULL && (entry->flags & ENTRY_WAKES) != 0) {
        uint32_t *vain = wake_vain(&keyspace_of(worker, subject)->wakes, entry);
        uint32_t doubles = *vain > VAIN_MAX ? *vain - VAIN_MAX : 0;
        doubles = doubles < DELAY_DOUBLES ? doubles : DELAY_DOUBLES;
        *vain = VAIN_MAX + doubles + 1;
        try_later(worker, subject, (int64_t)DELAY_MS << doubles);
    }
}

/* Whether the value is still as due as it was, time after time. `vain`: how often before. */
static bool is_vain(const struct worker *worker, const struct subject *subject, uint32_t vain)
{
    struct keyspace *keyspace = keyspace_of(worker, subject);
    const struct entry *entry = entry_of(worker, subject);
    int64_t at_ms = entry != NULL ? keyspace_wake_at(keyspace, entry) : 0;
    if (at_ms == 0) {
        return false;
    }
    bool stays = at_ms <= worker->now_ms && at_ms <= subject->at_ms;
    vain = stays ? vain + (vain < VAIN_MAX) : 0;
    *wake_vain(&keyspace->wakes, entry) = vain;
    return vain >= VAIN_MAX; /* due P3 */
}

/* The key as a text for people, in `room`. */
static const char *shown(struct gm_bytes name, char room[KEY_ROOM])
{
    struct gm_text text = {.data = room, .capacity = KEY_ROOM - 1};
    gm_text_quote(&text, name, 32);
    room[text.size] = '\0';
    return room;
}

/* What the plan has done wrong, of what the functions that it calls do not refuse by themselves. */
static void judge(struct call *call, const struct subject *subject)
{
    char room[KEY_ROOM];
    if (call->waits) {
        call_fault(call, "waits, though nobody has called it");
    } else if (!reply_is_blank(&call->reply) && call->fault[0] == '\0') {
        call_fault(call, "answers, though nobody has called it");
    } else if (call->emission_count == 0) {
        call_fault(call, "emits nothing, though something is due in the value of key %s", shown(subject->name, room));
    }
}

/* Commits what was planned, or lets the value alone for a while. */
static void conclude(struct call *call, const struct subject *subject, uint32_t vain)
{
    char room[KEY_ROOM];
    if (call->needs.lack == NULL) {
        judge(call, subject);
    }
    if (call->fault[0] != '\0') {
        delay(call->worker, subject);
        return;
    }
    if (call->needs.lack == NULL) {
        commit(call);
    }
    if (call->written == 0) {
        try_later(call->worker, subject, DELAY_MS); /* there is no memory for it, or for its records */
    } else if (is_vain(call->worker, subject, vain)) {
        call->answering = true;
        call_fault(call, "has emitted %u times in a row what leaves the value of key %s as due as it was", VAIN_MAX,
                   shown(subject->name, room));
        delay(call->worker, subject);
    }
}

/* ---- one plan ---- */

static void plan(struct worker *worker, const struct command *command, struct subject *subject, uint32_t vain)
{
    struct caller host = caller_host();
    struct usage_key key = {.index = 0, .written = 1};
    struct request request = {
        .argv = &subject->name,
        .command = command,
        .bound = {.keys = &key, .key_room = 1, .key_count = 1},
        .hash = subject->hash,
        .outcome = USAGE_OK,
    };
    host.database = (uint16_t)subject->database;
    host.no_touch = true; /* it does not make the key one that is used */
    struct call *call = exec_begin(worker, &host, &request, &worker->due.out);
    call->again = true; /* nobody has come, so nobody is counted */
    if (admit_again(call) && gm_key(&call->abi, 0)->state == GM_KEY_OWN) {
        worker->shard->stats.due++;
        subject->at_ms = command->type->abi->due(&gm_key(&call->abi, 0)->cell);
        command->abi->plan(&call->abi);
        conclude(call, subject, vain);
    } else {
        try_later(worker, subject, DELAY_MS); /* if it is still there: nobody can look at it now */
    }
    reply_rewind(&call->reply); /* an error is nobody's */
    exec_end(call);
}

/* The newest code of the value's type decides, if it knows of times at all. */
static const struct command *command_of(const struct worker *worker, const struct entry *entry)
{
    const char *name = worker->shard->types.by_number[entry->type].name;
    const struct type *type = registry_type_named(worker->registry, gm_bytes_of(name));
    return type != NULL ? type->plans_due : NULL;
}

/* What is due in the value. */
static void plan_entry(struct worker *worker, const struct keyspace *seen, struct entry *entry)
{
    check(worker->depth == 0 && (entry->flags & (ENTRY_WAKES | ENTRY_FROZEN)) == ENTRY_WAKES);
    struct gm_bytes name = entry_key(entry);
    struct subject subject = {.name = {arena_alloc(&worker->arena, name.size + 1), name.size},
                              .hash = keyspace_hash(seen, name),
                              .database = seen->number};
    if (name.size > 0) {
        memcpy((uint8_t *)(uintptr_t)subject.name.data, name.data, name.size);
    }
    const struct command *command = command_of(worker, entry);
    struct keyspace *keyspace = keyspace_of(worker, &subject);
    if (command != NULL) {
        plan(worker, command, &subject, *wake_vain(&keyspace->wakes, entry));
    } else if (!settle_key(worker->shard, subject.database, subject.name, subject.hash)) {
        keyspace_wake(keyspace, entry, 0);
    }
    arena_reset(&worker->arena);
}

/* ---- turns ---- */

/* The log cannot take it now, or is behind. */
static bool must_wait(const struct shard *shard)
{
    return !shard_may_change(shard) || shard->gate.stuck ||
           (shard->wal != NULL && wal_backlog(shard->wal) > BACKLOG_MAX); /* due P1 */
}

seldom static bool plan_some(struct worker *worker)
{
    struct shard *shard = worker->shard;
    struct clock *clock = shard->clock;
    int64_t until_us = clock != NULL ? clock->ops->monotonic_us(clock) + SLICE_US : 0;
    int64_t begun_us = meters_moment_us(&worker->meters);
    bool more = true;
    for (int i = 0; i < CALLS && more; i++) {
        const struct keyspace *keyspace = must_wait(shard) ? NULL : databases_wake(&shard->databases, shard->now_ms);
        struct entry *entry = keyspace != NULL ? wake_first(&keyspace->wakes) : NULL;
        if (entry == NULL || shard_delays(shard, keyspace, entry)) {
            more = false;
            break;
        }
        plan_entry(worker, keyspace, entry);
        if (clock != NULL && clock->ops->monotonic_us(clock) >= until_us) {
            break; /* due P2 */
        }
    }
    if (begun_us != 0) {
        meters_took(&worker->meters, "due-cycle", begun_us);
    }
    return more && !must_wait(shard) && databases_wake(&shard->databases, shard->now_ms) != NULL;
}

bool due_turn(struct worker *worker)
{
    const struct shard *shard = worker->shard;
    return __builtin_expect(shard->databases.ledger.wakes_ms <= shard->now_ms, 0) && plan_some(worker);
}

int64_t due_next_ms(const struct worker *worker)
{
    const struct shard *shard = worker->shard;
    int64_t wakes_ms = shard->databases.ledger.wakes_ms;
    bool deferred = shard->sweep.half != NULL || shard->claims.count > 0; /* what is due first may have to wait */
    if (wakes_ms == INT64_MAX || deferred || must_wait(shard)) {
        return INT64_MAX;
    }
    int64_t left_ms = expire_left_ms(wakes_ms, shard->now_ms);
    return left_ms > INT64_MAX - shard->monotonic_ms ? INT64_MAX : shard->monotonic_ms + left_ms;
}
