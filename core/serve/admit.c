/* SPDX-License-Identifier: MIT */

/* admit.c - the door: known? allowed? now? well-formed? the right types?
 *
 * The order is the one that clients of Redis see: unknown command, arity, password, loading, memory, MULTI, a full
 * disk, arguments, keys. A key that has expired is removed here, by decision and logged, before anybody looks at it. */
#include "serve/admit.h"

#include <stdio.h>

#include "serve/monitor.h"
#include "shard/apply.h"
#include "shard/sweep.h"
#include "store/slot.h"

static uint32_t flags_of(const struct call *call)
{
    return call->command->abi->flags;
}

static bool refuse(struct call *call, const char *error)
{
    reply_error(&call->reply, error);
    if (call->command != NULL) {
        call->shard->command_stats[call->command->index].rejected++;
    }
    if (call->session->multi && !call->nested) {
        call->session->multi_failed = true;
    }
    return false;
}

/* What a Redis finds out while it carries the command out: so it counts as a call that failed. */
static bool fail(struct call *call, const char *error)
{
    reply_error(&call->reply, error);
    admit_count(call);
    return false;
}

/* ---- which command ---- */

static bool refuse_unknown(struct call *call, const struct registry_lookup *lookup)
{
    char text[512];
    const struct gm_bytes *argv = call->abi.argv;
    if (lookup->outcome == REGISTRY_MISSING_SUB) {
        (void)snprintf(text, sizeof text, USAGE_ARITY_TEXT, lookup->entry->name);
        return refuse(call, text);
    }
    if (lookup->outcome == REGISTRY_UNKNOWN_SUB) {
        int size = argv[1].size < 128 ? (int)argv[1].size : 128;
        char name[sizeof lookup->entry->name] = "";
        for (uint32_t i = 0; i < lookup->entry->name_size; i++) {
            char c = lookup->entry->name[i];
            name[i] = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
        }
        (void)snprintf(text, sizeof text, "ERR unknown subcommand '%.*s'. Try %s HELP.", size,
                       (const char *)argv[1].data, name);
        return refuse(call, text);
    }
    int size = argv[0].size < 128 ? (int)argv[0].size : 128;
    int used = snprintf(text, sizeof text, "ERR unknown command '%.*s', with args beginning with: ", size,
                        (const char *)argv[0].data);
    for (uint32_t i = 1; i < call->abi.argc && used > 0 && used < 300; i++) {
        size = argv[i].size < 64 ? (int)argv[i].size : 64;
        used += snprintf(text + used, sizeof text - (size_t)used, "'%.*s' ", size, (const char *)argv[i].data);
    }
    return refuse(call, text);
}

static bool refuse_arity(struct call *call)
{
    char text[160];
    (void)snprintf(text, sizeof text, USAGE_ARITY_TEXT, call->command->usage.name);
    return refuse(call, text);
}

static bool find_command(struct call *call)
{
    struct registry_lookup lookup = registry_find(call->shard->registry, call->abi.argv, call->abi.argc);
    if (__builtin_expect(lookup.outcome != REGISTRY_FOUND, 0)) {
        return refuse_unknown(call, &lookup);
    }
    call->command = lookup.command;
    call->abi.interfaces = lookup.command->interfaces;
    call->session->last_command = lookup.command->usage.name;
    const struct usage *usage = &lookup.command->usage;
    if (call->abi.argc < usage->min_argc || (call->abi.argc > usage->max_argc && !usage->has_options)) {
        return refuse_arity(call);
    }
    return true;
}

/* ---- whether it may run now ---- */

static bool queue(struct call *call)
{
    struct session *session = call->session;
    if ((flags_of(call) & CALL_NO_MULTI) != 0) {
        return refuse(call, "ERR Command not allowed inside a transaction");
    }
    size_t size = session_call_size(call->abi.argv, call->abi.argc);
    if (size > call->shard->options.queue_max - session->queue_size) {
        return refuse(call, "ERR the transaction is larger than client_query_limit");
    }
    struct session_call *kept = session_call_copy(call->abi.argv, call->abi.argc);
    *session->queue_end = kept;
    session->queue_end = &kept->next;
    session->queue_count++;
    session->queue_size += size;
    reply_status(&call->reply, "QUEUED");
    return false;
}

static bool refuse_listener(struct call *call)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
                   "in this context",
                   call->command->usage.name);
    return refuse(call, text);
}

