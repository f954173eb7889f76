/* SPDX-License-Identifier: MIT */

/* host_call.c - the host's side of geomys/call.h: replies, emissions, memory and chance for the plan under way. */
#include "base/memory.h"
#include "geomys/ext/wait.h"
#include "serve/call.h"
#include "shard/dump.h"

/* ---- replies ---- */

static void lend_status(struct gm_call *abi, const char *text)
{
    reply_status(&call_of(abi)->reply, text);
}

static void lend_error(struct gm_call *abi, const char *text)
{
    reply_error(&call_of(abi)->reply, text);
}

static void lend_int(struct gm_call *abi, int64_t number)
{
    reply_int(&call_of(abi)->reply, number);
}

static void lend_double(struct gm_call *abi, double number)
{
    reply_double(&call_of(abi)->reply, number);
}

static void lend_bool(struct gm_call *abi, bool truth)
{
    reply_bool(&call_of(abi)->reply, truth);
}

static void lend_bytes(struct gm_call *abi, struct gm_bytes bytes)
{
    reply_bytes(&call_of(abi)->reply, bytes);
}

static void lend_null(struct gm_call *abi)
{
    reply_null(&call_of(abi)->reply);
}

static void lend_null_array(struct gm_call *abi)
{
    reply_null_array(&call_of(abi)->reply);
}

static void lend_array(struct gm_call *abi, size_t count)
{
    reply_array(&call_of(abi)->reply, count);
}

static void lend_map(struct gm_call *abi, size_t pairs)
{
    reply_map(&call_of(abi)->reply, pairs);
}

static void lend_set(struct gm_call *abi, size_t count)
{
    reply_set(&call_of(abi)->reply, count);
}

/* ---- emissions ---- */

struct call_emission *call_emit(struct call *call, enum call_emission_kind kind, uint32_t key, size_t body_size)
{
    check(kind == CALL_EMIT_FLUSH || key < call->abi.key_count);
    if (call->emission_count == 0) {
        call->emissions = call->emissions_inline;
        call->emission_room = CALL_KEYS_INLINE;
    } else if (call->emission_count == call->emission_room) {
        size_t size = call->emission_room * sizeof *call->emissions;
        struct call_emission *more = arena_alloc(&call->worker->arena, size * 2);
        memcpy(more, call->emissions, size);
        call->emissions = more;
        call->emission_room *= 2;
    }
    check_slow(call->emission_count < call->emission_room);
    size_t key_size = kind == CALL_EMIT_FLUSH ? 0 : call->keys[key].name.size;
    call->emission_size += RECORD_HEADER_SIZE + 16 + key_size + body_size;
    struct call_emission *emission = &call->emissions[call->emission_count++];
    *emission = (struct call_emission){.abi = {.key = key}, .kind = kind};
    return emission;
}

static struct gm_bytes kept(struct call *call, struct gm_bytes bytes)
{
    if (bytes.size == 0) {
        return BYTES_NONE;
    }
    uint8_t *copy = arena_alloc(&call->worker->arena, bytes.size);
    return (struct gm_bytes){memcpy(copy, bytes.data, bytes.size), bytes.size};
}

static void refuse_emission(struct call *call)
{
    reply_errorf(&call->reply, "ERR the module %s emitted a record that is not possible",
                 call->command->module->abi->name);
}

static void lend_emit(struct gm_call *abi, const struct gm_emission *given)
{
    struct call *call = call_of(abi);
    if (given->body.size > GM_VALUE_SIZE_MAX || given->key >= abi->key_count || call->command->type == NULL) {
        refuse_emission(call);
        return;
    }
    struct call_emission *emission = call_emit(call, CALL_EMIT_RECORD, given->key, given->body.size);
    emission->abi = *given;
    if ((given->flags & GM_BORROWED) == 0) {
        emission->abi.body = kept(call, given->body);
    }
    emission->type = call->shard->types.numbers[call->command->type->index];
    check_slow(emission->type != 0);
}

