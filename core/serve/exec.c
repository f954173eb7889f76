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

#include "serve/admit.h"
#include "serve/commit.h"
#include "serve/waiters.h"
#include "shard/apply.h"

static struct call *begin(struct shard *shard, struct session *session, const struct gm_bytes *argv, uint32_t argc)
{
    check(shard->depth < 2);
    struct call *call = shard->calls[shard->depth];
    call->abi = (struct gm_call){
        .ops = &host_call_ops, .argv = argv, .args = call->args, .argc = argc, .now_ms = shard->now_ms};
    call->shard = shard;
    call->session = session;
    call->command = NULL;
    call->emission_count = 0;
    call->emission_size = 0;
    call->nested = shard->depth > 0;
    call->again = false;
    call->timed_out = false;
    call->waits = false;
    call->closes = false;
    call->began = shard->timing.now;
    reply_begin(&call->reply, &session->out, session->resp3);
    shard->depth++;
    return call;
}

static void end(struct call *call)
{
    struct shard *shard = call->shard;
    if (__builtin_expect(call->reply.error, 0)) {
        errors_count(shard, reply_written(&call->reply));
    }
    shard->depth--;
    if (shard->depth == 0) {
        session_settle(call->session, call->reply.start);
        arena_reset(&shard->arena);
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
    if (!reply_whole(&call->reply) && !call->session->out.full) {
        reply_errorf(&call->reply, "ERR the module %s answered '%s' incompletely", call->command->module->abi->name,
                     call->command->usage.name);
    }
    if (!call->reply.error) {
        commit(call);
    }
    tracking_read(&call->shard->tracking, call);
    admit_count(call);
}

void exec(struct shard *shard, struct session *session, const struct gm_bytes *argv, uint32_t argc)
{
    struct call *call = begin(shard, session, argv, argc);
    if (admit(call)) {
        plan(call);
    } else {
        timing_begin(shard);
    }
    end(call);
    if (call->closes) {
        session->doomed = true;
    }
    if (!call->nested) {
        waiters_serve(shard);
    }
}

bool exec_again(struct session *session, bool timed_out)
{
    struct session_call *parked = session->parked;
    timing_begin(session->shard);
    struct call *call = begin(session->shard, session, parked->argv, parked->argc);
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
    struct session *session = call->session;
    struct session_call *queue = session->queue;
    reply_array(&call->reply, session->queue_count);
    session->queue = NULL;
    session_discard(session);
    tail_begin(&call->shard->tail);
    while (queue != NULL) {
        struct session_call *next = queue->next;
        exec(call->shard, session, queue->argv, queue->argc);
        call->reply.owed--;
        memory_free(queue);
        queue = next;
    }
    tail_end(&call->shard->tail);
}