static bool allowed(struct call *call)
{
    const struct shard *shard = call->shard;
    const struct session *session = call->session;
    uint32_t flags = flags_of(call);
    if (!session->authenticated && (flags & CALL_NO_AUTH) == 0) {
        return refuse(call, "NOAUTH Authentication required.");
    }
    if (!session->resp3 && session_listens(session) && (flags & CALL_SUBSCRIBED) == 0) {
        return refuse_listener(call);
    }
    if (shard->loading && (flags & CALL_LOADING) == 0) {
        return refuse(call, "LOADING Geomys is loading the dataset in memory");
    }
    if (evict_is_over(&shard->evict, &shard->keyspace) && evict_refuses_slow(call)) {
        return refuse(call, EVICT_REFUSAL);
    }
    if (session->multi && (flags & CALL_NO_QUEUE) == 0) {
        return queue(call);
    }
    if ((flags & GM_WRITE) != 0 && shard->wal != NULL && wal_full(shard->wal)) {
        return refuse(
            call,
            "DISKFULL the disk is full: writes are refused until there is space again; nothing acknowledged is lost");
    }
    return true;
}

/* ---- arguments ---- */

static bool bind_arguments(struct call *call)
{
    struct usage_bound *bound = &call->bound;
    bound->keys = call->places_inline;
    bound->key_room = CALL_KEYS_INLINE;
    bound->key_count = 0;
    enum usage_outcome outcome = command_bind(call->command, call->abi.argv, call->abi.argc, call->args, bound);
    if (outcome == USAGE_OK && __builtin_expect(bound->key_count > bound->key_room, 0)) {
        bound->key_room = bound->key_count;
        bound->keys = arena_alloc(&call->shard->arena, bound->key_count * sizeof *bound->keys);
        outcome = command_bind(call->command, call->abi.argv, call->abi.argc, call->args, bound);
        check(bound->key_count == bound->key_room);
    }
    switch (outcome) {
    case USAGE_OK:
        return true;
    case USAGE_ARITY:
        return refuse_arity(call);
    default:
        return fail(call, bound->error);
    }
}

/* ---- keys ---- */

/* Notes that the key is used, unless this is only a look at it. */
static void touch(const struct call *call, struct heat *heat, struct table_slot *slot)
{
    uint32_t flags = flags_of(call);
    if ((flags & CALL_NO_TOUCH) != 0 || (call->session->no_touch && (flags & CALL_TOUCH) == 0)) {
        return;
    }
    heat_use(heat, slot);
}

/* The slot of a key, NULL if it is absent or its time has come. */
static struct table_slot *find_slot(struct call *call, struct gm_bytes name, uint64_t hash)
{
    struct shard *shard = call->shard;
    struct table_slot *slot = keyspace_slot(&shard->keyspace, name, hash);
    if (slot == NULL) {
        return NULL;
    }
    struct entry *entry = table_element(slot);
    int64_t expire_at_ms = entry_expire_at(entry);
    if (__builtin_expect(expire_at_ms != 0 && expire_at_ms <= shard->now_ms, 0)) {
        if (shard_may_change(shard) && !sweep_defers(shard, entry)) {
            apply_expiry(shard, name, hash);
        } else {
            call->seen = UINT64_MAX; /* it is there, though nobody is to see it */
        }
        return NULL;
    }
    touch(call, &shard->keyspace.heat, slot);
    return slot;
}

/* What the entry is to the command; an error if the command does not take it. */
static const char *classify(const struct call *call, const struct entry *entry, struct gm_key *key)
{
    uint32_t flags = flags_of(call);
    if (__builtin_expect((entry->flags & ENTRY_FROZEN) != 0, 0)) {
        key->state = GM_KEY_OTHER;
        if ((flags & CALL_FROZEN) != 0) {
            return NULL;
        }
        return (entry->flags & ENTRY_DAMAGED) != 0
                   ? "DAMAGED the value of this key is damaged and kept aside; see the server's log, DEL removes it"
                   : "MODMISSING the module of this key's type is not loaded; its value is kept until it is";
    }
    const struct gm_type *type = shard_type_of(call->shard, entry)->abi;
    if (call->command->abi->type == type) {
        key->state = GM_KEY_OWN;
        key->cell = shard_cell(entry);
        return NULL;
    }
    if ((flags & (GM_ACCEPT_SCALAR | GM_ACCEPT_ANY)) != 0 && type->scalar != NULL) {
        key->state = GM_KEY_SCALAR;
        return NULL;
    }
    key->state = GM_KEY_OTHER;
    return (flags & GM_ACCEPT_ANY) != 0 ? NULL : "WRONGTYPE Operation against a key holding the wrong kind of value";
}

