/* SPDX-License-Identifier: MIT */

/* commit.c - emissions become records, records change values and enter the log.
 *
 * A record is applied first and encoded after, since its flags tell the outcome (RECORD_FRESH, RECORD_REMOVES); both
 * happen before anything else can look. */
#include "serve/commit.h"

#include "base/memory.h"
#include "serve/notify.h"
#include "shard/build.h"
#include "store/slot.h"

/* Bytes of records from which on it is asked first whether there is memory for them: once in the values, once in the
 * log. */
#define LARGE ((size_t)1024 * 1024)

/* The values, the log's copies, and the batch so far, which may have to move. */
static size_t memory_for(const struct call *call)
{
    const struct tail *tail = &call->shard->tail;
    size_t batch = tail->open ? tail->filling.size - tail->batch_start : 0;
    return 2 * (call->emission_size + batch);
}

/* A moment that has passed already: what would be expired at once is deleted instead. */
static bool is_past(const struct call *call, int64_t at_ms)
{
    return at_ms <= call->shard->now_ms;
}

static void make_deletion(struct record *record)
{
    check_slow(record->key.size <= ENTRY_KEY_MAX);
    record->type = 0;
    record->op = RECORD_OP_DELETE;
    record->flags = RECORD_REMOVES;
    record->expire_at_ms = 0;
    record->body = BYTES_NONE;
}

static void add_expiry(struct call *call, struct record *record, uint64_t hash)
{
    const struct shard *shard = call->shard;
    if (shard->options.default_expiry_ms == 0 || (record->flags & (RECORD_EXPIRE | RECORD_KEEP_EXPIRY)) != 0) {
        return;
    }
    bool begins = (record->flags & RECORD_FRESH) != 0 || keyspace_find(call_keyspace(call), record->key, hash) == NULL;
    if (begins) {
        record->flags |= RECORD_EXPIRE;
        record->expire_at_ms = shard->now_ms + shard->options.default_expiry_ms;
    }
}

static void make_typed(struct call *call, const struct call_emission *emission, struct record *record, uint64_t hash)
{
    record->type = emission->type;
    record->op = emission->op;
    record->body = emission->body;
    record->flags = (emission->flags & GM_FRESH) != 0 ? RECORD_FRESH : 0;
    if ((emission->flags & GM_FRESH) != 0 && (emission->flags & GM_KEEP_EXPIRY) != 0) {
        record->flags |= RECORD_KEEP_EXPIRY;
    }
    if ((emission->flags & GM_EXPIRE) != 0 && emission->expire_at_ms != 0) {
        if (is_past(call, emission->expire_at_ms)) {
            make_deletion(record);
            return;
        }
        record->flags |= RECORD_EXPIRE;
        record->expire_at_ms = emission->expire_at_ms;
    }
    add_expiry(call, record, hash);
}

static void make(struct call *call, const struct call_emission *emission, struct record *record, uint64_t hash)
{
    switch ((enum call_emission_kind)emission->kind) {
    case CALL_EMIT_RECORD:
        make_typed(call, emission, record, hash);
        break;
    case CALL_EMIT_DELETE:
        make_deletion(record);
        break;
    case CALL_EMIT_EXPIRE:
        if (emission->expire_at_ms == 0) {
            record->op = RECORD_OP_PERSIST;
        } else if (is_past(call, emission->expire_at_ms)) {
            make_deletion(record);
        } else {
            record->op = RECORD_OP_EXPIRE;
            record->flags = RECORD_EXPIRE;
            record->expire_at_ms = emission->expire_at_ms;
        }
        break;
    case CALL_EMIT_COPY:
        record->op = RECORD_OP_COPY;
        record->database = (uint16_t)emission->target;
        record->body = emission->body;
        break;
    case CALL_EMIT_RENAME:
    case CALL_EMIT_MOVE:
        record->op = RECORD_OP_RENAME;
        record->flags = RECORD_REMOVES;
        record->body = emission->body;
        break;
    case CALL_EMIT_FLUSH:
        record->op = RECORD_OP_FLUSH;
        record->database = 0;
        break;
    case CALL_EMIT_FLUSH_DATABASE:
        record->op = RECORD_OP_FLUSH_DATABASE;
        record->database = (uint16_t)emission->target;
        break;
    case CALL_EMIT_SWAP:
        record->op = RECORD_OP_SWAP;
        record->database = (uint16_t)emission->target;
        record->body = emission->body;
        break;
    }
}

/* What admit has found holds as long as nothing has been logged since. Without this every change would look its key up
 * twice. */
static struct apply_place place_of(const struct call *call, const struct call_emission *emission)
{
    bool fits =
        emission->kind == CALL_EMIT_RECORD || (call_emission_is_of_key(emission) && emission->kind != CALL_EMIT_COPY);
    bool known = fits && emission->key == 0 && call->seen == call->shard->tail.last_sequence;
    return (struct apply_place){.slot = known ? call->slot : NULL, .known = known};
}

