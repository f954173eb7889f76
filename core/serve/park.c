/* SPDX-License-Identifier: MIT */

/* park.c - the beginning and end of waiting. */
#include "serve/park.h"

#include "base/memory.h"
#include "geomys/ext/wait.h"
#include "serve/stint.h"

void park_begin(struct session *session, const struct request *request, int64_t until_ms)
{
    struct worker *worker = session->worker;
    check(!session->waiting && session->parked == NULL && !park_is_served(session)); /* park I1 */
    session->waiting = true;
    session->parked = request_keep(request);
    session->pool->blocked++;
    if (session->stint != NULL) {
        list_push_back(&worker->stints, &session->stints);
        return;
    }
    if (until_ms != 0) {
        heap_add(&worker->timeouts, &session->timeout, until_ms);
    }
    if (request->bound.key_count == 0) {
        list_push_back(&worker->syncing, &session->syncing);
    }
    for (uint32_t i = 0; i < request->bound.key_count; i++) {
        interest_wait(&worker->interest, session, &session->waits, request_key(request, i));
    }
}

/* Nothing but its timeout is left, and not that either. */
static void forget(struct session *session)
{
    struct worker *worker = session->worker;
    interest_forget(&worker->interest, &session->waits, false);
    list_remove(&session->syncing);
    list_remove(&session->stints);
    heap_remove(&worker->timeouts, &session->timeout);
    check(!park_is_served(session) && session->timeout.place == 0); /* park I1 */
}

void park_keep(struct session *session, struct gm_bytes bytes)
{
    if (bytes.data == session->kept.data && bytes.size == session->kept.size) {
        return; /* what is there already, or nothing instead of nothing */
    }
    check(session->waiting && bytes.size <= GM_KEEP_MAX);
    uint8_t *copy = NULL;
    if (bytes.size > 0) {
        copy = memory_alloc(bytes.size);
        memcpy(copy, bytes.data, bytes.size);
    }
    memory_free((void *)(uintptr_t)session->kept.data); /* now: it may have been a part of what it gave */
    session->kept = (struct gm_bytes){copy, bytes.size};
}

void park_end(struct session *session)
{
    if (!session->waiting) {
        return;
    }
    forget(session);
    check(session->parked != NULL && session->pool->blocked > 0); /* park I1 */
    if (session->stint != NULL) {
        session->stint->finish(session->stint); /* stint I2 */
        session->stint = NULL;
        session->stint_bytes = 0;
    }
    park_keep(session, BYTES_NONE);
    memory_free(session->parked);
    session->parked = NULL;
    session->waiting = false;
    session->pool->blocked--;
}

void park_time_out(struct session *session)
{
    check(session->waiting);
    forget(session);
    heap_add(&session->worker->timeouts, &session->timeout, session->worker->monotonic_ms);
}
