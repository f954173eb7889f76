/* SPDX-License-Identifier: MIT */

/* admit.c - the door: known? allowed? now? well-formed? the right types?
 *
 * The order is the one that clients of Redis see: unknown command, arity, password, loading, memory, MULTI, a full
 * disk, arguments, keys. A key that has expired is removed here, by decision and logged, before anybody looks at it. */
#include "serve/admit.h"

#include <stdio.h>

#include "serve/count.h"
#include "serve/monitor.h"
#include "serve/notify.h"
#include "shard/apply.h"
#include "shard/settle.h"

static uint32_t flags_of(const struct call *call)
{
    return call->command->abi->flags;
}

static bool refuse(struct call *call, const char *error)
{
    check_slow(call->emission_count == 0); /* nothing is planned yet */
    reply_error(&call->reply, error);
    if (call->command != NULL) {
        count_refused(call);
    }
    struct session *session = call->caller.session;
    if (session != NULL && session->transaction.open && !call->nested) {
        session->transaction.failed = true;
    }
    return false;
}

/* What a Redis finds out while it carries the command out: so it counts as a call that failed. */
static bool fail(struct call *call, const char *error)
{
    check_slow(call->emission_count == 0);
    reply_error(&call->reply, error);
    count_call(call);
    return false;
}

/* ---- which command ---- */

#define UNKNOWN_SHOWN 128 /* bytes of a name that is not known, and about as many of what follows it, as in Redis */

/* Whether the container has a sub-command HELP. */
static bool has_help(const struct registry_entry *entry)
{
    for (uint32_t i = 0; i < entry->sub_count; i++) {
        const char *name = entry->subs[i]->usage.name;
        if (strcmp(name + entry->name_size, "|help") == 0) {
            return true;
        }
    }
    return false;
}

static bool refuse_unknown(struct call *call)
{
    check(call->command == NULL);
    const struct registry_lookup *lookup = &call->request->lookup;
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
        bool helps = has_help(lookup->entry);
        (void)snprintf(text, sizeof text, "ERR unknown subcommand '%.*s'.%s%s%s", size, (const char *)argv[1].data,
                       helps ? " Try " : "", helps ? name : "", helps ? " HELP." : "");
        return refuse(call, text);
    }
    int size = argv[0].size < UNKNOWN_SHOWN ? (int)argv[0].size : UNKNOWN_SHOWN;
    int used = snprintf(text, sizeof text, "ERR unknown command '%.*s', with args beginning with: ", size,
                        (const char *)argv[0].data);
    int left = UNKNOWN_SHOWN;
    for (uint32_t i = 1; i < call->abi.argc && left > 0; i++) {
        size = argv[i].size < (size_t)left ? (int)argv[i].size : left;
        int wrote = snprintf(text + used, sizeof text - (size_t)used, "'%.*s' ", size, (const char *)argv[i].data);
        used += wrote;
        left -= wrote;
    }
    return refuse(call, text);
}

static bool refuse_arity(struct call *call)
{
    char text[160];
    (void)snprintf(text, sizeof text, USAGE_ARITY_TEXT, call->command->usage.name);
    return refuse(call, text);
}

/* Whether there is such a command, and it can have so many words. */
static bool is_known(struct call *call)
{
    if (__builtin_expect(call->command == NULL, 0)) {
        return refuse_unknown(call);
    }
    const struct usage *usage = &call->command->usage;
    if (call->abi.argc < usage->min_argc || (call->abi.argc > usage->max_argc && !usage->has_options)) {
        return refuse_arity(call);
    }
    return true;
}

/* ---- whether it may run now ---- */

