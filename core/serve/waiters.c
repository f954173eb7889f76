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
 *   I2  What is run again has changed nothing before: it is planned from the beginning each time. */
#include "serve/waiters.h"

#include "geomys/ext/wait.h"
#include "serve/count.h"
#include "serve/exec.h"
#include "serve/hold.h"
#include "serve/park.h"

/* When its time is over, monotonic ms; 0: never. */
static int64_t over_at(const struct call *call, int64_t waited_ms)
{
    int64_t over_ms;
    if (call->wait_ms == 0 || __builtin_add_overflow(call->worker->monotonic_ms - waited_ms, call->wait_ms, &over_ms)) {
        return 0;
    }
    return over_ms > 0 ? over_ms : 1;
}

void waiters_park(struct call *call)
{
    check(call->written == 0 && !call->nested); /* waiters I2 */
    count_wait(call);
    struct session *session = call_session(call);
    if (!call->again) { /* else it has its place already */
        park_begin(session, call->request, over_at(call, session->waited_ms));
    }
    park_keep(session, call->keep);
    session_note(session); /* park I2 */
}

void waiters_release(struct session *session)
{
    check(session->waiting && session->parked != NULL);
    park_end(session);
    (void)session_check_output(session, session_brim(session));
    session_resume(session);
}

static const struct entry *find(const struct shard *shard, const struct interest_key *key)
{
    struct gm_bytes name = {key->key, key->size};
    return keyspace_find(databases_see(&shard->databases, key->database), name,
                         databases_hash(&shard->databases, name));
}

/* Whether the value that the key has now is of a type that the session's command can be waiting for. */
static bool suits(const struct shard *shard, const struct session *session, const struct entry *entry)
{
    const struct type *type = session->parked->request.command->type;
    const struct gm_type *wanted = type != NULL ? type->abi : NULL;
    return (entry->flags & ENTRY_FROZEN) == 0 && (wanted == NULL || wanted == shard_type_of(shard, entry)->abi);
}

/* The queue changes under our hands: whoever has been tried in vain goes aside, and comes back in order. False: it is
 * the turn of one who must not run yet. */
static bool serve_key(struct worker *worker, struct interest_key *key)
{
    const struct shard *shard = worker->shard;
    struct list tried;
    list_init(&tried);
    const struct entry *entry;
    bool delayed = false;
    while (!list_empty(&key->waiters) && (entry = find(shard, key)) != NULL) {
        struct interest_link *link = container_of(key->waiters.next, struct interest_link, in_key);
        struct session *session = link->session;
        check(link->key == key && session->waiting);
        bool suitable = suits(shard, session, entry);
        delayed = suitable && hold_disturbs(worker, key->database, &session->parked->request);
        if (delayed) {
            break;
        }
        list_remove(&link->in_key);
        list_push_back(&tried, &link->in_key);
        if (suitable && exec_again(session, false)) {
            waiters_release(session);
        }
    }
    list_move_all(&tried, &key->waiters); /* those who were not tried come after those who were */
    list_move_all(&key->waiters, &tried);
    check(list_empty(&tried)); /* waiters I1: nobody is left aside */
    return !delayed;
}

bool waiters_ready(const struct worker *worker)
{
    return !list_empty(&worker->interest.ready) && shard_may_change(worker->shard);
}

void waiters_serve_slow(struct worker *worker)
{
    if (!waiters_ready(worker) || worker->serving_waiters) {
        return;
    }
    check(worker->depth == 0);
    worker->serving_waiters = true;
    struct interest_key *key;
    while ((key = interest_ready(&worker->interest)) != NULL) {
        if (serve_key(worker, key)) {
            interest_settled(&worker->interest, key);
        } else {
            interest_put_off(&worker->interest, key);
        }
    }
    worker->serving_waiters = false;
}

void waiters_synced(struct worker *worker)
{
    const struct wal *wal = worker->shard->wal;
    uint64_t synced = wal != NULL ? wal_synced(wal) : 0;
    if (synced == worker->synced) {
        return; /* they were tried at this one */
    }
    worker->synced = synced;
    waiters_try(worker);
}

void waiters_try(struct worker *worker)
{
    struct list waiting;
    list_init(&waiting);
    list_move_all(&waiting, &worker->syncing);
    while (!list_empty(&waiting)) {
        struct session *session = container_of(waiting.next, struct session, syncing);
        list_remove(&session->syncing);
        list_push_back(&worker->syncing, &session->syncing);
        if (exec_again(session, false)) {
            waiters_release(session);
        }
    }
}

void waiters_time_out(struct worker *worker)
{
    struct heap_node *node;
    while ((node = heap_first(&worker->timeouts)) != NULL && node->at <= worker->monotonic_ms) {
        struct session *session = container_of(node, struct session, timeout);
        check(session->waiting);
        heap_remove(&worker->timeouts, node);
        bool answered = exec_again(session, true);
        check(answered); /* wait/2 does not wait once the time is over */
        waiters_release(session);
    }
}

/* What the session keeps already it may keep as it is; all else is copied, since plan's own may be gone when the call
 * is parked. False: the call has its error. */
static bool keep(struct call *call, struct gm_bytes bytes)
{
    struct gm_bytes kept = call->caller.session->kept;
    call->keep = bytes;
    if (bytes.size == 0 || (bytes.data == kept.data && bytes.size == kept.size)) {
        call->keep = bytes.size == 0 ? BYTES_NONE : bytes;
        return true;
    }
    uint8_t *copy = arena_try(&call->worker->arena, bytes.size);
    if (copy == NULL) {
        call_lacks(call, CALL_NO_MEMORY);
        return false;
    }
    call->keep.data = memcpy(copy, bytes.data, bytes.size);
    return true;
}

static bool wait(struct gm_call *abi, int64_t timeout_ms, struct gm_bytes bytes)
{
    struct call *call = call_of(abi);
    if (call->answering) {
        call_fault(call, "waits after it has changed something");
        return false;
    }
    if (bytes.size > GM_KEEP_MAX) {
        call_fault(call, "wants to keep %zu bytes while it waits, at most %zu are kept", bytes.size, GM_KEEP_MAX);
        return false;
    }
    if (call->nested || call->timed_out || timeout_ms < 0 || call->caller.session == NULL) {
        return false;
    }
    call->waits = keep(call, bytes);
    call->wait_ms = timeout_ms;
    return call->waits;
}

static struct gm_bytes kept(struct gm_call *abi)
{
    const struct call *call = call_of(abi);
    return call->again && call->caller.session != NULL ? call->caller.session->kept : BYTES_NONE;
}

static bool timed_out(struct gm_call *abi)
{
    return call_of(abi)->timed_out;
}

const struct gm_wait_2 host_wait_2 = {
    .size = sizeof(struct gm_wait_2), .wait = wait, .kept = kept, .timed_out = timed_out};