/* False: there was nothing to do, and there is nothing to log. */
static bool carry_out(struct call *call, const struct call_emission *emission, struct record *record, uint64_t hash)
{
    struct shard *shard = call->shard;
    if (__builtin_expect(emission->kind == CALL_EMIT_COPY, 0)) {
        struct apply_aside aside = build_ready(emission->build);
        apply_first_copied(shard, record, hash, &aside, call->caller.id);
        return true;
    }
    return apply_first(shard, record, hash, place_of(call, emission), call->caller.id);
}

static void commit_one(struct call *call, const struct call_emission *emission)
{
    check_slow(!call_emission_is_of_key(emission) || emission->key < call->abi.key_count);
    struct shard *shard = call->shard;
    struct record record = {.time_ms = shard->now_ms, .database = call->caller.database};
    uint64_t hash = 0;
    if (call_emission_is_of_key(emission)) {
        record.key = call->keys[emission->key].name;
        hash = call_hash(call, emission->key);
        if (shard->tail.carried) {
            record.slot = slot_of(record.key);
        }
    }
    make(call, emission, &record, hash);
    if (carry_out(call, emission, &record, hash)) {
        tail_add(&shard->tail, &record);
    } else {
        call->seen = UINT64_MAX; /* a record that could not be kept may have moved the entry and left no trace */
    }
}

/* ---- a clock that cannot be right ---- */

static bool begins(const struct call *call, const struct call_emission *emission)
{
    return (emission->flags & GM_FRESH) != 0 ||
           keyspace_find(call_keyspace(call), call->keys[emission->key].name, call_hash(call, emission->key)) == NULL;
}

/* Whether it is written when the key expires, as said or by default. What a key has already it may keep. */
static bool sets_expiry(const struct call *call, const struct call_emission *emission)
{
    switch ((enum call_emission_kind)emission->kind) {
    case CALL_EMIT_RECORD:
        if ((emission->flags & (GM_EXPIRE | GM_KEEP_EXPIRY)) != 0) {
            return (emission->flags & GM_EXPIRE) != 0 && emission->expire_at_ms != 0;
        }
        return call->shard->options.default_expiry_ms != 0 && begins(call, emission);
    case CALL_EMIT_EXPIRE:
        return emission->expire_at_ms != 0;
    default:
        return false;
    }
}

/* Times are counted from 1970, in records as for clients, and before that there are none: 0 is "never". */
seldom static bool needs_clock(const struct call *call)
{
    for (uint32_t i = 0; i < call->emission_count; i++) {
        if (sets_expiry(call, &call->emissions[i])) {
            return true;
        }
    }
    return false;
}

/* A type has not accepted a record that its module planned. */
seldom static void blame_type(struct call *call, const struct shard_type *type)
{
    reply_errorf(&call->reply,
                 "DAMAGED the module %s planned a change that its own type refuses: %s, in '%s'; see the server's log",
                 type->module, type->name, call->command->usage.name);
}

void commit(struct call *call)
{
    struct shard *shard = call->shard;
    if (call->emission_count == 0) {
        return;
    }
    if ((call->command->abi->flags & GM_WRITE) == 0) {
        call_fault(call, "changes values, though it declares the command as reading");
        reply_error(&call->reply, call->fault);
        return;
    }
    if (call->emission_size > tail_room(&shard->tail)) {
        reply_error(&call->reply, CALL_TOO_LARGE);
        return;
    }
    if (__builtin_expect(call->emission_size > LARGE, 0) && !memory_is_there(memory_for(call))) {
        reply_error(&call->reply, CALL_NO_MEMORY); /* exec I3 */
        return;
    }
    if (__builtin_expect(shard->now_ms < 0, 0) && needs_clock(call)) {
        reply_error(&call->reply,
                    "ERR the clock of this server is before 1970, so no key can be given a time at which it "
                    "expires: set the clock; nothing was changed");
        return;
    }
    shard->refused = 0;
    bool alone = !shard->tail.open;
    if (alone) {
        tail_begin(&shard->tail);
    }
    shard->outcome = 0;
    for (uint32_t i = 0; i < call->emission_count; i++) {
        commit_one(call, &call->emissions[i]);
        if (__builtin_expect(call->outcomes != NULL, 0)) { /* what apply leaves for the answer */
            call->outcomes[i] = shard->outcome;
            shard->outcome = 0;
        }
    }
    check_slow(shard->tail.open); /* exec I1 */
    if (alone) {
        tail_end(&shard->tail);
    }
    call_depends(call, shard->tail.last_sequence);
    call->written = shard->tail.last_sequence;
    if (__builtin_expect(notify_wanted(&call->worker->notify), 0)) {
        notify_call(call);
    }
    if (__builtin_expect(shard->refused != 0, 0)) {
        blame_type(call, &shard->types.by_number[shard->refused]);
    }
}
