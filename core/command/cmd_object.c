/* SPDX-License-Identifier: MIT */

/* cmd_object.c - OBJECT and PEEK: one value from outside: what it is, how it is kept, what it costs, how it looks.
 *
 * The words "frozen" (the module of its type is not loaded) and "damaged" (a record did not fit it) stand where an
 * encoding would, since such a value has none here. */
#include "command/cmd.h"
#include "command/cmd_entry.h"

#define PEEK_COUNT 10 /* elements, unless the caller says otherwise */

static const char *state_of(const struct entry *entry)
{
    if ((entry->flags & ENTRY_DAMAGED) != 0) {
        return "damaged";
    }
    return (entry->flags & ENTRY_FROZEN) != 0 ? "frozen" : "alive";
}

static bool is_readable(const struct entry *entry)
{
    return (entry->flags & ENTRY_FROZEN) == 0;
}

static const char *encoding_of(const struct shard *shard, const struct entry *entry)
{
    if (!is_readable(entry)) {
        return state_of(entry);
    }
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    struct gm_cell cell = shard_cell(entry);
    return type->encoding != NULL ? type->encoding(&cell) : "raw";
}

/* ---- OBJECT ---- */

static void plan_encoding(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct entry *entry = call_entry(call, 0);
    if (entry == NULL) {
        reply_null(&call->reply);
    } else {
        reply_text(&call->reply, encoding_of(call->shard, entry));
    }
}

static void plan_refcount(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    if (call_entry(call, 0) == NULL) {
        reply_null(&call->reply);
    } else {
        reply_int(&call->reply, 1);
    }
}

/* The slot of the key, NULL if it is not there: then the answer is given. */
static const struct table_slot *slot_of_key(struct call *call)
{
    const struct table_slot *slot = NULL;
    if (call_entry(call, 0) == NULL) {
        reply_null(&call->reply);
    } else {
        slot = keyspace_slot(call_keyspace(call), call->keys[0].name, call_hash(call, 0));
        check(slot != NULL);
    }
    return slot;
}

#define SWITCHING                                                                                                      \
    "Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

static void plan_freq(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct heat *heat = &call->shard->databases.ledger.heat;
    const struct table_slot *slot = slot_of_key(call);
    if (slot != NULL && !heat->frequency) {
        gm_reply_error(abi, "ERR An LFU maxmemory policy is not selected, access frequency not tracked. " SWITCHING);
    } else if (slot != NULL) {
        reply_int(&call->reply, heat_counter(heat, table_note(slot)));
    }
}

static void plan_idletime(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct heat *heat = &call->shard->databases.ledger.heat;
    const struct table_slot *slot = slot_of_key(call);
    if (slot != NULL && heat->frequency) {
        gm_reply_error(abi, "ERR An LFU maxmemory policy is selected, idle time not tracked. " SWITCHING);
    } else if (slot != NULL) {
        reply_int(&call->reply, heat_idle_s(heat, table_note(slot)));
    }
}

/* ---- PEEK ---- */

enum { KEY, PAGE, FROM, FIRST };

static void reply_module(struct reply *reply, const struct shard *shard, const struct entry *entry)
{
    const struct type *type = registry_type_named(shard->registry, gm_bytes_of(shard_type_of(shard, entry)->name));
    if (type == NULL) {
        reply_null(reply);
    } else {
        reply_text(reply, type->module->abi->name);
    }
}

static void reply_length(struct reply *reply, const struct shard *shard, const struct entry *entry)
{
    if (!is_readable(entry)) {
        reply_null(reply);
        return;
    }
    const struct gm_type *type = shard_type_of(shard, entry)->abi;
    struct gm_cell cell = shard_cell(entry);
    reply_int(reply, type->length != NULL ? (int64_t)type->length(&cell) : 1);
}

