/* SPDX-License-Identifier: MIT */

/* renew.c - another registry for all that outlives a turn.
 *
 * Idea     Between turns these point into a registry: the worker, kept requests (of MULTI, and of those who wait), and
 *          the name of each session's last command. Requests are resolved again from their words; all else that is kept
 *          is by number, or a copy.
 *
 * Promises
 *   P1  When it returns nothing of the worker points into the older registry, which may go at once.
 *   P2  A client that waits keeps its place, unless its command is none any more: then it is told so.
 */
#include "serve/renew.h"

#include "base/memory.h"
#include "serve/park.h"

/* The request as the newer registry understands it, in the place of the older. */
static struct request_kept *renew_kept(struct worker *worker, struct request_kept *older)
{
    struct request request;
    request_resolve(&request, worker->registry, &worker->shard->databases, older->request.argv, older->request.argc,
                    &worker->requests);
    struct request_kept *newer = request_keep(&request);
    check(newer->request.argc == older->request.argc);
    newer->next = older->next;
    newer->database = older->database;
    memory_free(older);
    arena_reset(&worker->requests);
    return newer;
}

static void renew_queue(struct worker *worker, struct transaction *transaction)
{
    struct request_kept **at = &transaction->queue;
    transaction->size = 0;
    transaction->flags = 0;
    while (*at != NULL) {
        *at = renew_kept(worker, *at);
        transaction->size += (*at)->size;
        transaction->flags |= request_flags(&(*at)->request);
        at = &(*at)->next;
    }
    check(transaction->open || transaction->queue == NULL);
    transaction->end = at;
}

static void renew_session(struct worker *worker, struct session *session)
{
    if (session->last_command != NULL) {
        const struct command *last = registry_command_named(worker->registry, gm_bytes_of(session->last_command));
        session->last_command = last != NULL ? last->usage.name : NULL;
    }
    renew_queue(worker, &session->transaction);
    check(session->waiting == (session->parked != NULL));
    if (session->waiting) {
        uint32_t keys = session->parked->request.bound.key_count;
        session->parked = renew_kept(worker, session->parked);
        if (!request_is_sound(&session->parked->request) || session->parked->request.bound.key_count != keys) {
            park_time_out(session); /* renew P2 */
        }
    }
}

enum status renew(struct worker *worker, const struct registry *newer, struct complaint *complaint)
{
    check(worker->depth == 0);
    const struct registry *older = registry_keep(worker->registry); /* sessions have names in it */
    enum status status = shard_adopt(worker->shard, newer, complaint);
    if (status == STATUS_OK) {
        worker->registry = newer;
        worker_tune(worker, tuning_create(newer)); /* whoever knows other values than the defaults says so then */
        meters_grow(&worker->meters, registry_command_numbers(newer));
        for (struct list *at = worker->sessions.all.next; at != &worker->sessions.all; at = at->next) {
            renew_session(worker, container_of(at, struct session, all));
        }
    }
    registry_release(older); /* renew P1 */
    return status;
}
