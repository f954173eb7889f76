/* SPDX-License-Identifier: MIT */

/* exec.c - what happens to a command: admit, plan, commit, answer.
 *
 * Idea     plan is read-only and replies; what it emits becomes history here. A reply that is an error takes the
 *          emissions with it; a reply that is not whole is the module's fault and becomes an error; a plan that waits
 *          is parked as it is and run again from the beginning.
 *
 * Promises
 *   I1  Records of one call, and of all calls of one EXEC, are one batch of the log.
 *   I2  Values change in commit only. A value that has changed is in the log before anybody is told: the answer's mark
 *       is at least the last sequence of its records. */
#include "serve/exec.h"

#include "base/memory.h"
#include "serve/admit.h"
#include "serve/commit.h"
#include "serve/count.h"
#include "serve/sessions.h"
#include "serve/waiters.h"

static struct call *begin(struct worker *worker, const struct caller *caller, const struct request *request,
                          struct buf *out)
{
    check(worker->depth < 2);
    struct call *call = worker->calls[worker->depth];
    check(call->worker == worker && call->nested == (worker->depth > 0)); /* worker.c made it so */
    call->abi.argv = request->argv;
    call->abi.args = request->args;
    call->abi.argc = request->argc;
    call->abi.now_ms = worker->now_ms;
    call->abi.interfaces = request->command != NULL ? request->command->interfaces : NULL;
    call->shard = worker_shard(worker, request);
    call->request = request;
    call->command = request->command;
    call->caller = *caller;
    call->out = out;
    call->mark = 0;
    call->written = 0;
    call->emission_count = 0;
    call->emission_size = 0;
    call->again = false;
    call->timed_out = false;
    call->waits = false;
    call->closes = false;
    call->began = worker->meters.timing.now;
    reply_begin(&call->reply, out, caller->resp3);
    worker->depth++;
    if (caller->session != NULL && !call->nested) {
        session_begin(caller->session);
    }
    return call;
}

static struct call *begin_kept(struct worker *worker, const struct caller *caller, const struct request_kept *kept,
                               struct buf *out)
{
    struct call *call = begin(worker, caller, &kept->request, out);
    if (request_is_sound(&kept->request)) {
        request_kept_args(kept, call->args);
    }
    call->abi.args = call->args;
    return call;
}

/* What the connection remembers of the call, and hears of it. */
static void answer(const struct call *call, struct session *session)
{
    session_depends(session, call->mark); /* exec I2 */
    session->written = call->written != 0 ? call->written : session->written;
    if (call->closes) {
        session->doomed = true;
    }
    if (!call->nested) {
        session_settle(session, call->reply.start);
        if (__builtin_expect(session->tracker != NULL, 0)) {
            tracking_settle(session, call->command != NULL && (call->command->abi->flags & CALL_ASIDE) != 0);
        }
    }
}

static void end(struct call *call)
{
    struct worker *worker = call->worker;
    check(call->written <= call->mark); /* exec I2 */
    if (__builtin_expect(call->reply.error, 0)) {
        errors_count(&worker->meters.errors, reply_written(&call->reply));
    }
    worker->depth--;
    if (call->caller.session != NULL) {
        answer(call, call->caller.session);
    }
    if (worker->depth == 0) {
        arena_reset(&worker->arena);
    }
}

/* The keys that the command has looked at, for a client that keeps copies of what it reads. */
static void track(const struct call *call)
{
    struct session *session = call->caller.session;
    uint32_t flags = call->command->abi->flags;
    if (session != NULL && session->tracker != NULL && (flags & GM_READ) != 0 && (flags & CALL_NO_QUEUE) == 0) {
        tracking_read(&call->worker->tracking, session, call->keys, call->abi.key_count);
    }
}

static void plan(struct call *call)
{
    call->command->abi->plan(&call->abi);
    if (call->waits) {
        reply_rewind(&call->reply); /* a module that replied none the less */
        waiters_park(call);
        return;
    }
    if (!reply_whole(&call->reply) && !call->out->full) {
        reply_errorf(&call->reply, "ERR the module %s answered '%s' incompletely", call->command->module->abi->name,
                     call->command->usage.name);
    }
    if (!call->reply.error) {
        commit(call);
    }
    if (__builtin_expect(call->worker->tracking.tracker_count > 0, 0)) {
        track(call);
    }
    count_call(call);
}

static void run(struct call *call)
{
    if (admit(call)) {
        plan(call);
    } else {
        timing_begin(&call->worker->meters.timing);
    }
    end(call);
}

void exec(struct session *session, const struct request *request)
{
    run(begin(session->worker, &session->caller, request, &session->out));
    waiters_serve(session->worker);
}

uint64_t exec_call(struct worker *worker, const struct caller *caller, const struct request *request, struct buf *out)
{
    check(caller->session == NULL && worker->depth == 0);
    timing_begin(&worker->meters.timing);
    struct call *call = begin(worker, caller, request, out);
    run(call);
    uint64_t mark = call->mark;
    waiters_serve(worker);
    return mark;
}

bool exec_again(struct session *session, bool timed_out)
{
    struct worker *worker = session->worker;
    timing_begin(&worker->meters.timing);
    struct call *call = begin_kept(worker, &session->caller, session->parked, &session->out);
    call->again = true;
    call->timed_out = timed_out;
    bool answered = false;
    if (admit_again(call)) {
        plan(call);
        answered = !call->waits;
    } else {
        answered = call->reply.error;
    }
    end(call);
    return answered;
}

void exec_queue(struct call *call)
{
    struct session *session = call_session(call);
    uint32_t count = session->transaction.count;
    struct request_kept *queue = transaction_take(&session->transaction);
    reply_array(&call->reply, count);
    sessions_discard(session);
    tail_begin(&call->shard->tail); /* exec I1 */
    while (queue != NULL) {
        struct request_kept *next = queue->next;
        struct call *inner = begin_kept(call->worker, &call->caller, queue, call->out);
        run(inner);
        call_depends(call, inner->mark);
        call->written = inner->written != 0 ? inner->written : call->written;
        call->reply.owed--;
        memory_free(queue);
        queue = next;
    }
    tail_end(&call->shard->tail);
}