/* One element, by the type's own view; without one its text, if it has that. */
static void reply_value(struct gm_call *abi, const struct entry *entry)
{
    struct call *call = call_of(abi);
    const struct gm_type *type = shard_type_of(call->shard, entry)->abi;
    if (!is_readable(entry)) {
        reply_null(&call->reply);
        return;
    }
    if (type->view == NULL) {
        struct gm_bytes text = gm_scalar(abi, KEY);
        if (text.data != NULL) {
            reply_bytes(&call->reply, text);
        } else {
            reply_null(&call->reply);
        }
        return;
    }
    struct gm_cell cell = shard_cell(entry);
    uint64_t first = gm_given(abi, FROM) ? (uint64_t)gm_arg(abi, FIRST)->integer : 0;
    uint64_t count = gm_given(abi, PAGE) ? (uint64_t)gm_arg(abi, PAGE)->integer : PEEK_COUNT;
    type->view(&cell, first, count, abi);
    if (!reply_whole(&call->reply) && !call->out->full) {
        reply_errorf(&call->reply, "ERR the type %s showed its value incompletely", type->id);
    }
}

static void reply_about(struct call *call, const struct entry *entry)
{
    struct reply *reply = &call->reply;
    reply_text(reply, "type");
    reply_text(reply, cmd_entry_type_name(call->shard, entry));
    reply_text(reply, "id");
    reply_text(reply, shard_type_of(call->shard, entry)->name);
    reply_text(reply, "module");
    reply_module(reply, call->shard, entry);
    reply_text(reply, "state");
    reply_text(reply, state_of(entry));
    reply_text(reply, "encoding");
    reply_text(reply, encoding_of(call->shard, entry));
    reply_text(reply, "expiry");
    if (entry_expire_at(entry) == 0) {
        reply_null(reply);
    } else {
        reply_int(reply, entry_expire_at(entry));
    }
    reply_text(reply, "length");
    reply_length(reply, call->shard, entry);
    reply_text(reply, "memory");
    reply_int(reply, (int64_t)cmd_entry_memory(call->shard, call_keyspace(call), entry));
}

/* The value is the last element of the map: a view that says too little or too much can be told by what is owed. */
static void plan_peek(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    const struct entry *entry = call_entry(call, KEY);
    if (entry == NULL) {
        reply_null(&call->reply);
        return;
    }
    reply_map(&call->reply, 9);
    reply_about(call, entry);
    reply_text(&call->reply, "value");
    reply_value(abi, entry);
}

/* ---- the table ---- */

#define LOOK (GM_READ | GM_ACCEPT_ANY | CALL_FROZEN | CALL_NO_TOUCH | CALL_NO_MISS)

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "OBJECT|ENCODING key", .flags = LOOK, .plan = plan_encoding, .complexity = "O(1)",
     .summary = "Tells how the value at a key is represented in memory.", .example = "OBJECT ENCODING cart:17"},
    {CMD_COMMAND, .usage = "OBJECT|REFCOUNT key", .flags = LOOK, .plan = plan_refcount, .complexity = "O(1)",
     .summary = "Replies with 1 if the key exists: values are not shared.", .example = "OBJECT REFCOUNT cart:17"},
    {CMD_COMMAND, .usage = "OBJECT|FREQ key", .flags = LOOK, .plan = plan_freq, .complexity = "O(1)",
     .summary = "Tells how often a key was used, as a logarithm, where maxmemory_policy is one of frequency (lfu).",
     .example = "OBJECT FREQ cart:17"},
    {CMD_COMMAND, .usage = "OBJECT|IDLETIME key", .flags = LOOK, .plan = plan_idletime, .complexity = "O(1)",
     .summary = "Tells how many seconds ago a key was used, unless maxmemory_policy is one of frequency (lfu).",
     .example = "OBJECT IDLETIME cart:17"},
    CMD_HELP("OBJECT", GM_READ | CALL_LOADING),
    {CMD_COMMAND, .usage = "PEEK key [count:count] [FROM first:count]", .flags = LOOK, .plan = plan_peek,
     .complexity = "O(count)",
     .summary =
         "Shows whatever is at a key, of any type, to a person: what it is, what it costs, and a page of its elements.",
     .example = "PEEK cart:17 20"},
};

CMD_MODULE(cmd_object, .name = "geomys.object", .group = "generic", .summary = "Tells about one value from outside.");
