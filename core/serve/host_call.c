/* SPDX-License-Identifier: MIT */

/* host_call.c - the host's side of geomys/call.h: replies, memory and chance for the plan under way; host_emit.c has
 * the emissions. */
#include "base/memory.h"
#include "geomys/ext/wait.h"
#include "serve/call.h"
#include "serve/notify.h"

/* ---- replies ---- */

static void lend_status(struct gm_call *abi, const char *text)
{
    if (__builtin_expect(text == NULL, 0)) {
        call_fault(call_of(abi), "gave a status without a text");
        return;
    }
    reply_status(&call_of(abi)->reply, text);
}

static void lend_error(struct gm_call *abi, const char *text)
{
    if (__builtin_expect(text == NULL || text[0] == '\0', 0)) {
        call_fault(call_of(abi), "gave an error without a text");
        return;
    }
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
    if (__builtin_expect(bytes.data == NULL && bytes.size > 0, 0)) {
        call_fault(call_of(abi), "answered with %zu bytes at NULL", bytes.size);
        return;
    }
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

void call_lacks(struct call *call, const char *error)
{
    call->needs.lack = call->needs.lack != NULL ? call->needs.lack : error;
    call->reply.bad = true; /* whatever else it says: exec.c makes the error the answer */
}

_Static_assert(GM_SCRATCH_SURE <= ARENA_CHUNK, "such a piece is always given");

static void *lend_scratch_raw(struct gm_call *abi, size_t size)
{
    struct call *call = call_of(abi);
    if (size > GM_SCRATCH_MAX - call->needs.scratch) {
        call_lacks(call, "OOM this command needs more than 1 GiB of memory for itself: nothing was changed by it; ask "
                         "for less at a time");
        return NULL;
    }
    void *memory = arena_try(&call->worker->arena, size);
    if (memory == NULL) {
        call_lacks(call, CALL_NO_MEMORY);
        return NULL;
    }
    call->needs.scratch += size;
    return memory;
}

#define LARGE ((size_t)1024 * 1024) /* bytes from which on the system is asked */

bool call_affords(struct call *call, uint64_t bytes)
{
    if (__builtin_add_overflow(call->needs.afforded, bytes, &call->needs.afforded)) {
        call->needs.afforded = UINT64_MAX;
    }
    if (!evict_affords(call->shard, call->needs.afforded)) {
        call_lacks(call, EVICT_REFUSAL);
        return false;
    }
    if (call->needs.afforded > LARGE && !memory_is_there(call->needs.afforded)) {
        call_lacks(call, CALL_NO_MEMORY);
        return false;
    }
    return true;
}

static bool lend_afford(struct gm_call *abi, uint64_t bytes)
{
    return call_affords(call_of(abi), bytes);
}

static void *lend_scratch(struct gm_call *abi, size_t size)
{
    void *memory = lend_scratch_raw(abi, size);
    return memory != NULL ? memset(memory, 0, size) : NULL;
}

static uint64_t lend_random(struct gm_call *abi)
{
    return prng_next(&call_of(abi)->shard->prng);
}

static void lend_miss(struct gm_call *abi, uint32_t key)
{
    const struct call *call = call_of(abi);
    if (key >= abi->key_count) {
        call_fault(call_of(abi), "says that a key is missing which it does not have");
    } else if (notify_misses(&call->worker->notify)) {
        notify_miss(call, key);
    }
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
    .emit = host_emit,
    .emit_delete = host_emit_delete,
    .emit_expire = host_emit_expire,
    .scalar = lend_scalar,
    .scratch = lend_scratch,
    .random = lend_random,
    .miss = lend_miss,
    .scratch_raw = lend_scratch_raw,
    .afford = lend_afford,
};
