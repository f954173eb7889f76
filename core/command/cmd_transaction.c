/* SPDX-License-Identifier: MIT */

/* cmd_transaction.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * Idea     Between MULTI and EXEC admit.c keeps commands instead of carrying them out. EXEC carries them all out in one
 *          turn and as one batch of the log (exec_queue), unless one of them was refused when it came, or a watched key
 *          has changed.
 *
 * Promises
 *   I1  No other command comes between two of a transaction; followers and recovery see all of it or nothing.
 *   I2  A watched key that has changed, been deleted or expired since WATCH makes EXEC answer null and do nothing. What
 *       was not there when WATCH came may go on not being there.
 *   I3  A command that fails inside EXEC fails alone, as in Redis: the others count.
 *   I4  What is known before the first command to be too large for one batch of the log is refused as a whole.
 *
 * These plans change the session itself: each of them runs once. */
#include "command/cmd.h"
#include "command/cmd_entry.h"
#include "command/cmd_weigh.h"
#include "serve/exec.h"
#include "serve/sessions.h"

static void plan_multi(struct gm_call *abi)
{
    struct session *session = call_session(call_of(abi));
    if (session->transaction.open) {
        gm_reply_error(abi, "ERR MULTI calls can not be nested");
        return;
    }
    transaction_begin(&session->transaction, session->caller.database, call_of(abi)->shard->databases.count);
    gm_reply_status(abi, "OK");
}

static void plan_discard(struct gm_call *abi)
{
    struct session *session = call_session(call_of(abi));
    if (!session->transaction.open) {
        gm_reply_error(abi, "ERR DISCARD without MULTI");
        return;
    }
    sessions_discard(session);
    gm_reply_status(abi, "OK");
}

/* ---- EXEC ---- */

/* A key that has expired counts as changed, even while it has not been removed yet. */
static bool has_expired(const struct shard *shard, const struct interest_key *key)
{
    struct gm_bytes name = {key->key, key->size};
    const struct keyspace *keyspace = databases_see(&shard->databases, key->database);
    const struct entry *entry = keyspace_find(keyspace, name, keyspace_hash(keyspace, name));
    return entry != NULL && cmd_entry_has_expired(shard, entry);
}

static bool is_watch_broken(const struct session *session)
{
    if (session->watch_broken) {
        return true;
    }
    for (const struct list *at = session->watches.next; at != &session->watches; at = at->next) {
        if (has_expired(session->worker->shard, container_of(at, struct interest_link, in_session)->key)) {
            return true;
        }
    }
    return false;
}

/* False: something stands against carrying the commands out, and has been answered. */
static bool check_queue(struct call *call)
{
    const struct shard *shard = call->shard;
    const struct transaction *transaction = &call_session(call)->transaction;
    if (shard->evict.starved && evict_is_over(&shard->evict, &shard->databases.ledger) &&
        (transaction->flags & GM_GROWS) != 0) {
        reply_error(&call->reply, "EXECABORT Transaction discarded because of: " EVICT_REFUSAL);
        return false;
    }
    if (transaction->failed) {
        reply_error(&call->reply, "EXECABORT Transaction discarded because of previous errors.");
        return false;
    }
    enum shard_refusal refusal = shard_refusal(shard);
    if (refusal != SHARD_OPEN && (transaction->flags & GM_WRITE) != 0) {
        reply_errorf(&call->reply, "EXECABORT Transaction discarded because of: %s",
                     shard_refusal_text(shard, refusal));
        return false;
    }
    return true;
}

/* False: the records would not fit into one batch, and that was answered. */
static bool check_weight(struct call *call, const struct transaction *transaction)
{
    const struct tail *tail = &call->shard->tail;
    if (!tail->carried || (transaction->flags & GM_WRITE) == 0 || cmd_weigh(call, transaction) <= tail_room(tail)) {
        return true;
    }
    reply_errorf(&call->reply,
                 "EXECABORT Transaction discarded because of: its records would be larger than what one batch of the "
                 "log takes (%zu bytes): nothing was changed; split it",
                 tail_room(tail)); /* cmd_transaction I4 */
    return false;
}

static void plan_exec(struct gm_call *abi)
{
    struct call *call = call_of(abi);
    struct session *session = call_session(call);
    if (!session->transaction.open) {
        gm_reply_error(abi, "ERR EXEC without MULTI");
        return;
    }
    if (!check_queue(call)) {
        sessions_discard(session);
    } else if (is_watch_broken(session)) {
        sessions_discard(session);
        call_depends_on_all(call); /* the answer shows a change */
        gm_reply_null_array(abi);
    } else if (!check_weight(call, &session->transaction)) {
        sessions_discard(session);
    } else {
        exec_queue(call);
    }
}

/* ---- WATCH ---- */

static void plan_watch(struct gm_call *abi)
{
    struct session *session = call_session(call_of(abi));
    if (session->transaction.open) {
        gm_reply_error(abi, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    if (abi->key_count > SESSION_WATCH_MAX - session->watch_count) {
        gm_reply_error(abi, "ERR too many watched keys: at most 65536 between two transactions");
        return;
    }
    session->watch_count += abi->key_count;
    for (uint32_t i = 0; i < abi->key_count; i++) {
        interest_watch(&session->worker->interest, session, &session->watches, gm_key(abi, i)->name);
    }
    gm_reply_status(abi, "OK");
}

static void plan_unwatch(struct gm_call *abi)
{
    sessions_unwatch(call_session(call_of(abi)));
    gm_reply_status(abi, "OK");
}

/* ---- the table ---- */

static const struct gm_command commands[] = {
    {CMD_COMMAND, .usage = "MULTI", .flags = GM_READ | GM_FAST | CALL_NO_QUEUE | CALL_LOADING | CALL_SESSION,
     .plan = plan_multi, .complexity = "O(1)",
     .summary = "Begins a transaction: the commands that follow are kept until EXEC.", .example = "MULTI"},
    {CMD_COMMAND, .usage = "EXEC",
     .flags = GM_READ | CALL_NO_QUEUE | CALL_LOADING | CALL_WRITE_ALIKE | CALL_COMPOUND | CALL_SESSION,
     .plan = plan_exec, .complexity = "what its commands cost",
     .summary = "Carries out the commands of a transaction, all at once, and replies with their replies."},
    {CMD_COMMAND, .usage = "DISCARD", .flags = GM_READ | GM_FAST | CALL_NO_QUEUE | CALL_LOADING | CALL_SESSION,
     .plan = plan_discard, .complexity = "O(n), n the kept commands",
     .summary = "Forgets the commands of a transaction, and the watched keys."},
    {CMD_COMMAND, .usage = "WATCH key...",
     .flags =
         GM_READ | GM_FAST | CALL_NO_QUEUE | CALL_NO_TOUCH | CALL_NO_MISS | GM_ACCEPT_ANY | CALL_FROZEN | CALL_SESSION,
     .plan = plan_watch, .complexity = "O(n), n the keys",
     .summary = "Makes the next EXEC do nothing if one of these keys changes before it.", .example = "WATCH stock:17"},
    {CMD_COMMAND, .usage = "UNWATCH", .flags = GM_READ | GM_FAST | CALL_LOADING | CALL_SESSION, .plan = plan_unwatch,
     .complexity = "O(n), n the watched keys", .summary = "Forgets all watched keys.", .example = "UNWATCH"},
};

CMD_MODULE(cmd_transaction, .name = "geomys.transaction", .group = "transactions",
           .summary = "Carries out several commands as one.");
