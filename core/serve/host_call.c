/* SPDX-License-Identifier: MIT */

/* host_call.c - the host's side of geomys/call.h: replies, memory and chance for the plan under way; host_emit.c has
 * the emissions. */
#include "base/memory.h"
#include "geomys/ext/wait.h"
#include "serve/call.h"
#include "serve/elements.h"
#include "serve/first.h"
#include "serve/lookup.h"
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

_Static_assert(GM_REPLY_ARRAY == (int)REPLY_ARRAY && GM_REPLY_MAP == (int)REPLY_MAP && GM_REPLY_SET == (int)REPLY_SET &&
                   GM_REPLY_PAIRS == (int)REPLY_PAIRS && GM_REPLY_DEPTH_MAX == REPLY_DEPTH_MAX,
               "the ABI's words are the encoder's");

static void lend_begin(struct gm_call *abi, uint32_t kind)
{
    struct call *call = call_of(abi);
    if (kind >= REPLY_KINDS) {
        call_fault(call, "begins a reply of the kind %u, which this server does not know", kind);
    } else if (call->reply.open_count == REPLY_DEPTH_MAX) {
        call_fault(call, "begins more than %d containers in each other", REPLY_DEPTH_MAX);
    } else {
        reply_open(&call->reply, (enum reply_kind)kind);
    }
}

static void lend_end(struct gm_call *abi)
{
    reply_end(&call_of(abi)->reply);
}

static void lend_error_element(struct gm_call *abi, const char *text)
{
    struct call *call = call_of(abi);
    if (text == NULL || text[0] == '\0') {
        call_fault(call, "gave an error without a text");
    } else if (reply_is_blank(&call->reply)) {
        call_fault(call, "replies with nothing but an error that is an element");
    } else {
        reply_error_element(&call->reply, text);
    }
}

static uint32_t lend_protocol(struct gm_call *abi)
{
    return call_of(abi)->reply.resp3 ? 3 : 2;
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

static int64_t lend_outcome(struct gm_call *abi, uint32_t emission)
{
    struct call *call = call_of(abi);
    if (!call->answering) {
        call_fault(call, "asks for the outcome of what it has not changed yet");
        return 0;
    }
    return emission < call->outcome_count ? call->outcomes[emission] : 0;
}

static const bool *lend_first(struct gm_call *abi, uint32_t arg)
{
    struct call *call = call_of(abi);
    const struct gm_arg *found = arg < call->command->usage.leaf_count ? gm_arg(abi, arg) : NULL;
    if (found == NULL || (found->count > 1 && found->stride == 0)) {
        call_fault(call, "asks for the first occurrences of its argument number %u, which has no stride", arg);
        return NULL;
    }
    const bool *first = first_of(abi->argv, found, &call->shard->databases, &call->worker->arena);
    if (first == NULL) {
        call_lacks(call, CALL_NO_MEMORY);
    }
    return first;
}

static void lend_value(struct gm_call *abi, uint32_t arg, uint32_t k, struct gm_arg *out)
{
    struct call *call = call_of(abi);
    const struct usage *usage = &call->command->usage;
    const struct gm_arg *found = arg < usage->leaf_count ? gm_arg(abi, arg) : NULL;
    *out = (struct gm_arg){0};
    if (found == NULL || k >= found->count || (k > 0 && found->stride == 0)) {
        call_fault(call, "asks for occurrence %u of its argument number %u, which the call does not have", k, arg);
    } else if (k == 0) {
        *out = *found;
    } else {
        (void)usage_read(usage, arg, abi->argv[found->first + k * found->stride],
                         out); /* it was read before: it fits */
    }
}

static const struct gm_secret *lend_secret(struct gm_call *abi)
{
    return &call_of(abi)->shard->secret;
}

static uint32_t lend_key_add(struct gm_call *abi, struct gm_bytes name)
{
    struct call *call = call_of(abi);
    if (call->answering || (name.data == NULL && name.size > 0)) {
        call_fault(call, call->answering ? "asks for a key in its answer" : "asks for a key whose name is at NULL");
        return GM_KEY_NONE;
    }
    return lookup_added(call, name);
}

/* NULL, and the call is refused: its module has no such setting. */
static const union tuning_value *setting_of(struct gm_call *abi, uint32_t setting, bool number)
{
    struct call *call = call_of(abi);
    const struct module *module = call->command->module;
    if (setting >= module->setting_count) {
        call_fault(call, "asks for its module's setting number %u, of %u", setting, module->setting_count);
        return NULL;
    }
    if ((module->settings[setting].abi->kind == GM_SETTING_NUMBER) != number) {
        call_fault(call, "asks for the setting '%s' by gm_setting_%s, which is for other kinds",
                   module->settings[setting].abi->name, number ? "number" : "int");
        return NULL;
    }
    return tuning_at(call->worker->tuning, module, setting);
}

static int64_t lend_setting_int(struct gm_call *abi, uint32_t setting)
{
    const union tuning_value *value = setting_of(abi, setting, false);
    return value != NULL ? value->integer : 0;
}

static double lend_setting_number(struct gm_call *abi, uint32_t setting)
{
    const union tuning_value *value = setting_of(abi, setting, true);
    return value != NULL ? value->number : 0;
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
    .reply_begin = lend_begin,
    .reply_end = lend_end,
    .reply_error_element = lend_error_element,
    .protocol = lend_protocol,
    .outcome_of = lend_outcome,
    .first = lend_first,
    .value = lend_value,
    .secret = lend_secret,
    .walk = elements_walk,
    .emit_elements = elements_emit,
    .key_add = lend_key_add,
    .setting_int = lend_setting_int,
    .setting_number = lend_setting_number,
};
