/* SPDX-License-Identifier: MIT */

/* host_emit.c - what a plan emits, judged and kept until commit.
 *
 * Idea     A module is believed in nothing that could change a value: each emission is judged when it comes, against
 *          the usage line (which keys may change), the keys as they are (gm_key.held: the type's number, kept up with
 *          each emission) and what this host knows (size, flags). The common case is one comparison of each; what is
 *          out of the ordinary (another size, another type, parts) goes a second way.
 *
 * Promises
 *   P1  What is refused is an error reply that names module and command, and nothing of the call is applied.
 *   P2  A record that is not fresh meets a value of its own type, or none.
 *   P3  What is copied for a call, before it is known whether its records can be taken, is at most what the log has
 *       room for (tail_room); beyond it nothing more is kept, and the call is refused.
 *
 * Limits   A key that is named twice in one call, and gets records of two types, is judged under each of its places by
 *          itself; a record that does not fit then leaves its key damaged (apply I2), with nothing lost. */
#include <stdio.h>

#include "serve/call.h"

#define EMISSION_SIZE_MIN (offsetof(struct gm_emission, event) + sizeof(void *)) /* of ABI 0.2 */
#define KNOWN_FLAGS       (GM_FRESH | GM_KEEP_EXPIRY | GM_EXPIRE | GM_BORROWED | GM_DELETE)

/* Memory for what is emitted, as long as the records can be taken at all. NULL: the call has its error. */
static void *room_for(struct call *call, size_t size)
{
    if (call->emission_size + size > ARENA_CHUNK && call->emission_size + size > tail_room(&call->shard->tail)) {
        call_lacks(call, CALL_TOO_LARGE); /* host_emit P3 */
        return NULL;
    }
    void *memory = arena_try(&call->worker->arena, size);
    if (memory == NULL) {
        call_lacks(call, CALL_NO_MEMORY);
    }
    return memory;
}

/* False: there is no more room, and the call has its error. */
seldom static bool widen_room(struct call *call)
{
    size_t size = call->emission_room * sizeof *call->emissions;
    struct call_emission *more = room_for(call, size * 2);
    if (more == NULL) {
        return false;
    }
    memcpy(more, call->emissions, size);
    call->emissions = more;
    call->emission_room *= 2;
    return true;
}

static inline size_t emission_size(size_t key_size, size_t body_size)
{
    return RECORD_HEADER_SIZE + 16 + key_size + body_size;
}

/* The place of the next emission: its fields are the caller's to write, all of them. */
static inline struct call_emission *next(struct call *call, size_t key_size, size_t body_size)
{
    if (call->emission_count == 0) {
        call->emissions = call->emissions_inline;
        call->emission_room = CALL_KEYS_INLINE;
    } else if (__builtin_expect(call->emission_count == call->emission_room, 0) && !widen_room(call)) {
        return &call->emissions[call->emission_count - 1]; /* none of them is ever looked at */
    }
    check_slow(call->emission_count < call->emission_room);
    call->emission_size += emission_size(key_size, body_size);
    return &call->emissions[call->emission_count++];
}

struct call_emission *call_emit(struct call *call, enum call_emission_kind kind, uint32_t key, size_t body_size)
{
    bool keyed = kind < CALL_EMIT_FLUSH;
    check(!keyed || key < call->abi.key_count);
    size_t key_size = keyed ? call->keys[key].name.size : 0;
    struct call_emission *emission = next(call, key_size, body_size);
    *emission = (struct call_emission){.key = key, .kind = (uint8_t)kind};
    return emission;
}

static struct gm_bytes kept(struct call *call, struct gm_bytes bytes)
{
    if (bytes.size == 0) {
        return BYTES_NONE;
    }
    uint8_t *copy = room_for(call, bytes.size);
    return copy != NULL ? (struct gm_bytes){memcpy(copy, bytes.data, bytes.size), bytes.size} : BYTES_NONE;
}

/* ---- what is refused ---- */

/* host_emit P1 */
static bool may_change(struct call *call, uint32_t key)
{
    if (__builtin_expect(key >= call->abi.key_count, 0)) {
        call_fault(call, "emitted a record for its key number %u, but the call has %u", key, call->abi.key_count);
        return false;
    }
    if (__builtin_expect(key >= call->request->bound.key_count, 0)) {
        call_fault(call, "emitted a record for its key number %u, which it has added to read it", key);
        return false;
    }
    if (__builtin_expect(call->request->bound.keys[key].written == 0, 0)) {
        call_fault(call, "emitted a record for its key number %u, which its usage line declares as only read (rkey)",
                   key);
        return false;
    }
    return true;
}

/* ---- what is out of the ordinary ---- */

