/* SPDX-License-Identifier: MIT */

/* admit.c - the door: known? allowed? now? well-formed? the right types?
 *
 * The order is the one that clients of Redis see: unknown command, arity, password, loading, memory, MULTI, a full
 * disk, arguments, keys (lookup.c). */
#include "serve/admit.h"

#include <stdio.h>

#include "serve/count.h"
#include "serve/lookup.h"
#include "serve/monitor.h"
#include "serve/notify.h"

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
        return refuse(call, shard_refusal_text(call->shard, SHARD_IS_LOADING));
    }
    if (lacks_memory(call)) {
        return refuse(call, EVICT_REFUSAL);
    }
    if (is_queueing(call)) {
        return queue(call);
    }
    enum shard_refusal refusal = (flags & GM_WRITE) != 0 ? shard_refusal(call->shard) : SHARD_OPEN;
    return refusal == SHARD_OPEN || refuse(call, shard_refusal_text(call->shard, refusal));
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

/* ---- what it has found ---- */

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

/* It counts for a whole stripe of keys. */
seldom static bool refuse_what_waits(struct call *call)
{
    const char *error = lookup_waits(call);
    if (error == NULL) {
        return false;
    }
    call->mark = 0; /* call I2 */
    return !fail(call, error);
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
    const char *error = lookup_keys(call);
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
    return lookup_keys(call) == NULL && !(call->shard->gate.stuck && refuse_what_waits(call));
}
