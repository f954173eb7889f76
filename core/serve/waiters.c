/* SPDX-License-Identifier: MIT */

/* waiters.c - the queue of a key, served fairly.
 *
 * Idea     plan has no effect, so waiting is running it again. A changed key is on interest.ready; its waiters are
 *          tried in the order in which they came, as long as the key exists: whoever takes the last element ends the
 *          round, so that a push costs what it serves and not what waits. Serving may change other keys (BLMOVE), which
 *          then are ready in their turn.
 *
 *          Whose command must not run yet, because it would change what a sweep is busy with, is not tried: the round
 *          ends, and the key is put off with all who wait for it until the sweep lets go. So it is for whole rounds
 *          while the data may not change at all (CLIENT PAUSE, a full disk). Timeouts run on meanwhile.
 *
 * Promises
 *   I1  Of two clients that wait for the same key with commands that can both be served, the earlier one is served
 *       first.
 *   I2  A session is parked at most once, and its interest in all its keys ends together. */
#include "serve/waiters.h"

#include "geomys/ext/wait.h"
#include "serve/exec.h"
#include "shard/sweep.h"

static void listen(struct call *call)
{
    struct session *session = call->session;
    if (call->abi.key_count == 0) {
        list_push_back(&call->shard->syncing, &session->syncing);
    }
    for (uint32_t i = 0; i < call->abi.key_count; i++) {
        interest_wait(&call->shard->interest, session, &session->waits, call->keys[i].name);
    }
}

void waiters_park(struct call *call)
{
    timing_wait(call);
    if (call->again) {
        return; /* it has its place already */
    }
    int64_t until_ms = 0;
    if (call->wait_ms != 0 && __builtin_add_overflow(call->shard->monotonic_ms, call->wait_ms, &until_ms)) {
        until_ms = 0; /* for ever */
    }
    session_park(call->session, call->abi.argv, call->abi.argc, until_ms);
    listen(call);
}

static void release(struct session *session)
{
    session_unpark(session);
    session_check_output(session);
    session->resumed = true;
    session_touch(session);
}

static const struct entry *find(const struct shard *shard, const struct interest_key *key)
{
    struct gm_bytes name = {key->key, key->size};
    return keyspace_find(&shard->keyspace, name, keyspace_hash(&shard->keyspace, name));
}

/* Whether the value that the key has now is of a type that the session's command can be waiting for. */
static bool suits(const struct shard *shard, const struct session *session, const struct entry *entry)
{
    const struct session_call *parked = session->parked;
    struct registry_lookup lookup = registry_find(shard->registry, parked->argv, parked->argc);
    if (lookup.outcome != REGISTRY_FOUND) {
        return true; /* its module has gone: it is told so */
    }
    const struct gm_type *wanted = lookup.command->abi->type;
    return (entry->flags & ENTRY_FROZEN) == 0 && (wanted == NULL || wanted == shard_type_of(shard, entry)->abi);
}

static bool is_delayed(const struct session *session)
{
    struct shard *shard = session->shard;
    return __builtin_expect(shard->sweep.active, 0) &&
           sweep_delays(shard, session->parked->argv, session->parked->argc);
}

/* The queue changes under our hands: whoever has been tried in vain goes aside, and comes back in order. False: it is
 * the turn of one who must not run yet. */
static bool serve_key(struct shard *shard, struct interest_key *key)
{
    struct list tried;
    list_init(&tried);
    const struct entry *entry;
    bool delayed = false;
    while (!list_empty(&key->waiters) && (entry = find(shard, key)) != NULL) {
        struct interest_link *link = container_of(key->waiters.next, struct interest_link, in_key);
        struct session *session = link->session;
        bool suitable = suits(shard, session, entry);
        delayed = suitable && is_delayed(session);
        if (delayed) {
            break;
        }
        list_remove(&link->in_key);
        list_push_back(&tried, &link->in_key);
        if (suitable && exec_again(session, false)) {
            release(session);
        }
    }
    list_move_all(&tried, &key->waiters); /* those who were not tried come after those who were */
    list_move_all(&key->waiters, &tried);
    return !delayed;
}

bool waiters_ready(const struct shard *shard)
{
    return !list_empty(&shard->interest.ready) && shard_may_change(shard);
}

void waiters_serve(struct shard *shard)
{
    if (__builtin_expect(!waiters_ready(shard), 1) || shard->serving_waiters) {
        return;
    }
    shard->serving_waiters = true;
    struct interest_key *key;
    while ((key = interest_ready(&shard->interest)) != NULL) {
        if (serve_key(shard, key)) {
            interest_settled(&shard->interest, key);
        } else {
            interest_put_off(&shard->interest, key);
        }
    }
    shard->serving_waiters = false;
}

void waiters_synced(struct shard *shard)
{
    uint64_t synced = shard->wal != NULL ? wal_synced(shard->wal) : 0;
    if (synced == shard->synced) {
        return; /* they were tried at this one */
    }
    shard->synced = synced;
    waiters_try(shard);
}

void waiters_try(struct shard *shard)
{
    struct list waiting;
    list_init(&waiting);
    list_move_all(&waiting, &shard->syncing);
    while (!list_empty(&waiting)) {
        struct session *session = container_of(waiting.next, struct session, syncing);
        list_remove(&session->syncing);
        list_push_back(&shard->syncing, &session->syncing);
        if (exec_again(session, false)) {
            release(session);
        }
    }
}

void waiters_time_out(struct shard *shard)
{
    struct heap_node *node;
    while ((node = heap_first(&shard->timeouts)) != NULL && node->at <= shard->monotonic_ms) {
        struct session *session = container_of(node, struct session, timeout);
        heap_remove(&shard->timeouts, node);
        if (exec_again(session, true)) {
            release(session);
        } else {
            check(false); /* wait/1 does not wait once the time is over */
        }
    }
}

static bool wait(struct gm_call *abi, int64_t timeout_ms)
{
    struct call *call = call_of(abi);
    if (call->nested || call->timed_out || timeout_ms < 0) {
        return false;
    }
    call->waits = true;
    call->wait_ms = timeout_ms;
    return true;
}

static bool timed_out(struct gm_call *abi)
{
    return call_of(abi)->timed_out;
}

const struct gm_wait_1 host_wait_1 = {.size = sizeof(struct gm_wait_1), .wait = wait, .timed_out = timed_out};
