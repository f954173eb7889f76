/* SPDX-License-Identifier: MIT */

/* hold.c - the lists of hold.h. */
#include "serve/hold.h"

#include "serve/call.h"

void hold_take(struct session *session, enum hold_reason reason)
{
    check(reason < HOLD_REASONS && !session->waiting);
    check(list_empty(&session->held)); /* hold I1 */
    list_push_back(&session->worker->held[reason], &session->held);
    session->held_for_memory = reason == HOLD_MEMORY;
    session->held_for_route = reason == HOLD_ROUTE;
    session->pool->blocked++;
}

void hold_forget(struct session *session)
{
    if (!list_empty(&session->held)) {
        check(session->pool->blocked > 0); /* hold I1 */
        list_remove(&session->held);
        session->held_for_memory = false;
        session->held_for_route = false;
        session->pool->blocked--;
    }
}

void hold_release(struct worker *worker, enum hold_reason reason)
{
    struct list *held = &worker->held[reason];
    while (!list_empty(held)) {
        struct session *session = container_of(held->next, struct session, held);
        check(!session->waiting);
        hold_forget(session);
        session_resume(session);
    }
}

bool hold_disturbs(struct worker *worker, uint32_t database, const struct request *request)
{
    struct shard *shard = worker_shard(worker, request);
    check(worker->depth == 0);
    bool may = shard->sweep.active || shard->claims.count > 0;
    if (!may || !request_is_sound(request) || (request_flags(request) & GM_WRITE) == 0) {
        return false;
    }
    const struct keyspace *keyspace = databases_see(&shard->databases, database);
    for (uint32_t i = 0; i < request->bound.key_count; i++) {
        struct gm_bytes name = request_key(request, i);
        if (request->bound.keys[i].written != 0 && claims_have(&shard->claims, database, name)) {
            return true; /* there may be no entry yet */
        }
        const struct entry *entry = keyspace_find(keyspace, name, request_hash(request, &shard->databases, i));
        if (entry != NULL && sweep_claim(shard, keyspace, entry)) {
            return true;
        }
    }
    return false;
}

/* hold I2: asking holds nobody; pipeline.c takes. */
bool hold_disturbs_now(const struct session *session, const struct request *request)
{
    const struct transaction *transaction = &session->transaction;
    if (session->caller.user == NULL) {
        return false;
    }
    if (!transaction->open) {
        return hold_disturbs(session->worker, session->caller.database, request);
    }
    bool disturbs = false;
    if ((request_flags(request) & CALL_COMPOUND) != 0) {
        for (const struct request_kept *at = transaction->queue; at != NULL && !disturbs; at = at->next) {
            disturbs = hold_disturbs(session->worker, at->database, &at->request);
        }
    }
    return disturbs;
}

static uint64_t values_of(const struct session *session, uint32_t database, const struct request *request)
{
    const struct shard *shard = worker_shard(session->worker, request);
    const struct keyspace *keyspace = databases_see(&shard->databases, database);
    uint64_t bytes = 0;
    for (uint32_t i = 0; request_is_sound(request) && i < request->bound.key_count; i++) {
        uint64_t hash = request_hash(request, &shard->databases, i);
        const struct entry *entry = keyspace_find(keyspace, request_key(request, i), hash);
        bytes += entry != NULL ? shard_value_memory(shard, entry) : 0;
    }
    return bytes;
}

uint64_t hold_may_show(const struct session *session, const struct request *request)
{
    const struct transaction *transaction = &session->transaction;
    uint64_t bytes = 0;
    if (session->caller.user == NULL) {
        return 0;
    }
    if (!transaction->open) {
        bytes = values_of(session, session->caller.database, request);
    } else if ((request_flags(request) & CALL_COMPOUND) != 0) {
        for (const struct request_kept *at = transaction->queue; at != NULL; at = at->next) {
            bytes += values_of(session, at->database, &at->request);
        }
    }
    return bytes;
}

void hold_end_memory(struct session *session)
{
    if (session->held_for_memory) {
        hold_forget(session);
        session_resume(session);
    }
}

void hold_end_route(struct session *session)
{
    if (session->held_for_route) {
        hold_forget(session);
        session_resume(session);
    }
}