static bool queue(struct call *call)
{
    check(!call->nested);
    struct transaction *transaction = &call->caller.session->transaction;
    if ((flags_of(call) & CALL_NO_MULTI) != 0) {
        return refuse(call, "ERR Command not allowed inside a transaction");
    }
    if (!transaction_queue(transaction, call->request, call->worker->options.queue_max)) {
        return refuse(call, "ERR the transaction is larger than client_query_limit");
    }
    if ((flags_of(call) & CALL_SELECTS) != 0 && request_is_sound(call->request)) {
        transaction_choose(transaction, call->request->args[0].integer);
    }
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

/* The connection's own reasons. */
static bool refuse_session(struct call *call)
{
    const struct session *session = call->caller.session;
    uint32_t flags = flags_of(call);
    if (session == NULL) {
        return (flags & CALL_SESSION) != 0 &&
               !refuse(call, "ERR this command is about the connection: send it to the node that you are connected to");
    }
    return !call->caller.resp3 && session_listens(session) && (flags & CALL_SUBSCRIBED) == 0 && !refuse_listener(call);
}

static bool is_queueing(const struct call *call)
{
    const struct session *session = call->caller.session;
    return session != NULL && session->transaction.open && (flags_of(call) & CALL_NO_QUEUE) == 0;
}

/* Whether there is no memory for it: some is made if that is possible. Not within a transaction. */
static bool lacks_memory(struct call *call)
{
    struct shard *shard = call->shard;
    if (!evict_is_over(&shard->evict, &shard->databases.ledger)) {
        return false;
    }
    if (call->nested) {
        return (flags_of(call) & GM_GROWS) != 0 && !evict_goes_on(shard);
    }
    if (evict_make_room(shard)) {
        return false;
    }
    return is_queueing(call) || (flags_of(call) & GM_GROWS) != 0;
}

static bool is_allowed(struct call *call)
{
    uint32_t flags = flags_of(call);
    if (call->caller.user == NULL && (flags & CALL_NO_AUTH) == 0) {
        return refuse(call, "NOAUTH Authentication required.");
    }
    if (refuse_session(call)) {
        return false;
    }
    if (shard_is_loading(call->shard) && (flags & CALL_LOADING) == 0) {
        return refuse(call, shard_refusal_text(SHARD_IS_LOADING));
    }
    if (lacks_memory(call)) {
        return refuse(call, EVICT_REFUSAL);
    }
    if (is_queueing(call)) {
        return queue(call);
    }
    enum shard_refusal refusal = (flags & GM_WRITE) != 0 ? shard_refusal(call->shard) : SHARD_OPEN;
    return refusal == SHARD_OPEN || refuse(call, shard_refusal_text(refusal));
}

/* ---- arguments ---- */

/* Where clients know another text than "ERR syntax error". */
static bool fail_unfit(struct call *call)
{
    const char *text = call->command->abi->unfit;
    uint32_t at = call->request->bound.at < call->abi.argc ? call->request->bound.at : call->abi.argc - 1;
    struct gm_bytes word = call->abi.argv[at];
    const char *place = strchr(text, '%');
    if (place == NULL) {
        return fail(call, text);
    }
    char line[768];
    (void)snprintf(line, sizeof line, "%.*s%.*s%s", (int)(place - text), text, (int)(word.size < 128 ? word.size : 128),
                   (const char *)word.data, place + 1);
    return fail(call, line);
}

static bool is_well_formed(struct call *call)
{
    check(call->command != NULL);
    if (call->request->outcome == USAGE_SYNTAX && call->command->abi->unfit != NULL) {
        return fail_unfit(call);
    }
    switch (call->request->outcome) {
    case USAGE_OK:
        return true;
    case USAGE_ARITY:
        return refuse_arity(call);
    default:
        return fail(call, call->request->bound.error);
    }
}

/* ---- keys ---- */

/* Notes that the key is used, unless this is only a look at it. */
static void touch(const struct call *call, struct heat *heat, struct table_slot *slot)
{
    uint32_t flags = flags_of(call);
    if ((flags & CALL_NO_TOUCH) != 0 || (call->caller.no_touch && (flags & CALL_TOUCH) == 0)) {
        return;
    }
    heat_use(heat, slot);
}

/* Whether the open batch, if there is one, still takes the record that removes the key. */
static bool takes_expiry(const struct call *call, struct gm_bytes name)
{
    struct record record = {.op = RECORD_OP_EXPIRED, .flags = RECORD_REMOVES, .key = name};
    return record_size(&record) <= tail_room(&call->shard->tail);
}

/* The slot of a key, NULL if it is absent or its time has come; or, with an error, it cannot be removed now. */
static struct table_slot *find_slot(struct call *call, struct gm_bytes name, uint64_t hash, const char **error)
{
    struct shard *shard = call->shard;
    const struct keyspace *keyspace = call_keyspace(call);
    struct table_slot *slot = keyspace_slot(keyspace, name, hash);
    if (slot == NULL) {
        return NULL;
    }
    struct entry *entry = table_element(slot);
    int64_t expire_at_ms = entry_expire_at(entry);
    if (__builtin_expect(expire_at_ms != 0 && expire_at_ms <= shard->now_ms, 0)) {
        if (call->nested && !takes_expiry(call, name)) {
            *error = CALL_TOO_LARGE;
            call->seen = UINT64_MAX;
        } else if (shard_may_change(shard) && !shard_delays(shard, keyspace, entry)) {
            apply_expiry(shard, keyspace->number, name, hash);
        } else {
            call->seen = UINT64_MAX; /* it is there, though nobody is to see it */
        }
        return NULL;
    }
    check_slow(gm_bytes_equal(entry_key(entry), name));
    touch(call, &shard->databases.ledger.heat, slot);
    return slot;
}

static const char *refuse_frozen(const struct shard *shard, const struct entry *entry)
{
    if ((entry->flags & ENTRY_DAMAGED) != 0) {
        return "DAMAGED the value of this key is damaged and kept aside; see the server's log, DEL removes it";
    }
    return shard_type_of(shard, entry)->abi == NULL
               ? "MODMISSING the module of this key's type is not loaded; its value is kept until it is"
               : "MODMISSING the value of this key needs a newer version of its module; it is kept until that is "
                 "loaded";
}

/* What the entry is to the command; an error if the command does not take it. */
static const char *classify(const struct call *call, const struct entry *entry, struct gm_key *key)
{
    check_slow(shard_type_of(call->shard, entry)->abi != NULL || (entry->flags & ENTRY_FROZEN) != 0); /* call P3 */
    uint32_t flags = flags_of(call);
    if (__builtin_expect((entry->flags & ENTRY_FROZEN) != 0, 0)) {
        key->state = GM_KEY_OTHER;
        if ((flags & CALL_FROZEN) != 0) {
            return NULL;
        }
        return refuse_frozen(call->shard, entry);
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
    struct gm_bytes name = request_key(call->request, i);
    uint64_t hash = request_hash(call->request, &call->shard->databases, i);
    *key = (struct gm_key){.name = name, .host_more = (const void *)(uintptr_t)hash};
    if (name.size > ENTRY_KEY_MAX) {
        return "ERR the key is longer than 65535 bytes";
    }
    const char *error = NULL;
    struct table_slot *slot = find_slot(call, name, hash, &error);
    call_depends(call, gate_mark(&call->shard->gate, hash));
    if (i == 0) {
        call->slot = slot;
    }
    if (slot == NULL) {
        return error;
    }
    struct entry *entry = table_element(slot);
    key->host = entry;
    key->held = entry->type;
    key->expire_at_ms = entry_expire_at(entry);
    return classify(call, entry, key);
}

/* Whether the key that was looked up has a value of older code, which has gone over to the newest now: entries have
 * moved, so it is to be looked up again. */
static bool goes_over(struct call *call, uint32_t i)
{
    struct gm_key *key = &call->keys[i];
    bool gone_over = key->host != NULL && settle_key(call->shard, call->caller.database, key->name, call_hash(call, i));
    call->seen = gone_over ? UINT64_MAX : call->seen;
    return gone_over;
}

/* An expiry found on the way removes an entry that an earlier key of the call may name too: look again then. */
static const char *look_up_keys(struct call *call)
{
    check_slow(request_is_sound(call->request)); /* call P1 */
    uint32_t count = call->request->bound.key_count;
    call->keys = call->keys_inline;
    if (__builtin_expect(count > CALL_KEYS_INLINE, 0)) {
        call->keys = arena_alloc(&call->worker->arena, count * sizeof *call->keys);
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

/* Each key that a command wants to read, and is not there. */
seldom static void tell_misses(const struct call *call)
{
    bool reads = (flags_of(call) & GM_READ) != 0;
    for (uint32_t i = 0; i < call->abi.key_count && (flags_of(call) & CALL_NO_MISS) == 0; i++) {
        bool read = reads || call->request->bound.keys[i].written == 0;
        if (read && call->keys[i].host == NULL) {
            notify_miss(call, i);
        }
    }
}

static void count_hits(struct call *call)
{
    struct meters_counts *counts = &call->worker->meters.counts;
    if (__builtin_expect(notify_misses(&call->worker->notify), 0)) {
        tell_misses(call);
    }
    if ((flags_of(call) & GM_READ) != 0) {
        for (uint32_t i = 0; i < call->abi.key_count; i++) {
            *(call->keys[i].host != NULL ? &counts->hits : &counts->misses) += 1;
        }
    }
}

/* The log is stuck, and what the call was to show is not as durable as its caller wants it: that is said. It counts for
 * a whole stripe of keys. */
seldom static bool refuse_what_waits(struct call *call)
{
    if (call->mark <= gate_released(&call->shard->gate, call->caller.level)) {
        return false;
    }
    bool full = shard_refusal(call->shard) == SHARD_IS_FULL;
    call->mark = 0; /* call I2 */
    return !fail(call, full ? "DISKFULL the disk is full, and the last change of this key may not be durable yet: ask "
                              "again when there is space"
                            : "MISCONF the log cannot be written for the moment, and the last change of this key may "
                              "not be durable yet: ask again when it can be");
}

/* The command comes, whatever becomes of it. */
static void remember_arrival(const struct call *call)
{
    struct session *session = call->caller.session;
    call->worker->meters.counts.commands++;
    if (session != NULL) {
        session->commands++;
        session->active_ms = call->worker->monotonic_ms;
        if (call->command != NULL) {
            session->last_command = call->command->usage.name;
        }
    }
}

bool admit(struct call *call)
{
    remember_arrival(call);
    bool sound = request_is_sound(call->request);
    if (__builtin_expect(!sound, 0) && !is_known(call)) {
        return false;
    }
    if (!is_allowed(call) || (__builtin_expect(!sound, 0) && !is_well_formed(call))) {
        return false;
    }
    monitor_tell(call);
    const char *error = look_up_keys(call);
    if (__builtin_expect(call->shard->gate.stuck, 0) && refuse_what_waits(call)) {
        return false; /* an error about the key shows something of it, too */
    }
    if (error != NULL) {
        return fail(call, error);
    }
    count_hits(call);
    if ((flags_of(call) & CALL_GLOBAL) != 0) {
        call_depends_on_all(call);
    }
    return true;
}

bool admit_again(struct call *call)
{
    check(call->again);
    if (!is_known(call) || !is_well_formed(call)) {
        return false; /* its module has gone, or has another grammar now (renew.h) */
    }
    return look_up_keys(call) == NULL && !(call->shard->gate.stuck && refuse_what_waits(call));
}