static const char *look_up(struct call *call, uint32_t i)
{
    struct gm_key *key = &call->keys[i];
    struct gm_bytes name = call->abi.argv[call->bound.keys[i].index];
    bool foreseen = name.size > 0 && name.data == call->shard->foreseen_key;
    uint64_t hash = foreseen ? call->shard->foreseen_hash : keyspace_hash(&call->shard->keyspace, name);
    *key = (struct gm_key){.name = name, .host_more = (const void *)(uintptr_t)hash};
    if (name.size > ENTRY_KEY_MAX) {
        return "ERR the key is longer than 65535 bytes";
    }
    struct table_slot *slot = find_slot(call, name, hash);
    struct session *session = call->session;
    uint64_t mark = gate_mark(&call->shard->gate, hash);
    session->turn_mark = mark > session->turn_mark ? mark : session->turn_mark;
    if (i == 0) {
        call->slot = slot;
    }
    if (slot == NULL) {
        return NULL;
    }
    struct entry *entry = table_element(slot);
    key->host = entry;
    key->expire_at_ms = entry_expire_at(entry);
    return classify(call, entry, key);
}

/* Whether the key that was looked up has a value of older code, which has gone over to the newest now: entries have
 * moved, so it is to be looked up again. */
static bool goes_over(struct call *call, uint32_t i)
{
    struct gm_key *key = &call->keys[i];
    bool gone_over = key->host != NULL && types_settle(call->shard, key->name, call_hash(call, i));
    call->seen = gone_over ? UINT64_MAX : call->seen;
    return gone_over;
}

/* An expiry found on the way removes an entry that an earlier key of the call may name too: look again then. */
static const char *look_up_keys(struct call *call)
{
    uint32_t count = call->bound.key_count;
    call->keys = call->keys_inline;
    if (__builtin_expect(count > CALL_KEYS_INLINE, 0)) {
        call->keys = arena_alloc(&call->shard->arena, count * sizeof *call->keys);
    }
    call->abi.keys = call->keys;
    call->abi.key_count = count;
    call->seen = call->shard->tail.last_sequence;
    for (uint32_t i = 0; i < count; i++) {
        const char *error = look_up(call, i);
        if (__builtin_expect(call->shard->types.settling, 0) && goes_over(call, i)) {
            i--; /* it is its turn again */
            continue;
        }
        if (__builtin_expect(call->timed_out, 0)) {
            call->keys[i].state = GM_KEY_ABSENT; /* there is nothing more to wait for: only the answer is wanted */
        } else if (__builtin_expect(error != NULL, 0)) {
            return error;
        }
    }
    return NULL;
}

static void count_hits(struct call *call)
{
    if ((flags_of(call) & GM_READ) != 0) {
        for (uint32_t i = 0; i < call->abi.key_count; i++) {
            *(call->keys[i].host != NULL ? &call->shard->stats.hits : &call->shard->stats.misses) += 1;
        }
    }
}

static void mark_global(struct call *call)
{
    if ((flags_of(call) & CALL_GLOBAL) != 0 && call->session->turn_mark < call->shard->tail.last_sequence) {
        call->session->turn_mark = call->shard->tail.last_sequence;
    }
}

bool admit(struct call *call)
{
    call->shard->stats.commands++;
    call->session->commands++;
    call->session->active_ms = call->shard->monotonic_ms;
    if (!find_command(call) || !allowed(call) || !bind_arguments(call)) {
        return false;
    }
    monitor_tell(call);
    const char *error = look_up_keys(call);
    if (error != NULL) {
        return fail(call, error);
    }
    count_hits(call);
    mark_global(call);
    return true;
}

bool admit_again(struct call *call)
{
    if (!find_command(call) || !bind_arguments(call)) {
        return false; /* its module has gone, or has another grammar now */
    }
    return look_up_keys(call) == NULL;
}

void admit_count(struct call *call)
{
    struct shard_command_stats *stats = &call->shard->command_stats[call->command->index];
    stats->calls++;
    stats->failed += call->reply.error;
    timing_count(call);
}