static void lend_emit_delete(struct gm_call *abi, uint32_t key)
{
    if (key >= abi->key_count) {
        refuse_emission(call_of(abi));
        return;
    }
    (void)call_emit(call_of(abi), CALL_EMIT_DELETE, key, 0);
}

static void lend_emit_expire(struct gm_call *abi, uint32_t key, int64_t at_ms)
{
    if (key >= abi->key_count) {
        refuse_emission(call_of(abi));
        return;
    }
    call_emit(call_of(abi), CALL_EMIT_EXPIRE, key, 0)->abi.expire_at_ms = at_ms >= 0 ? at_ms : 1;
}

/* ---- copies of values ---- */

struct copier {
    struct gm_sink sink;
    struct call *call;
    const struct entry *entry;
    uint32_t target;
    bool begun;
};

static void copy_record(struct gm_sink *sink, uint16_t op, struct gm_bytes body)
{
    struct copier *copier = container_of(sink, struct copier, sink);
    struct call_emission *emission = call_emit(copier->call, CALL_EMIT_DUMPED, copier->target, body.size);
    emission->type = copier->call->shard->types.now[copier->entry->type];
    emission->abi.op = op;
    emission->abi.body = kept(copier->call, body);
    if (!copier->begun) {
        copier->begun = true;
        emission->abi.flags = GM_FRESH | GM_EXPIRE;
        emission->abi.expire_at_ms = entry_expire_at(copier->entry);
    }
}

bool call_emit_copy(struct call *call, uint32_t source, uint32_t target)
{
    check(call_entry(call, source) != NULL);
    check(source < call->abi.key_count && target < call->abi.key_count);
    struct copier copier = {
        .sink = {.record = copy_record}, .call = call, .entry = call_entry(call, source), .target = target};
    if (dump_value(call->shard, copier.entry, &copier.sink)) {
        return true;
    }
    reply_errorf(&call->reply, "ERR the type %s does not dump this value: nothing was changed",
                 shard_type_of(call->shard, copier.entry)->name);
    return false;
}

/* ---- reading ---- */

static struct gm_bytes lend_scalar(struct gm_call *abi, uint32_t key)
{
    struct call *call = call_of(abi);
    const struct entry *entry = key < abi->key_count ? call_entry(call, key) : NULL;
    if (entry == NULL || (entry->flags & ENTRY_FROZEN) != 0) {
        return BYTES_NONE;
    }
    const struct gm_type *type = shard_type_of(call->shard, entry)->abi;
    if (type->scalar == NULL) {
        return BYTES_NONE;
    }
    struct gm_cell cell = shard_cell(entry);
    return type->scalar(&cell, arena_alloc(&call->worker->arena, GM_SCALAR_SCRATCH));
}

static void *lend_scratch(struct gm_call *abi, size_t size)
{
    struct call *call = call_of(abi);
    if (size > GM_VALUE_SIZE_MAX + 64) {
        size = GM_VALUE_SIZE_MAX + 64;
    }
    return memset(arena_alloc(&call->worker->arena, size), 0, size);
}

static uint64_t lend_random(struct gm_call *abi)
{
    return prng_next(&call_of(abi)->shard->prng);
}

const struct gm_call_ops host_call_ops = {
    .size = sizeof(struct gm_call_ops),
    .reply_status = lend_status,
    .reply_error = lend_error,
    .reply_int = lend_int,
    .reply_double = lend_double,
    .reply_bool = lend_bool,
    .reply_bytes = lend_bytes,
    .reply_null = lend_null,
    .reply_null_array = lend_null_array,
    .reply_array = lend_array,
    .reply_map = lend_map,
    .reply_set = lend_set,
    .emit = lend_emit,
    .emit_delete = lend_emit_delete,
    .emit_expire = lend_emit_expire,
    .scalar = lend_scalar,
    .scratch = lend_scratch,
    .random = lend_random,
};