/* The emission as this host knows it; false: it asks for more. */
static bool widen(struct call *call, const struct gm_emission *given, struct gm_emission *out)
{
    size_t known = sizeof *out;
    if (given->size < EMISSION_SIZE_MIN || given->size > known) {
        call_fault(call, "emitted a record of the size %u, this server knows %zu (GM_EMISSION writes it)", given->size,
                   known);
        return false;
    }
    *out = (struct gm_emission){0};
    memcpy(out, given, given->size);
    return true;
}

static void gather(struct call *call, struct gm_emission *emission)
{
    size_t size = emission->body.size;
    for (uint32_t i = 0; i < emission->part_count; i++) {
        if (__builtin_add_overflow(size, emission->parts[i].size, &size)) {
            size = SIZE_MAX;
        }
    }
    if (size > GM_VALUE_SIZE_MAX) {
        emission->body.size = size; /* is refused with it */
        return;
    }
    uint8_t *body = room_for(call, size + 1);
    if (body == NULL) {
        *emission = (struct gm_emission){.key = emission->key, .op = emission->op, .flags = emission->flags};
        return;
    }
    uint8_t *at = body;
    for (uint32_t i = 0; i <= emission->part_count; i++) {
        struct gm_bytes part = i == 0 ? emission->body : emission->parts[i - 1];
        if (part.size > 0) {
            memcpy(at, part.data, part.size);
            at += part.size;
        }
    }
    check(at == body + size);
    emission->body = (struct gm_bytes){body, size};
    emission->flags |= GM_BORROWED;
}

static const struct type *type_of(const struct module *module, const struct gm_type *abi)
{
    for (uint32_t i = 0; i < module->abi->type_count; i++) {
        if (module->abi->types[i] == abi) {
            return &module->types[i];
        }
    }
    return NULL;
}

/* ---- emissions ---- */

/* Field by field: from a literal the compiler builds a second one first. */
static inline void fill(struct call_emission *out, const struct gm_emission *given, struct gm_bytes body, uint8_t type)
{
    out->key = given->key;
    out->flags = given->flags;
    out->op = given->op;
    out->kind = CALL_EMIT_RECORD;
    out->type = type;
    out->target = 0;
    out->expire_at_ms = given->expire_at_ms;
    out->body = body;
    out->event = given->event;
    out->gone_event = NULL;
}

/* A record that has been judged. */
__attribute__((noinline)) static void append(struct call *call, const struct gm_emission *given, uint8_t type)
{
    struct gm_key *key = &call->keys[given->key];
    struct gm_bytes body = (given->flags & GM_BORROWED) != 0 ? given->body : kept(call, given->body);
    key->held = type;
    fill(next(call, key->name.size, body.size), given, body, type);
}

/* Judges an emission that is whole, sentence by sentence, and takes it over. */
static void take(struct call *call, const struct gm_emission *given, const struct type *type)
{
    if ((given->flags & ~(uint32_t)KNOWN_FLAGS) != 0) {
        call_fault(call, "emitted a record with the flags 0x%x, of which this server does not know 0x%x", given->flags,
                   given->flags & ~(uint32_t)KNOWN_FLAGS);
        return;
    }
    if (!may_change(call, given->key)) {
        return;
    }
    struct gm_key *key = &call->keys[given->key];
    if ((given->flags & GM_DELETE) != 0) {
        struct call_emission *deletion = call_emit(call, CALL_EMIT_DELETE, given->key, 0);
        deletion->flags = GM_DELETE;
        deletion->event = given->event;
        key->held = 0;
        return;
    }
    if (type == NULL || given->body.size > GM_VALUE_SIZE_MAX) {
        call_fault(call, type == NULL ? "emitted a record of a type that is not one of its own"
                                      : "emitted a record of more than 512 MiB");
        return;
    }
    uint8_t number = call->shard->types.numbers[type->index];
    check(number != 0);
    if (key->held != number && key->held != 0 && (given->flags & GM_FRESH) == 0) { /* host_emit P2 */
        call_fault(call, "emitted a record of the type %s for a value of the type %s, without GM_FRESH", type->abi->id,
                   call->shard->types.by_number[key->held].name);
        return;
    }
    append(call, given, number);
}

seldom static void take_unusual(struct call *call, const struct gm_emission *given)
{
    struct gm_emission whole;
    if (!widen(call, given, &whole)) {
        return;
    }
    const struct type *own = call->lent != NULL ? call->lent : call->command->type;
    const struct type *type =
        whole.type == NULL ? own : type_of(own != NULL ? own->module : call->command->module, whole.type);
    if (whole.reserved != 0 || whole.reserved2 != 0) {
        call_fault(call, "emitted a record whose reserved fields are not zero");
        return;
    }
    if (whole.part_count > 0) {
        gather(call, &whole);
    }
    take(call, &whole, type);
}

