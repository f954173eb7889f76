/* SPDX-License-Identifier: MIT */

/* exec.c - what happens to a command: admit, plan, commit, answer.
 *
 * Idea     plan is read-only and replies; what it emits becomes history here. A reply that is an error takes the
 *          emissions with it; a reply that is not whole is the module's fault and becomes an error; a plan that waits
 *          is parked as it is and run again from the beginning; one that leaves the reply to what apply finds is
 *          answered by its command after the commit (answer.h).
 *
 * Promises
 *   I1  Records of one call, and of all calls of one EXEC, are one batch of the log.
 *   I2  Values change in commit only. A value that has changed is in the log before anybody is told: the answer's mark
 *       is at least the last sequence of its records.
 *   I3  A reply that cannot be given is an error before anything changes, and so is memory that is not there for it.
 *   I4  What a call was lent goes when it ends, within a transaction too. */
#include "serve/exec.h"

#include "base/memory.h"
#include "serve/admit.h"
#include "serve/answer.h"
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
    call->lent = NULL;
    call->fault[0] = '\0';
    call->needs = (struct call_needs){0};
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

seldom static void settle_tracking(const struct call *call, struct session *session)
{
    tracking_settle(session, call->command != NULL && (call->command->abi->flags & CALL_ASIDE) != 0);
}

/* What the connection remembers of the call, and hears of it. */
static void remember(const struct call *call, struct session *session)
{
    check_slow(call->caller.id == session->caller.id);
    session_depends(session, call->mark); /* exec I2 */
    if (call->written != 0) {
        session->written = call->written;
        session->turn_wrote = true;
    }
    if (call->closes) {
        session->doomed = true;
    }
    if (!call->nested) {
        session_settle(session, call->reply.start);
        if (__builtin_expect(session->tracker != NULL, 0)) {
            settle_tracking(call, session);
        }
    }
}

seldom static void count_error(const struct call *call)
{
    errors_count(&call->worker->meters.errors, reply_written(&call->reply));
}

static void end(struct call *call)
{
    struct worker *worker = call->worker;
    check(call->written <= call->mark); /* exec I2 */
    if (__builtin_expect(call->reply.error, 0)) {
        count_error(call);
    }
    check_slow(worker->depth > 0 && worker->calls[worker->depth - 1] == call);
    worker->depth--;
    if (call->caller.session != NULL) {
        remember(call, call->caller.session);
    }
    if (worker->depth == 0) {
        arena_reset(&worker->arena);
    } else {
        arena_release(&worker->arena, call->before); /* exec I4 */
    }
}

/* The keys that the command has looked at, for a client that keeps copies of what it reads. */
seldom static void track(const struct call *call)
{
    struct session *session = call->caller.session;
    uint32_t flags = call->command->abi->flags;
    if (session != NULL && session->tracker != NULL && (flags & GM_READ) != 0 && (flags & CALL_NO_QUEUE) == 0) {
        tracking_read(&call->worker->tracking, session, call->keys, call->abi.key_count);
    }
}

/* Nothing has changed yet, and nothing does: what was to be popped stays where it is. */
seldom static void refuse_large(struct call *call)
{
    call->out->full = false;
    reply_errorf(&call->reply,
                 "ERR the reply is larger than client_output_limit (%zu bytes): nothing was changed; ask for less at a "
                 "time, or raise the limit",
                 call->worker->options.output_max);
}

seldom static void blame_module(struct call *call)
{
    if (call->fault[0] == '\0') {
        call_fault_unfinished(call);
    }
    reply_error(&call->reply, call->fault);
}

/* Why a reply that is not whole cannot be given. */
seldom static void refuse_reply(struct call *call)
{
    if (call->needs.lack != NULL) {
        call->out->full = false;
        reply_error(&call->reply, call->needs.lack);
    } else if (call->out->full) {
        refuse_large(call);
    } else {
        blame_module(call);
    }
}

/* What a plan may count on, before it and behind it (call P3, P4): the key is as the call says, and its value where it
 * says. */
static bool is_fit(const struct call *call, uint32_t i)
{
    const struct gm_key *key = &call->keys[i];
    const struct entry *entry = call_entry(call, i);
    if (key->state == GM_KEY_ABSENT) {
        return entry == NULL || call->timed_out;
    }
    bool frozen = (entry->flags & ENTRY_FROZEN) != 0;
    bool due = key->expire_at_ms != 0 && key->expire_at_ms <= call->shard->now_ms;
    if (key->state != GM_KEY_OWN) {
        return !due && (!frozen || (call->command->abi->flags & CALL_FROZEN) != 0);
    }
    struct gm_cell cell = shard_cell(entry);
    return !due && !frozen && cell.form == key->cell.form &&
           (cell.form == GM_WORD ? cell.word == key->cell.word
                                 : cell.data == key->cell.data && cell.size == key->cell.size);
}

__attribute__((unused)) static bool all_fit(const struct call *call)
{
    for (uint32_t i = 0; i < call->abi.key_count; i++) {
        if (!is_fit(call, i)) {
            return false;
        }
    }
    return true;
}

static void plan(struct call *call)
{
    check_slow(request_is_sound(call->request) && call->abi.argv == call->request->argv); /* call P1 */
    check_slow(all_fit(call));                                                            /* call P3 */
    call->command->abi->plan(&call->abi);
    check_slow(call->command->type == NULL || all_fit(call)); /* call P4 */
    if (__builtin_expect(call->waits, 0)) {
        reply_rewind(&call->reply); /* a module that replied none the less */
        waiters_park(call);
        return;
    }
    if (__builtin_expect(!reply_whole(&call->reply), 0) && !(answer_is_due(call) && answer(call))) {
        refuse_reply(call); /* exec I3 */
    }
    if (call->emission_count > 0 && !call->reply.error) {
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
    check_slow(!session->waiting && !session->doomed); /* pipeline I1 */
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
    check(session->waiting && session->parked != NULL && session->worker->depth == 0);
    struct worker *worker = session->worker;
    timing_begin(&worker->meters.timing);
    session_make_room(session);
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

struct call *exec_begin(struct worker *worker, const struct caller *caller, const struct request *request,
                        struct buf *out)
{
    check(caller->session == NULL && worker->depth == 0);
    return begin(worker, caller, request, out);
}

void exec_end(struct call *call)
{
    end(call);
}

void exec_queue(struct call *call)
{
    struct session *session = call_session(call);
    uint32_t count = session->transaction.count;
    struct request_kept *queue = transaction_take(&session->transaction);
    reply_array(&call->reply, count);
    sessions_discard(session);
    check(!call->nested && !session->transaction.open);
    evict_hold(&call->shard->evict, &call->shard->databases.ledger);
    tail_begin(&call->shard->tail); /* exec I1 */
    while (queue != NULL) {
        struct request_kept *next = queue->next;
        struct arena_mark before = arena_mark(&call->worker->arena);
        struct call *inner = begin_kept(call->worker, &session->caller, queue, call->out);
        inner->before = before;
        run(inner);
        call_depends(call, inner->mark);
        call->written = inner->written != 0 ? inner->written : call->written;
        call->reply.owed--;
        memory_free(queue);
        queue = next;
    }
    tail_end(&call->shard->tail);
}
