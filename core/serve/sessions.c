/* SPDX-License-Identifier: MIT */

/* sessions.c - beginnings and ends. */
#include "serve/sessions.h"

#include "base/memory.h"
#include "serve/hold.h"
#include "serve/park.h"

static void init_lists(struct session *session)
{
    list_init(&session->dirty);
    list_init(&session->watches);
    list_init(&session->waits);
    list_init(&session->held);
    list_init(&session->monitors);
    list_init(&session->syncing);
    list_init(&session->stints);
    list_init(&session->redirections);
    for (size_t kind = 0; kind < SESSION_TOPIC_KINDS; kind++) {
        list_init(&session->topics[kind]);
    }
}

struct session *sessions_open(struct worker *worker, uint64_t id)
{
    struct session *session = memory_zeroed(sizeof *session);
    check(id != CHANGE_NOBODY);
    session->worker = worker;
    session->pool = &worker->sessions;
    session->caller = (struct caller){.id = id, .session = session, .address = session->address, .name = session->name};
    session->created_ms = worker->monotonic_ms;
    session->active_ms = worker->monotonic_ms;
    session->descriptor = -1;
    init_lists(session);
    crowd_join(&worker->sessions.crowd, &session->holdings, worker->monotonic_ms);
    holdings_set(&session->holdings, HOLDING_RECORD, memory_class(sizeof *session));
    list_push_back(&worker->sessions.all, &session->all);
    worker->sessions.count++;
    transaction_init(&session->transaction);
    resp_parser_init(&session->parser);
    buf_init(&session->out, worker->sessions.output_max);
    sessions_reset(session);
    check(!session->waiting && !session->doomed && !session_listens(session) && session->tracker == NULL);
    return session;
}

void sessions_unwatch(struct session *session)
{
    interest_forget(&session->worker->interest, &session->watches, true);
    check(list_empty(&session->watches));
    session->watch_broken = false;
    session->watch_count = 0;
}

void sessions_discard(struct session *session)
{
    transaction_discard(&session->transaction);
    sessions_unwatch(session);
}

void sessions_reset(struct session *session)
{
    struct worker *worker = session->worker;
    sessions_discard(session);
    pubsub_forget(&worker->pubsub, session);
    tracking_off(&worker->tracking, session);
    list_remove(&session->monitors);
    session->muted = 0;
    session->holdings.exempt = false;
    session->name[0] = '\0';
    session->caller.resp3 = false;
    session->caller.no_touch = false;
    session->caller.database = 0;
    session->caller.user = worker_needs_password(worker) ? NULL : CALLER_USER;
}

void sessions_close(struct session *session)
{
    if (session == NULL) {
        return;
    }
    struct session_pool *pool = session->pool;
    check(pool->executing != session);
    park_end(session);
    sessions_discard(session);
    pubsub_forget(&session->worker->pubsub, session);
    tracking_forget(&session->worker->tracking, session);
    hold_forget(session);
    list_remove(&session->monitors);
    check(!session->waiting && list_empty(&session->waits) && list_empty(&session->watches));
    check(list_empty(&session->redirections) && session->tracker == NULL && !session_listens(session));
    resp_parser_finish(&session->parser);
    buf_finish(&session->out);
    session_note(session);
    crowd_leave(&session->holdings);
    list_remove(&session->dirty);
    list_remove(&session->all);
    check(pool->count > 0);
    pool->count--;
    memory_free(session);
}

void sessions_kill(struct session *session, enum session_end why)
{
    check(session->pool->executing != session);
    park_end(session);
    hold_forget(session);
    list_remove(&session->dirty); /* it may be where sessions wait for the disk */
    session_end(session, why);
}

void sessions_configure(struct worker *worker, const struct worker_options *options)
{
    worker_configure(worker, options);
    const struct list *all = &worker->sessions.all;
    for (struct list *at = all->next; at != all; at = at->next) {
        struct session *session = container_of(at, struct session, all);
        if (session->caller.user == NULL && !worker_needs_password(worker)) {
            session->caller.user = CALLER_USER; /* as if it came now */
        }
        if (session->overflowed && worker->sessions.executing != session) {
            sessions_kill(session, SESSION_END_OUTPUT);
        }
    }
}

struct session *sessions_find(const struct worker *worker, int64_t id)
{
    const struct list *all = &worker->sessions.all;
    for (struct list *at = all->next; at != all; at = at->next) {
        struct session *session = container_of(at, struct session, all);
        if (session->caller.id == (uint64_t)id && !session->overflowed) {
            return session;
        }
    }
    return NULL;
}