/* Nothing about it needs a second look: a record of this host's own size and of the command's type, for a key that
 * holds that type or nothing. */
static inline bool is_usual(const struct call *call, const struct gm_emission *given, uint8_t number)
{
    uint32_t odd = (given->flags & ~(uint32_t)(KNOWN_FLAGS & ~GM_DELETE)) | given->part_count | given->reserved |
                   given->reserved2 | (given->size ^ (uint32_t)sizeof *given);
    if (odd != 0 || given->type != NULL || given->body.size > GM_VALUE_SIZE_MAX ||
        given->key >= call->request->bound.key_count) {
        return false;
    }
    uint32_t held = call->keys[given->key].held;
    return (held == number || held == 0) && call->request->bound.keys[given->key].written != 0;
}

/* Leaves everything that is not usual to others at its end: so it keeps no registers, and is half as long. */
void host_emit(struct gm_call *abi, const struct gm_emission *given)
{
    struct call *call = call_of(abi);
    const struct type *type = call->command->type;
    uint8_t number = type == NULL ? 0 : call->shard->types.numbers[type->index];
    if (__builtin_expect(number == 0 || !is_usual(call, given, number), 0)) {
        take_unusual(call, given);
        return;
    }
    uint32_t at = call->emission_count;
    if (__builtin_expect((given->flags & GM_BORROWED) == 0 || at >= CALL_KEYS_INLINE, 0)) {
        append(call, given, number);
        return;
    }
    struct gm_key *key = &call->keys[given->key];
    key->held = number;
    call->emissions = call->emissions_inline;
    call->emission_room = CALL_KEYS_INLINE;
    call->emission_count = at + 1;
    call->emission_size += emission_size(key->name.size, given->body.size);
    fill(&call->emissions_inline[at], given, given->body, number);
}

void host_emit_lent(struct gm_call *abi, const struct gm_emission *given)
{
    check(call_of(abi)->lent != NULL);
    take_unusual(call_of(abi), given);
}

void host_emit_delete(struct gm_call *abi, uint32_t key)
{
    struct call *call = call_of(abi);
    if (may_change(call, key)) {
        (void)call_emit(call, CALL_EMIT_DELETE, key, 0);
        call->keys[key].held = 0;
    }
}

void host_emit_expire(struct gm_call *abi, uint32_t key, int64_t at_ms)
{
    struct call *call = call_of(abi);
    if (may_change(call, key)) {
        call_emit(call, CALL_EMIT_EXPIRE, key, 0)->expire_at_ms = at_ms >= 0 ? at_ms : 1;
    }
}

void call_emit_rename(struct call *call, uint32_t source, uint32_t target)
{
    check(source < call->abi.key_count && target < call->abi.key_count);
    check(call_entry(call, source) != NULL);
    struct record_target to = {call->keys[target].name, call->caller.database};
    uint8_t *body = arena_alloc(&call->worker->arena, 2 + to.key.size);
    struct call_emission *emission = call_emit(call, CALL_EMIT_RENAME, source, 2 + to.key.size);
    emission->body = record_target_body(&to, body);
    emission->target = target;
}

void call_emit_move(struct call *call, uint32_t key, uint32_t database)
{
    check(call_entry(call, key) != NULL && database < call->shard->databases.count);
    check(database != call->caller.database);
    struct record_target to = {call->keys[key].name, (uint16_t)database};
    uint8_t *body = arena_alloc(&call->worker->arena, 2 + to.key.size);
    struct call_emission *emission = call_emit(call, CALL_EMIT_MOVE, key, 2 + to.key.size);
    emission->body = record_target_body(&to, body);
    emission->target = database;
}

void call_emit_databases(struct call *call, enum call_emission_kind kind, uint32_t database, uint32_t other)
{
    check(database < call->shard->databases.count && other < call->shard->databases.count);
    struct call_emission *emission = call_emit(call, kind, 0, 2);
    emission->target = database;
    if (kind == CALL_EMIT_SWAP) {
        check(database != other);
        emission->body = record_swap_body((uint16_t)other, arena_alloc(&call->worker->arena, 2));
    }
}

void call_emit_copy(struct call *call, uint32_t source, struct call_target target, struct build *build,
                    const char *event)
{
    check(source < call->abi.key_count && target.key < call->abi.key_count && call_entry(call, source) != NULL);
    struct record_target from = {call->keys[source].name, call->caller.database};
    uint8_t *body = arena_alloc(&call->worker->arena, 2 + from.key.size);
    struct call_emission *emission = call_emit(call, CALL_EMIT_COPY, target.key, 2 + from.key.size);
    emission->body = record_target_body(&from, body);
    emission->target = target.database;
    emission->event = event;
    emission->build = build;
}
